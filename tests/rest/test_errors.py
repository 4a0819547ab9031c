"""Owns the table route x wrong thing -> status, code: each over real HTTP; asserts the envelope of every refusal."""

from __future__ import annotations

from typing import Any

import pytest

from .running import Home, Running

NONE = "00000000-0000-4000-8000-000000000000"
NO_UUID = "not-a-uuid"
SESSION = {"workspace_id": "w", "base_commit_oid": "c"}

#: Route, its path, its body, status, code. `{...}` stands for what the fixture made.
Case = tuple[str, str, Any, int, str]
CASES: list[Case] = []


def add(route: str, path: str, body: Any, status: int, code: str) -> None:
    CASES.append((route, path, body, status, code))


# Ids that are no UUIDs, and ids that name nothing, on every route that has one.
for method, below, body in (
    ("GET", "", None),
    ("PATCH", "", {}),
    ("DELETE", "", None),
    ("GET", "/capabilities", None),
    ("POST", "/capabilities", {"kind": "fs", "name": "n"}),
    ("DELETE", "/capabilities/{id}", None),
    ("GET", "/startup-files", None),
    ("POST", "/startup-files", {"path": "a.js"}),
    ("DELETE", "/startup-files/{id}", None),
    ("GET", "/modules", None),
    ("POST", "/modules", {"name": "fs"}),
    ("DELETE", "/modules/{name}", None),
    ("GET", "/libraries", None),
    ("POST", "/libraries", {"name": "lodash"}),
    ("DELETE", "/libraries/{name}", None),
):
    route = f"{method} /templates/{{id}}{below}"
    rest = below.replace("{id}", NONE).replace("{name}", "fs")
    add(route, f"/templates/{NO_UUID}{rest}", body, 400, "VALIDATION_ERROR")
    add(route, f"/templates/{NONE}{rest}", body, 404, "TEMPLATE_NOT_FOUND")
for noun, routes in (
    ("session", (("GET", ""), ("DELETE", ""), ("POST", "/close"), ("POST", "/restart"), ("GET", "/connection"))),
    ("execution", (("GET", ""), ("GET", "/events"), ("POST", "/cancel"))),
):
    for method, below in routes:
        route = f"{method} /{noun}s/{{id}}{below}"
        add(route, f"/{noun}s/{NO_UUID}{below}", None, 400, "VALIDATION_ERROR")
        add(route, f"/{noun}s/{NONE}{below}", None, 404, f"{noun.upper()}_NOT_FOUND")

# Missing and empty fields.
for route, path, fields in (
    ("POST /templates", "/templates", {"name": "n"}),
    ("POST /templates/{id}/capabilities", "/templates/{template}/capabilities", {"kind": "fs", "name": "n"}),
    ("POST /templates/{id}/startup-files", "/templates/{template}/startup-files", {"path": "a.js"}),
    ("POST /templates/{id}/modules", "/templates/{template}/modules", {"name": "fs"}),
    ("POST /templates/{id}/libraries", "/templates/{template}/libraries", {"name": "lodash"}),
    ("POST /sessions", "/sessions", {"template_id": "{template}", **SESSION, "worktree_path": "{worktree}"}),
    ("POST /executions/repl", "/executions/repl", {"session_id": "{session}", "input": "1"}),
    ("POST /executions/run-file", "/executions/run-file", {"session_id": "{session}", "path": "a.js"}),
):
    for name in fields:
        for value in ("", None):
            add(route, path, {**fields, name: value}, 400, "VALIDATION_ERROR")
        add(route, path, {key: value for key, value in fields.items() if key != name}, 400, "VALIDATION_ERROR")
        add(route, path, {**fields, name: 7}, 400, "INVALID_REQUEST")
    add(route, path, {**fields, "surplus": 1}, 400, "INVALID_REQUEST")

