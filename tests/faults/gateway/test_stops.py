"""Owns gateways that are told to stop, or not let in: under load, at a start, twice; asserts contract 13."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from ...rest.running import PATIENCE_S, TOKEN, Home, Running, wait_until
from . import processes
from .load import Load, Oracle


def all_records(gateway: Running, sessions: list[str]) -> dict[str, list[Any]]:
    """Executions of each session with their events."""
    return {
        each: [
            {**row, "events": gateway.events(row["id"])}
            for row in gateway.ask("GET", f"/executions?session_id={each}&limit=10000", 200)
        ]
        for each in sessions
    }


def nothing_left(home: Home) -> None:
    assert not processes.of(home), processes.described(processes.of(home))
    left = [path.name for folder in (home.runtime, home.path / "vmg") for path in folder.glob("*")]
    assert not left, f"files of sessions and gateways are left: {left}"


@pytest.mark.covers("rule one gateway")
@pytest.mark.parametrize("name", ["same", "symbolic link", "relative"])
def test_a_second_gateway_is_refused_by_whatever_name_and_the_first_works_on(home: Home, name: str) -> None:
    ledger = {"same": str(home.ledger), "symbolic link": str(home.path / "link"), "relative": "vm.ledger"}[name]
    with Running(home) as gateway:
        if name == "symbolic link":
            Path(ledger).symlink_to(home.ledger)
        session = gateway.session()["id"]
        running = gateway.repl(session, "await new Promise((r) => setTimeout(r, 1000)); 42", 202, wait=False)["id"]
        command = [sys.executable, "-m", "vm_gateway.server", "--ledger", ledger, "--listen", "127.0.0.1:0"]
        done = subprocess.run(
            command, cwd=home.path, env=home.environment(), capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert f"process {gateway.process.pid} serves the ledger" in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        record = wait_until(
            lambda: [r for r in [gateway.ask("GET", f"/executions/{running}", 200)] if r["status"] != "running"]
        )[0]
        assert (record["status"], record["result"]["json"]) == ("ok", 42), "the second gateway disturbed a cell"
        assert gateway.repl(session, "1")["status"] == "ok"


@pytest.mark.covers("rule one gateway")
def test_of_gateways_that_start_at_the_same_time_on_one_ledger_one_serves(home: Home) -> None:
    command = [sys.executable, "-m", "vm_gateway.server", "--ledger", str(home.ledger), "--listen", "127.0.0.1:0"]
    started = [
        subprocess.Popen(command, env=home.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    try:
        wait_until(lambda: sum(each.poll() is not None for each in started) == 2, what="the refusal of two of three")
        [serving] = [each for each in started if each.poll() is None]
        assert serving.stdout is not None
        assert "is ready at" in serving.stdout.readline()
        for each in started:
            if each is not serving:
                assert each.returncode == 1
                assert "serves the ledger" in each.communicate()[1]
    finally:
        for each in started:
            if each.poll() is None:
                each.terminate()
            each.communicate(timeout=PATIENCE_S)
    assert serving.returncode == 0
    nothing_left(home)


@pytest.mark.covers("rule graceful stop")
@pytest.mark.covers("rule restart of the gateway")
def test_sigterm_under_load_ends_everything_with_its_reason_and_the_history_is_whole(home: Home) -> None:
    with Oracle() as oracle:
        with Running(home) as gateway:
            load = Load(oracle, "stop")
            load.origin = gateway.origin
            sessions = [str(gateway.session()["id"]) for _ in range(4)]
            endless = str(gateway.session(gateway.limited(wall_ms=0, cpu_ms=0))["id"])
            busy = gateway.repl(endless, "for (;;);", 202, wait=False)["id"]
            load.start(sessions)
            time.sleep(0.6)
            gateway.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert gateway.process.wait(PATIENCE_S) == 0
            took = time.monotonic() - began
            assert took < 10, f"the stop took {took:.1f} s"
            load.stop()
        nothing_left(home)
        said = oracle.ask("end", ledger=str(home.ledger))
        assert not said["problems"], "\n".join(said["problems"])
        assert said["acknowledged"] > 8, "there was no load"
        allowed = [each for each in load.surprises if "SHUTTING_DOWN" not in each]
        assert not allowed, allowed
        with Running(home) as second:
            for each in [*sessions, endless]:
                row = second.ask("GET", f"/sessions/{each}", 200)
                assert (row["status"], bool(row["closed_at"])) == ("closed", True)
                assert "graceful stop" in row["last_error"]
            history = all_records(second, [*sessions, endless])
            records = [record for each in history.values() for record in each]
            assert len(records) >= said["acknowledged"]
            assert {record["status"] for record in records} <= {"ok", "cancelled"}
            assert [record["status"] for record in history[endless] if record["id"] == busy] == ["cancelled"]
            for record in records:
                assert [event["seq"] for event in record["events"]] == list(range(1, len(record["events"]) + 1))
                assert record["status"] == "ok" or record["error"]["message"]
            assert second.end() == 0
        with Running(home) as third:
            assert all_records(third, [*sessions, endless]) == history


@pytest.mark.covers("rule graceful stop")
@pytest.mark.covers("rule adoption")
def test_sigterm_closes_sessions_that_were_adopted_too(home: Home) -> None:
    first = Running(home)
    session = first.session(first.limited(wall_ms=0, cpu_ms=0))["id"]
    running = first.repl(session, "for (;;);", 202, wait=False)["id"]
    first.end(signal.SIGKILL)
    with Running(home) as second:
        assert second.ask("GET", f"/sessions/{session}", 200)["status"] == "ready"
        assert second.end() == 0
    nothing_left(home)
    with Running(home) as third:
        row = third.ask("GET", f"/sessions/{session}", 200)
        assert (row["status"], "graceful stop" in row["last_error"]) == ("closed", True), row
        assert third.ask("GET", f"/executions/{running}", 200)["status"] == "cancelled"


@pytest.mark.covers("rule graceful stop")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_session_whose_startup_never_ends_does_not_outlive_its_gateway(home: Home, number: int) -> None:
    """Ended with a graceful stop; after kill -9 when the next gateway, which took it over, is stopped."""
    home.write("endless.js", "for (;;);")
    gateway = Running(home)
    template = gateway.limited(wall_ms=0, cpu_ms=0)
    gateway.ask("POST", f"/templates/{template}/startup-files", 201, {"path": "endless.js", "order_index": 1})
    body = {"template_id": template, "workspace_id": "w", "base_commit_oid": "c", "worktree_path": str(home.worktree)}
    answers: list[Any] = []

    def create() -> None:
        try:
            with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE_S) as http:
                answers.append(http.post(f"{gateway.origin}/api/v1/sessions", json=body).status_code)
        except httpx.TransportError:
            answers.append("none")

    asking = threading.Thread(target=create)
    asking.start()
    [row] = wait_until(lambda: gateway.ask("GET", "/sessions", 200), what="the row")
    wait_until(lambda: gateway.ask("GET", f"/executions?session_id={row['id']}", 200), what="the startup execution")
    assert row["status"] == "starting"
    gateway.end(number)
    asking.join(PATIENCE_S)
    if number == signal.SIGTERM:
        assert answers[0] in ("none", 409, 422, 503), answers
    else:
        with Running(home) as second:
            assert second.end() == 0
    nothing_left(home)
    with Running(home) as last:
        found = last.ask("GET", f"/sessions/{row['id']}", 200)
        assert found["status"] in ("closed", "crashed"), found
        assert found["last_error"]
        [record] = last.ask("GET", f"/executions?session_id={row['id']}", 200)
        assert (record["kind"], record["status"] in ("error", "cancelled")) == ("startup", True), record


@pytest.mark.covers("rule graceful stop")
def test_a_second_sigterm_does_not_leave_processes(home: Home) -> None:
    with Running(home) as gateway:
        sessions = [gateway.session(gateway.limited(wall_ms=0, cpu_ms=0))["id"] for _ in range(3)]
        for each in sessions:
            gateway.repl(each, "for (;;);", 202, wait=False)
        gateway.process.send_signal(signal.SIGTERM)
        time.sleep(0.02)
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(PATIENCE_S) == 0
    nothing_left(home)
    with Running(home) as second:
        for each in sessions:
            assert second.ask("GET", f"/sessions/{each}", 200)["status"] == "closed"
            [record] = second.ask("GET", f"/executions?session_id={each}", 200)
            assert record["status"] == "cancelled"


@pytest.mark.covers("rule adoption")
def test_a_kernel_number_that_another_process_has_now_is_not_adopted_and_not_harmed(home: Home) -> None:
    """The note names a process by number and start time; a stranger with that number is left alone."""
    first = Running(home)
    session = first.session()["id"]
    pid = first.pid_of(session)
    first.end(signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes.of(home), what="the end of the kernel")
    [note] = home.runtime.glob(f"vmgw-{session}.json")
    stranger = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        note.write_text(note.read_text().replace(f'"pid": {pid}', f'"pid": {stranger.pid}'))
        with Running(home) as second:
            row = second.ask("GET", f"/sessions/{session}", 200)
            assert (row["status"], bool(row["last_error"])) == ("closed", True)
        assert stranger.poll() is None, "a process that is no kernel was ended"
    finally:
        stranger.communicate(timeout=PATIENCE_S)
    nothing_left(home)
