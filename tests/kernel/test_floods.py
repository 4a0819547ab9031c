"""Large output and slow subscribers on real sockets."""

from __future__ import annotations

import json
import time

import pytest
import zmq

from vm_kernel.limits import Limits
from vm_kernel.protocol import iopub

from .session import Client, Session, endpoint

pytestmark = pytest.mark.alone

UNLIMITED = Limits(cpu_ms=0, wall_ms=0, max_events=0, max_output_kb=0)


def flood(lines: int) -> str:
    return f'for (let i = 0; i < {lines}; i++) console.log("line " + i)'


def flood_text(lines: int) -> str:
    return "".join(f"line {number}\n" for number in range(lines))


def test_20000_lines_come_in_few_messages_whole_in_order_and_before_idle(client: Client) -> None:
    heard = client.run(flood(20_000))
    assert heard.text() == flood_text(20_000)
    assert len(heard.contents("stream")) < 200


def test_200000_lines_reach_a_client_that_reads_only_after_the_reply(client: Client) -> None:
    msg_id = client.start(flood(200_000))
    reply = client.get("shell", 60)
    assert reply["content"]["status"] == "ok"
    time.sleep(0.3)
    published = client.hear_idle(msg_id, 60)
    assert "".join(m["content"]["text"] for m in published if m["msg_type"] == "stream") == flood_text(200_000)


def test_ten_megabytes_are_printed_and_returned_whole(client: Client) -> None:
    heard = client.run('console.log("x".repeat(10000000)); "y".repeat(10000000)')
    assert heard.text() == "x" * 10_000_000 + "\n"
    assert len(heard.contents("stream")) <= 3
    assert heard.contents("execute_result")[0]["data"]["text/plain"] == "'" + "y" * 10_000_000 + "'"


@pytest.mark.parametrize("text", ['"', "\\n", "\\\\", "é", "x"])
def test_a_long_string_with_something_to_escape_is_returned_whole(client: Client, text: str) -> None:
    plain = json.loads(f'"{text}"') if text != '"' else text
    heard = client.run(f"'{text}'.repeat(300000)")
    shown = heard.contents("execute_result")[0]["data"]["text/plain"]
    assert shown[1:-1] in (plain * 300_000, text * 300_000) and shown[0] == shown[-1]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the queue in tenths: 0.5 s for stuck, 1 s for abandoned."""
    monkeypatch.setattr(iopub, "STUCK_S", 0.5)
    monkeypatch.setattr(iopub, "ABANDON_S", 1.0)


def sleeper(session: Session, client: Client) -> zmq.Socket[bytes]:
    """A subscriber that never reads and has little room."""
    socket = client.context.socket(zmq.SUB)
    socket.linger = 0
    socket.setsockopt(zmq.RCVHWM, 1)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(endpoint(session.connection, "iopub"))
    client.sockets["sleeper"] = socket
    return socket


LINE = 'for (let i = 0; i < {}; i++) {{ console.log("' + "x" * 5000 + '" + i) }}'


@pytest.mark.usefixtures("impatient")
def test_a_subscriber_stuck_for_ever_hangs_neither_the_kernel_nor_the_other_clients() -> None:
    with Session(UNLIMITED) as session:
        client = session.client()
        sleeper(session, client)
        started = time.monotonic()
        heard = client.hear(client.start(LINE.format(40_000)), timeout_s=30)
        assert heard.reply["content"]["status"] == "ok"
        assert iopub.NOTICE in heard.text("stderr"), "what was left out must be said"
        assert heard.text("stderr").count(iopub.NOTICE) == 1
        assert time.monotonic() - started < 20
        again = client.hear(client.start('console.log("a"); 1+1'), timeout_s=10)
        assert again.types == ["status", "execute_input", "stream", "execute_result", "status"]


@pytest.mark.usefixtures("impatient")
def test_shell_and_control_are_served_while_the_engine_is_held_back() -> None:
    with Session(UNLIMITED) as session:
        client = session.client(subscribe=False)
        lone = sleeper(session, client)
        msg_id = client.start(LINE.format(10_000_000))
        time.sleep(1.5)
        for channel in ("shell", "control"):
            started = time.monotonic()
            client.send("kernel_info_request", {}, channel)
            assert client.get(channel)["msg_type"] == "kernel_info_reply"
            assert time.monotonic() - started < 0.5
        client.send("interrupt_request", {}, "control")
        assert client.get("control")["msg_type"] == "interrupt_reply"
        reply = client.get("shell")
        assert (reply["parent_header"]["msg_id"], reply["content"]["ename"]) == (msg_id, "Interrupted")
        assert session.channels.iopub._bytes <= 2 * iopub.MAX_BYTES
        lone.close()


def test_a_slow_reader_loses_nothing_and_holds_the_engine_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iopub, "MAX_BYTES", 2 * 1024 * 1024)
    lines = 12_000
    with Session(UNLIMITED) as session:
        client = session.client()
        msg_id = client.start(LINE.format(lines))
        most = 0
        while True:
            message = client.get("iopub")
            most = max(most, session.channels.iopub._bytes)
            time.sleep(0.002)
            client._published.setdefault(message["parent_header"].get("msg_id", ""), []).append(message)
            if message["content"].get("execution_state") == "idle":
                break
        heard = client.hear(msg_id)
    assert heard.text().count("\n") == lines
    assert heard.text("stderr") == ""
    # One pump of the fake brings 500 lines of 5 kB: that much may come on top of the bound.
    assert most < 8 * 1024 * 1024, f"{most} bytes waited, the bound is {iopub.MAX_BYTES}"
