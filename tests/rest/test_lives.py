"""Owns what happens to sessions when a gateway stops, is killed, comes back; asserts contract 13 and 18.5."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tinydb import TinyDB

from vm_gateway.ledger.tiny import TinyLedger

from .running import PATIENCE_S, Home, Running, is_alive, wait_until
from .test_races import at_once

ROW = "0190b2f0-1234-7abc-8def-0123456789ab"
COLLECTED = "garbage collected on daemon startup"


def left_behind(home: Home) -> list[str]:
    """Files of sessions and gateways that are still there."""
    found = [path.name for path in home.runtime.glob("*")]
    return found + [path.name for path in (home.path / "vmg").glob("*")]


@pytest.mark.covers("rule graceful stop")
@pytest.mark.covers("weakness 22")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_graceful_stop_closes_the_sessions_and_cancels_what_runs(home: Home, number: int) -> None:
    with Running(home) as first:
        idle = first.session()["id"]
        busy = first.session(first.limited(wall_ms=0, cpu_ms=0))["id"]
        running = first.repl(busy, "for (;;);", 202, wait=False)["id"]
        pids = [first.pid_of(each) for each in (idle, busy)]
        assert first.end(number) == 0
    assert not [pid for pid in pids if is_alive(pid)]
    assert left_behind(home) == []
    with Running(home) as second:
        for each in (idle, busy):
            row = second.ask("GET", f"/sessions/{each}", 200)
            assert row["status"] == "closed"
            assert "graceful stop" in row["last_error"]
            assert row["closed_at"]
        record = second.ask("GET", f"/executions/{running}", 200)
        assert (record["status"], bool(record["ended_at"])) == ("cancelled", True)
        assert second.ask("GET", "/runtime/summary", 200)["active_sessions"] == 0


@pytest.mark.covers("rule graceful stop")
@pytest.mark.covers("POST /templates", "503 SHUTTING_DOWN")
def test_a_gateway_that_ends_refuses_new_work_and_kills_what_does_not_listen(home: Home) -> None:
    with Running(home) as gateway:
        session = gateway.session(gateway.limited(wall_ms=0, cpu_ms=0))["id"]
        pid = gateway.pid_of(session)
        running = gateway.repl(session, "for (;;);", 202, wait=False)["id"]
        os.kill(pid, signal.SIGSTOP)
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: gateway.http.post("/templates", json={}).status_code == 503, what="the refusal")
        answer = gateway.http.post("/templates", json={"name": "never"})
        assert answer.json()["error"]["code"] == "SHUTTING_DOWN"
        assert answer.headers["retry-after"]
        assert gateway.ask("GET", f"/executions/{running}", 200)["status"] == "running"
        assert gateway.end() == 0
    assert not is_alive(pid)
    assert left_behind(home) == []
    with Running(home) as second:
        assert second.ask("GET", f"/executions/{running}", 200)["status"] in ("cancelled", "error")
        assert second.ask("GET", f"/sessions/{session}", 200)["status"] == "closed"


@pytest.mark.covers("rule graceful stop")
def test_who_waits_for_an_execution_is_answered_before_the_gateway_ends(home: Home) -> None:
    import threading

    with Running(home) as gateway:
        session = gateway.session(gateway.limited(wall_ms=0, cpu_ms=0))["id"]
        answers: list[object] = []
        waiting = threading.Thread(target=lambda: answers.append(gateway.repl(session, "for (;;);")["status"]))
        waiting.start()
        wait_until(lambda: gateway.ask("GET", f"/executions?session_id={session}", 200), what="the record")
        gateway.process.send_signal(signal.SIGTERM)
        waiting.join(PATIENCE_S)
        assert answers == ["cancelled"]


@pytest.mark.covers("rule adoption")
def test_a_killed_gateway_leaves_its_sessions_to_the_next(home: Home) -> None:
    first = Running(home)
    session = first.session(first.limited(wall_ms=0, cpu_ms=0))["id"]
    first.repl(session, "var kept = 41; console.log('before')")
    pid = first.pid_of(session)
    running = first.repl(session, "await new Promise((done) => setTimeout(done, 1500)); kept += 1", 202, wait=False)[
        "id"
    ]
    first.end(signal.SIGKILL)
    assert is_alive(pid)
    with Running(home) as second:
        row = second.ask("GET", f"/sessions/{session}", 200)
        assert row["status"] == "ready"
        assert second.pid_of(session) == pid
        assert second.ask("GET", "/runtime/summary", 200)["active_session_ids"] == [session]
        ended = wait_until(
            lambda: [r for r in [second.ask("GET", f"/executions/{running}", 200)] if r["status"] != "running"]
        )[0]
        assert (ended["status"], ended["result"]["preview"]) == ("ok", "42")
        assert second.repl(session, "kept")["result"]["preview"] == "42"
        assert len(second.ask("GET", f"/executions?session_id={session}", 200)) == 3
        third = second.repl(session, "for (;;);", 202, wait=False)["id"]
        assert second.ask("POST", f"/executions/{third}/cancel", 200)["status"] == "cancelled"
        assert second.close(session)["status"] == "closed"
        assert not is_alive(pid)
    assert left_behind(home) == []


@pytest.mark.covers("rule restart of the gateway")
@pytest.mark.covers("weakness 19")
def test_what_died_with_the_gateway_is_closed_by_the_next(home: Home) -> None:
    first = Running(home)
    session = first.session(first.limited(wall_ms=0, cpu_ms=0))["id"]
    crashed = first.session()["id"]
    os.kill(first.pid_of(crashed), signal.SIGKILL)
    wait_until(lambda: first.is_crashed(crashed))
    running = first.repl(session, "for (;;);", 202, wait=False)["id"]
    pid = first.pid_of(session)
    first.end(signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))
    with Running(home) as second:
        row = second.ask("GET", f"/sessions/{session}", 200)
        assert row["status"] == "closed"
        assert row["last_error"].startswith(COLLECTED)
        assert row["closed_at"]
        assert second.ask("GET", f"/sessions/{crashed}", 200)["status"] == "crashed"
        record = second.ask("GET", f"/executions/{running}", 200)
        assert (record["status"], record["error"]["message"]) == ("error", "session process ended")
        assert second.repl(session, "1", 409)["error"]["code"] == "SESSION_NOT_READY"
        assert second.ask("GET", "/runtime/summary", 200)["active_sessions"] == 0
    assert left_behind(home) == []


@pytest.mark.covers("rule orphan grace")
def test_a_session_without_a_gateway_ends_after_its_grace_and_says_why(home: Home) -> None:
    first = Running(home, "--VmGateway.orphan_grace_s=2")
    session = first.session()["id"]
    pid = first.pid_of(session)
    first.end(signal.SIGKILL)
    time.sleep(1)
    assert is_alive(pid)
    wait_until(lambda: not is_alive(pid), what="the end of the orphan")
    with Running(home) as second:
        row = second.ask("GET", f"/sessions/{session}", 200)
        assert row["status"] == "closed"
        assert "orphan_grace_s" in row["last_error"]
    assert left_behind(home) == []


@pytest.mark.covers("rule one gateway")
def test_a_second_gateway_on_the_same_ledger_does_not_start(home: Home) -> None:
    with Running(home) as gateway:
        session = gateway.session()["id"]
        command = [sys.executable, "-m", "vm_gateway.server", "--ledger", str(home.ledger), "--listen", "127.0.0.1:0"]
        done = subprocess.run(command, env=home.environment(), capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 1
        assert done.stdout == ""
        assert f"process {gateway.process.pid} serves the ledger" in done.stderr
        assert "Traceback" not in done.stderr
        assert gateway.ask("GET", f"/sessions/{session}", 200)["status"] == "ready"


@pytest.mark.covers("rule one gateway")
@pytest.mark.covers("rule files")
def test_a_stock_tinydb_file_is_taken_over_kept_and_served_once_by_either_name(home: Home) -> None:
    stock = home.path / "vm.json"
    ledger = TinyLedger(TinyDB(stock))
    ended = {"kind": "repl", "input": "1", "status": "ok", "started_at": "2026-01-01T00:00:00.000000Z"}
    ledger.begin({"id": ROW, "session_id": ROW, **ended})
    row = {"id": ROW, "vm_id": ROW, "workspace_id": "w", "base_commit_oid": "", "worktree_path": "/"}
    ledger.put_session({**row, "status": "closed", "created_at": ended["started_at"]})
    ledger.close()
    before = stock.read_bytes()
    home.ledger = stock
    for again in range(2):
        with Running(home) as gateway:
            assert gateway.ask("GET", f"/sessions/{ROW}", 200)["workspace_id"] == "w"
            assert gateway.ask("GET", f"/executions?session_id={ROW}", 200)[0]["input"] == "1"
            session = gateway.session(worktree=home.path)["id"]
            assert gateway.repl(session, "1 + 1")["result"]["json"] == 2
            assert len(gateway.ask("GET", "/sessions", 200)) == again + 2
            for name in ("vm.json", "vm.ledger"):
                command = [sys.executable, "-m", "vm_gateway.server", "--listen", "127.0.0.1:0"]
                done = subprocess.run(
                    [*command, "--ledger", str(home.path / name)],
                    env=home.environment(),
                    capture_output=True,
                    text=True,
                    timeout=PATIENCE_S,
                )
                assert done.returncode == 1 and f"process {gateway.process.pid} serves the ledger" in done.stderr, name
                assert gateway.run_file(session, name, 422)["error"]["code"] == "INVALID_PATH"
        assert stock.read_bytes() == before


@pytest.mark.slow
@pytest.mark.covers("rule ledger failure")
@pytest.mark.covers("POST /executions/repl", "503 LEDGER_UNAVAILABLE")
@pytest.mark.covers("POST /templates", "503 LEDGER_UNAVAILABLE")
@pytest.mark.covers("weakness 4")
def test_a_ledger_that_cannot_be_written_refuses_and_recovers(home: Home) -> None:
    import fcntl

    with Running(home) as gateway:
        session = gateway.session()["id"]
        gateway.repl(session, "var kept = 1")
        # Every writer takes this lock; who holds it keeps all others out.
        with open(f"{home.ledger}-lock", "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            body = {"session_id": session, "input": "kept = 2"}
            answers = at_once(gateway, [("POST", "/executions/repl", body), ("POST", "/templates", {"name": "never"})])
            assert [answer.status_code for answer in answers] == [503, 503]
            assert [answer.json()["error"]["code"] for answer in answers] == ["LEDGER_UNAVAILABLE"] * 2
            assert gateway.ask("GET", "/health", 200) == {"status": "ok"}
        assert gateway.repl(session, "kept")["result"]["preview"] == "1", "a cell ran without a record"
        assert len(gateway.ask("GET", f"/executions?session_id={session}", 200)) == 2


@pytest.mark.covers("rule files")
@pytest.mark.covers("POST /executions/run-file", "422 INVALID_PATH")
def test_files_of_the_gateway_are_no_part_of_a_worktree(home: Home) -> None:
    with Running(home) as gateway:
        session = gateway.session(worktree=home.path)["id"]
        (home.path / "link.js").symlink_to(f"run/kernel-{session}.json")
        for path in ("vm.ledger", "vm.ledger-lock", f"run/kernel-{session}.json", "link.js"):
            assert gateway.run_file(session, path, 422)["error"]["code"] == "INVALID_PATH"
        gateway.home.write("fine.js", "1")
        assert gateway.run_file(session, "tree/fine.js")["status"] == "ok"


@pytest.mark.covers("rule files")
def test_what_a_gateway_leaves_on_the_disk_is_for_its_user_alone(home: Home) -> None:
    with Running(home) as gateway:
        session = gateway.session()["id"]
        names = sorted(path.name for path in home.runtime.iterdir())
        assert f"kernel-{session}.json" in names
        assert f"vmgw-{session}.json" in names
        for path in [*home.runtime.iterdir(), home.ledger]:
            assert path.stat().st_mode & 0o077 == 0, f"{path.name} is open to others"
        sockets = list((home.path / "vmg").iterdir())
        assert len(sockets) == 1
        assert sockets[0].stat().st_mode & 0o077 == 0
        assert len(list(sockets[0].glob("k-*"))) == 5
    assert left_behind(home) == []


@pytest.mark.covers("rule token")
def test_the_token_is_left_in_a_file_and_not_given_to_sessions(home: Home) -> None:
    environment = home.environment()
    del environment["VM_GATEWAY_TOKEN"]
    command = [sys.executable, "-m", "vm_gateway.server", "--ledger", str(home.ledger), "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().strip().rsplit(":", 1)[1])
        [path] = home.runtime.glob("*.token")
        token = path.read_text().splitlines()[0]
        assert path.name == f"vm-gateway-{port}.token"
        assert len(token) >= 43
        assert path.stat().st_mode & 0o777 == 0o600
        import httpx

        url = f"http://127.0.0.1:{port}/api/v1/templates"
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={"authorization": f"Bearer {token}"}).status_code == 200
        read = subprocess.run(
            [sys.executable, "-c", f"from vm_gateway import places; print(places.read_token({port}))"],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert read.stdout.strip() == token
        assert token not in Path(f"/proc/{process.pid}/cmdline").read_text()
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        process.stdout.close()
    assert left_behind(home) == []


@pytest.mark.covers("rule token")
def test_a_session_does_not_know_the_token_of_its_gateway(gateway: Running, session: str) -> None:
    environment = Path(f"/proc/{gateway.pid_of(session)}/environ").read_bytes()
    assert b"VM_GATEWAY_TOKEN" not in environment
    assert gateway.http.headers["authorization"].split(" ", 1)[1].encode() not in environment


@pytest.mark.covers("rule token")
def test_an_empty_token_lets_everybody_in_with_a_warning(home: Home) -> None:
    with Running(home, VM_GATEWAY_TOKEN="") as gateway:
        gateway.ask("GET", "/templates", 200)
        wait_until(lambda: gateway.log)
        assert "everybody" in gateway.log[0]
        assert not list(home.runtime.glob("*.token"))


@pytest.mark.covers("rule configuration")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "nowhere"], "HOST:PORT"),
        (["--listen", "127.0.0.1:99999"], "HOST:PORT"),
        (["--listen", "192.0.2.1:0"], "cannot be listened on"),
        (["--ledger", "{home}/no/such/folder/x"], "folder"),
        (["--VmGateway.max_sessions=many"], "max_sessions"),
        (["--VmGateway.max_sessions=-1"], "max_sessions"),
        (["--VmGateway.no_such=1"], "no_such"),
        (["--config", "{home}/none.py"], "does not exist"),
        (["--log-level", "loud"], "log_level"),
        (["surplus"], "surplus"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(home: Home, arguments: list[str], said: str) -> None:
    words = [word.replace("{home}", str(home.path)) for word in arguments]
    usual = {"--ledger": str(home.ledger), "--listen": "127.0.0.1:0"}
    words += [word for name, value in usual.items() if name not in words for word in (name, value)]
    command = [sys.executable, "-m", "vm_gateway.server"]
    done = subprocess.run(
        [*command, *words], env=home.environment(), capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 1, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.covers("rule configuration")
def test_the_configuration_file_is_read_and_the_command_line_wins(home: Home) -> None:
    folder = home.path / "config"
    folder.mkdir()
    (folder / "vm_gateway_config.py").write_text(
        "c.VmGateway.max_sessions = 1\nc.VmGateway.worktree_roots = ['/nowhere']\n"
    )
    with Running(home, "--VmGateway.worktree_roots=" + str(home.path)) as gateway:
        gateway.session()
        assert gateway.session(status=429)["error"]["code"] == "TOO_MANY_SESSIONS"
        assert gateway.session(status=422, worktree="/usr")["error"]["code"] == "INVALID_PATH"
