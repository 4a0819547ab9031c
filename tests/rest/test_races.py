"""Owns requests that come at the same moment over HTTP and real kernels; asserts one truth and no 500 afterwards."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from .running import Home, Running, is_alive, wait_until

Request = tuple[str, str, Any]


def at_once(gateway: Running, requests: list[Request]) -> list[httpx.Response]:
    """The answers to all of them, sent by as many clients when everybody is ready."""
    barrier = threading.Barrier(len(requests))
    answers: list[httpx.Response | None] = [None] * len(requests)

    def ask(number: int, method: str, path: str, body: Any) -> None:
        with httpx.Client(base_url=gateway.http.base_url, headers=gateway.http.headers, timeout=30) as http:
            http.get("/health")
            barrier.wait(10)
            answers[number] = http.request(method, path, **({} if body is None else {"json": body}))

    threads = [threading.Thread(target=ask, args=(number, *request)) for number, request in enumerate(requests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    got = [answer for answer in answers if answer is not None]
    assert len(got) == len(requests), "a request has no answer"
    for answer in got:
        assert answer.status_code != 500, f"{answer.request.method} {answer.request.url.path}: {answer.text}"
    return got


def codes(answers: list[httpx.Response]) -> Counter[str]:
    """How often each outcome came: the error's code, or the status of what went well."""
    return Counter(each.json()["error"]["code"] if each.is_error else str(each.status_code) for each in answers)


def ended(gateway: Running, session: str) -> None:
    """No execution of it runs, and whatever ended says when."""
    for row in gateway.ask("GET", f"/executions?session_id={session}&limit=1000", 200):
        assert row["status"] != "running" and row["ended_at"], row


@pytest.mark.covers("POST /sessions/{id}/close", "200")
@pytest.mark.covers("DELETE /sessions/{id}", "200")
@pytest.mark.covers("weakness 20")
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_many_that_close_one_session_get_the_same_answer(gateway: Running, busy: bool) -> None:
    session = gateway.session(gateway.limited(wall_ms=0, cpu_ms=0))["id"]
    pid = gateway.pid_of(session)
    if busy:
        gateway.repl(session, "for (;;);", 202, wait=False)
    close: Request = ("POST", f"/sessions/{session}/close", None)
    answers = at_once(gateway, [close, ("DELETE", f"/sessions/{session}", None)] * 4)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1, "they were told different things"
    assert not is_alive(pid)
    ended(gateway, session)


@pytest.mark.covers("POST /sessions/{id}/restart", "200", "409 SESSION_NOT_READY")
def test_a_restart_and_a_close_at_once_leave_a_closed_session_without_a_process(gateway: Running) -> None:
    for _ in range(6):
        session = gateway.session()["id"]
        pids = {gateway.pid_of(session)}
        answers = at_once(
            gateway, [("POST", f"/sessions/{session}/restart", None), ("POST", f"/sessions/{session}/close", None)]
        )
        assert set(codes(answers)) <= {"200", "SESSION_NOT_READY", "STARTUP_FAILED"}, codes(answers)
        pids |= {answer.json()["runtime_meta"]["pid"] for answer in answers if '"runtime_meta"' in answer.text}
        assert answers[1].status_code == 200
        assert gateway.ask("GET", f"/sessions/{session}", 200)["status"] == "closed"
        assert gateway.ask("POST", f"/sessions/{session}/restart", 409)["error"]["code"] == "SESSION_NOT_READY"
        assert not [pid for pid in pids if is_alive(pid)]


@pytest.mark.covers("POST /sessions/{id}/restart", "200")
def test_restarts_at_once_leave_one_process(gateway: Running) -> None:
    session = gateway.session()["id"]
    first = gateway.pid_of(session)
    answers = at_once(gateway, [("POST", f"/sessions/{session}/restart", None)] * 3)
    assert set(codes(answers)) == {"200"}
    pids = {answer.json()["runtime_meta"]["pid"] for answer in answers}
    assert len(pids) == 3
    assert [pid for pid in [first, *pids] if is_alive(pid)] == [gateway.pid_of(session)]
    assert gateway.repl(session, "1 + 1")["result"]["preview"] == "2"
    gateway.close(session)


