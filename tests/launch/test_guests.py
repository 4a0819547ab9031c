"""Notebooks' sessions as a running gateway sees them: listed, run on, interrupted, closed, restarted, never its own."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from ..rest.running import TOKEN, Running, is_alive, wait_until
from .jupyter import Jupyter, Notebook

pytestmark = pytest.mark.covers("rule notebooks")


@pytest.fixture
def gateway(home: Jupyter) -> Iterator[Running]:
    home.spec("plain", "--template", "notebook")
    with Running(home, VM_GATEWAY_TOKEN=TOKEN) as running:
        yield running


def only(gateway: Running, status: str = "") -> Any:
    """The one session that there is."""
    [session] = gateway.ask("GET", f"/sessions?status={status}", 200)
    return session


def ready(gateway: Running) -> str:
    """The id of the one session, when it is ready."""
    return str(wait_until(lambda: gateway.ask("GET", "/sessions?status=ready", 200))[0]["id"])


def engine_of(notebook: Notebook) -> list[int]:
    with open(f"/proc/{notebook.pid}/task/{notebook.pid}/children") as file:
        return [int(each) for each in file.read().split()]


def running(gateway: Running, session: str) -> Any:
    """The execution that runs, when one does."""
    rows = wait_until(
        lambda: [
            row
            for row in gateway.ask("GET", f"/executions?session_id={session}", 200)
            if row["status"] == "running" and len(gateway.events(row["id"])) > 1
        ]
    )
    return rows[0]


@pytest.mark.covers("POST /executions/repl", "201", "409 SESSION_BUSY")
@pytest.mark.covers("POST /executions/{id}/cancel", "200")
def test_rest_and_notebook_share_one_session_and_one_record(home: Jupyter, gateway: Running) -> None:
    notebook = home.notebook("plain")
    session = ready(gateway)
    assert gateway.ask("GET", "/runtime/summary", 200)["active_session_ids"] == [session]
    notebook.run("var shared = 1")
    assert gateway.repl(session, "shared += 1")["result"]["preview"] == "2"
    home.write("file.js", "shared += __ARGS__.by")
    assert gateway.run_file(session, "file.js", args={"by": 40})["result"]["preview"] == "42"
    assert notebook.run("shared").value == "42"
    sources = [(row["kind"], row["actor"]["surface"]) for row in home.executions(session)]
    assert sources == [("repl", "kernel"), ("repl", "rest"), ("run_file", "rest"), ("repl", "kernel")]
    asked = notebook.client.execute("console.log('on'); while (true) {}")
    cell = running(gateway, session)
    assert gateway.repl(session, "1", 409)["error"]["code"] == "SESSION_BUSY"
    assert gateway.ask("POST", f"/executions/{cell['id']}/cancel", 200)["status"] == "cancelled"
    # A cell that came before its reply would be aborted with it.
    wait_until(lambda: notebook.client.get_shell_msg(timeout=30)["parent_header"]["msg_id"] == asked)
    assert notebook.run("shared").value == "42"
    asked = gateway.repl(session, "console.log('on'); while (true) {}", 202, wait=False)
    running(gateway, session)
    notebook.manager.interrupt_kernel()
    wait_until(lambda: gateway.ask("GET", f"/executions/{asked['id']}", 200)["status"] == "cancelled")


@pytest.mark.covers("GET /sessions", "200")
@pytest.mark.covers("GET /sessions/{id}", "200")
def test_notebooks_appear_and_disappear(home: Jupyter, gateway: Running) -> None:
    first = home.notebook("plain", JPY_SESSION_NAME=str(home.worktree / "a.ipynb"))
    session = ready(gateway)
    assert only(gateway)["notebook"] == str(home.worktree / "a.ipynb")
    first.restart()
    second = wait_until(lambda: [s for s in gateway.ask("GET", "/sessions?status=ready", 200) if s["id"] != session])[0]
    assert second["restarted_from"] == session
    words = ("--server-url", gateway.origin, "session", "get", second["id"])
    assert f"Restarted From: {session}" in home.command(*words, VM_GATEWAY_TOKEN=TOKEN)
    assert gateway.ask("GET", f"/sessions/{session}", 200)["status"] == "closed"
    first.manager.shutdown_kernel()
    assert gateway.ask("GET", f"/sessions/{second['id']}", 200)["last_error"] == "closed by its Jupyter client"
    assert gateway.repl(second["id"], "1", 409)["error"]["code"] == "SESSION_NOT_READY"
    assert gateway.ask("GET", "/runtime/summary", 200)["active_sessions"] == 0


@pytest.mark.covers("rule adoption")
@pytest.mark.parametrize("reached", [True, False], ids=["the gateway was connected", "it was not"])
def test_a_killed_notebook_is_crashed_at_once_and_its_cell_closed(
    home: Jupyter, gateway: Running, reached: bool
) -> None:
    notebook = home.notebook("plain")
    session = ready(gateway)
    if reached:
        gateway.repl(session, "1")
    notebook.client.execute("console.log('on'); while (true) {}")
    cell = running(gateway, session)
    os.kill(notebook.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(notebook.pid))
    row = gateway.ask("GET", f"/sessions/{session}", 200)
    assert (row["status"], row["last_error"]) == ("crashed", "session process ended")
    assert gateway.ask("GET", "/sessions?status=ready", 200) == []
    assert gateway.repl(session, "1", 409)["error"]["code"] == "SESSION_NOT_READY"
    record = wait_until(
        lambda: [r for r in [gateway.ask("GET", f"/executions/{cell['id']}", 200)] if r["status"] != "running"]
    )[0]
    assert (record["status"], record["error"]["message"]) == ("error", "session process ended")
    wait_until(lambda: home.sessions()[0]["status"] == "crashed")
    assert gateway.ask("POST", f"/sessions/{session}/restart", 409)["error"]["code"] == "SESSION_NOT_READY"
    assert gateway.close(session)["status"] == "closed"


def test_who_waits_for_code_in_a_notebook_that_is_killed_gets_its_record(home: Jupyter, gateway: Running) -> None:
    notebook = home.notebook("plain")
    session = ready(gateway)
    answers: list[Any] = []
    waiting = threading.Thread(
        target=lambda: answers.append(gateway.repl(session, "console.log('on'); while (true) {}"))
    )
    waiting.start()
    running(gateway, session)
    os.kill(notebook.pid, signal.SIGKILL)
    waiting.join(20)
    [record] = answers
    assert (record["status"], record["error"]["message"]) == ("error", "session process ended")


@pytest.mark.covers("POST /sessions/{id}/close", "200")
def test_a_closed_notebook_ends_its_engine_and_keeps_its_process(home: Jupyter, gateway: Running) -> None:
    notebook = home.notebook("plain")
    session = ready(gateway)
    engine = engine_of(notebook)
    notebook.client.execute("console.log('on'); while (true) {}")
    cell = running(gateway, session)
    row = gateway.close(session)
    assert (row["status"], row["last_error"]) == ("closed", "closed by the gateway")
    assert gateway.close(session)["closed_at"] == row["closed_at"]
    wait_until(lambda: not [pid for pid in engine if is_alive(pid)], what="the end of the engine")
    wait_until(lambda: gateway.ask("GET", f"/executions/{cell['id']}", 200)["status"] == "cancelled")
    assert notebook.run("1").error.startswith("SessionClosed: closed by the gateway")
    assert notebook.manager.is_alive()
    assert gateway.ask("POST", f"/sessions/{session}/restart", 409)["error"]["code"] == "SESSION_NOT_READY"
    notebook.restart()
    assert notebook.run("1").value == "1"
    assert only(gateway, "ready")["restarted_from"] == session


@pytest.mark.covers("POST /sessions/{id}/restart", "200", "409 SESSION_NOT_READY")
def test_a_restart_gives_a_notebook_a_new_engine_under_the_same_id(home: Jupyter, gateway: Running) -> None:
    home.write("init.js", "var shared = 1")
    files = [{"id": "x", "path": "init.js", "order_index": 1, "mode": "eval"}]
    home.template("mine", startup_files=files, settings={"limits": {"wall_ms": 0, "cpu_ms": 0}})
    home.spec("mine", "--template", "mine")
    notebook = home.notebook("mine")
    session = ready(gateway)
    notebook.run("var kept = shared + 1")
    [engine] = engine_of(notebook)
    notebook.client.execute("console.log('on'); while (true) {}")
    cell = running(gateway, session)
    row = gateway.ask("POST", f"/sessions/{session}/restart", 200)
    assert (row["id"], row["status"], row["runtime_meta"]["pid"]) == (session, "ready", notebook.pid)
    assert "last_error" not in row
    assert gateway.ask("GET", f"/executions/{cell['id']}", 200)["status"] == "cancelled"
    assert not is_alive(engine)
    after = notebook.run("shared")
    assert after.value == "1"
    assert "variables of earlier cells are lost" in after.err
    assert gateway.repl(session, "typeof kept")["result"]["preview"] == "undefined"
    assert [row["engine_generation"] for row in home.executions(session)] == [1, 1, 1, 2, 2, 2]
    home.write("init.js", "missing")
    error = gateway.ask("POST", f"/sessions/{session}/restart", 422)["error"]
    assert error["code"] == "STARTUP_FAILED" and error["details"]["session_id"] == session
    assert notebook.run("1").error.startswith("StartupFailed: ")
    assert gateway.ask("GET", f"/sessions/{session}", 200)["status"] == "crashed"
    home.write("init.js", "var shared = 2")
    assert gateway.ask("POST", f"/sessions/{session}/restart", 200)["status"] == "ready"
    assert notebook.run("shared").value == "2"


@pytest.mark.covers("rule engine loss")
def test_a_crashed_notebook_is_restarted_over_rest(home: Jupyter, gateway: Running) -> None:
    home.template("strict", settings={"limits": {"wall_ms": 0, "cpu_ms": 0}})
    home.spec("strict", "--template", "strict")
    notebook = home.notebook("strict")
    session = ready(gateway)
    gateway.repl(session, "1")
    [engine] = engine_of(notebook)
    os.kill(engine, signal.SIGKILL)
    wait_until(lambda: gateway.ask("GET", f"/sessions/{session}", 200)["status"] == "crashed")
    assert gateway.repl(session, "1", 409)["error"]["code"] == "SESSION_NOT_READY"
    assert notebook.run("1").error.startswith("SessionCrashed: ")
    assert gateway.ask("POST", f"/sessions/{session}/restart", 200)["status"] == "ready"
    assert notebook.run("1").value == "1"


@pytest.mark.covers("POST /sessions/{id}/close", "409 SESSION_NOT_READY")
def test_a_notebook_that_does_not_answer_is_not_said_to_be_closed(home: Jupyter, gateway: Running) -> None:
    notebook = home.notebook("plain")
    session = ready(gateway)
    os.kill(notebook.pid, signal.SIGSTOP)
    try:
        error = gateway.ask("POST", f"/sessions/{session}/close", 409)["error"]
        assert error["code"] == "SESSION_NOT_READY" and "did not answer" in error["message"]
    finally:
        os.kill(notebook.pid, signal.SIGCONT)
    assert gateway.ask("GET", f"/sessions/{session}", 200)["status"] in ("ready", "closed")


@pytest.mark.covers("rule graceful stop")
def test_a_graceful_stop_leaves_notebooks_alone(home: Jupyter) -> None:
    home.spec("plain", "--template", "notebook")
    with Running(home, VM_GATEWAY_TOKEN=TOKEN) as gateway:
        notebook = home.notebook("plain")
        session = ready(gateway)
        gateway.repl(session, "var kept = 41")
    assert notebook.run("kept + 1").value == "42"
    assert home.sessions()[0]["status"] == "ready"


@pytest.mark.covers("rule adoption")
def test_a_gateway_that_is_killed_during_a_cell_changes_nothing_for_the_notebook(home: Jupyter) -> None:
    home.spec("plain", "--template", "notebook")
    first = Running(home, VM_GATEWAY_TOKEN=TOKEN)
    notebook = home.notebook("plain")
    session = ready(first)
    first.repl(session, "var kept = 41")
    nap = "await new Promise((done) => setTimeout(done, 50))"
    cell = notebook.client.execute(f"for (let n = 0; n < 20; n++) {{ console.log(n); {nap} }} kept + 1")
    execution = running(first, session)["id"]
    first.end(signal.SIGKILL)
    heard = notebook.hear(cell)
    lines = [str(n) for n in range(20)]
    assert (heard.value, heard.out.split()) == ("42", lines)
    with Running(home, VM_GATEWAY_TOKEN=TOKEN) as second:
        assert only(second)["status"] == "ready"
        record = second.ask("GET", f"/executions/{execution}", 200)
        assert (record["status"], record["result"]["preview"]) == ("ok", "42")
        events = second.events(execution)
        assert [event["payload"]["text"] for event in events if event["type"] == "console"] == lines
        assert [event["seq"] for event in events] == list(range(1, 23))
        assert second.repl(session, "kept")["result"]["preview"] == "41"


@pytest.mark.covers("GET /sessions/{id}/connection", "200", "409 SESSION_NOT_READY")
def test_a_connection_is_what_a_program_needs_to_speak_to_the_kernel(home: Jupyter, gateway: Running) -> None:
    from jupyter_client.blocking.client import BlockingKernelClient

    notebook = home.notebook("plain")
    sessions = [ready(gateway), gateway.session()["id"]]
    for session in sessions:
        told = gateway.ask("GET", f"/sessions/{session}/connection", 200)
        assert os.path.isfile(told["connection_file"])
        assert (told["transport"], told["session_id"]) == ("ipc", session)
        client = BlockingKernelClient()
        client.load_connection_info(
            {name: told[name] for name in told if name not in ("session_id", "connection_file")}
        )
        client.start_channels()
        try:
            reply = client.execute_interactive("1 + 1", timeout=20, output_hook=lambda _: None, allow_stdin=False)
            assert reply["content"]["status"] == "ok"
        finally:
            client.stop_channels()
        record = home.executions(session)[-1]
        assert record["actor"]["client_session"] == client.session.session
    gateway.close(sessions[1])
    assert gateway.ask("GET", f"/sessions/{sessions[1]}/connection", 409)["error"]["code"] == "SESSION_NOT_READY"
    notebook.manager.shutdown_kernel()
    assert gateway.ask("GET", f"/sessions/{sessions[0]}/connection", 409)["error"]["code"] == "SESSION_NOT_READY"


@pytest.mark.covers("GET /sessions/{id}/connection", "403 FORBIDDEN_HOST")
def test_a_connection_is_not_told_to_other_machines() -> None:
    """No second machine is at hand: the request comes through the real routes with such an address."""
    from vm_gateway.server.app import Services, application

    nothing: Any = type("Nothing", (), {"stopping": False})()
    app = application(Services(nothing, nothing, nothing), "", ("gateway",))

    async def ask(host: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app, client=(host, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway/api/v1") as client:
            return await client.get("/sessions/00000000-0000-4000-8000-000000000000/connection")

    for host in ("192.0.2.7", "2001:db8::1", "not an address"):
        with ThreadPoolExecutor(1) as thread:  # this one's event loop is Jupyter's
            answer = thread.submit(asyncio.run, ask(host)).result()
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN_HOST")
