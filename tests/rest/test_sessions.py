"""Owns the life of sessions over HTTP and real kernels: create, list, close, restart, startup files, crash."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest

from .running import Home, Running, is_alive, wait_until


def with_startup(gateway: Running, files: dict[str, str], **limits: int) -> str:
    """A template whose startup files have these names and texts, in this order."""
    template = gateway.limited(**limits)
    for order, (name, text) in enumerate(files.items()):
        gateway.home.write(name, text)
        body = {"path": name, "order_index": order}
        gateway.ask("POST", f"/templates/{template}/startup-files", 201, body)
    return template


@pytest.mark.covers("POST /sessions", "201")
@pytest.mark.covers("GET /sessions/{id}", "200")
@pytest.mark.covers("POST /sessions/{id}/close", "200")
def test_a_session_is_a_process_of_its_own_until_it_is_closed(gateway: Running) -> None:
    template = gateway.template()["id"]
    made = gateway.session(template)
    assert made["status"] == "ready"
    assert (made["vm_id"], made["workspace_id"], made["base_commit_oid"]) == (template, "ws-1", "deadbeef")
    assert made["worktree_path"] == str(gateway.home.worktree)
    assert "closed_at" not in made
    assert "last_error" not in made
    assert gateway.ask("GET", f"/sessions/{made['id'].upper()}", 200) == made
    pid = made["runtime_meta"]["pid"]
    assert is_alive(pid)
    assert pid != gateway.process.pid
    closed = gateway.close(made["id"])
    assert closed["status"] == "closed"
    assert closed["closed_at"] > closed["created_at"]
    assert not is_alive(pid)


@pytest.mark.covers("POST /sessions/{id}/close", "200")
@pytest.mark.covers("DELETE /sessions/{id}", "200")
@pytest.mark.covers("weakness 20")
def test_closing_twice_is_the_same_as_closing_once(gateway: Running) -> None:
    made = gateway.session()["id"]
    first = gateway.ask("DELETE", f"/sessions/{made}", 200)
    assert gateway.close(made) == first
    assert gateway.ask("DELETE", f"/sessions/{made}", 200) == first
    assert gateway.ask("GET", f"/sessions/{made}", 200) == first


@pytest.mark.covers("GET /sessions", "200")
@pytest.mark.covers("GET /runtime/summary", "200")
@pytest.mark.covers("weakness 12")
def test_the_summary_counts_what_is_open_and_the_list_filters(gateway: Running) -> None:
    before = gateway.ask("GET", "/runtime/summary", 200)
    made = sorted(gateway.session()["id"] for _ in range(2))
    two = gateway.ask("GET", "/runtime/summary", 200)
    assert two["active_sessions"] == before["active_sessions"] + 2
    assert two["active_session_ids"] == sorted([*before["active_session_ids"], *made])
    assert two["sessions"]["ready"] == before["sessions"]["ready"] + 2
    gateway.close(made[0])
    assert gateway.ask("GET", "/runtime/summary", 200)["active_sessions"] == before["active_sessions"] + 1
    ready = [each["id"] for each in gateway.ask("GET", "/sessions?status=ready", 200)]
    assert made[1] in ready
    assert made[0] not in ready
    assert gateway.ask("GET", "/sessions?status=closed&limit=1", 200)[0]["status"] == "closed"
    assert gateway.ask("GET", "/sessions?status=nonsense", 200) == []
    listed = [each["id"] for each in gateway.ask("GET", "/sessions", 200)]
    assert listed.index(made[1]) < listed.index(made[0])
    gateway.close(made[1])
    assert gateway.ask("GET", "/runtime/summary", 200)["active_sessions"] == before["active_sessions"]


@pytest.mark.covers("POST /sessions", "201")
def test_startup_files_run_in_order_and_share_their_globals(gateway: Running) -> None:
    template = with_startup(
        gateway,
        {
            "one.js": "globalThis.SMOKE = 40; const kept = [1]; console.log('one')",
            "two.js": "SMOKE += kept.length; 'two'",
        },
    )
    session = gateway.session(template)["id"]
    assert gateway.repl(session, "SMOKE + kept[0]")["result"]["preview"] == "42"
    records = gateway.ask("GET", f"/executions?session_id={session}", 200)[::-1]
    assert [(each["kind"], each.get("path"), each["status"]) for each in records] == [
        ("startup", "one.js", "ok"),
        ("startup", "two.js", "ok"),
        ("repl", None, "ok"),
    ]
    first = gateway.events(records[0]["id"])[0]
    assert (first["type"], first["payload"]["text"]) == ("console", "one")
    again = gateway.session(template)["id"]
    assert gateway.repl(again, "SMOKE")["result"]["preview"] == "41"
    gateway.close(session)
    gateway.close(again)


@pytest.mark.covers("POST /sessions", "422 STARTUP_FAILED", "422 INVALID_PATH")
@pytest.mark.covers("GET /sessions", "200")
@pytest.mark.covers("weakness 13")
@pytest.mark.parametrize(
    ("name", "text", "code", "said"),
    [
        (
            "bad.js",
            "console.log('before'); throw new Error('no luck')",
            "STARTUP_FAILED",
            "failed to execute startup file bad.js: Error: no luck",
        ),
        ("syntax.js", "let let", "STARTUP_FAILED", "failed to execute startup file syntax.js: SyntaxError"),
        ("endless.js", "for (;;);", "STARTUP_FAILED", "failed to execute startup file endless.js: "),
        ("gone.js", "", "STARTUP_FAILED", "startup file not found: gone.js"),
        ("escape.js", "", "INVALID_PATH", "escape.js"),
    ],
)
def test_a_startup_failure_leaves_a_crashed_session_with_its_cause(
    gateway: Running, name: str, text: str, code: str, said: str
) -> None:
    template = with_startup(gateway, {"fine.js": "1", name: text}, wall_ms=1000)
    if not text:
        os.unlink(gateway.home.worktree / name)
    if name == "escape.js":
        (gateway.home.worktree / name).symlink_to("/etc/passwd")
    error = gateway.session(template, 422)["error"]
    assert error["code"] == code, error
    assert error["details"]["template_id"] == template
    session_id = error["details"]["session_id"]
    row = gateway.ask("GET", f"/sessions/{session_id}", 200)
    assert row["status"] == "crashed"
    assert row["last_error"].startswith("startup failed: ")
    assert said in row["last_error"]
    assert session_id in [each["id"] for each in gateway.ask("GET", "/sessions?status=crashed", 200)]
    assert session_id not in gateway.ask("GET", "/runtime/summary", 200)["active_session_ids"]
    assert gateway.repl(session_id, "1", 409)["error"]["code"] == "SESSION_NOT_READY"
    records = gateway.ask("GET", f"/executions?session_id={session_id}", 200)
    assert all(each["status"] != "running" for each in records)
    if text:
        assert (records[0]["path"], records[0]["status"] in ("error", "timeout")) == (name, True)
    assert gateway.close(session_id)["status"] == "closed"


@pytest.mark.covers("POST /sessions/{id}/restart", "200")
def test_a_restart_keeps_the_id_and_the_snapshot_and_nothing_else(gateway: Running) -> None:
    template = with_startup(gateway, {"start.js": "var fresh = 1"}, wall_ms=4321)
    session = gateway.session(template)["id"]
    gateway.repl(session, "fresh = 2; var gone = 1")
    before = gateway.pid_of(session)
    gateway.ask("PATCH", f"/templates/{template}", 200, {"settings": {"limits": {"wall_ms": 1}}})
    row = gateway.ask("POST", f"/sessions/{session}/restart", 200)
    assert (row["id"], row["status"]) == (session, "ready")
    assert row["runtime_meta"]["limits"]["wall_ms"] == 4321
    assert row["runtime_meta"]["pid"] != before
    assert not is_alive(before)
    assert gateway.repl(session, "typeof gone + fresh")["result"]["preview"] == "undefined1"
    gateway.close(session)


@pytest.mark.covers("weakness 5")
@pytest.mark.covers("POST /sessions", "201")
def test_a_change_of_the_template_reaches_new_sessions_only(gateway: Running) -> None:
    template = gateway.limited(max_events=2)
    old = gateway.session(template)["id"]
    gateway.ask("PATCH", f"/templates/{template}", 200, {"settings": {"limits": {"max_events": 100}}})
    new = gateway.session(template)["id"]
    assert gateway.repl(old, "console.log(1)", 422)["error"]["code"] == "OUTPUT_LIMIT_EXCEEDED"
    assert gateway.repl(new, "console.log(1)")["status"] == "ok"
    for each in (old, new):
        gateway.close(each)


@pytest.mark.covers("DELETE /templates/{id}", "200")
def test_a_deleted_template_leaves_its_sessions_alone(gateway: Running) -> None:
    template = gateway.template()["id"]
    session = gateway.session(template)["id"]
    gateway.ask("DELETE", f"/templates/{template}", 200)
    assert gateway.repl(session, "1 + 1")["result"]["preview"] == "2"
    assert gateway.ask("POST", f"/sessions/{session}/restart", 200)["vm_id"] == template
    gateway.close(session)


@pytest.mark.covers("POST /sessions/{id}/close", "200")
@pytest.mark.covers("weakness 20")
@pytest.mark.parametrize("code", ["for (;;);", "await new Promise(() => {})"])
def test_closing_a_busy_session_cancels_what_runs(gateway: Running, code: str) -> None:
    session = gateway.session(gateway.limited(wall_ms=0, cpu_ms=0))["id"]
    pid = gateway.pid_of(session)
    running = gateway.repl(session, code, 202, wait=False)
    assert running["status"] == "running"
    assert gateway.close(session)["status"] == "closed"
    record = gateway.ask("GET", f"/executions/{running['id']}", 200)
    assert record["status"] == "cancelled"
    assert record["ended_at"]
    assert record["error"]["message"]
    assert not is_alive(pid)


@pytest.mark.covers("POST /sessions/{id}/close", "200")
def test_closing_a_session_that_starts_ends_its_startup(gateway: Running) -> None:
    template = with_startup(gateway, {"slow.js": "for (;;);"}, wall_ms=0, cpu_ms=0)
    answers: list[Any] = []
    creating = threading.Thread(target=lambda: answers.append(gateway.session(template, 422)))
    creating.start()

    def starting() -> Any:
        return [each for each in gateway.ask("GET", "/sessions?status=starting", 200) if each["vm_id"] == template]

    session = wait_until(starting, what="a starting session")[0]["id"]
    assert gateway.close(session)["status"] == "closed"
    creating.join(20)
    assert answers[0]["error"]["code"] == "STARTUP_FAILED"


@pytest.mark.covers("POST /executions/repl", "201")
@pytest.mark.covers("weakness 1")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_session_whose_process_dies_is_crashed_and_says_so(gateway: Running, number: int) -> None:
    session = gateway.session(gateway.limited(wall_ms=0, cpu_ms=0))["id"]
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(gateway.repl(session, "for (;;);")))
    thread.start()
    wait_until(lambda: gateway.ask("GET", f"/executions?session_id={session}", 200), what="the record")
    os.kill(gateway.pid_of(session), number)
    thread.join(20)
    assert answers[0]["status"] == "error"
    assert "session process ended" in answers[0]["error"]["message"]
    row = wait_until(
        lambda: [r for r in [gateway.ask("GET", f"/sessions/{session}", 200)] if r["status"] == "crashed"]
    )[0]
    assert signal.Signals(number).name in row["last_error"]
    assert gateway.repl(session, "1", 409)["error"]["code"] == "SESSION_NOT_READY"
    assert session not in gateway.ask("GET", "/runtime/summary", 200)["active_session_ids"]
    assert gateway.ask("POST", f"/sessions/{session}/restart", 200)["status"] == "ready"
    assert gateway.repl(session, "1 + 1")["result"]["preview"] == "2"
    gateway.close(session)


@pytest.mark.covers("POST /sessions", "201")
@pytest.mark.covers("POST /sessions/{id}/restart", "200")
@pytest.mark.covers("rule engine loss")
@pytest.mark.parametrize("policy", ["crash", "fresh"])
def test_a_lost_engine_follows_the_policy_of_the_template(gateway: Running, policy: str) -> None:
    template = gateway.template(settings={"runtime": {"on_engine_loss": policy}, "limits": {"wall_ms": 0, "cpu_ms": 0}})
    session = gateway.session(template["id"])["id"]
    gateway.repl(session, "var kept = 1")
    running = gateway.repl(session, "for (;;);", 202, wait=False)
    engine = children_of(gateway.pid_of(session))
    assert engine, "the session has no engine process"
    for pid in engine:
        os.kill(pid, signal.SIGKILL)
    record = wait_until(
        lambda: [r for r in [gateway.ask("GET", f"/executions/{running['id']}", 200)] if r["status"] != "running"]
    )[0]
    assert record["status"] == "error"
    assert record["error"]["message"]
    if policy == "fresh":
        assert gateway.repl(session, "typeof kept")["result"]["preview"] == "undefined"
    else:
        error = gateway.repl(session, "typeof kept", 409)["error"]
        assert error["code"] == "SESSION_NOT_READY"
        row = gateway.ask("GET", f"/sessions/{session}", 200)
        assert row["status"] == "crashed"
        assert row["last_error"]
        assert gateway.ask("POST", f"/sessions/{session}/restart", 200)["status"] == "ready"
        assert gateway.repl(session, "typeof kept")["result"]["preview"] == "undefined"
    gateway.close(session)


def children_of(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(each) for each in file.read().split()]


@pytest.mark.covers("POST /sessions", "429 TOO_MANY_SESSIONS")
@pytest.mark.covers("POST /executions/repl", "429 TOO_MANY_RUNNING")
def test_there_are_never_more_than_allowed(home: Home) -> None:
    with Running(home, "--VmGateway.max_sessions=2", "--VmGateway.max_running=1") as gateway:
        first, second = (gateway.session(gateway.limited(wall_ms=0, cpu_ms=0))["id"] for _ in range(2))
        assert gateway.session(status=429)["error"]["code"] == "TOO_MANY_SESSIONS"
        running = gateway.repl(first, "for (;;);", 202, wait=False)
        assert gateway.repl(second, "1", 429)["error"]["code"] == "TOO_MANY_RUNNING"
        gateway.ask("POST", f"/executions/{running['id']}/cancel", 200)
        assert gateway.repl(second, "1")["status"] == "ok"
        gateway.close(first)
        gateway.close(gateway.session()["id"])


@pytest.mark.covers("rule timeouts")
@pytest.mark.parametrize("setting", ["idle_timeout_s", "max_age_s"])
def test_a_session_closes_itself_when_its_time_is_over(gateway: Running, setting: str) -> None:
    template = gateway.template(settings={"session": {setting: 1}})["id"]
    session = gateway.session(template)["id"]
    pid = gateway.pid_of(session)
    began = time.monotonic()
    row = wait_until(lambda: [r for r in [gateway.ask("GET", f"/sessions/{session}", 200)] if r["status"] == "closed"])[
        0
    ]
    assert time.monotonic() - began > 0.5
    assert setting in row["last_error"]
    assert row["closed_at"]
    wait_until(lambda: not is_alive(pid), what="the end of the process")
    assert gateway.repl(session, "1", 409)["error"]["code"] == "SESSION_NOT_READY"


@pytest.mark.covers("rule places")
@pytest.mark.covers("POST /sessions", "422 STARTUP_FAILED")
@pytest.mark.covers("POST /executions/run-file", "422 INVALID_PATH")
def test_files_of_the_gateway_are_not_run_though_they_lie_under_the_worktree(home: Home) -> None:
    """Neither by a startup file nor by run-file, by no name; and what is refused leaves no record that shows it."""
    for folder in ("data", "run", "vmg"):
        (home.path / folder).mkdir(exist_ok=True)
        (home.path / folder / "secret.js").write_text("'a secret'")
    (home.path / "link.js").symlink_to("data/secret.js")
    (home.path / "absolute.js").symlink_to(home.path / "run" / "secret.js")
    (home.path / "folder").symlink_to("data")
    (home.path / "fine.js").write_text("'fine'")
    names = ["data/secret.js", "run/secret.js", "vmg/secret.js", "link.js", "absolute.js", "folder/secret.js"]
    names += [home.ledger.name, f"{home.ledger.name}-wal", f"{home.ledger.name}-lock"]
    with Running(home) as gateway:
        usable = gateway.session(worktree=home.path)["id"]
        assert gateway.run_file(usable, "fine.js")["result"]["preview"] == "fine"
        for name in names:
            error = gateway.run_file(usable, name, 422)["error"]
            assert error["code"] == "INVALID_PATH", name
            assert "may not be read" in error["message"], error
        for name in ("data/secret.js", "absolute.js", "folder/secret.js", home.ledger.name):
            template = gateway.template()["id"]
            gateway.ask("POST", f"/templates/{template}/startup-files", 201, {"path": name})
            error = gateway.session(template, 422, worktree=home.path)["error"]
            assert (error["code"], "may not be read" in error["message"]) == ("STARTUP_FAILED", True), error
            records = gateway.ask("GET", f"/executions?session_id={error['details']['session_id']}", 200)
            assert records == [], f"{name} was run"