@pytest.mark.covers("POST /executions/repl", "201", "409 SESSION_NOT_READY", "409 SESSION_BUSY")
def test_cells_that_meet_a_close_have_an_end_or_no_record(gateway: Running) -> None:
    for delay_ms in (0, 2, 10, 40):
        session = gateway.session()["id"]
        cell: Request = ("POST", "/executions/repl", {"session_id": session, "input": "await 0; 1"})
        closing = threading.Timer(delay_ms / 1000, gateway.close, [session])
        closing.start()
        answers = at_once(gateway, [cell] * 8)
        closing.join()
        assert set(codes(answers)) <= {"201", "SESSION_NOT_READY", "SESSION_BUSY"}, codes(answers)
        records = gateway.ask("GET", f"/executions?session_id={session}", 200)
        assert {each["id"] for each in records} == {a.json()["id"] for a in answers if a.status_code == 201}
        assert {each["status"] for each in records} <= {"ok", "cancelled", "error"}
        ended(gateway, session)

@pytest.mark.covers("POST /executions/repl", "201", "409 SESSION_NOT_READY")
def test_a_cell_that_reaches_its_kernel_together_with_the_close_runs_or_is_refused_as_one_after_it(
    gateway: Running,
) -> None:
    for _ in range(8):
        session = gateway.session()["id"]
        kernel = gateway.pid_of(session)
        os.kill(kernel, signal.SIGSTOP)
        closing = threading.Timer(0.05, gateway.close, [session])
        going_on = threading.Timer(0.1, os.kill, [kernel, signal.SIGCONT])
        closing.start()
        going_on.start()
        answers = at_once(gateway, [("POST", "/executions/repl", {"session_id": session, "input": "1"})])
        closing.join()
        assert set(codes(answers)) <= {"201", "SESSION_NOT_READY"}, answers[0].text
        assert len(gateway.ask("GET", f"/executions?session_id={session}", 200)) == codes(answers)["201"]
        ended(gateway, session)


@pytest.mark.covers("POST /executions/{id}/cancel", "200", "409 EXECUTION_NOT_RUNNING")
@pytest.mark.parametrize("code", ["for (;;);", "await new Promise((done) => setTimeout(done, 30)); 'done'"])
def test_many_that_cancel_one_execution_are_told_how_it_ended(gateway: Running, code: str) -> None:
    session = gateway.session(gateway.limited(wall_ms=0, cpu_ms=0))["id"]
    for _ in range(5):
        running = gateway.repl(session, code, 202, wait=False)["id"]
        answers = at_once(gateway, [("POST", f"/executions/{running}/cancel", None)] * 5)
        assert set(codes(answers)) <= {"200", "EXECUTION_NOT_RUNNING"}, codes(answers)
        record = gateway.ask("GET", f"/executions/{running}", 200)
        assert record["status"] == "cancelled" or (record["status"] == "ok" and code != "for (;;);"), record
        assert {answer.text for answer in answers if answer.status_code == 200} <= {
            gateway.http.get(f"/executions/{running}").text
        }, "somebody was told another end"
        assert gateway.repl(session, "1")["status"] == "ok", "a late cancel hit the next cell"
    gateway.close(session)


@pytest.mark.covers("POST /sessions", "201", "404 TEMPLATE_NOT_FOUND")
@pytest.mark.covers("DELETE /templates/{id}", "200")
def test_a_template_deleted_while_sessions_are_made_of_it_gives_whole_ones_or_none(gateway: Running) -> None:
    template = gateway.template()["id"]
    body = {"template_id": template, "workspace_id": "w", "base_commit_oid": "c"}
    body["worktree_path"] = str(gateway.home.worktree)
    answers = at_once(gateway, [("POST", "/sessions", body), ("DELETE", f"/templates/{template}", None)] * 3)
    made = [answer.json()["id"] for answer in answers[::2] if answer.status_code == 201]
    assert set(codes(answers[::2])) <= {"201", "TEMPLATE_NOT_FOUND"}
    assert codes(answers[1::2]) == {"200": 1, "TEMPLATE_NOT_FOUND": 2}
    for session in made:
        assert gateway.repl(session, "1")["status"] == "ok"
        assert gateway.ask("GET", f"/sessions/{session}", 200)["vm_id"] == template
        gateway.close(session)


