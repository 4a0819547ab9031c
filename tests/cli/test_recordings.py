"""Owns export, replay and restore over a real gateway; asserts what their lines and their files say."""

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


@pytest.mark.covers("rule recordings")
def test_a_file_is_a_cell_with_its_text_and_its_arguments(gateway: Gateway, session: str, worktree: Path) -> None:
    (worktree / "app.js").write_text("__ARGS__.n + 1")
    with gateway.client() as client:
        client.run_file(session, "app.js", {"n": 1})
    (worktree / "app.js").write_text("gone")
    (cell,) = notebook(gateway, session, worktree)["cells"]
    assert cell["source"] == 'globalThis.__ARGS__ = {"n": 1};\n__ARGS__.n + 1'
    assert cell["metadata"]["vm"]["path"] == "app.js"


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
def test_a_replay_without_differences_says_so_and_closes_its_session(gateway: Gateway, session: str) -> None:
    with gateway.client() as client:
        for code in ("let n = 1; n", "console.log(prompt('? '))", "throw new Error('as before')", "({n})"):
            client.repl(session, code, stdin=["typed"])
    done = gateway.run("session", "replay", session)
    assert done.lines[0] == f"Replayed session: {session}"
    assert done.lines[2:] == ["Status: closed", "Executions: 4", "Differences: 0", "Unexplained: 0"]


@pytest.mark.covers("rule recordings")
def test_a_session_whose_template_is_gone_is_replayed_under_another(gateway: Gateway, worktree: Path) -> None:
    template, other = (gateway.template(f"{name}-{worktree.parent.name}") for name in ("gone", "other"))
    session = gateway.session(template, worktree)
    with gateway.client() as client:
        client.repl(session, "1 + 1")
        client.close_session(session)
        client.delete_template(template)
    done = gateway.run("session", "replay", session)
    assert done.code == 1 and "name another with --template ID" in done.err, done
    assert gateway.run("session", "replay", session, "--template", other).lines[4] == "Differences: 0"


@pytest.mark.covers("rule recordings")
def test_a_session_whose_folder_has_moved_is_replayed_in_the_new_one(gateway: Gateway, tmp_path: Path) -> None:
    before, now = tmp_path / "before", tmp_path / "now"
    before.mkdir()
    (before / "a.mjs").write_text("export default 6 * 7")
    session = gateway.session(gateway.template(f"moved-{tmp_path.name}"), before)
    with gateway.client() as client:
        client.repl(session, "import a from './a.mjs'; a")
    before.rename(now)
    done = gateway.run("session", "replay", session)
    assert done.code == 1 and "name an existing folder" in done.err, done
    assert gateway.run("session", "replay", session, "--worktree-path", str(now)).lines[4] == "Differences: 0"


@pytest.mark.covers("rule recordings")
def test_a_replay_tells_known_causes_of_differences(gateway: Gateway, session: str, worktree: Path) -> None:
    (worktree / "data.js").write_text("1")
    with gateway.client() as client:
        client.repl(session, "const r = Math.random(); r")
        client.repl(session, "r + 1")
        client.repl(session, "new Date().toISOString()")
        client.run_file(session, "data.js")
        client.repl(session, "2")
    (worktree / "data.js").write_text("3")
    done = gateway.run("session", "replay", session, "--json")
    assert done.code == 0, done
    found = [(each["number"], each["what"], each["cause"]) for each in json.loads(done.out)["differences"]]
    assert found == [
        (1, "value", "randomness"),
        (2, "value", "randomness"),
        (3, "value", "time"),
        (4, "source", "the file was changed"),
        (4, "value", "the file was changed"),
    ]


@pytest.mark.covers("rule recordings")
def test_a_replay_with_an_unexplained_difference_ends_with_3(gateway: Gateway, session: str, worktree: Path) -> None:
    with gateway.client() as client:
        client.repl(session, "for (let i = 0; i < 30; i++) console.log(i); 1")
    tight = gateway.template(f"tight-{worktree.parent.name}", "limits.max_events=5")
    done = gateway.run("session", "replay", session, "--template", tight)
    assert done.code == 3
    assert "[1] repl status: \"ok\" -> \"error (OutputExceeded)\" (unexplained)" in done.out.splitlines()


@pytest.mark.covers("rule recordings")
def test_a_difference_is_shown_from_where_it_begins(gateway: Gateway, session: str) -> None:
    with gateway.client() as client:
        client.repl(session, "console.log('x'.repeat(100), Math.random())")
    (line,) = gateway.run("session", "replay", session).lines[6:]
    shown = r'\.\.\.x{10,} 0\.\d+"\]'
    assert re.fullmatch(rf"\[1\] repl console: {shown} -> {shown} \(randomness\)", line), line


@pytest.mark.covers("rule recordings")
def test_ids_that_a_session_makes_up_are_no_difference(gateway: Gateway, session: str) -> None:
    with gateway.client() as client:
        for code in ("const d = display(1); display(2)", "console.log(d)", "d.update(3)", "%who"):
            client.repl(session, code)
    assert gateway.run("session", "replay", session).lines[4] == "Differences: 0"