# Settings.
for limits in (
    {"wall_ms": -1},
    {"wall_ms": "5"},
    {"wall_ms": 1.5},
    {"wall_ms": 10.0},
    {"wall_ms": True},
    {"wall_ms": None},
    {"wall_ms": 2**31},
    {"other": 1},
    [],
    None,
):
    settings = {"settings": {"limits": limits}}
    add("POST /templates", "/templates", {"name": "never made", **settings}, 400, "INVALID_REQUEST")
    add("PATCH /templates/{id}", "/templates/{template}", settings, 400, "INVALID_REQUEST")
for change in (
    {"settings": {"other": {}}},
    {"settings": {"runtime": {"on_engine_loss": "perhaps"}}},
    {"settings": {"session": {"idle_timeout_s": -1}}},
    {"is_active": "yes"},
    {"engine": "v8"},
):
    add("PATCH /templates/{id}", "/templates/{template}", change, 400, "INVALID_REQUEST")
for roots in (["/"], ["../x"], [""]):
    change = {"settings": {"resolver": {"roots": roots}}}
    add("PATCH /templates/{id}", "/templates/{template}", change, 400, "VALIDATION_ERROR")
add("PATCH /templates/{id}", "/templates/{template}", {"name": ""}, 400, "VALIDATION_ERROR")
add("PATCH /templates/{id}", "/templates/{template}", {"name": "default"}, 409, "TEMPLATE_NAME_CONFLICT")
add("PATCH /templates/{id}", "/templates/{default}", {"name": "mine"}, 409, "TEMPLATE_PROTECTED")
add("DELETE /templates/{id}", "/templates/{default}", None, 409, "TEMPLATE_PROTECTED")
add("POST /templates", "/templates", {"name": "default"}, 409, "TEMPLATE_NAME_CONFLICT")
add("POST /templates", "/templates", {"name": "x", "engine": "goja"}, 422, "ENGINE_UNSUPPORTED")

# What a template may contain.
inside = "/templates/{template}"
for module in ("console", "JSON", " Math ", "http", "../fs", " "):
    add("POST /templates/{id}/modules", f"{inside}/modules", {"name": module}, 422, "MODULE_NOT_ALLOWED")
add("POST /templates/{id}/modules", f"/templates/{NONE}/modules", {"name": "json"}, 422, "MODULE_NOT_ALLOWED")
for library in ("../../x", "lodash-0.0.1", "left-pad", " "):
    add("POST /templates/{id}/libraries", f"{inside}/libraries", {"name": library}, 422, "LIBRARY_NOT_ALLOWED")
for path in ("/etc/passwd", "..", "../x", "a/../../x", ".", " ", "a/..", "a\u0000b"):
    add("POST /templates/{id}/startup-files", f"{inside}/startup-files", {"path": path}, 422, "INVALID_PATH")
route = "POST /templates/{id}/startup-files"
add(route, f"{inside}/startup-files", {"path": "a.js", "mode": "import"}, 422, "STARTUP_MODE_UNSUPPORTED")
add(route, f"{inside}/startup-files", {"path": "..", "mode": "import"}, 422, "INVALID_PATH")
add(route, f"{inside}/startup-files", {"path": "x/../kept.js"}, 409, "STARTUP_FILE_CONFLICT")
add(route, f"{inside}/startup-files", {"path": "a.js", "order_index": 1.5}, 400, "INVALID_REQUEST")
route = "POST /templates/{id}/capabilities"
add(route, f"{inside}/capabilities", {"kind": "gpu", "name": "n"}, 400, "VALIDATION_ERROR")
add(route, f"{inside}/capabilities", {"kind": "fs", "name": "kept"}, 409, "CAPABILITY_CONFLICT")
add(route, f"{inside}/capabilities", {"kind": "fs", "name": "n", "enabled": 1}, 400, "INVALID_REQUEST")
for route, path in (("capabilities", "CAPABILITY"), ("startup-files", "STARTUP_FILE")):
    add(f"DELETE /templates/{{id}}/{route}/{{id}}", f"{inside}/{route}/{NONE}", None, 404, f"{path}_NOT_FOUND")
    add(f"DELETE /templates/{{id}}/{route}/{{id}}", f"{inside}/{route}/{NO_UUID}", None, 400, "VALIDATION_ERROR")

