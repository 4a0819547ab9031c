"""Imports and the settings of contract 18.1 (resolver, runtime.esm, runtime.console) through templates and sessions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .running import Running


@pytest.fixture(scope="module")
def tree(gateway: Running) -> Iterator[Running]:
    home = gateway.home
    home.write("m/a.mjs", "import {b} from './b.js'\nexport const a = 'a' + b\n")
    home.write("m/b.js", "exports.b = require('./c').c\n")
    home.write("m/c.js", "exports.c = 'c'\n")
    home.write(
        "m/script.js", "const {c} = require('./c');\nimport('./a.mjs').then((m) => console.log('late', m.a));\nc"
    )
    home.write("m/load.js", "var loaded = require('./c').c + require('m/c').c;")
    home.write("m/early.js", "var early = typeof console;")
    yield gateway


def run(gateway: Running, session: str, code: str) -> Any:
    """The value, or the words of the error."""
    record = gateway.repl(session, code)
    return (
        record["result"].get("json", record["result"]["preview"])
        if record["status"] == "ok"
        else record["error"]["message"]
    )


def session_with(gateway: Running, **settings: Any) -> str:
    return str(gateway.session(gateway.template(settings=settings)["id"])["id"])


def startup(gateway: Running, template: str, path: str) -> None:
    body = {"path": path, "order_index": 1, "mode": "eval"}
    gateway.ask("POST", f"/templates/{template}/startup-files", 201, body)


@pytest.mark.covers("weakness 7")
def test_a_session_imports_files_of_its_worktree(tree: Running, session: str) -> None:
    assert (
        run(tree, session, "import {a} from './m/a.mjs'; a + require('/m/c').c + (await import('m/b.js')).b") == "accc"
    )
    message = run(tree, session, "require('exec')")
    assert "Invalid module" in message
    assert "leaves the worktree" in run(tree, session, "import '../../x.js'")
    assert tree.repl(session, "require('exec')")["status"] == "error"


def test_a_file_that_is_run_imports_what_lies_beside_it(tree: Running, session: str) -> None:
    record = tree.run_file(session, "m/script.js")
    assert (record["status"], record["result"]["preview"]) == ("ok", "c")
    texts = [event["payload"]["text"] for event in tree.events(record["id"]) if event["type"] == "console"]
    assert texts == ["late ac"]


def test_a_startup_file_imports_what_lies_beside_it(tree: Running) -> None:
    template = tree.template()["id"]
    tree.ask(
        "POST", f"/templates/{template}/startup-files", 201, {"path": "m/load.js", "order_index": 1, "mode": "eval"}
    )
    session = tree.session(template)["id"]
    assert run(tree, session, "loaded") == "cc"
    tree.close(session)


@pytest.mark.covers("rule template settings")
def test_without_esm_import_is_refused_and_require_works(tree: Running) -> None:
    session = session_with(tree, runtime={"esm": False})
    for code in ("import './m/c.js'", "await import('./m/c.js')"):
        assert "import is switched off in this session (runtime.esm is false)" in run(tree, session, code)
    assert run(tree, session, "require('./m/b').b") == "c"
    assert "ES module" in run(tree, session, "require('./m/a.mjs')")
    tree.close(session)


@pytest.mark.covers("rule template settings")
def test_without_console_there_is_none_from_the_first_script_on(tree: Running) -> None:
    template = tree.template(settings={"runtime": {"console": False}})["id"]
    tree.ask(
        "POST", f"/templates/{template}/startup-files", 201, {"path": "m/early.js", "order_index": 1, "mode": "eval"}
    )
    session = tree.session(template)["id"]
    assert run(tree, session, "early + typeof console + ('console' in globalThis)") == "undefinedundefinedfalse"
    assert "console is not defined" in run(tree, session, "console.log(1)")
    tree.ask("POST", f"/sessions/{session}/restart", 200)
    assert run(tree, session, "typeof console") == "undefined"
    tree.close(session)


@pytest.mark.covers("rule template settings")
@pytest.mark.parametrize(
    ("resolver", "code", "says"),
    [
        ({"roots": ["m"]}, "require('c').c", "c"),
        ({"roots": ["m"]}, "require('m/c').c", "Invalid module"),
        ({"extensions": [".mjs"]}, "require('./m/a').a", "Invalid module"),
        ({"extensions": [".mjs", ".js"]}, "require('./m/a').a", "ac"),
        ({"allow_absolute_repo_imports": False}, "require('/m/c').c", "allow_absolute_repo_imports is false"),
        ({"allow_absolute_repo_imports": True}, "require('/m/c').c", "c"),
    ],
)
def test_the_resolver_of_the_template_holds(tree: Running, resolver: dict[str, Any], code: str, says: str) -> None:
    session = session_with(tree, resolver=resolver)
    assert says in run(tree, session, code)
    tree.close(session)
