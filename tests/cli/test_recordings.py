"""Owns exports over a real gateway; asserts what their files say, and that nbclient runs them."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from .gateway import Gateway


@pytest.fixture()
def session(gateway: Gateway, worktree: Path) -> str:
    return gateway.session(gateway.template(f"t-{worktree.parent.name}"), worktree)


def export(gateway: Gateway, session: str, target: Path) -> str:
    lines = gateway.run("session", "export", session, "--to", str(target)).lines
    assert lines[0] == f"Exported session: {session}"
    assert lines[2] == f"To: {target}"
    return target.read_text(encoding="utf-8")


def notebook(gateway: Gateway, session: str, folder: Path) -> Any:
    node = nbformat.reads(export(gateway, session, folder / "nb.ipynb"), as_version=4)
    nbformat.validate(node)
    return node


CELLS = {
    "streams of one name that follow each other are one output": (
        "console.log('a'); console.log('b'); console.error('c'); console.log('d')",
        [("stream", "stdout", "a\nb\n"), ("stream", "stderr", "c\n"), ("stream", "stdout", "d\n")],
    ),
    "a value is shown as Node shows it": ("({a: 'x'})", [("execute_result", {"text/plain": "{ a: 'x' }"})]),
    "a string stands between quotes": ("'it'", [("execute_result", {"text/plain": "'it'"})]),
    "undefined shows nothing": ("undefined", []),
    "an error has name, value and traceback": ("throw new TypeError('a: b')", [("error", "TypeError", "a: b")]),
    "a thrown text is its own value": ("throw 'only text'", [("error", "Uncaught", "'only text'")]),
    "a bundle comes as it is": (
        "display({'text/html': '<b>x</b>'}, {raw: true})",
        [("display_data", {"text/html": "<b>x</b>"})],
    ),
    "what is cleared is gone": (
        "console.log('old'); clearOutput(); console.log('new')",
        [("stream", "stdout", "new\n")],
    ),
    "what is cleared later stays until then": (
        "console.log('old'); clearOutput(true); console.log('new')",
        [("stream", "stdout", "new\n")],
    ),
    "nothing came after the clearing that waits": (
        "console.log('old'); clearOutput(true)",
        [("stream", "stdout", "old\n")],
    ),
}


def told(output: Any) -> tuple[Any, ...]:
    kind = output["output_type"]
    if kind == "stream":
        return (kind, output["name"], output["text"])
    if kind == "error":
        return (kind, output["ename"], output["evalue"])
    return (kind, dict(output["data"]))


@pytest.mark.covers("rule recordings")
def test_a_notebook_holds_each_output_as_a_front_end_would(gateway: Gateway, session: str, tmp_path: Path) -> None:
    with gateway.client() as client:
        for code, _ in CELLS.values():
            client.repl(session, code)
    cells = notebook(gateway, session, tmp_path)["cells"]
    assert [cell["source"] for cell in cells] == [code for code, _ in CELLS.values()]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(CELLS) + 1))
    for (name, (_, expected)), cell in zip(CELLS.items(), cells, strict=True):
        assert [told(output) for output in cell["outputs"]] == expected, name


@pytest.mark.covers("rule recordings")
def test_an_update_changes_the_display_of_an_earlier_cell(gateway: Gateway, session: str, tmp_path: Path) -> None:
    with gateway.client() as client:
        client.repl(session, "display({'text/plain': 'one'}, {raw: true, display_id: 'd'})")
        client.repl(session, "display({'text/plain': 'two'}, {raw: true, display_id: 'd', update: true})")
    first, second = notebook(gateway, session, tmp_path)["cells"]
    assert [told(output) for output in first["outputs"]] == [("display_data", {"text/plain": "two"})]
    assert second["outputs"] == []


@pytest.mark.covers("rule recordings")
def test_what_was_typed_stands_behind_its_prompt(gateway: Gateway, session: str, tmp_path: Path) -> None:
    with gateway.client() as client:
        client.repl(session, "console.log('hi ' + prompt('who? '))", stdin=["Ada"])
    (cell,) = notebook(gateway, session, tmp_path)["cells"]
    assert [told(output) for output in cell["outputs"]] == [("stream", "stdout", "who? Ada\nhi Ada\n")]


SLOPPY = "(function () { return typeof this })()"
#: Situation: name of the file, its text, its arguments, the cell, what that gives.
FILES = {
    "with arguments": ("a.js", "__ARGS__.n + 1", {"n": 1}, 'globalThis.__ARGS__ = {"n": 1};\n__ARGS__.n + 1', "2"),
    "that asks for what it was not given": (
        "a.js",
        "Object.keys(__ARGS__).length",
        None,
        "globalThis.__ARGS__ = {};\nObject.keys(__ARGS__).length",
        "0",
    ),
    "that takes none": ("a.js", "#!/usr/bin/env node\n1", None, "#!/usr/bin/env node\n1", "1"),
    "with a first line for the shell": (
        "a.js",
        "#!/usr/bin/env node\n__ARGS__.n",
        {"n": 1},
        'globalThis.__ARGS__ = {"n": 1};\n//#!/usr/bin/env node\n__ARGS__.n',
        "1",
    ),
    "in strict mode": (
        "a.js",
        f"// a 'note'\n'use strict';\n{SLOPPY}",
        {"n": 1},
        f"\"use strict\"; globalThis.__ARGS__ = {{\"n\": 1}};\n// a 'note'\n'use strict';\n{SLOPPY}",
        "'undefined'",
    ),
    "with an argument of an odd name": (
        "a.js",
        "Object.keys(__ARGS__).join()",
        {"__proto__": 1},
        r'globalThis.__ARGS__ = JSON.parse("{\"__proto__\": 1}");' "\nObject.keys(__ARGS__).join()",
        "'__proto__'",
    ),
    "in TypeScript": (
        "a.ts",
        "const n: number = __ARGS__.n; n",
        {"n": 1},
        '%%ts\nglobalThis.__ARGS__ = {"n": 1};\nconst n: number = __ARGS__.n; n',
        "1",
    ),
    "with these words elsewhere": (
        "a.js",
        f"'use' + 'strict'; 'use strict'; {SLOPPY}",
        {"n": 1},
        f"globalThis.__ARGS__ = {{\"n\": 1}};\n'use' + 'strict'; 'use strict'; {SLOPPY}",
        "'object'",
    ),
}


@pytest.mark.covers("rule recordings")
def test_a_file_is_a_cell_with_its_text_and_its_arguments(gateway: Gateway, session: str, worktree: Path) -> None:
    with gateway.client() as client:
        for path, text, args, _, _ in FILES.values():
            (worktree / path).write_text(text)
            client.run_file(session, path, args)
            (worktree / path).write_text("gone")
    node = notebook(gateway, session, worktree)
    for begun in (False, True):
        if begun:
            NotebookClient(node, timeout=30).execute()
        for (situation, (path, _, _, source, shown)), cell in zip(FILES.items(), node["cells"], strict=True):
            assert cell["source"] == source, situation
            outputs = [told(output) for output in cell["outputs"]]
            assert outputs == [("execute_result", {"text/plain": shown})], (situation, begun)
            assert cell["metadata"]["vm"]["path"] == path


@pytest.mark.covers("rule recordings")
def test_a_stopped_cell_says_why_once(gateway: Gateway, worktree: Path) -> None:
    session = gateway.session(gateway.template(f"w-{worktree.parent.name}", "limits.wall_ms=200"), worktree)
    with gateway.client() as client:
        client.repl(session, "console.log('before'); while (true) {}")
    (cell,) = notebook(gateway, session, worktree)["cells"]
    kinds = [told(output)[:2] for output in cell["outputs"]]
    assert kinds == [("stream", "stdout"), ("error", "TimedOut")]


@pytest.mark.covers("rule recordings")
def test_an_exported_notebook_runs_in_nbclient_to_the_same_outputs(
    gateway: Gateway, session: str, worktree: Path
) -> None:
    with gateway.client() as client:
        for code in ("const a = [1, {b: 2}]; a", "console.log(a.length)", "await Promise.resolve(a[1])"):
            client.repl(session, code)
    node = notebook(gateway, session, worktree)
    before = [[told(output) for output in cell["outputs"]] for cell in node["cells"]]
    NotebookClient(node, timeout=30).execute()
    assert [[told(output) for output in cell["outputs"]] for cell in node["cells"]] == before


@pytest.mark.covers("rule recordings")
def test_json_holds_everything_and_a_script_what_ran(gateway: Gateway, session: str, tmp_path: Path) -> None:
    with gateway.client() as client:
        ran = client.repl(session, "console.log(1); 2")
        events = client.events(ran["id"])
    whole = json.loads(export(gateway, session, tmp_path / "all.json"))
    assert whole["session"]["id"] == session
    (execution,) = whole["executions"]
    assert execution["id"] == ran["id"]
    assert execution["text"] == "console.log(1); 2"
    assert execution["events"] == events
    script = export(gateway, session, tmp_path / "cells.js")
    assert script.startswith(f"// session {session}\n")
    assert re.search(r"// \[1\] repl, \S+: ok\nconsole\.log\(1\); 2\n$", script)


def test_a_file_whose_ending_says_no_form_is_refused(gateway: Gateway, session: str, tmp_path: Path) -> None:
    done = gateway.run("session", "export", session, "--to", str(tmp_path / "x.txt"))
    assert done.code == 1
    assert ".ipynb, .json, .js" in done.err


@pytest.mark.covers("rule recordings")
def test_what_failed_may_fail_again_and_what_was_stopped_is_not_run_again(gateway: Gateway, worktree: Path) -> None:
    session = gateway.session(gateway.template(f"g-{worktree.parent.name}", "limits.cpu_ms=200"), worktree)
    with gateway.client() as client:
        for code in ("1", "throw 1", "while (true) {}", "prompt('? ')"):
            client.repl(session, code, stdin=["x"])
    cells = notebook(gateway, session, worktree)["cells"]
    assert [cell["metadata"].get("tags", []) for cell in cells] == [
        [],
        ["raises-exception"],
        ["raises-exception", "skip-execution"],
        ["raises-exception"],
    ]


@pytest.mark.covers("rule recordings")
def test_a_bundle_of_odd_types_is_still_a_notebook(gateway: Gateway, session: str, tmp_path: Path) -> None:
    with gateway.client() as client:
        client.repl(session, "display({'foo/json': {b: 2}, 'text/foo+json': {a: 1}}, {raw: true})")
    nbformat.validate(nbformat.reads(export(gateway, session, tmp_path / "nb.ipynb"), as_version=4))


@pytest.mark.covers("rule recordings")
def test_a_cell_under_which_its_kernel_was_killed_does_not_hold_a_replay_or_a_notebook(
    gateway: Gateway, worktree: Path
) -> None:
    session = gateway.session(gateway.template(f"k-{worktree.parent.name}", "limits.wall_ms=0"), worktree)
    with gateway.client() as client:
        client.repl(session, "var x = 1")
        running = client.repl(session, "for (;;);", wait=False)
        os.kill(client.session(session)["runtime_meta"]["pid"], signal.SIGKILL)
        while client.execution(running["id"])["status"] == "running":
            time.sleep(0.02)
    _, cell = notebook(gateway, session, worktree)["cells"]
    assert cell["metadata"]["tags"] == ["raises-exception", "skip-execution"]
    told = gateway.run("session", "replay", session).out
    assert "Executions: 2\n" in told and "not run" not in told, told
