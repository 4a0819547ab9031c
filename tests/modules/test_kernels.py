"""Imports through whole sessions: a bare kernel in its own folder, planned sessions with their template's settings."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vm_kernel.limits import NOTEBOOK
from vm_kernel.plan import SessionPlan

from ..conformance.peer import Kernel
from ..kernel.session import Session

SESSION = "01890000-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def notebook() -> Iterator[Kernel]:
    """A kernel as a notebook's client starts it, in the notebook's folder."""
    with tempfile.TemporaryDirectory(prefix="vmk") as folder, pytest.MonkeyPatch.context() as patch:
        tree = Path(folder) / "tree"
        (tree / "lib").mkdir(parents=True)
        (tree / "lib" / "text.mjs").write_text("import {up} from './up.mjs'\nexport const shout = (s) => up(s) + '!'\n")
        (tree / "lib" / "up.mjs").write_text("export const up = (s) => s.toUpperCase()\n")
        (tree / "lib" / "bad.mjs").write_text("export const x = 1\n  export const y = = 2\n")
        (tree / "data.json").write_text('{"a": [1, 2]}')
        (tree / "old.js").write_text("exports.answer = require('./data.json').a.length\n")
        (Path(folder) / "outside.js").write_text("throw 'read'")
        patch.chdir(tree)
        with Kernel(Path(folder) / "run") as kernel:
            yield kernel


def test_a_notebook_imports_files_beside_it(notebook: Kernel) -> None:
    client = notebook.client()
    assert client.run("import {shout} from './lib/text.mjs'; shout('hi')").value == "'HI!'"
    assert client.run("shout('again')").value == "'AGAIN!'"
    assert client.run("require('./old').answer + (await import('lib/up.mjs')).up('x')").value == "'2X'"
    assert client.run("import data from './data.json' with {type: 'json'}; data").value == "{ a: [ 1, 2 ] }"


def test_errors_name_file_and_line(notebook: Kernel) -> None:
    client = notebook.client()
    error = client.run("import './lib/bad.mjs'").content
    assert (error["ename"], error["traceback"][0]) == ("SyntaxError", "lib/bad.mjs:2:20")
    error = client.run("\nrequire('./lib/nothing')").content
    assert error["evalue"].startswith('Invalid module "./lib/nothing": there is no such file; tried lib/nothing,')
    assert error["traceback"][0].startswith("cell [") and error["traceback"][0].endswith(":2:1")
    error = client.run("require('../outside.js')").content
    assert error["evalue"] == 'Invalid module "../outside.js": the path leaves the worktree or cannot be a path'


def planned(tree: Path, **fields: Any) -> Session:
    return Session(plan=SessionPlan(SESSION, worktree_path=str(tree), limits=NOTEBOOK, **fields))


def evalue(session: Session, code: str) -> str:
    return str(session.client().run(code).reply["content"].get("evalue", ""))


def test_a_plan_says_where_files_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "name.es6").write_text("text of a module")
    resolver = {"roots": ["src"], "extensions": [".es6"], "allow_absolute_repo_imports": False}
    with planned(tmp_path, resolver=resolver, denied=(str(tmp_path / "src" / "denied"),)) as session:
        client = session.client()
        heard = client.run('require("name")')
        assert heard.contents("execute_result")[0]["data"]["text/plain"] == "'text of a module'"
        assert "allow_absolute_repo_imports" in evalue(session, 'require("/src/name.es6")')
        assert "there is no such file; tried name," in evalue(session, 'require("./name")')
        (tmp_path / "src" / "denied").write_text("secret")
        assert "may not be read" in evalue(session, 'require("denied")')


def test_without_a_plan_it_is_the_folder_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here.json").write_text('"here"')
    monkeypatch.chdir(tmp_path)
    with Session() as session:
        heard = session.client().run('require("./here.json")')
    assert heard.contents("execute_result")[0]["data"]["text/plain"] == "'here'"
    assert os.getcwd() == str(tmp_path)
