"""Owns what holds on every route over HTTP: ids, order of checks, details, times, empty lists; asserts contract 2."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .running import Running

NONE = "00000000-0000-4000-8000-000000000000"
NO_UUID = "not-a-uuid"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
WORDS = {"workspace_id": "w", "base_commit_oid": "c"}


@pytest.fixture(scope="module")
def made(gateway: Running, session: str) -> dict[str, str]:
    template = gateway.template()["id"]
    closed = gateway.session()["id"]
    execution = gateway.repl(closed, "1")["id"]
    gateway.close(closed)
    gateway.home.write("rules.js", "1")
    return {
        "template": template,
        "session": session,
        "closed": closed,
        "execution": execution,
        "worktree": str(gateway.home.worktree),
    }


def filled(value: Any, made: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(each, made) for key, each in value.items()}
    for name, text in made.items():
        value = value.replace(f"{{{name}}}", text) if isinstance(value, str) else value
    return value


@pytest.mark.covers("rule ids")
def test_an_id_in_a_body_or_a_query_is_found_however_it_is_written(gateway: Running, made: dict[str, str]) -> None:
    blanks, plain, braces = "  {}\t".format, lambda text: text.replace("-", ""), "{{{}}}".format
    for write in (str.upper, blanks, plain, braces):
        session = write(made["session"])
        record = gateway.repl(session, "1")
        assert record["session_id"] == made["session"]
        assert gateway.run_file(session, "rules.js")["session_id"] == made["session"]
        listed = gateway.http.get("/executions", params={"session_id": session, "limit": 1}).json()
        assert listed[0]["session_id"] == made["session"]
        row = gateway.session(write(made["template"]))
        assert row["vm_id"] == made["template"]
        gateway.close(row["id"])
        for path in ("", "/events"):
            assert gateway.http.get(f"/executions/{write(record['id']).strip()}{path}").status_code == 200
    version_1 = "c232ab00-9414-11ec-b3c8-9f6bdeced846"
    assert gateway.ask("GET", f"/templates/{version_1}", 404)["error"]["details"] == {"template_id": version_1}


#: A request that is wrong in several ways, and the one of them that is named (contract section 2 and 6).
ORDER: list[tuple[str, str, Any, int, str]] = [
    # id in the path, before the body is read
    ("POST", f"/templates/{NO_UUID}/modules", "{not json", 400, "VALIDATION_ERROR"),
    ("PATCH", f"/templates/{NO_UUID}", "[]", 400, "VALIDATION_ERROR"),
    # the body decodes, before its parent is looked for
    ("POST", f"/templates/{NONE}/capabilities", "{not json", 400, "INVALID_REQUEST"),
    ("PATCH", f"/templates/{NONE}", {"settings": {"limits": {"wall_ms": -1}}}, 400, "INVALID_REQUEST"),
    ("PATCH", f"/templates/{NONE}", {"name": ""}, 400, "VALIDATION_ERROR"),
    ("POST", "/sessions", {"template_id": NO_UUID, "surplus": 1}, 400, "INVALID_REQUEST"),
    ("POST", "/executions/repl", {"session_id": NO_UUID, "input": 1}, 400, "INVALID_REQUEST"),
    # required fields, before ids inside the body
    ("POST", f"/templates/{NONE}/startup-files", {"mode": "import"}, 400, "VALIDATION_ERROR"),
    ("POST", "/executions/run-file", {"session_id": NONE, "path": ""}, 400, "VALIDATION_ERROR"),
    # the meaning of values, before the parent
    ("POST", f"/templates/{NONE}/startup-files", {"path": "../x"}, 422, "INVALID_PATH"),
    ("POST", f"/templates/{NONE}/startup-files", {"path": "x", "mode": "m"}, 422, "STARTUP_MODE_UNSUPPORTED"),
    ("POST", f"/templates/{NONE}/startup-files", {"path": "../x", "mode": "m"}, 422, "INVALID_PATH"),
    ("POST", f"/templates/{NONE}/capabilities", {"kind": "gpu", "name": "n"}, 400, "VALIDATION_ERROR"),
    ("POST", f"/templates/{NONE}/modules", {"name": "http"}, 422, "MODULE_NOT_ALLOWED"),
    ("POST", f"/templates/{NONE}/libraries", {"name": "../x"}, 422, "LIBRARY_NOT_ALLOWED"),
    # the parent, before what depends on it
    ("POST", "/sessions", {"template_id": NONE, **WORDS, "worktree_path": "relative"}, 404, "TEMPLATE_NOT_FOUND"),
    ("POST", "/executions/run-file", {"session_id": NONE, "path": "../x"}, 404, "SESSION_NOT_FOUND"),
    ("POST", f"/templates/{NONE}/modules", {"name": "fs"}, 404, "TEMPLATE_NOT_FOUND"),
    # the path, before the state; the state, before the file
    ("POST", "/executions/run-file", {"session_id": "{closed}", "path": "../x"}, 422, "INVALID_PATH"),
    ("POST", "/executions/run-file", {"session_id": "{closed}", "path": "no.js"}, 409, "SESSION_NOT_READY"),
    # a query, before what it asks of
    ("GET", f"/executions/{NONE}/events?after_seq=x", None, 400, "VALIDATION_ERROR"),
    ("GET", f"/executions?session_id={NONE}&limit=0", None, 400, "VALIDATION_ERROR"),
    ("POST", "/executions/repl?wait=x", {"session_id": NONE, "input": "1"}, 400, "VALIDATION_ERROR"),
]


@pytest.mark.covers("rule order of checks")
@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    ORDER,
    ids=[f"{method} {path.partition('?')[0]} {code}"[:60] for method, path, _, _, code in ORDER],
)
def test_of_several_wrong_things_the_first_in_order_is_named(
    gateway: Running, made: dict[str, str], method: str, path: str, body: Any, status: int, code: str
) -> None:
    body = filled(body, made)
    options: dict[str, Any] = {} if body is None else {"json": body}
    if isinstance(body, str):
        options = {"content": body, "headers": {"content-type": "application/json"}}
    answer = gateway.http.request(method, path, **options)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text


#: What `details` of an error hold: ids of what was asked for, nothing where the request itself was no good.
DETAILS: list[tuple[str, str, Any, int, dict[str, str]]] = [
    ("GET", f"/templates/{NONE}", None, 404, {"template_id": NONE}),
    ("DELETE", f"/templates/{NONE}", None, 404, {"template_id": NONE}),
    ("POST", "/templates/{template}/startup-files", {"path": ".."}, 422, {"template_id": "{template}"}),
    ("POST", "/sessions", {"template_id": NONE, **WORDS, "worktree_path": "x"}, 404, {"template_id": NONE}),
    (
        "POST",
        "/sessions",
        {"template_id": "{template}", **WORDS, "worktree_path": "relative"},
        422,
        {"template_id": "{template}"},
    ),
    ("GET", f"/sessions/{NONE}", None, 404, {"session_id": NONE}),
    ("POST", f"/sessions/{NONE}/close", None, 404, {"session_id": NONE}),
    ("POST", "/sessions/{closed}/restart", None, 409, {"session_id": "{closed}"}),
    ("GET", f"/executions?session_id={NONE}", None, 404, {"session_id": NONE}),
    ("POST", "/executions/repl", {"session_id": "{closed}", "input": "1"}, 409, {"session_id": "{closed}"}),
    ("POST", "/executions/run-file", {"session_id": "{session}", "path": "no"}, 404, {"session_id": "{session}"}),
    ("POST", "/executions/run-file", {"session_id": "{session}", "path": "/x"}, 422, {"session_id": "{session}"}),
    ("GET", f"/executions/{NONE}", None, 404, {"execution_id": NONE}),
    ("GET", f"/executions/{NONE}/events", None, 404, {"execution_id": NONE}),
    ("POST", "/executions/{execution}/cancel", None, 409, {"execution_id": "{execution}"}),
    ("POST", "/templates", {}, 400, {}),
    ("POST", "/sessions", {"template_id": NO_UUID, **WORDS, "worktree_path": "/x"}, 400, {}),
    ("GET", f"/sessions/{NO_UUID}", None, 400, {}),
    ("GET", "/executions?session_id={session}&limit=0", None, 400, {}),
]


@pytest.mark.covers("rule error details")
@pytest.mark.parametrize(("method", "path", "body", "status", "details"), DETAILS)
def test_an_error_names_what_was_asked_for(
    gateway: Running, made: dict[str, str], method: str, path: str, body: Any, status: int, details: dict[str, str]
) -> None:
    options = {} if body is None else {"json": filled(body, made)}
    answer = gateway.http.request(method, filled(path, made), **options)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error.get("details", {}) == filled(details, made)
    assert ("details" in error) is bool(details), "an empty object instead of nothing"


@pytest.mark.covers("weakness 28")
def test_an_empty_list_is_a_list(gateway: Running) -> None:
    template = gateway.template()["id"]
    session = gateway.session(template)["id"]
    paths = [f"/templates/{template}/{noun}" for noun in ("capabilities", "startup-files", "modules", "libraries")]
    paths += [f"/executions?session_id={session}", "/sessions?status=none-such", "/templates?cursor=0"]
    paths += [f"/executions/{gateway.repl(session, '1')['id']}/events?after_seq=99"]
    for path in paths[:4] + paths[5:]:
        assert gateway.http.get(path).text == "[]", path
    assert gateway.ask("GET", "/runtime/summary", 200)["active_session_ids"] != []
    gateway.close(session)


@pytest.mark.covers("weakness 27")
def test_a_time_is_one_text_wherever_it_is_read(gateway: Running) -> None:
    template = gateway.template()
    session = gateway.session(template["id"])
    record = gateway.repl(session["id"], "console.log(1); setTimeout(() => console.log('late'), 1)")
    texts = [template["created_at"], template["updated_at"], session["created_at"]]
    texts += [record["started_at"], record["ended_at"]]
    events = gateway.events(record["id"])
    texts += [each["ts"] for each in events]
    closed = gateway.close(session["id"])
    texts.append(closed["closed_at"])
    assert [text for text in texts if not TIME.fullmatch(text)] == []
    assert gateway.ask("GET", f"/templates/{template['id']}", 200)["template"] == template
    assert gateway.ask("GET", f"/sessions/{session['id']}", 200) == closed
    assert closed["created_at"] == session["created_at"]
    assert gateway.ask("GET", f"/executions?session_id={session['id']}", 200) == [record]
    assert gateway.events(record["id"])[: len(events)] == events
    assert record["started_at"] <= events[0]["ts"] <= events[1]["ts"] <= record["ended_at"] < closed["closed_at"]


@pytest.mark.covers("rule absent fields")
def test_what_is_not_known_is_absent_and_never_null(gateway: Running) -> None:
    session = gateway.session()
    running = gateway.repl(session["id"], "await new Promise((done) => setTimeout(done, 200))", 202, wait=False)
    assert {"ended_at", "result", "error", "path"} & running.keys() == set()
    assert {"closed_at", "last_error"} & session.keys() == set()
    gateway.ask("POST", f"/executions/{running['id']}/cancel", 200)
    raised = gateway.repl(session["id"], "throw 1")
    assert {"result", "path"} & raised.keys() == set()
    for code in ("Symbol()", "() => 1", "NaN", "const c = {}; c.c = c; c", "1n"):
        assert "json" not in gateway.repl(session["id"], code)["result"], code
    gateway.home.write("rules.js", "1")
    ran = gateway.run_file(session["id"], "rules.js")
    assert {"input", "error"} & ran.keys() == set()
    gateway.close(session["id"])

    def nulls(value: Any, path: str = "") -> list[str]:
        if isinstance(value, dict):
            return [found for key, each in value.items() for found in nulls(each, f"{path}.{key}")]
        if isinstance(value, list):
            return [found for each in value for found in nulls(each, path)]
        return [path] if value is None else []

    for path in ("/templates", "/sessions", f"/executions?session_id={session['id']}", "/runtime/summary"):
        found = nulls(gateway.ask("GET", path, 200))
        assert [each for each in found if not each.endswith(("result.json", ".config"))] == [], path


@pytest.mark.covers("unknown", "404 NOT_FOUND", "405 METHOD_NOT_ALLOWED")
@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/", "/api", "/api/v2/templates", "/API/V1/templates", "/x", "//"])
def test_what_lies_beside_the_routes_is_refused_in_the_envelope(gateway: Running, path: str) -> None:
    answer = gateway.http.get(gateway.origin + path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert answer.headers["x-request-id"]
    for method in ("TRACE", "OPTIONS", "X"):
        answer = gateway.http.request(method, "/templates")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
