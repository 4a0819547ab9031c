"""Owns restores over a real gateway: what is alive again, and what a status says of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from .gateway import Gateway
from .test_replay import FORCED, run

FRESH = 'runtime.on_engine_loss="fresh"'
NAMES = "[typeof a, typeof b, typeof c].join()"
#: Situation: settings, what ran, which of `a`, `b`, `c` are there again, the exit code.
RESTORED = {
    "all that ran": ((), ("var a = 1", "a = 2; throw 1", "var b = a"), "number,number,undefined", 0),
    "what came after a restart": ((), ("var a = 1", "restart", "var b = 1"), "undefined,number,undefined", 0),
    "nothing, for a restart was the last": ((), ("var a = 1", "restart"), "undefined,undefined,undefined", 0),
    "what came after a reset": ((), ("var a = 1", "%reset", "var b = 1"), "undefined,number,undefined", 0),
    "what came before a crash": ((), ("var a = 1", FORCED), "number,undefined,undefined", 4),
    "nothing, for the engine was lost at last": ((FRESH,), ("var a = 1", FORCED), "undefined,undefined,undefined", 0),
    "all but of a stopped one": ((), ("var a = 1", "var b = 1; while (true);"), "number,undefined,undefined", 4),
}


@pytest.mark.covers("rule recordings")
@pytest.mark.parametrize("situation", RESTORED)
def test_a_restored_session_has_what_was_alive_at_its_end(gateway: Gateway, worktree: Path, situation: str) -> None:
    settings, steps, there, code = RESTORED[situation]
    limits = ("limits.cpu_ms=300", "limits.wall_ms=20000")
    session = gateway.session(gateway.template(f"a-{worktree.parent.name}", *limits, *settings), worktree)
    with gateway.client() as client:
        run(client, session, steps)
        client.close_session(session)
        done = gateway.run("session", "restore", session)
        lines = done.out.splitlines()
        assert (done.code, lines[0], lines[2]) == (code, f"Restored session: {session}", "Status: ready"), done
        assert ("Missing: 1" in lines) == (code == 4), done
        fresh = lines[1].removeprefix("New session: ")
        assert client.repl(fresh, NAMES)["result"]["preview"] == there
        client.close_session(fresh)


@pytest.mark.covers("rule recordings")
def test_a_restore_says_what_it_left_out_and_what_could_not_be_run(gateway: Gateway, worktree: Path) -> None:
    session = gateway.session(gateway.template(f"o-{worktree.parent.name}", "limits.cpu_ms=300"), worktree)
    (worktree / "a.js").write_text("var a = 1")
    with gateway.client() as client:
        run(client, session, ("var lost = 1", "restart", "run a.js", "while (true);", "var b = 1"))
    (worktree / "a.js").unlink()
    done = gateway.run("session", "restore", session)
    lines = done.out.splitlines()
    counts = ["Executions: 1", "Skipped: 2", "Missing: 2", "Differences: 1", "Unexplained: 0"]
    assert (done.code, lines[3:8]) == (4, counts), done
    reasons = [line.rpartition(": ")[2] for line in lines[8:10]]
    assert reasons == ["an engine that the session had lost before its end", "CpuExceeded"]
    assert lines[10] == '[1] run_file status: "ok" -> "not run: FILE_NOT_FOUND" (the file is gone)'
    with gateway.client() as client:
        client.close_session(lines[1].removeprefix("New session: "))
