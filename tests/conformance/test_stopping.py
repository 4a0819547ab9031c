"""A cell stops when told, the kernel answers meanwhile, and the next cell is right."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Callable

import pytest
import zmq

from .peer import Client, Heard, Kernel

pytestmark = pytest.mark.alone

Start = Callable[..., Kernel]

LOOP = "while (true) {}"
AWAIT = "await new Promise(() => {})"
PROMPT = "prompt('?')"
WAITS = {"loop": LOOP, "await": AWAIT, "prompt": PROMPT}


def interrupt(kernel: Kernel, client: Client, how: str) -> float:
    """By `message` or by `signal`; when, in monotonic seconds."""
    at = time.monotonic()
    if how == "message":
        assert client.ask("interrupt_request", channel="control").content == {"status": "ok"}
    else:
        os.kill(kernel.popen.pid, signal.SIGINT)
    return at


@pytest.mark.parametrize("how", ["message", "signal"])
@pytest.mark.parametrize("waits", WAITS)
def test_interrupt_ends_the_cell_keeps_the_state_and_the_next_cell_is_right(
    shared: Kernel, client: Client, waits: str, how: str
) -> None:
    late_ms = []
    client.run("var kept = 0")
    for number in range(1, 6):
        msg_id = client.started(f"kept++; {WAITS[waits]}", allow_stdin=waits == "prompt")
        if waits == "prompt":
            client.get("stdin")
        at = interrupt(shared, client, how)
        heard = client.hear(msg_id)
        late_ms.append((heard.reply["at"] - at) * 1000)
        assert (heard.status, heard.content["ename"]) == ("error", "Interrupted")
        assert heard.types[-2:] == ["error", "status"] and heard.states == ["busy", "idle"]
        assert client.run("kept").value == str(number)
    assert statistics.median(late_ms) <= 50, f"ms from interrupt to reply: {[round(ms, 1) for ms in late_ms]}"


@pytest.mark.parametrize("how", ["message", "signal"])
def test_interrupt_aborts_what_is_queued(shared: Kernel, client: Client, how: str) -> None:
    running = client.started(LOOP)
    queued = [client.start(code) for code in ("globalThis.ran = true", "2")]
    # Shell and control are not ordered with each other: an answer on shell says that the cells have arrived.
    client.ask("kernel_info_request")
    interrupt(shared, client, how)
    assert client.hear(running).content["ename"] == "Interrupted"
    for msg_id in queued:
        heard = client.hear(msg_id)
        assert (heard.status, heard.types) == ("aborted", ["status", "status"])
    assert client.run("typeof ran").value == "'undefined'"


@pytest.mark.parametrize("how", ["message", "signal"])
def test_interrupt_of_an_idle_kernel_harms_nothing(shared: Kernel, client: Client, how: str) -> None:
    for _ in range(3):
        interrupt(shared, client, how)
    # A signal is not ordered with messages: the kernel must have been round its loop before the next cell.
    time.sleep(0.1)
    client.ask("kernel_info_request")
    assert client.run("'well'").value == "'well'"


def test_interrupts_in_a_row_end_one_cell_each(shared: Kernel, client: Client) -> None:
    for _ in range(10):
        msg_id = client.started(LOOP)
        for _ in range(3):
            client.send("interrupt_request", channel="control")
        assert client.hear(msg_id).content["ename"] == "Interrupted"
        # All three were sent before this; ask on control, which keeps their order, that none is left.
        client.ask("kernel_info_request", channel="control")
        assert client.run("1 + 1").value == "2"


def test_interrupt_ends_a_timer_that_loops_between_cells(shared: Kernel, client: Client) -> None:
    first = client.start("var alive = 1; setTimeout(() => { console.log('loops'); while (true) {} }, 20)")
    client.until("stream")
    interrupt(shared, client, "message")
    assert client.run("alive").value == "1"
    shown = Heard({}, client.until_idle(first))
    assert "loops\n" in shown.text()


def test_interrupt_ends_an_interval_that_floods(shared: Kernel, client: Client) -> None:
    client.run("var flood = setInterval(() => console.log('again'), 1)")
    client.until("stream")
    assert client.run("clearInterval(flood); 'quiet'").value == "'quiet'"


@pytest.mark.parametrize("channel", ["control", "shell"])
@pytest.mark.parametrize("waits", ["loop", "await"])
def test_everything_but_execution_is_answered_within_a_second_while_a_cell_runs(
    shared: Kernel, client: Client, waits: str, channel: str
) -> None:
    client.run("var subject = { field: 1 }")
    running = client.started(WAITS[waits])
    asked = {
        "kernel_info_request": {},
        "comm_info_request": {},
        "history_request": {"hist_access_type": "tail", "n": 1, "raw": True, "output": False},
        "is_complete_request": {"code": "if (true) {"},
        "complete_request": {"code": "subject.fi", "cursor_pos": 10},
        "inspect_request": {"code": "subject", "cursor_pos": 3, "detail_level": 0},
    }
    slow = {}
    try:
        for msg_type, content in asked.items():
            begun = time.monotonic()
            heard = client.ask(msg_type, content, channel, timeout_s=5)
            assert heard.states == ["busy", "idle"]
            assert heard.status == ("incomplete" if msg_type == "is_complete_request" else "ok")
            if waits == "await" and msg_type == "complete_request":
                assert any("field" in match for match in heard.content["matches"]), (
                    "the engine is idle, live names are known"
                )
            if time.monotonic() - begun > 1:
                slow[msg_type] = time.monotonic() - begun
        assert not slow, f"seconds to an answer while a cell runs: {slow}"
    finally:
        interrupt(shared, client, "message")
        assert client.hear(running).content["ename"] == "Interrupted"


def test_the_heartbeat_beats_while_a_cell_loops(shared: Kernel, client: Client) -> None:
    heart = client.context.socket(zmq.REQ)
    heart.linger = 0
    separator = "-" if client.connection["transport"] == "ipc" else ":"
    heart.connect(
        f"{client.connection['transport']}://{client.connection['ip']}{separator}{client.connection['hb_port']}"
    )
    running = client.started(LOOP)
    try:
        for beat in range(5):
            heart.send(b"%d" % beat)
            assert heart.poll(1000), "no heartbeat within 1 s"
            assert heart.recv() == b"%d" % beat
    finally:
        interrupt(shared, client, "message")
        client.hear(running)
        heart.close(0)


@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("channel", ["control", "shell"])
def test_shutdown_is_echoed_on_its_channel_and_on_iopub(start: Start, channel: str, restart: bool) -> None:
    kernel = start()
    client, listener = kernel.clients[0], kernel.client()
    heard = client.ask("shutdown_request", {"restart": restart}, channel)
    assert heard.content == {"status": "ok", "restart": restart}
    assert heard.types == ["status", "shutdown_reply", "status"] and heard.states == ["busy", "idle"]
    assert heard.contents("shutdown_reply") == [{"status": "ok", "restart": restart}]
    assert listener.until("shutdown_reply")["content"]["restart"] is restart
    assert kernel.popen.wait(5) == 0


def test_shutdown_while_a_cell_loops_answers_it_and_aborts_the_queue(start: Start) -> None:
    kernel = start()
    client = kernel.clients[0]
    running = client.started(LOOP)
    queued = client.start("1")
    client.ask("kernel_info_request")
    msg_id = client.send("shutdown_request", {"restart": False}, "control")
    assert client.hear(running, timeout_s=5).status == "error"
    assert client.hear(queued, timeout_s=5).status == "aborted"
    assert client.hear(msg_id, "control", timeout_s=5).status == "ok"
    assert kernel.popen.wait(5) == 0


def test_a_shutdown_request_that_makes_no_sense_does_not_end_the_kernel(client: Client) -> None:
    assert client.ask("shutdown_request", {"restart": "perhaps"}, "control").status == "error"
    assert client.run("1").status == "ok"
