"""Paths of files while they are typed: in import, require and %run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from vm_kernel import owner as owners
from vm_kernel.paths import completed
from vm_kernel.plan import SessionPlan

from .session import Client, Session


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name in (
        "lib/deep/end.js",
        "lib/tools.mjs",
        "lib/data.json",
        "lib/notes.txt",
        "app.js",
        "page.tsx",
        ".env.js",
        "a folder/inside.js",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    (tmp_path / "secret.js").write_text("")
    (root / "out").symlink_to(tmp_path)
    (root / "lib" / "caf\u00e9.js").write_text("")
    return root


@pytest.mark.parametrize(
    ("code", "matches", "replaced"),
    [
        ("import x from './", ["a folder/", "app.js", "lib/", "page.tsx"], ""),
        ('import x from "./lib/', ["caf\u00e9.js", "data.json", "deep/", "tools.mjs"], ""),
        ("import {a} from './lib/to", ["tools.mjs"], "to"),
        ("import './a", ["a folder/", "app.js"], "a"),
        ("await import( '../tree/./lib/deep/", [], ""),
        ("let x = '\U0001f600'; x = require('./lib/de", ["deep/"], "de"),
        ("1;\nimport('./lib/deep/", ["end.js"], ""),
        ("import x from '.", ["./"], "."),
        ("import x from './.", [".env.js"], "."),
        ("import x from '../", [], ""),
        ("import x from './out/", [], ""),
        ("import x from './nowhere/", [], ""),
        ("%run ", ["a folder/", "app.js", "lib/", "page.tsx"], ""),
        ("%run lib/t", ["tools.mjs"], "t"),
        ("\n%time %run lib/deep/e", ["end.js"], "e"),
        ("%%ts %run lib/t", ["tools.mjs"], "t"),
        ("%%ts\n%run lib/t", ["tools.mjs"], "t"),
        ("%time %%ts %run p", ["page.tsx"], "p"),
        ('%run "a folder/in', ["inside.js"], "in"),
        ('%run "lib/', ["caf\u00e9.js", "deep/", "tools.mjs"], ""),
    ],
)
def test_what_lies_in_the_worktree_completes_a_path(tree: Path, code: str, matches: list[str], replaced: str) -> None:
    content = completed(code + "') // rest", len(code), str(tree), ())
    assert content is not None
    assert content["matches"] == matches, "a link is no folder, and `out` is none of a script's names"
    assert code[content["cursor_start"] : content["cursor_end"]] == replaced
    assert [item["text"] for item in content["metadata"]["_jupyter_types_experimental"]] == matches


@pytest.mark.parametrize(
    "code",
    [
        "import x from 'lodash",
        "'./",
        "x = './a",
        "from './a' + b",
        "%run a.js {",
        '%run "a.js" ',
        "`%%ts\n%run a",
        "// %run",
        "imports",
        "",
    ],
)
def test_where_no_path_is_typed_the_engine_is_asked(tree: Path, code: str) -> None:
    assert completed(code, len(code), str(tree), ()) is None


def test_what_is_denied_is_not_listed(tree: Path) -> None:
    code = "import './lib/"
    content = completed(code, len(code), str(tree), (str(tree / "lib"),))
    assert content is not None and content["matches"] == []


def ask(client: Client, code: str) -> Any:
    return client.ask("complete_request", {"code": code, "cursor_pos": len(code)}).reply["content"]


def test_a_session_completes_paths_of_its_worktree(tree: Path) -> None:
    session_id = "0190b2f0-1234-7abc-8def-0123456789ac"
    plan = SessionPlan(session_id=session_id, owner=owners.identity(os.getpid()), worktree_path=str(tree))
    with Session(plan=plan) as session:
        client = session.client()
        assert ask(client, "import './lib/to")["matches"] == ["tools.mjs"]
        assert ask(client, "x import cons")["matches"] == ["console"], "the engine answers what is no path"


def test_a_bare_kernel_completes_paths_of_its_working_folder(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    with Session() as session:
        assert ask(session.client(), "%run lib/deep/")["matches"] == ["end.js"]
