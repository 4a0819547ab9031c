"""What a notebook's cells leave in the ledger, and under which rules they run: the same as with any other client."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ..rest.running import wait_until
from .jupyter import Jupyter, Notebook


def test_a_cell_is_on_record_with_its_events_and_who_ran_it(notebook: Notebook, shared_home: Jupyter) -> None:
    assert notebook.run("console.log('out'); console.error('err'); 6 * 7").value == "42"
    [session] = shared_home.sessions()
    record = shared_home.executions(session["id"])[-1]
    assert (record["status"], record["kind"], record["result"]["preview"]) == ("ok", "repl", "42")
    assert record["actor"] == {
        "surface": "kernel",
        "client_session": notebook.client.session.session,
        "notebook": str(shared_home.worktree / "work.ipynb"),
    }
    assert [(event["seq"], event["type"], event["payload"].get("text")) for event in record["events"]] == [
        (1, "input_echo", "console.log('out'); console.error('err'); 6 * 7"),
        (2, "console", "out"),
        (3, "console", "err"),
        (4, "value", None),
    ]


def test_the_session_names_its_workspace_folder_notebook_and_process(notebook: Notebook, shared_home: Jupyter) -> None:
    [session] = shared_home.sessions()
    wait_until(lambda: shared_home.sessions()[0]["status"] == "ready")
    [session] = shared_home.sessions()
    assert (session["workspace_id"], session["base_commit_oid"]) == ("jupyter", "")
    assert session["worktree_path"] == str(shared_home.worktree)
    assert session["notebook"] == str(shared_home.worktree / "work.ipynb")
    assert session["connection_file"] == notebook.connection_file
    assert session["runtime_meta"]["pid"] == session["owner"]["pid"] == notebook.pid
    assert session["runtime_meta"]["limits"]["max_output_kb"] == 65536
    assert "restarted_from" not in session


@pytest.mark.parametrize(
    ("named", "notebook_name", "folder"),
    [
        ("{tree}/sub/a.ipynb", "{tree}/sub/a.ipynb", "{tree}/sub"),
        ("sub/a.ipynb", "{tree}/a.ipynb", "{tree}"),
        ("{tree}/gone/a.ipynb", "{tree}/gone/a.ipynb", "{tree}"),
        ("", "", "{tree}"),
    ],
    ids=["absolute", "relative to a server's root", "its folder is gone", "nobody says"],
)
def test_the_folder_of_the_notebook_is_the_worktree(
    named: str, notebook_name: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vm_gateway.launch import notebook as launched

    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", named.format(tree=tmp_path))
    found = launched.notebook_path()
    assert (found, launched.folder_of(found)) == (
        notebook_name.format(tree=tmp_path),
        folder.format(tree=os.path.realpath(tmp_path)) if not named.startswith("{tree}/sub") else f"{tmp_path}/sub",
    )


def test_limits_and_startup_files_of_the_template_hold(home: Jupyter) -> None:
    home.write("init.js", "var shared = 20; console.log('started')")
    home.template(
        "small",
        settings={"limits": {"wall_ms": 300, "max_events": 50}},
        startup_files=[{"id": "x", "path": "init.js", "order_index": 1, "mode": "eval"}],
    )
    home.command("kernelspec", "sync", "--prefix", str(home.prefix))
    notebook = home.notebook("vm-small")
    assert notebook.run("shared + 1").value == "21"
    assert notebook.run("while (true) {}").error.startswith("TimedOut: ")
    assert notebook.run("for (;;) console.log(1)").error.startswith("OutputExceeded: ")
    [session] = home.sessions()
    assert [(row["kind"], row["status"]) for row in home.executions(session["id"])] == [
        ("startup", "ok"),
        ("repl", "ok"),
        ("repl", "timeout"),
        ("repl", "error"),
    ]


def test_a_startup_file_that_fails_is_told_by_each_cell_and_by_the_row(home: Jupyter) -> None:
    home.write("bad.js", "throw new Error('no start')")
    home.template("bad", startup_files=[{"id": "x", "path": "bad.js", "order_index": 1, "mode": "eval"}])
    home.spec("bad", "--template", "bad")
    notebook = home.notebook("bad")
    for _ in range(2):
        assert notebook.run("1").error.startswith("StartupFailed: startup failed: ")
    [session] = home.sessions()
    assert session["status"] == "crashed"
    assert "no start" in session["last_error"]


def test_memory_is_that_of_the_template_when_the_kernelspec_is_older(home: Jupyter) -> None:
    home.template("tight", settings={"limits": {"mem_mb": 64, "wall_ms": 0, "cpu_ms": 0}})
    home.spec("tight", "--template", "tight", "--mem-mb", "2048")
    notebook = home.notebook("tight")
    filled = notebook.run("const kept = []; for (;;) kept.push(new Array(1e5).fill(kept.length))")
    assert filled.error.startswith("OutOfMemory: ") and "64" in filled.error, filled
    [session] = home.sessions()
    assert session["runtime_meta"]["limits"]["mem_mb"] == 64


def test_a_template_may_be_named_by_its_id(home: Jupyter) -> None:
    row = home.template("--odd name {x}")
    home.command("kernelspec", "sync", "--prefix", str(home.prefix))
    assert home.notebook("vm-odd-name-x").run("1 + 1").value == "2"
    assert home.sessions()[0]["vm_id"] == row["id"]
