"""Comms with JavaScript over a real kernel: handlers as turns of their cells, under their cells' limits."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from .peer import Client, Kernel
from .test_rich_output import HOSTILE

Start = Callable[..., Kernel]


def run(client: Client, code: str) -> Any:
    heard = client.hear(client.start(code))
    assert heard.status == "ok", heard.content
    return heard


def send(client: Client, op: str, content: Any, **more: Any) -> str:
    return client.send(f"comm_{op}", {"comm_id": "c", **content}, **more)


def say(client: Client, op: str, content: Any, **more: Any) -> list[dict[str, Any]]:
    """What is published for one message between its busy and its idle."""
    published = client.until_idle(send(client, op, content, **more))
    assert {m["parent_header"]["msg_type"] for m in published} == {f"comm_{op}"}
    return published[1:-1]


def text(published: list[dict[str, Any]], name: str = "stdout") -> str:
    return "".join(m["content"]["text"] for m in published if m["msg_type"] == "stream" and m["content"]["name"] == name)


def closed(client: Client) -> None:
    client.until_idle(send(client, "close", {"data": {}}))


@pytest.fixture
def comm(client: Client) -> Any:
    """Opens the comm `c` to a target whose messages are handled by the function in `code`; closed afterwards."""

    def opened(code: str) -> None:
        run(client, f"var seen = []; Jupyter.comms.register('t', (comm, message) => {{ globalThis.comm = comm; comm.onMessage = {code}; comm.onClose = (m) => seen.push(m.data) }})")
        assert text(say(client, "open", {"target_name": "t", "data": {"first": 1}}), "stderr") == ""

    yield opened
    closed(client)


def test_data_and_buffers_travel_both_ways(client: Client, comm: Callable[[str], None]) -> None:
    comm("({ data, metadata, buffers }) => comm.send({ data, n: buffers[1][2] }, { buffers: [new Float64Array([0.5]), buffers[0].buffer, new DataView(buffers[1].buffer, 1)], metadata })")
    big = bytes(range(256)) * 4096
    (answer,) = say(client, "msg", {"data": {"é": "\U0001f600", "x": [None, 1.5]}}, buffers=[b"", big], metadata={"m": [1]})
    assert answer["msg_type"] == "comm_msg" and answer["metadata"] == {"m": [1]}
    assert answer["content"] == {"comm_id": "c", "data": {"data": {"é": "\U0001f600", "x": [None, 1.5]}, "n": 2}}
    assert [bytes(buffer) for buffer in answer["buffers"]] == [b"\0\0\0\0\0\0\xe0\x3f", b"", big[1:]]


def test_a_display_is_updated_from_a_handler(client: Client, comm: Callable[[str], None]) -> None:
    comm("({ data }) => handle.update(html`<b>${data.n}</b>`)")
    shown = run(client, "var handle = display(html`<b>0</b>`)").contents("display_data")[0]
    (update,) = say(client, "msg", {"data": {"n": 7}})
    assert update["msg_type"] == "update_display_data"
    assert update["content"]["data"]["text/html"] == "<b>7</b>" and update["content"]["transient"] == shown["transient"]


def test_a_cell_awaits_a_message(client: Client) -> None:
    msg_id = client.start("var asked = Jupyter.comms.open('front'); const got = await new Promise((done) => { asked.onMessage = done }); console.log('after'); got.data")
    comm_id = client.until("comm_open")["content"]["comm_id"]
    published = client.until_idle(client.send("comm_msg", {"comm_id": comm_id, "data": {"n": 1}}))
    assert published[1:-1] == [], "output of a cell that still runs belongs to the cell"
    heard = client.hear(msg_id)
    assert heard.text() == "after\n" and heard.value == "{ n: 1 }"
    run(client, "asked.close({ done: true }); asked.close()")


def test_messages_wait_while_a_cell_computes_and_come_in_order(client: Client, comm: Callable[[str], None]) -> None:
    comm("({ data }) => { seen.push(data.n) }")
    cell = client.start("const end = Date.now() + 300; while (Date.now() < end); seen.length")
    client.until("execute_input")
    messages = [send(client, "msg", {"data": {"n": n}}) for n in range(20)]
    assert client.ask("comm_info_request", {}).content["comms"] == {"c": {"target_name": "t"}}, "comm_info waited"
    assert client.hear(cell).value == "0"
    for message in messages:
        client.until_idle(message)
    assert run(client, "seen.join()").value == "'" + ",".join(map(str, range(20))) + "'"


def test_a_message_sent_before_a_cell_is_handled_before_it(client: Client, comm: Callable[[str], None]) -> None:
    comm("({ data }) => { seen.push(data.n) }")
    message = send(client, "msg", {"data": {"n": 1}})
    assert run(client, "seen[0]").value == "1"
    client.until_idle(message)


def test_an_error_in_a_handler_is_shown_with_its_place_and_the_comm_stays_open(client: Client, comm: Callable[[str], None]) -> None:
    comm("() => { throw new RangeError('mine') }")
    told = text(say(client, "msg", {"data": {}}), "stderr")
    assert "RangeError: mine" in told and "cell [" in told and "vm:" not in told
    assert client.ask("comm_info_request", {}).content["comms"] == {"c": {"target_name": "t"}}


def test_a_rejection_of_an_async_handler_is_shown(client: Client, comm: Callable[[str], None]) -> None:
    comm("async () => { throw new RangeError('mine') }")
    assert "Uncaught (in promise) RangeError: mine" in text(say(client, "msg", {"data": {}}), "stderr")


def test_a_comm_whose_target_throws_is_closed(client: Client) -> None:
    run(client, "Jupyter.comms.register('bad', () => { throw new Error('not today') })")
    published = say(client, "open", {"target_name": "bad", "data": {}})
    assert "not today" in text(published, "stderr")
    assert [m["content"]["comm_id"] for m in published if m["msg_type"] == "comm_close"] == ["c"]
    assert client.ask("comm_info_request", {}).content["comms"] == {}


def test_a_target_that_is_unregistered_is_not_opened(client: Client) -> None:
    run(client, "Jupyter.comms.register('gone', () => {}); Jupyter.comms.unregister('gone')")
    assert [m["msg_type"] for m in say(client, "open", {"target_name": "gone", "data": {}})] == ["comm_close"]


def test_the_session_hears_that_a_comm_was_closed(client: Client, comm: Callable[[str], None]) -> None:
    comm("() => {}")
    closed(client)
    assert run(client, "seen").value == "[ {} ]"
    heard = client.hear(client.start("comm.send(1)"))
    assert heard.content["evalue"] == "this comm is closed"


def test_a_handler_that_loops_is_interrupted_and_everything_goes_on(client: Client, comm: Callable[[str], None]) -> None:
    comm("({ data }) => { if (data.loop) for (;;); seen.push('heard') }")
    looping, after = send(client, "msg", {"data": {"loop": True}}), send(client, "msg", {"data": {}})
    time.sleep(0.2)
    client.ask("interrupt_request", {}, "control")
    assert "Interrupted" in text(client.until_idle(looping), "stderr")
    client.until_idle(after)
    assert run(client, "seen").value == "[ 'heard' ]"


def test_the_limits_of_the_registering_cell_hold_for_its_handlers(start: Start) -> None:
    client = start("--wall-ms", "300").clients[0]
    run(client, "var kept = 5; Jupyter.comms.register('t', (comm) => { comm.onMessage = () => { for (;;); } })")
    say(client, "open", {"target_name": "t", "data": {}})
    assert "TimedOut: stopped: it ran longer than wall_ms = 300 ms allows." in text(say(client, "msg", {"data": {}}), "stderr")
    assert run(client, "kept").value == "5"


def test_an_engine_that_dies_in_a_handler_closes_its_comms_and_ends_the_message(start: Start) -> None:
    kernel = start("--mem-mb", "64")
    client = kernel.clients[0]
    run(client, "Jupyter.comms.register('t', (comm) => { comm.onMessage = () => { for (;;); } })")
    say(client, "open", {"target_name": "t", "data": {}})
    message = send(client, "msg", {"data": {}})
    time.sleep(0.2)
    kernel.engine().kill()
    client.until_idle(message)
    assert client.until("comm_close")["content"] == {"comm_id": "c", "data": {}}
    assert client.ask("comm_info_request", {}).content["comms"] == {}
    assert run(client, "1 + 1").value == "2"


def test_comms_and_targets_are_bounded(start: Start) -> None:
    client = start().clients[0]
    for call in ("Jupyter.comms.open('t' + i)", "Jupyter.comms.register('t' + i, () => {})"):
        heard = client.hear(client.start(f"for (let i = 0; i <= 10000; i++) {call}"))
        assert heard.content["ename"] == "RangeError" and "at most 10000" in heard.content["evalue"]
    assert len(client.ask("comm_info_request", {}).content["comms"]) == 10000
    assert run(client, "Jupyter.comms.register('t1', () => {}); 1").value == "1", "one that is there may be replaced"
    heard = client.hear(client.start("Jupyter.comms.register('x'.repeat(1001), () => {})"))
    assert heard.content["evalue"] == "the name of a target has at most 1000 characters"


def test_a_comm_speaks_for_no_other_one(start: Start) -> None:
    client = start().clients[0]
    run(client, "var kept = 1, one = Jupyter.comms.open('t'), other = Jupyter.comms.open('t')")
    for id in ("undefined", "{}", "other.id"):
        heard = client.hear(client.start(f"'use strict'; one.id = {id}; one.send(1)"))
        assert heard.content.get("ename") == "TypeError", (id, heard.content)
    assert run(client, "kept").value == "1"


def test_comms_survive_replaced_built_ins(start: Start) -> None:
    client = start().clients[0]
    before = "var bytes = new Uint8Array([1]), list = [bytes];"
    handler = "(comm) => { comm.onMessage = (message) => { comm.send(message.data, list) } }"
    run(client, before + HOSTILE)
    run(client, f"Jupyter.comms.register('t', {handler})")
    assert text(say(client, "open", {"target_name": "t", "data": {}}), "stderr") == ""
    (answer,) = say(client, "msg", {"data": {"a": 1}}, buffers=[b"x"])
    assert answer["content"]["data"] == "toJSON" and bytes(answer["buffers"][0]) == b"\1"


ERRORS = {
    "Jupyter.comms.register('t')": "register() takes a target's name and a function",
    "Jupyter.comms.open('t', () => {})": "what is sent on a comm has a JSON form",
    "Jupyter.comms.open('t', {}, { buffers: [[1]] })": "the buffers of a message are typed arrays, DataViews or ArrayBuffers",
    "Jupyter.comms.open('t', {}, { buffers: 5 })": "the buffers of a message are a list",
    "Jupyter.comms.open('t', {}, { metadata: 5 })": "metadata must be an object",
}


@pytest.mark.parametrize("code", ERRORS)
def test_what_cannot_be_sent_is_an_error(client: Client, code: str) -> None:
    heard = client.hear(client.start(code))
    assert (heard.content["ename"], heard.content["evalue"]) == ("TypeError", ERRORS[code])
    assert heard.contents("comm_open") == [] and client.ask("comm_info_request", {}).content["comms"] == {}