@pytest.mark.covers("rule recordings")
def test_how_far_a_stopped_cell_came_depends_on_the_time(gateway: Gateway, worktree: Path) -> None:
    session = gateway.session(gateway.template(f"h-{worktree.parent.name}", "limits.cpu_ms=200"), worktree)
    with gateway.client() as client:
        client.repl(session, "var turns = 0; while (true) turns++")
        client.repl(session, "turns")
    differences = gateway.data("session", "replay", session)["differences"]
    assert [(each["number"], each["what"], each["cause"]) for each in differences] == [(2, "value", "time")]


@pytest.mark.covers("rule recordings")
def test_an_interruption_is_replayed(gateway: Gateway, session: str) -> None:
    with gateway.client() as client:
        running = client.repl(session, "var k = 0; console.log('begun'); while (true) k++", wait=False)
        while not any(event["type"] == "console" for event in client.events(running["id"])):
            pass
        client.cancel(running["id"])
        client.repl(session, "typeof k")
    lines = gateway.run("session", "replay", session).lines
    assert lines[3:] == ["Executions: 2", "Differences: 0", "Unexplained: 0"]


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


@pytest.mark.covers("rule recordings")
def test_a_cell_that_still_runs_is_left_out_of_a_replay(gateway: Gateway, worktree: Path) -> None:
    session = gateway.session(gateway.template(f"r-{worktree.parent.name}", "limits.wall_ms=0"), worktree)
    with gateway.client() as client:
        client.repl(session, "var x = 1")
        running = client.repl(session, "await new Promise(() => {})", wait=False)
        lines = gateway.run("session", "replay", session).lines
        assert lines[3:5] == ["Executions: 1", "Skipped: 1"], lines
        client.cancel(running["id"])


@pytest.mark.covers("rule recordings")
def test_a_replay_that_cannot_go_on_closes_its_session(gateway: Gateway, session: str) -> None:
    with gateway.client() as client:
        client.repl(session, "const end = Date.now() + 1500; while (Date.now() < end);")
        done = gateway.run("--timeout-s", "0.7", "session", "replay", session)
        assert (done.code, "did not answer within" in done.err) == (1, True), done
        fresh = next(row for row in client.sessions() if row["workspace_id"] == "replay")
        assert fresh["status"] == "closed"


@pytest.mark.covers("rule recordings")
def test_a_bundle_of_odd_types_is_still_a_notebook(gateway: Gateway, session: str, tmp_path: Path) -> None:
    with gateway.client() as client:
        client.repl(session, "display({'foo/json': {b: 2}, 'text/foo+json': {a: 1}}, {raw: true})")
    nbformat.validate(nbformat.reads(export(gateway, session, tmp_path / "nb.ipynb"), as_version=4))


@pytest.mark.covers("rule recordings")
def test_a_restart_in_the_middle_is_replayed_too(gateway: Gateway, session: str) -> None:
    with gateway.client() as client:
        client.repl(session, "var x = 1")
        client.restart_session(session)
        client.repl(session, "typeof x")
    assert gateway.run("session", "replay", session).lines[4] == "Differences: 0"


@pytest.mark.covers("rule recordings")
def test_startup_files_are_compared_not_run_twice(gateway: Gateway, worktree: Path) -> None:
    (worktree / "begin.js").write_text("globalThis.starts = (globalThis.starts ?? 0) + 1; console.log('begun')")
    template = gateway.template(f"s-{worktree.parent.name}")
    gateway.run("template", "add-startup", template, "--path", "begin.js")
    session = gateway.session(template, worktree)
    with gateway.client() as client:
        client.repl(session, "starts")
    lines = gateway.run("session", "replay", session).lines
    assert lines[3:5] == ["Executions: 2", "Differences: 0"]


@pytest.mark.covers("rule recordings")
def test_late_output_is_waited_for(gateway: Gateway, session: str) -> None:
    with gateway.client() as client:
        ran = client.repl(session, "setTimeout(() => console.log('late'), 50)")
        while not any(event.get("late") for event in client.events(ran["id"])):
            pass
    assert gateway.run("session", "replay", session).lines[4] == "Differences: 0"


@pytest.mark.covers("rule recordings")
def test_a_restored_session_has_its_variables_back(gateway: Gateway, worktree: Path) -> None:
    session = gateway.session(gateway.template(f"r-{worktree.parent.name}", "limits.wall_ms=300"), worktree)
    with gateway.client() as client:
        client.repl(session, "var lost = 1")
        client.restart_session(session)
        client.repl(session, "var kept = {a: 1}")
        client.repl(session, "kept.b = 2; throw new Error('later')")
        client.repl(session, "while (true) {}")
        client.close_session(session)
    lines = gateway.run("session", "restore", session).lines
    assert lines[0] == f"Restored session: {session}"
    fresh = lines[1].removeprefix("New session: ")
    assert lines[2:7] == ["Status: ready", "Executions: 2", "Skipped: 2", "Differences: 0", "Unexplained: 0"]
    reasons = [line.rpartition(": ")[2] for line in lines[7:]]
    assert reasons == ["an engine that the session had lost before its end", "TimedOut"]
    with gateway.client() as client:
        assert client.repl(fresh, "[typeof lost, JSON.stringify(kept)].join()")["result"]["preview"] == (
            'undefined,{"a":1,"b":2}'
        )
        client.close_session(fresh)