# Sessions.
wanted = {"template_id": "{template}", **SESSION, "worktree_path": "{worktree}"}
add("POST /sessions", "/sessions", {**wanted, "template_id": NO_UUID}, 400, "VALIDATION_ERROR")
add("POST /sessions", "/sessions", {**wanted, "template_id": NONE}, 404, "TEMPLATE_NOT_FOUND")
add("POST /sessions", "/sessions", {**wanted, "template_id": "{inactive}"}, 409, "TEMPLATE_INACTIVE")
for worktree in (
    "relative",
    "{worktree}/missing",
    "{worktree}/kept.js",
    "/",
    " ",
    "/a\u0000b",
    "{worktree}/" + "x" * 300,
):
    add("POST /sessions", "/sessions", {**wanted, "worktree_path": worktree}, 422, "INVALID_PATH")
add("POST /sessions/{id}/restart", "/sessions/{closed}/restart", None, 409, "SESSION_NOT_READY")

# Executions.
for route, body in (("repl", {"input": "1"}), ("run-file", {"path": "kept.js"})):
    path = f"/executions/{route}"
    add(f"POST {path}", path, {**body, "session_id": NO_UUID}, 400, "VALIDATION_ERROR")
    add(f"POST {path}", path, {**body, "session_id": NONE}, 404, "SESSION_NOT_FOUND")
    add(f"POST {path}", path, {**body, "session_id": "{closed}"}, 409, "SESSION_NOT_READY")
    add(f"POST {path}", f"{path}?wait=maybe", {**body, "session_id": "{session}"}, 400, "VALIDATION_ERROR")
for escape in (
    "/etc/passwd",
    "{worktree}/kept.js",
    "..",
    "../x",
    "a/../../x",
    "out.js",
    "out/passwd",
    "out/no",
    "a\u0000",
):
    body = {"session_id": "{session}", "path": escape}
    add("POST /executions/run-file", "/executions/run-file", body, 422, "INVALID_PATH")
    if escape != "{worktree}/kept.js":
        body = {"session_id": "{closed}", "path": escape}
        add("POST /executions/run-file", "/executions/run-file", body, 422, "INVALID_PATH")
for missing in ("no.js", ".", " ", "sub", "kept.js/x", "%2e%2e/x", "..\\x", "pipe"):
    body = {"session_id": "{session}", "path": missing}
    add("POST /executions/run-file", "/executions/run-file", body, 404, "FILE_NOT_FOUND")
for wrong in ([], "x", 1):
    body = {"session_id": "{session}", "path": "kept.js", "args": wrong}
    add("POST /executions/run-file", "/executions/run-file", body, 400, "INVALID_REQUEST")
add("GET /executions", "/executions", None, 400, "VALIDATION_ERROR")
add("GET /executions", f"/executions?session_id={NO_UUID}", None, 400, "VALIDATION_ERROR")
add("GET /executions", f"/executions?session_id={NONE}", None, 404, "SESSION_NOT_FOUND")
for limit in ("0", "-1", "x", "1.5", "9" * 30):
    add("GET /executions", f"/executions?session_id={{session}}&limit={limit}", None, 400, "VALIDATION_ERROR")
add("GET /executions", "/executions?session_id={session}&cursor=x", None, 400, "VALIDATION_ERROR")
add("GET /templates", "/templates?limit=0", None, 400, "VALIDATION_ERROR")
add("GET /sessions", "/sessions?cursor=x", None, 400, "VALIDATION_ERROR")
for after in ("-1", "x", "1.5", "9" * 30):
    path = f"/executions/{{execution}}/events?after_seq={after}"
    add("GET /executions/{id}/events", path, None, 400, "VALIDATION_ERROR")
    add("GET /executions/{id}/events", path.replace("{execution}", NONE), None, 400, "VALIDATION_ERROR")