@pytest.mark.covers("PATCH /templates/{id}", "200")
@pytest.mark.covers("weakness 5")
def test_a_session_made_while_its_template_changes_has_one_state_of_it(gateway: Running) -> None:
    template = gateway.limited(wall_ms=1111, cpu_ms=1111)
    body = {"template_id": template, "workspace_id": "w", "base_commit_oid": "c"}
    body["worktree_path"] = str(gateway.home.worktree)
    changes: list[Request] = [
        ("PATCH", f"/templates/{template}", {"settings": {"limits": {"wall_ms": ms, "cpu_ms": ms}}})
        for ms in (2222, 3333, 4444)
    ]
    answers = at_once(gateway, [*changes, *[("POST", "/sessions", body)] * 3])
    assert codes(answers) == {"200": 3, "201": 3}
    for answer in answers[3:]:
        limits = answer.json()["runtime_meta"]["limits"]
        assert limits["wall_ms"] == limits["cpu_ms"], "half of one state and half of another"
        gateway.close(answer.json()["id"])


def _named(gateway: Running) -> tuple[list[Request], str]:
    return [("POST", "/templates", {"name": f"same {time.monotonic_ns()}"})] * 6, "TEMPLATE_NAME_CONFLICT"


def _renamed(gateway: Running) -> tuple[list[Request], str]:
    name = f"same {time.monotonic_ns()}"
    ids = [gateway.template()["id"] for _ in range(6)]
    return [("PATCH", f"/templates/{each}", {"name": name}) for each in ids], "TEMPLATE_NAME_CONFLICT"


def _capability(gateway: Running) -> tuple[list[Request], str]:
    path = f"/templates/{gateway.template()['id']}/capabilities"
    return [("POST", path, {"kind": "env", "name": "SAME"})] * 6, "CAPABILITY_CONFLICT"


def _startup_file(gateway: Running) -> tuple[list[Request], str]:
    path = f"/templates/{gateway.template()['id']}/startup-files"
    bodies = [{"path": "same.js"}, {"path": "./x/../same.js"}]
    return [("POST", path, body) for body in bodies] * 3, "STARTUP_FILE_CONFLICT"


@pytest.mark.covers("POST /templates", "409 TEMPLATE_NAME_CONFLICT")
@pytest.mark.covers("PATCH /templates/{id}", "409 TEMPLATE_NAME_CONFLICT")
@pytest.mark.covers("POST /templates/{id}/capabilities", "409 CAPABILITY_CONFLICT")
@pytest.mark.covers("POST /templates/{id}/startup-files", "409 STARTUP_FILE_CONFLICT")
@pytest.mark.parametrize("what", [_named, _renamed, _capability, _startup_file])
def test_of_many_who_want_one_name_one_gets_it(
    gateway: Running, what: Callable[[Running], tuple[list[Request], str]]
) -> None:
    requests, conflict = what(gateway)
    found = codes(at_once(gateway, requests))
    assert found.pop(conflict) == len(requests) - 1
    assert sum(found.values()) == 1


@pytest.mark.covers("weakness 26")
@pytest.mark.covers("POST /templates/{id}/modules", "201")
@pytest.mark.covers("POST /templates/{id}/libraries", "201")
def test_modules_and_libraries_added_at_once_are_all_there_once(gateway: Running) -> None:
    template = gateway.template()["id"]
    modules, libraries = ["fs", "exec", "database"], ["lodash-4.17.21", "dayjs-1.11.10"]
    requests: list[Request] = [("POST", f"/templates/{template}/modules", {"name": each}) for each in modules * 2]
    requests += [("POST", f"/templates/{template}/libraries", {"name": each}) for each in libraries * 2]
    assert codes(at_once(gateway, requests)) == {"201": 10}
    assert sorted(gateway.ask("GET", f"/templates/{template}/modules", 200)) == sorted(modules)
    assert sorted(gateway.ask("GET", f"/templates/{template}/libraries", 200)) == sorted(libraries)


