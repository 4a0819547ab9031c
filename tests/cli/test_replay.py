"""Owns replays over a real gateway; asserts which differences they show, for what cause, and which they do not."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from vm_gateway.client import Client

from .gateway import Gateway


@pytest.fixture()
def session(gateway: Gateway, worktree: Path) -> str:
    return gateway.session(gateway.template(f"t-{worktree.parent.name}"), worktree)


def kill_engine(client: Client, session: str) -> None:
    """As a machine that is out of memory would."""
    kernel = client.session(session)["runtime_meta"]["pid"]
    listed = subprocess.run(["ps", "--ppid", str(kernel), "-o", "pid="], capture_output=True, text=True, check=True)
    os.kill(int(listed.stdout.split()[0]), signal.SIGKILL)


def settle(client: Client, session: str, startups: int) -> None:
    """Until as many startup files have run."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = [each["status"] for each in client.executions(session) if each["kind"] == "startup"]
        if len(found) >= startups and "running" not in found:
            return
        time.sleep(0.02)
    raise AssertionError(f"{startups} startup files should have run: {found}")


def run(client: Client, session: str, steps: Sequence[str]) -> None:
    """Cells, and `restart`, `kill` (the engine), `startup N` (files have run by now), `run PATH` between them."""
    for step in steps:
        word, _, rest = step.partition(" ")
        if step == "restart":
            client.restart_session(session)
        elif step == "kill":
            kill_engine(client, session)
        elif word == "startup":
            settle(client, session, int(rest))
        elif word == "run":
            client.run_file(session, rest)
        else:
            client.repl(session, step, stdin=["typed"])


def told(gateway: Gateway, session: str, *words: str) -> Any:
    done = gateway.run("session", "replay", session, "--json", *words)
    return json.loads(done.out)


def causes(replayed: Any) -> list[tuple[int, str, str]]:
    return [(each["number"], each["what"], each["cause"]) for each in replayed["differences"]]


FORCED = "Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)"
#: What a session of a template with one startup file and engines that come anew ran.
THE_SAME = {
    "ids that a session makes up": ("const d = display(1); display(2)", "console.log(d)", "d.update(3)", "%who"),
    "a restart": ("var x = 1", "restart", "typeof x", "starts"),
    "a restart without a cell after it": ("var x = 1", "restart"),
    "a reset": ("var x = 1", "%reset", "startup 2", "typeof x", "starts"),
    "a reset at its beginning, and once more": ("%reset", "startup 2", "var x = 1", "%reset", "startup 3", "typeof x"),
    "an engine lost between cells": ("var x = 1", "kill", "startup 2", "typeof x", "x", "console.log(starts)"),
    "an engine lost with its cell": ("var x = 1", FORCED, "startup 2", "typeof x", "starts"),
    "a restart after a lost engine": ("var x = 1", FORCED, "startup 2", "var x = 2", "restart", "typeof x"),
    "a restart after an engine lost between cells": ("var x = 1", "kill", "startup 2", "x = 2", "restart", "typeof x"),
    "a rejection that nobody handles": ("Promise.reject(new Error('no')); 1", "2"),
    "a TypeScript cell": ("%%ts\nconst n: number = 1; n", "%%ts\n<b>x</b>", "n"),
    "an error and where it was": ("restart", "1\nnull.x", "new Error('a').stack", "console.log(new Error('b'))"),
}


@pytest.mark.covers("rule recordings")
@pytest.mark.parametrize("situation", THE_SAME)
def test_a_replay_shows_no_difference_where_there_is_none(gateway: Gateway, worktree: Path, situation: str) -> None:
    (worktree / "begin.js").write_text("globalThis.starts = (globalThis.starts ?? 0) + 1; console.log('begun')")
    limits = ("limits.cpu_ms=300", "limits.wall_ms=20000")
    template = gateway.template(f"s-{worktree.parent.name}", 'runtime.on_engine_loss="fresh"', *limits)
    gateway.run("template", "add-startup", template, "--path", "begin.js")
    session = gateway.session(template, worktree)
    with gateway.client() as client:
        run(client, session, THE_SAME[situation])
        recorded = client.executions(session)
        replayed = told(gateway, session)
        again = client.executions(replayed["new_session"]["id"])
    assert replayed["differences"] == []
    assert replayed["runs"] == len(recorded)
    assert len(again) == len(recorded), "startup files ran more often than they had"


