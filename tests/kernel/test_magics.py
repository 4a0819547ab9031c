"""Magics that the kernel does itself: what they say, what they leave on record, what they refuse."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vm_kernel import owner as owners
from vm_kernel.limits import Limits
from vm_kernel.magics import HELP, Magics
from vm_kernel.plan import SessionPlan, StartupFile

from .notebook import Notebook
from .session import Client, Session

LIMITS = Limits(cpu_ms=0, wall_ms=2000, mem_mb=128, max_events=100, max_output_kb=64)


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    (tmp_path / "init.js").write_text('console.log("init"); var ready = "yes"')
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "app.js").write_text('console.log("from the file"); __ARGS__')
    (tmp_path / "empty.js").write_text("")
    (tmp_path / "latin.js").write_bytes(b'"\xe9"')
    return tmp_path


def plan(worktree: Path) -> SessionPlan:
    return SessionPlan(
        session_id="0190b2f0-1234-7abc-8def-0123456789ac",
        limits=LIMITS,
        owner=owners.identity(os.getpid()),
        worktree_path=str(worktree),
        startup_files=(StartupFile("init.js"),),
    )


def test_help_names_every_magic_and_is_an_execution_like_others() -> None:
    notebook = Notebook()
    with Session(recorder=notebook) as session:
        client = session.client()
        heard = client.run("%help")
        assert client.run("1 + 1").reply["content"]["execution_count"] == 2
        history = client.ask("history_request", {"hist_access_type": "tail", "n": 9}).reply["content"]["history"]
    assert heard.types == ["status", "execute_input", "stream", "status"]
    for usage, words in HELP.values():
        assert usage in heard.text() and words in heard.text()
    assert [event.type for event in notebook.events][:2] == ["input_echo", "console"]
    assert notebook.started[0].code == "%help" and notebook.ended[0].outcome.status == "ok"
    assert notebook.ended[0].usage.events == 3
    assert [entry[2] for entry in history] == ["%help", "1 + 1"]
    assert session.engine.evaluated == ["1 + 1"], "no JavaScript runs for %help"


def test_a_silent_magic_says_nothing(client: Client) -> None:
    assert client.run("%help", silent=True).types == ["status", "status"]


@pytest.mark.parametrize(
    ("code", "place", "words"),
    [
        ("%nope", "cell [1]:1:1", "%nope is no magic; there are %help, "),
        ("%", "cell [1]:1:1", "% is no magic; there are %help, "),
        ("%%js\n1", "cell [1]:1:1", "%%js is no magic"),
        ("\n\t %whom", "cell [1]:2:3", "%whom is no magic"),
        ("%time %nope", "cell [1]:1:7", "%nope is no magic"),
        ("%help me", "cell [1]:1:1", "%help stands alone in its cell"),
        ("%reset\n1 + 1", "cell [1]:1:1", "%reset stands alone in its cell"),
        ("%time", "cell [1]:1:1", "%time needs code to run"),
        ("%%time\n \n", "cell [1]:1:1", "%%time needs code to run"),
        ("%run", "cell [1]:1:1", "%run PATH [ARGS]: the path is missing"),
        ('%run a.js {"a"', "cell [1]:1:1", "%run PATH [ARGS]: ARGS is no JSON: it ends too early"),
        ('%run a.js {"a": b}', "cell [1]:1:1", "%run PATH [ARGS]: ARGS is no JSON: this is none: b}"),
        ("%run a.js " + "[" * 100_000, "cell [1]:1:1", "%run PATH [ARGS]: ARGS is no JSON: "),
        ('%run "a', "cell [1]:1:1", "%run PATH [ARGS]: the path begins with a quote and has no other"),
        ('%run "', "cell [1]:1:1", "%run PATH [ARGS]: the path begins with a quote and has no other"),
        ('%run "a\nb"', "cell [1]:1:1", "%run PATH [ARGS]: the path begins with a quote and has no other at its end"),
        ('%%ts %run "a\\d.js"', "cell [1]:1:6", "%run PATH [ARGS]: between quotes a \\ is written \\\\"),
        ('%run ""', "cell [1]:1:1", "%run PATH [ARGS]: the path is missing"),
    ],
)
def test_what_is_no_magic_is_a_syntax_error_with_its_place(client: Client, code: str, place: str, words: str) -> None:
    heard = client.run(code)
    content = heard.reply["content"]
    assert (content["status"], content["ename"]) == ("error", "SyntaxError")
    assert words in content["evalue"]
    column = int(place.rpartition(":")[2])
    assert content["traceback"][0] == place
    assert content["traceback"][2] == " " * (column - 1) + "^"
    assert content["traceback"][-1] == f"SyntaxError: {content['evalue']}"
    assert [error["evalue"] for error in heard.contents("error")] == [content["evalue"]]


def test_limits_show_what_is_allowed_and_what_the_last_code_used(worktree: Path) -> None:
    with Session(plan=plan(worktree)) as session:
        client = session.client()
        client.run('console.log("x".repeat(5000)); 1')
        client.run("%help")
        rows = [line.split() for line in client.run("%limits").text().splitlines()[1:]]
    assert [row[:2] for row in rows] == [
        ["cpu_ms", "no"], ["wall_ms", "2000"], ["mem_mb", "128"], ["max_events", "100"], ["max_output_kb", "64"]
    ]  # fmt: skip
    assert [row[-1] for row in rows[2:]] == ["1", "3", "5"], "memory, events and output of the cell before %help"


def test_reset_gives_a_new_engine_that_is_no_loss() -> None:
    notebook = Notebook()
    with Session(recorder=notebook) as session:
        client = session.client()
        client.run("let kept = 1")
        for generation in (2, 3, 4, 5):
            assert "all variables are gone" in client.run("%reset").text()
            heard = client.run("kept")
            assert heard.reply["content"]["ename"] == "ReferenceError"
            assert heard.text("stderr") == "", "a new engine that was asked for is told of as a loss"
            assert session.engine.generation == generation
    generations = [ended.engine_generation for ended in notebook.ended]
    assert generations == [1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_reset_of_a_planned_session_runs_its_startup_again_and_does_not_crash_it(worktree: Path) -> None:
    notebook = Notebook()
    with Session(recorder=notebook, plan=plan(worktree)) as session:
        client = session.client()
        assert client.run("%reset").reply["content"]["status"] == "ok"
        heard = client.run("ready")
        assert heard.contents("execute_result")[0]["data"]["text/plain"] == "'yes'"
        assert session.changes == []
    assert [started.kind for started in notebook.started] == ["startup", "repl", "startup", "repl"]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ('%run sub/app.js {"a": [1, null]}', {"a": [1, None]}),
        ("%run sub/app.js", {}),
        ('%run "sub/../sub/app.js"   7', 7),
    ],
)
def test_run_runs_a_file_of_the_worktree_with_its_args(worktree: Path, code: str, value: object) -> None:
    notebook = Notebook()
    with Session(recorder=notebook, plan=plan(worktree)) as session:
        client = session.client()
        heard = client.run(code, {"vm": {}})
        assert heard.text() == "from the file\n"
        assert heard.reply["metadata"]["vm"]["execution"]["result"]["json"] == value
        assert client.run("__ARGS__").reply["content"]["ename"] == "ReferenceError"
    started = notebook.started[1]
    assert (started.kind, started.code) == ("repl", code), "the record has what was typed"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere.js", "there is no such file: 'nowhere.js'"),
        ("sub", "this is not a regular file: 'sub'"),
        ("/etc/hostname", "the path leaves the worktree or cannot be a path: '/etc/hostname'"),
        ("../secret.js", "the path leaves the worktree or cannot be a path: '../secret.js'"),
        ("link.js", "the path leaves the worktree or cannot be a path: 'link.js'"),
        ("latin.js", "this is not UTF-8 text: 'latin.js'"),
    ],
)
def test_run_opens_nothing_but_text_files_of_the_worktree(worktree: Path, path: str, words: str) -> None:
    (worktree.parent / "secret.js").write_text("'secret'")
    (worktree / "link.js").symlink_to(worktree.parent / "secret.js")
    with Session(plan=plan(worktree)) as session:
        content = session.client().run(f"%run {path}").reply["content"]
    assert (content["ename"], content["evalue"]) == ("Error", f"%run: {words}")


def test_run_in_a_bare_kernel_reads_below_its_working_folder(worktree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(worktree)
    with Session() as session:
        client = session.client()
        assert client.run("%run sub/app.js").text() == "from the file\n"
        assert client.run("%run empty.js").types == ["status", "execute_input", "status"]


def test_a_head_of_very_many_magics_holds_the_kernel_up_no_longer_than_its_text() -> None:
    job: Any = SimpleNamespace(text="%time " * 400_000 + "1", execution=None, after=None, instead=None)
    began = time.process_time()
    nobody: Any = None
    Magics(nobody, nobody, "", ()).apply(job)
    assert job.after is not None and job.instead is None
    assert time.process_time() - began < 3, "0.3 s; 48 s where the rest is copied for each of them"


def test_a_magic_is_nothing_in_a_file(worktree: Path) -> None:
    with Session(plan=plan(worktree)) as session:
        asked = {"vm": {"kind": "run_file", "path": "a.js"}}
        assert session.client().run("%help", asked).reply["content"]["status"] == "error"
        assert session.engine.evaluated[-1] == "%help", "the kernel took a line of a file for a magic"


def test_a_magic_that_cannot_be_recorded_does_not_happen(worktree: Path) -> None:
    notebook = Notebook()
    with Session(recorder=notebook, plan=plan(worktree)) as session:
        client = session.client()
        notebook.refuse["begin"] = "the disk is full"
        assert client.run("%reset").reply["content"]["ename"] == "LedgerUnavailable"
        assert session.engine.generation == 1


def test_every_magic_is_in_the_documentation() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "magics.md").read_text(encoding="utf-8")
    for usage, _ in HELP.values():
        assert f"`{usage}`" in text, f"docs/magics.md says nothing of {usage}"
