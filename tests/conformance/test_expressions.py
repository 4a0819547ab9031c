"""user_expressions: what a client asks for with the end of a cell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .peer import Client, Kernel


def shown(text: str) -> dict[str, object]:
    return {"status": "ok", "data": {"text/plain": text}, "metadata": {}}


@pytest.mark.parametrize("silent", [False, True])
def test_they_come_with_the_reply_each_with_its_own_status(client: Client, silent: bool) -> None:
    expressions = {"sum": "x + 1", "object": "{a: x}", "bad": "nobody"}
    heard = client.run("var x = 1", silent=silent, user_expressions=expressions)
    found = heard.content["user_expressions"]
    assert (found["sum"], found["object"]) == (shown("2"), shown("{ a: 1 }"))
    assert (found["bad"]["status"], found["bad"]["ename"]) == ("error", "ReferenceError")
    assert found["bad"]["evalue"] == "nobody is not defined" and found["bad"]["traceback"]
    assert heard.status == "ok" and heard.states == ["busy", "idle"]
    assert "error" not in heard.types and "execute_result" not in heard.types


@pytest.mark.parametrize("given", [{}, None, []])
def test_none_asked_for_is_none_in_the_reply(client: Client, given: object) -> None:
    assert client.run("1", user_expressions=given).content["user_expressions"] == {}


@pytest.mark.parametrize("given", ["x", 7, ["x"], {"n": 1}, {"n": None}, {"n": ["x"]}])
def test_what_is_no_object_of_texts_is_refused(client: Client, given: object) -> None:
    heard = client.run("var ran = 1", user_expressions=given)
    assert (heard.status, heard.content["ename"]) == ("error", "InvalidRequest")
    assert type(heard.content["execution_count"]) is int
    assert client.run("typeof ran").value == "'undefined'"


def test_a_cell_that_failed_or_was_aborted_has_none(client: Client) -> None:
    asked = {"user_expressions": {"n": "globalThis.evaluated = true"}}
    until_both_are_there = "const until = Date.now() + 300; while (Date.now() < until) {}"
    ids = [client.start(code, **asked) for code in (f"{until_both_are_there} throw new Error('x')", "1")]
    failed, aborted = [client.hear(msg_id) for msg_id in ids]
    assert (failed.status, failed.content["user_expressions"]) == ("error", {})
    assert (aborted.status, aborted.content["user_expressions"]) == ("aborted", {})
    assert client.run("typeof evaluated").value == "'undefined'"


def test_an_endless_one_ends_at_the_limit_of_the_cell_and_the_next_cell_is_right(
    start: Callable[..., Kernel],
) -> None:
    client = start("--wall-ms", "300").clients[0]
    heard = client.run("var kept = 1", user_expressions={"n": "(() => { while (true) {} })()"})
    assert (heard.status, heard.content["ename"]) == ("error", "TimedOut")
    assert client.run("kept").value == "1"


def test_their_texts_count_as_output_of_the_cell(start: Callable[..., Kernel]) -> None:
    client = start("--max-output-kb", "64").clients[0]
    heard = client.run("'small'", user_expressions={"n": "'x'.repeat(100000)"})
    assert (heard.status, heard.content["ename"]) == ("error", "OutputExceeded")
    assert client.run("1", user_expressions={"n": "2"}).content["user_expressions"] == {"n": shown("2")}