@pytest.mark.covers("POST /sessions", "429 TOO_MANY_SESSIONS")
@pytest.mark.covers("POST /executions/repl", "429 TOO_MANY_RUNNING")
def test_bounds_hold_for_those_who_come_at_once(home: Home) -> None:
    with Running(home, "--VmGateway.max_sessions=2", "--VmGateway.max_running=1") as gateway:
        template = gateway.limited(wall_ms=0, cpu_ms=0)
        body = {"template_id": template, "workspace_id": "w", "base_commit_oid": "c"}
        body["worktree_path"] = str(home.worktree)
        answers = at_once(gateway, [("POST", "/sessions", body)] * 6)
        assert codes(answers) == {"201": 2, "TOO_MANY_SESSIONS": 4}
        sessions = [answer.json()["id"] for answer in answers if answer.status_code == 201]
        assert len(gateway.ask("GET", "/sessions", 200)) == 2, "a refused session left a row"
        cell = "await new Promise((done) => setTimeout(done, 300))"
        answers = at_once(
            gateway, [("POST", "/executions/repl", {"session_id": each, "input": cell}) for each in sessions * 3]
        )
        assert codes(answers)["201"] == 1, codes(answers)
        assert set(codes(answers)) <= {"201", "TOO_MANY_RUNNING", "SESSION_BUSY"}


@pytest.mark.covers("POST /sessions", "201")
def test_a_client_that_goes_away_while_its_session_starts_leaves_one_that_is_whole(gateway: Running) -> None:
    template = gateway.limited(wall_ms=0, cpu_ms=0)
    gateway.home.write("slow.js", "for (const end = Date.now() + 700; Date.now() < end;); globalThis.ran = 1")
    gateway.ask("POST", f"/templates/{template}/startup-files", 201, {"path": "slow.js"})
    body = {"template_id": template, "workspace_id": "w", "base_commit_oid": "c"}
    body["worktree_path"] = str(gateway.home.worktree)
    with pytest.raises(httpx.ReadTimeout):
        gateway.http.post("/sessions", json=body, timeout=0.3)

    def ready() -> Any:
        rows = [row for row in gateway.ask("GET", "/sessions?limit=5", 200) if row["vm_id"] == template]
        return rows if rows and rows[0]["status"] != "starting" else None

    [row] = wait_until(ready, what="the session of a client that is gone")
    assert row["status"] == "ready", row
    assert gateway.repl(row["id"], "ran")["result"]["json"] == 1
    gateway.close(row["id"])


@pytest.mark.covers("POST /executions/{id}/cancel", "409 SESSION_NOT_READY", "409 EXECUTION_NOT_RUNNING")
def test_a_startup_file_is_ended_by_closing_its_session(gateway: Running) -> None:
    """Not by cancel, which is for sessions that take code; and nothing else is taken while it runs."""
    template = gateway.limited(wall_ms=0, cpu_ms=0)
    gateway.home.write("endless.js", "for (;;);")
    gateway.ask("POST", f"/templates/{template}/startup-files", 201, {"path": "endless.js"})
    answers: list[Any] = []
    creating = threading.Thread(target=lambda: answers.append(gateway.session(template, 422)))
    creating.start()

    def running() -> Any:
        rows = [row for row in gateway.ask("GET", "/sessions?status=starting", 200) if row["vm_id"] == template]
        found = gateway.ask("GET", f"/executions?session_id={rows[0]['id']}", 200) if rows else []
        return found[0] if found else None

    record = wait_until(running, what="the startup file")
    session, path = record["session_id"], f"/executions/{record['id']}/cancel"
    assert gateway.ask("POST", path, 409)["error"]["code"] == "SESSION_NOT_READY"
    assert gateway.repl(session, "1", 409)["error"]["code"] == "SESSION_NOT_READY"
    assert session not in gateway.ask("GET", "/runtime/summary", 200)["active_session_ids"]
    assert gateway.close(session)["status"] == "closed"
    creating.join(20)
    assert answers[0]["error"]["details"] == {"template_id": template, "session_id": session}
    ended(gateway, session)
    assert gateway.ask("POST", path, 409)["error"]["code"] == "EXECUTION_NOT_RUNNING"
