"""Owns what an execution was given, over HTTP: its very text, prepared lines of input, whether engines were shared."""

from __future__ import annotations

from typing import Any

import pytest

from .running import Running, wait_until


@pytest.mark.covers("GET /executions/{id}/source", "200")
@pytest.mark.covers("rule recordings")
def test_the_text_that_a_file_had_when_it_ran_is_kept(gateway: Running, session: str) -> None:
    gateway.home.write("kept.js", "var kept = 1\nkept + 1")
    ran = gateway.run_file(session, "kept.js")
    gateway.home.write("kept.js", "something else")
    assert gateway.ask("GET", f"/executions/{ran['id']}/source", 200) == {
        "execution_id": ran["id"],
        "kind": "run_file",
        "path": "kept.js",
        "text": "var kept = 1\nkept + 1",
    }
    assert "source" not in gateway.ask("GET", f"/executions/{ran['id']}", 200)
    typed = gateway.repl(session, "kept")
    asked = gateway.ask("GET", f"/executions/{typed['id']}/source", 200)
    assert asked == {"execution_id": typed["id"], "kind": "repl", "text": "kept"}


@pytest.mark.covers("GET /executions/{id}/source", "200")
def test_the_text_of_a_startup_file_is_kept(gateway: Running) -> None:
    template = gateway.template()["id"]
    path = gateway.home.write("begin.js", "globalThis.begun = true")
    gateway.ask("POST", f"/templates/{template}/startup-files", 201, {"path": path})
    session = gateway.session(template)["id"]
    (startup,) = gateway.ask("GET", f"/executions?session_id={session}", 200)
    assert gateway.ask("GET", f"/executions/{startup['id']}/source", 200)["text"] == "globalThis.begun = true"


@pytest.mark.covers("GET /executions/{id}/source", "400 VALIDATION_ERROR", "404 EXECUTION_NOT_FOUND")
def test_the_source_of_nothing_is_refused(gateway: Running) -> None:
    assert gateway.ask("GET", "/executions/nothing/source", 400)["error"]["code"] == "VALIDATION_ERROR"
    path = "/executions/00000000-0000-4000-8000-000000000000/source"
    assert gateway.ask("GET", path, 404)["error"]["code"] == "EXECUTION_NOT_FOUND"


def run(gateway: Running, session: str, code: str, **more: Any) -> Any:
    return gateway.ask("POST", "/executions/repl", 201, {"session_id": session, "input": code, **more})


@pytest.mark.covers("POST /executions/repl", "201")
@pytest.mark.covers("rule recordings")
def test_lines_of_stdin_are_given_to_prompt_one_after_the_other(gateway: Running, session: str) -> None:
    ran = run(gateway, session, "[prompt('a? '), prompt('b? ')].join()", stdin=["one", "two"])
    assert ran["result"]["preview"] == "one,two"
    events = [(each["type"], each["payload"]) for each in gateway.events(ran["id"])][1:-1]
    assert events == [
        ("input_request", {"prompt": "a? ", "password": False}),
        ("input_reply", {"text": "one"}),
        ("input_request", {"prompt": "b? ", "password": False}),
        ("input_reply", {"text": "two"}),
    ]


@pytest.mark.covers("POST /executions/repl", "201")
def test_a_prompt_beyond_the_lines_of_stdin_is_refused(gateway: Running, session: str) -> None:
    ran = run(gateway, session, "prompt('a? '); prompt('b? ')", stdin=["one"])
    assert ran["status"] == "error"
    assert ran["error"]["message"].startswith("StdinNotImplementedError")
    assert run(gateway, session, "prompt()")["error"]["message"].startswith("StdinNotImplementedError")


@pytest.mark.covers("POST /executions/run-file", "201")
def test_a_file_gets_lines_of_stdin_too(gateway: Running, session: str) -> None:
    path = gateway.home.write("asks.js", "prompt('who? ')")
    assert gateway.run_file(session, path, stdin=["Ada"])["result"]["preview"] == "Ada"


@pytest.mark.covers("POST /executions/repl", "400 INVALID_REQUEST")
@pytest.mark.parametrize("stdin", ["line", [1], {"0": "a"}])
def test_stdin_that_is_no_list_of_lines_is_refused(gateway: Running, session: str, stdin: Any) -> None:
    body = {"session_id": session, "input": "1", "stdin": stdin}
    assert gateway.ask("POST", "/executions/repl", 400, body)["error"]["code"] == "INVALID_REQUEST"


@pytest.mark.covers("POST /sessions/{id}/restart", "200")
@pytest.mark.covers("rule recordings")
def test_the_generation_rises_with_each_restart_of_the_session(gateway: Running) -> None:
    session = gateway.session()["id"]
    generations = []
    for _ in range(3):
        generations.append(gateway.repl(session, "1")["engine_generation"])
        gateway.ask("POST", f"/sessions/{session}/restart", 200)
    assert generations == [1, 2, 3]
    gateway.close(session)


@pytest.mark.covers("rule recordings")
def test_the_value_event_holds_what_a_notebook_shows_and_the_record_does_not(gateway: Running, session: str) -> None:
    ran = gateway.repl(session, "({a: 1})")
    assert ran["result"] == {"type": "object", "preview": "[object Object]", "json": {"a": 1}}
    value = wait_until(lambda: gateway.events(ran["id"]))[-1]["payload"]
    assert value["mime"]["text/plain"] == "{ a: 1 }"
    ran = gateway.repl(session, "[{a: 1}]")
    assert ran["result"] == {"type": "object", "preview": "[object Object]", "json": [{"a": 1}]}
    value = wait_until(lambda: gateway.events(ran["id"]))[-1]["payload"]
    assert value["mime"]["text/plain"] == "[ { a: 1 } ]" and value["mime"]["text/html"].startswith("<table>")
    failed = gateway.repl(session, "throw new TypeError('no: really')")
    assert set(failed["error"]) == {"message", "stack", "traceback"}
    assert gateway.events(failed["id"])[-1]["payload"]["name"] == "TypeError"