def test_only_ids_of_displays_and_comms_are_taken_for_ids(gateway: Gateway, session: str) -> None:
    with gateway.client() as client:
        run(client, session, ("var id = 'abcdefghijklmn-' + 1; id", "id + Math.floor(9 * globalThis.odd)"))
        client.repl(session, "globalThis.odd = crypto.getRandomValues(new Uint32Array(1))[0]")
        client.repl(session, "`abcdefghijklmn-${globalThis['o' + 'dd']}`")
    assert causes(told(gateway, session)) == [(3, "value", "randomness"), (4, "value", "")]


def test_the_times_that_a_cell_prints_explain_nothing_else(gateway: Gateway, session: str) -> None:
    with gateway.client() as client:
        run(client, session, ("%time var t = 2; t", "%%time\nfor (let i = 0; i < 2e5; i++); var u = t + 1; u", "t + u"))
    found = causes(told(gateway, session))
    assert {(what, cause) for _, what, cause in found} <= {("console", "time")}, found


def test_what_a_cell_with_a_cause_changed_from_within_has_that_cause(gateway: Gateway, session: str) -> None:
    with gateway.client() as client:
        run(client, session, ("var list = [], kept = 1", "list.push(Math.random()); kept", "list", "kept"))
        run(client, session, ("globalThis.odd = Math.random(); 1", "odd"))
    assert causes(told(gateway, session)) == [(3, "value", "randomness"), (6, "value", "randomness")]


def test_a_changed_file_is_the_cause_of_what_its_importers_give(gateway: Gateway, session: str, worktree: Path) -> None:
    texts = {
        "a.mjs": "import deep from './sub/deep.mjs'; export default deep",
        "run.js": "1",
        "same.mjs": "export default 1",
    }
    (worktree / "sub").mkdir()
    for name, text in {**texts, "sub/deep.mjs": "export default 1"}.items():
        (worktree / name).write_text(text)
    cells = (
        "import a from './a'; a",
        "a",
        "%run run.js",
        "import same from './same.mjs'; same * globalThis.k",
        "a * same",
    )
    with gateway.client() as client:
        run(client, session, cells)
        client.repl(session, "'./nothing' + (globalThis['Ma' + 'th']['ran' + 'dom']())")
    for name in ("sub/deep.mjs", "run.js"):
        (worktree / name).write_text((worktree / name).read_text().replace("1", "2"))
    by_change = [(number, "value", "the file was changed") for number in (1, 2, 3, 5)]
    assert causes(told(gateway, session)) == [*by_change, (6, "value", "")]


def test_a_file_that_is_gone_is_the_cause_of_what_it_made(gateway: Gateway, session: str, worktree: Path) -> None:
    (worktree / "a.js").write_text("var made = 1; made")
    (worktree / "b.mjs").write_text("export default 2")
    with gateway.client() as client:
        run(client, session, ("run a.js", "made", "import b from './b.mjs'; b", "b + 1", "3"))
    for name in ("a.js", "b.mjs"):
        (worktree / name).unlink()
    done = gateway.run("session", "replay", session, "--json")
    replayed = json.loads(done.out)
    assert (done.code, replayed["differences"][0]["replayed"]) == (0, "not run: FILE_NOT_FOUND")
    found = causes(replayed)
    assert {cause for _, _, cause in found} == {"the file is gone"}
    assert {number for number, _, _ in found} == {1, 2, 3, 4}


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
    assert '[1] repl status: "ok" -> "error (OutputExceeded)" (unexplained)' in done.out.splitlines()


@pytest.mark.covers("rule recordings")
def test_a_difference_is_shown_from_where_it_begins(gateway: Gateway, session: str) -> None:
    with gateway.client() as client:
        client.repl(session, "console.log('x'.repeat(100), Math.random())")
    (line,) = gateway.run("session", "replay", session).lines[6:]
    shown = r'\.\.\.x{10,} 0\.\d+"\]'
    assert re.fullmatch(rf"\[1\] repl console: {shown} -> {shown} \(randomness\)", line), line


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
        client.repl(session, "const end = Date.now() + 4000; while (Date.now() < end);")
        done = gateway.run("--timeout-s", "2", "session", "replay", session)
        assert (done.code, "did not answer within" in done.err) == (1, True), done
        fresh = next(row for row in client.sessions() if row["workspace_id"] == "replay")
        assert fresh["status"] == "closed"
