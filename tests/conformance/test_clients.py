"""Clients come, go, crowd and ask about hostile objects; none of that reaches another client's cells."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import zmq

from .peer import Client, Kernel

Start = Callable[..., Kernel]


def test_a_client_that_leaves_during_its_cell_leaves_a_cell_that_ends(shared: Kernel, client: Client) -> None:
    leaver = shared.client()
    msg_id = leaver.start(
        "await new Promise(done => setTimeout(done, 200)); var left_behind = 'done'; left_behind"
    )
    client.until("execute_input")
    leaver.close()
    shared.clients.remove(leaver)
    assert client.until_idle(msg_id)[-2]["content"]["data"]["text/plain"] == "'done'"
    assert client.run("left_behind").value == "'done'"


def test_a_client_that_leaves_while_it_is_asked_can_be_interrupted_by_another(
    shared: Kernel, client: Client
) -> None:
    leaver = shared.client()
    msg_id = leaver.start("prompt('?')", allow_stdin=True)
    leaver.get("stdin")
    leaver.close()
    shared.clients.remove(leaver)
    client.ask("interrupt_request", channel="control")
    assert client.until_idle(msg_id)[-2]["content"]["ename"] in ("Interrupted", "StdinNotImplementedError")
    assert client.run("1").value == "1"


def test_a_client_that_connects_again_under_its_identity_gets_its_replies(client: Client) -> None:
    for _ in range(5):
        client.sockets["shell"].close(0)
        client.sockets["shell"] = client.connect(zmq.DEALER, "shell")
        assert client.run("'back'").value == "'back'"


def test_sixty_clients_come_and_go_without_a_trace(shared: Kernel, client: Client) -> None:
    def come_and_go(times: int) -> None:
        for number in range(times):
            other = shared.client()
            assert other.run(str(number)).value == str(number)
            other.close()
            shared.clients.remove(other)

    come_and_go(10)
    time.sleep(0.3)
    before = shared.process.num_fds()
    come_and_go(50)
    until = time.monotonic() + 5
    while shared.process.num_fds() > before + 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert shared.process.num_fds() <= before + 2, "the kernel keeps descriptors of clients that left"
    assert client.run("1").value == "1"


def test_a_subscriber_to_one_topic_gets_that_and_its_welcome(client: Client) -> None:
    socket = client.context.socket(zmq.SUB)
    socket.linger = 0
    socket.setsockopt(zmq.SUBSCRIBE, b"stream.stderr")
    port, separator = client.connection["iopub_port"], "-" if client.connection["transport"] == "ipc" else ":"
    socket.connect(f"{client.connection['transport']}://{client.connection['ip']}{separator}{port}")
    assert socket.poll(5000), "no welcome came"
    welcome = socket.recv_multipart()
    assert welcome[0] == b"stream.stderr" and json.loads(welcome[6]) == {"subscription": "stream.stderr"}
    client.run("console.log('out'); console.error('err')")
    assert socket.poll(5000)
    assert json.loads(socket.recv_multipart()[6]) == {"name": "stderr", "text": "err\n"}
    assert not socket.poll(50)
    socket.close(0)


@pytest.mark.parametrize(
    "setup",
    [
        "Object.defineProperty(globalThis, 'evil', { get() { while (true) {} }, configurable: true })",
        "var evil = new Proxy({}, { ownKeys() { while (true) {} }, get() { while (true) {} },"
        " getPrototypeOf() { while (true) {} },"
        " getOwnPropertyDescriptor() { while (true) {} }, has() { while (true) {} } })",
        "var evil = Object.defineProperty({}, 'x', { get() { throw new Error('seen') }, enumerable: true })",
        "var evil = { toString() { throw 1 }, [Symbol.toPrimitive]() { while (true) {} },"
        " get [Symbol.toStringTag]() { while (true) {} } }",
        "var evil = function () {}; evil.toString = () => { while (true) {} }",
    ],
)
def test_questions_about_hostile_objects_are_answered_and_run_nothing(client: Client, setup: str) -> None:
    client.run(f"delete globalThis.evil; {setup}; 0")
    begun = time.monotonic()
    for code in (
        "evil",
        "evil.",
        "evil.x",
        "evil.x.",
        "evil['",
        "`${evil}`",
        "(() => { while (true) {} })().",
    ):
        for msg_type in ("complete_request", "inspect_request"):
            content = {"code": code, "cursor_pos": len(code), "detail_level": 1}
            assert client.ask(msg_type, content, timeout_s=5).status == "ok"
    assert time.monotonic() - begun < 5
    assert client.run("delete globalThis.evil; 1").value == "1"


@pytest.mark.parametrize(
    "code", ["(" * 1_000_000, "a.b(" * 200_000, "/" + "a" * 500_000, "`" + "${" * 100_000, "x" * 2_000_000]
)
def test_questions_about_monstrous_code_are_answered(client: Client, code: str) -> None:
    for msg_type in ("is_complete_request", "complete_request", "inspect_request"):
        heard = client.ask(msg_type, {"code": code, "cursor_pos": len(code), "detail_level": 0}, timeout_s=10)
        assert heard.states == ["busy", "idle"]
    assert client.run("1").value == "1"


def test_a_cell_too_deep_to_parse_is_an_error_of_the_cell(client: Client) -> None:
    client.run("var kept = 1")
    assert client.run("(" * 1_000_000).status == "error"
    assert client.run("kept").value == "1"


def test_thousands_of_waiting_cells_run_in_order_or_are_aborted_at_once(client: Client) -> None:
    ids = [client.start(f"{number}", store_history=False) for number in range(1000)]
    assert [client.hear(msg_id, timeout_s=30).value for msg_id in ids] == [
        str(number) for number in range(1000)
    ]
    running = client.started("while (true) {}")
    ids = [client.start("1") for _ in range(2000)]
    client.ask("kernel_info_request")
    begun = time.monotonic()
    client.send("interrupt_request", channel="control")
    assert client.hear(running).content["ename"] == "Interrupted"
    assert {client.hear(msg_id).status for msg_id in ids} == {"aborted"}
    assert time.monotonic() - begun < 10


def test_an_engine_killed_while_it_is_asked_costs_no_answer(start: Start) -> None:
    kernel = start()
    client = kernel.clients[0]
    ids = [client.send("complete_request", {"code": "Math.", "cursor_pos": 5}) for _ in range(50)]
    kernel.engine().kill()
    for msg_id in ids:
        assert client.hear(msg_id, timeout_s=5).status == "ok"
    assert client.run("1", timeout_s=5).content["status"] in ("ok", "error")
    assert client.run("1").value == "1"
