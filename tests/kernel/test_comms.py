"""Comms between front ends and cells: who is told what, with which parent, and what goes on record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vm_kernel.limits import Limits

from .notebook import Notebook
from .session import Client, Session

REGISTER = 'Jupyter.comms.register("echo", ECHO)'
OPEN = {"comm_id": "c", "target_name": "echo", "data": {"a": 1}}
MSG = {"comm_id": "c", "data": {"b": 2}}


def say(client: Client, msg_type: str, content: Any, **more: Any) -> list[dict[str, Any]]:
    """What is published for a message on a comm, without busy and idle."""
    published = client.hear_idle(client.send(msg_type, content, **more))
    assert [m["content"].get("execution_state") for m in (published[0], published[-1])] == ["busy", "idle"]
    return published[1:-1]


def comms(client: Client, **content: Any) -> Any:
    return client.ask("comm_info_request", content).reply["content"]["comms"]


def test_a_registered_target_is_opened_spoken_to_and_closed(client: Client) -> None:
    client.run(REGISTER)
    opened = say(client, "comm_open", OPEN)
    assert [m["content"]["text"] for m in opened] == ['open {"a": 1}\n']
    assert comms(client) == {"c": {"target_name": "echo"}}
    heard = say(client, "comm_msg", MSG, buffers=[b"\0\1", b""], metadata={"m": 1})
    assert [m["msg_type"] for m in heard] == ["stream", "comm_msg"]
    assert heard[1]["content"] == MSG and heard[1]["metadata"] == {"m": 1}
    assert [bytes(buffer) for buffer in heard[1]["buffers"]] == [b"\0\1", b""]
    closed = say(client, "comm_close", {"comm_id": "c", "data": {}})
    assert [m["content"]["text"] for m in closed] == ["close {}\n"]
    assert comms(client) == {}


def test_what_a_handler_puts_out_answers_the_message_and_what_its_cell_puts_out_its_cell(client: Client) -> None:
    msg_id = client.start(REGISTER)
    client.hear(msg_id)
    assert {m["parent_header"]["msg_type"] for m in say(client, "comm_open", OPEN)} == {"comm_open"}
    heard = client.run('console.log("mine")')
    assert heard.text() == "mine\n" and heard.published[0]["parent_header"]["msg_type"] == "execute_request"


def test_a_comm_of_the_session_is_opened_with_the_request_of_its_cell(client: Client) -> None:
    heard = client.run('Jupyter.comms.open("front", {"a": 1})', silent=True)
    opened = heard.contents("comm_open")
    assert opened == [{"comm_id": "comm of front", "target_name": "front", "data": {"a": 1}}]
    assert comms(client) == {"comm of front": {"target_name": "front"}}
    assert comms(client, target_name="front") and comms(client, target_name="other") == {}


def test_a_comm_for_an_unknown_target_is_closed(client: Client) -> None:
    closed = say(client, "comm_open", OPEN)
    assert [(m["msg_type"], m["content"]) for m in closed] == [("comm_close", {"comm_id": "c", "data": {}})]
    assert comms(client) == {}


def test_a_comm_that_is_open_is_not_closed_by_a_second_open(client: Client) -> None:
    client.run(REGISTER)
    say(client, "comm_open", OPEN)
    assert say(client, "comm_open", OPEN) == []
    assert comms(client) == {"c": {"target_name": "echo"}}


@pytest.mark.parametrize(
    ("msg_type", "content"),
    [
        ("comm_msg", MSG),
        ("comm_close", MSG),
        ("comm_open", {"target_name": "echo"}),
        ("comm_open", {"comm_id": "c", "data": {}}),
        ("comm_msg", {"comm_id": 5, "data": {}}),
        ("comm_msg", {}),
    ],
)
def test_what_belongs_to_no_comm_is_passed_over(client: Client, msg_type: str, content: Any) -> None:
    client.run(REGISTER)
    assert say(client, msg_type, content) == []
    assert client.run("1 + 1").contents("execute_result")


def test_comms_are_closed_when_the_engine_is_lost(client: Client) -> None:
    client.run(REGISTER)
    say(client, "comm_open", OPEN)
    heard = client.run("@die")
    closed = client.hear_type("comm_close") if not heard.contents("comm_close") else heard.published[-1]
    assert closed["content"]["comm_id"] == "c"
    assert comms(client) == {}
    assert [m["msg_type"] for m in say(client, "comm_open", OPEN)] == ["comm_close"], "the target went with the engine"


def test_comms_are_closed_at_the_end_of_the_session(session: Session, client: Client) -> None:
    client.run(REGISTER)
    say(client, "comm_open", OPEN)
    client.send("shutdown_request", {"restart": True}, "control")
    assert client.hear_type("comm_close")["content"] == {"comm_id": "c", "data": {}}
    assert session.ended()


def test_everything_said_is_on_record_with_the_cell_it_belongs_to() -> None:
    recorder = Notebook()
    with Session(recorder=recorder) as session:
        client = session.client()
        client.run(REGISTER)
        client.run("1 + 1")
        say(client, "comm_open", OPEN)
        say(client, "comm_msg", MSG, buffers=[b"not on record"])
    of_comms = [event for event in recorder.events if event.type == "comm"]
    assert {event.execution_id for event in of_comms} == {recorder.started[0].execution_id}
    assert [(event.payload, event.late) for event in of_comms] == [
        ({"op": "open", "comm_id": "c", "target_name": "echo", "data": {"a": 1}, "incoming": True}, True),
        ({"op": "msg", "comm_id": "c", "data": {"b": 2}, "incoming": True}, True),
        ({"op": "msg", "comm_id": "c", "data": {"b": 2}}, True),
        ({"op": "close", "comm_id": "c", "data": {}}, True),
    ]
    numbers = [event.seq for event in recorder.events if event.execution_id == recorder.started[0].execution_id]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_comm_whose_cell_has_used_up_its_output_is_closed() -> None:
    with Session(Limits(0, 0, 0, 0, max_output_kb=4)) as session:
        client = session.client()
        client.run(REGISTER)
        say(client, "comm_open", OPEN)
        heard: list[dict[str, Any]] = []
        for _ in range(10):
            heard += say(client, "comm_msg", {"comm_id": "c", "data": "x" * 500})
            if any(m["msg_type"] == "comm_close" for m in heard):
                break
        assert heard[-1]["msg_type"] == "comm_close", json.dumps([m["content"] for m in heard])[:500]
        told = [m["content"]["text"] for m in heard if m["msg_type"] == "stream" and m["content"]["name"] == "stderr"]
        assert "max_output_kb" in "".join(told)
        assert comms(client) == {}
        assert client.run("1 + 1").contents("execute_result"), "other cells have their own limits"
