"""Cells that ask for a line of input."""

from __future__ import annotations

import time

import zmq

from vm_kernel.prompt import BETWEEN_TRIES_S, TRIES

from .session import Client, Session


def test_the_answer_is_the_value_of_prompt(client: Client) -> None:
    msg_id = client.start('console.log("before"); prompt("who? ")', allow_stdin=True)
    asked = client.get("stdin")
    assert asked["msg_type"] == "input_request"
    assert asked["content"] == {"prompt": "who? ", "password": False}
    assert asked["parent_header"]["msg_id"] == msg_id
    assert client.hear_type("stream")["content"]["text"] == "before\n"
    client.send("input_reply", {"value": "Ada"}, "stdin")
    heard = client.hear(msg_id)
    assert heard.contents("execute_result")[0]["data"] == {"text/plain": "'Ada'"}


def test_prompt_is_null_at_once_when_the_client_allows_no_stdin(client: Client) -> None:
    heard = client.run('prompt("who? ")', allow_stdin=False)
    assert heard.contents("execute_result")[0]["data"] == {"text/plain": "null"}
    assert client.quiet("stdin")


def test_only_the_client_that_runs_the_cell_is_asked_and_heard(session: Session) -> None:
    asker, other = session.client(), session.client()
    msg_id = asker.start('prompt("who? ")', allow_stdin=True)
    asker.get("stdin")
    assert other.quiet("stdin")
    other.send("input_reply", {"value": "an impostor"}, "stdin")
    other.ask("kernel_info_request")
    asker.send("input_reply", {"value": "Ada"}, "stdin")
    assert asker.hear(msg_id).contents("execute_result")[0]["data"] == {"text/plain": "'Ada'"}


def test_interrupt_ends_a_cell_that_waits_for_input_and_a_stale_answer_is_not_taken(client: Client) -> None:
    msg_id = client.start('prompt("first? ")', allow_stdin=True)
    client.get("stdin")
    client.send("interrupt_request", {}, "control")
    assert client.hear(msg_id).reply["content"]["ename"] == "Interrupted"
    client.send("input_reply", {"value": "stale"}, "stdin")
    client.ask("kernel_info_request")
    msg_id = client.start('prompt("second? ")', allow_stdin=True)
    assert client.get("stdin")["content"]["prompt"] == "second? "
    client.send("input_reply", {"value": "fresh"}, "stdin")
    assert client.hear(msg_id).contents("execute_result")[0]["data"] == {"text/plain": "'fresh'"}


def test_a_client_without_a_stdin_channel_is_given_up_on_after_a_second(client: Client) -> None:
    client.sockets.pop("stdin").close(0)
    time.sleep(0.1)
    started = time.monotonic()
    heard = client.run('prompt("who? ")', allow_stdin=True)
    took_s = time.monotonic() - started
    assert heard.contents("execute_result")[0]["data"] == {"text/plain": "null"}
    assert 0.8 * TRIES * BETWEEN_TRIES_S < took_s < 3


def test_a_client_whose_stdin_channel_comes_a_moment_late_is_asked(client: Client) -> None:
    client.sockets.pop("stdin").close(0)
    time.sleep(0.1)
    msg_id = client.start('prompt("who? ")', allow_stdin=True)
    client.hear_type("execute_input")
    time.sleep(0.2)
    client.sockets["stdin"] = client.connect(zmq.DEALER, "stdin")
    assert client.get("stdin")["content"]["prompt"] == "who? "
    client.send("input_reply", {"value": "Ada"}, "stdin")
    assert client.hear(msg_id).contents("execute_result")[0]["data"] == {"text/plain": "'Ada'"}


def test_a_cell_interrupted_while_its_client_is_looked_for_leaves_no_question_behind(client: Client) -> None:
    client.sockets.pop("stdin").close(0)
    time.sleep(0.1)
    msg_id = client.start('prompt("first? ")', allow_stdin=True)
    client.hear_type("execute_input")
    client.send("interrupt_request", {}, "control")
    assert client.hear(msg_id).reply["content"]["ename"] == "Interrupted"
    client.sockets["stdin"] = client.connect(zmq.DEALER, "stdin")
    assert client.quiet("stdin", 0.3), "a question of a cell that is over was asked"
