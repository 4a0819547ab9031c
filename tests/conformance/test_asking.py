"""prompt, confirm, password and alert over a real kernel."""

from __future__ import annotations

import pytest

from .peer import Client


@pytest.mark.parametrize(
    ("code", "prompt", "password", "answer", "value"),
    [
        ("prompt('who? ')", "who? ", False, "Ada", "'Ada'"),
        ("prompt('who? ', 'Bob')", "who? [Bob] ", False, "", "'Bob'"),
        ("prompt('who? ', 'Bob')", "who? [Bob] ", False, "Ada", "'Ada'"),
        ("prompt('who?', 'Bob')", "who? [Bob] ", False, "", "'Bob'"),
        ("prompt('', 'Bob')", "[Bob] ", False, "", "'Bob'"),
        ("prompt()", "", False, "", "''"),
        ("confirm('sure?')", "sure? [y/N] ", False, "y", "true"),
        ("confirm('sure?')", "sure? [y/N] ", False, " YES ", "true"),
        ("confirm('sure?')", "sure? [y/N] ", False, "", "false"),
        ("confirm('sure?')", "sure? [y/N] ", False, "yesterday", "false"),
        ("password('key? ').length", "key? ", True, "s3cret", "6"),
    ],
)
def test_the_person_is_asked_and_answers(
    client: Client, code: str, prompt: str, password: bool, answer: str, value: str
) -> None:
    msg_id = client.start(code, allow_stdin=True)
    assert client.get("stdin")["content"] == {"prompt": prompt, "password": password}
    client.send("input_reply", {"value": answer}, "stdin")
    assert client.hear(msg_id).value == value


@pytest.mark.parametrize("name", ["prompt", "confirm", "password"])
def test_without_a_front_end_that_takes_input_the_question_is_an_error_that_names_it(client: Client, name: str) -> None:
    heard = client.hear(client.start(f"{name}('?')"))
    assert heard.content["ename"] == "StdinNotImplementedError"
    assert heard.content["evalue"] == f"nobody can answer {name}(): this code runs without a front end that takes input"


def test_a_question_from_a_timer_after_its_cell_is_refused(client: Client) -> None:
    client.hear(client.start("setTimeout(() => { try { prompt('?') } catch (error) { console.log(error.name) } }, 20)"))
    assert client.until("stream")["content"]["text"] == "StdinNotImplementedError\n"


def test_alert_prints(client: Client) -> None:
    heard = client.hear(client.start("alert('look'); alert(5)"))
    assert heard.text() == "look\n5\n" and heard.value is None