add("POST /executions/{id}/cancel", "/executions/{execution}/cancel", None, 409, "EXECUTION_NOT_RUNNING")

# No route at all.
for method, path in (("GET", "/nothing"), ("POST", "/templates/"), ("GET", "/executions/x/y")):
    add("unknown", f"{method} {path}", None, 404, "NOT_FOUND")
for method, path in (
    ("PUT", "/templates"),
    ("POST", "/health"),
    ("PATCH", "/sessions"),
    ("DELETE", "/executions/repl"),
    ("OPTIONS", "/templates"),
):
    add("unknown", f"{method} {path}", None, 405, "METHOD_NOT_ALLOWED")


@pytest.fixture(scope="module")
def made(gateway: Running, shared_home: Home, session: str) -> dict[str, str]:
    """Names for what the table's paths and bodies speak of."""
    template = gateway.template()["id"]
    gateway.ask("POST", f"/templates/{template}/startup-files", 201, {"path": "kept.js"})
    gateway.ask("POST", f"/templates/{template}/capabilities", 201, {"kind": "fs", "name": "kept"})
    inactive = gateway.template()["id"]
    gateway.ask("PATCH", f"/templates/{inactive}", 200, {"is_active": False})
    shared_home.write("kept.js", "1")
    shared_home.write("sub/x.js", "1")
    for name, target in (("out.js", "/etc/passwd"), ("out", "/etc")):
        (shared_home.worktree / name).symlink_to(target)
    pipe = shared_home.worktree / "pipe"
    __import__("os").mkfifo(pipe)
    closed = gateway.session()["id"]
    gateway.close(closed)
    return {
        "template": template,
        "inactive": inactive,
        "default": next(t["id"] for t in gateway.ask("GET", "/templates", 200) if t["name"] == "default"),
        "session": session,
        "closed": closed,
        "execution": gateway.repl(session, "1")["id"],
        "worktree": str(shared_home.worktree),
    }


def filled(value: Any, made: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in made.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, dict):
        return {key: filled(each, made) for key, each in value.items()}
    return value


@pytest.mark.covers("weakness 14")
@pytest.mark.covers("weakness 23")
@pytest.mark.covers("weakness 24")
@pytest.mark.parametrize(
    ("route", "path", "body", "status", "code"),
    [
        pytest.param(
            *case, marks=pytest.mark.covers(case[0], f"{case[3]} {case[4]}"), id=f"{case[0]}-{number}-{case[4]}"
        )
        for number, case in enumerate(CASES)
    ],
)
def test_what_is_wrong_gets_its_code(
    gateway: Running, made: dict[str, str], route: str, path: str, body: Any, status: int, code: str
) -> None:
    method = path.split()[0] if route == "unknown" else route.split()[0]
    path = filled(path.split()[-1], made)
    before = gateway.ask("GET", "/runtime/summary", 200)
    answer = gateway.http.request(method, path, **({} if body is None else {"json": filled(body, made)}))
    assert answer.status_code == status, f"{answer.status_code} {answer.text}, expected {status} {code}"
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert error["code"] == code, error
    assert len(error["message"]) > 8, "the message says nothing"
    assert set(error) <= {"code", "message", "details"}
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.headers["x-request-id"]) == 36
    if status == 405:
        assert answer.headers["allow"]
    after = gateway.ask("GET", "/runtime/summary", 200)
    assert after["executions"] == before["executions"], "a refused request left a record"


@pytest.mark.covers("POST /templates", "400 INVALID_REQUEST")
def test_a_refused_change_changes_nothing(gateway: Running) -> None:
    template = gateway.template()["id"]
    before = gateway.ask("GET", f"/templates/{template}", 200)
    change = {"name": "other", "settings": {"limits": {"wall_ms": 7, "cpu_ms": -1}}}
    gateway.ask("PATCH", f"/templates/{template}", 400, change)
    assert gateway.ask("GET", f"/templates/{template}", 200) == before
