"""Which ledger a notebook records in, and what becomes of it without one or without its template."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vm_gateway import gateways, places
from vm_gateway.ledger import owners

from ..rest.running import TOKEN, Running
from .jupyter import Jupyter

DEAD = {"boot_id": "none", "pid": 1, "start_time": 1}


def announce(port: int, owner: object) -> None:
    gateways.announce(gateways.Gateway(port, f"http://127.0.0.1:{port}", f"/ledger/of/{port}", owner))


@pytest.mark.parametrize(
    ("named", "environment", "running", "chosen"),
    [
        ("/a/named", "/b/environment", {3210: True}, "/a/named"),
        ("", "/b/environment", {3210: True}, "/b/environment"),
        ("", "", {3211: True, 3210: True, 99: True}, "/ledger/of/3210"),
        ("", "", {3212: True, 3211: True, 3210: False}, "/ledger/of/3211"),
        ("", "", {3210: False}, "{data}/vm-gateway.ledger"),
        ("", "", {}, "{data}/vm-gateway.ledger"),
    ],
    ids=["named", "environment", "usual port", "that runs", "only a dead one", "default"],
)
def test_the_ledger_is_the_first_that_somebody_named(
    named: str,
    environment: str,
    running: dict[int, bool],
    chosen: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("VM_GATEWAY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("VM_GATEWAY_LEDGER", environment)
    for port, lives in running.items():
        announce(port, owners.owner() if lives else DEAD)
    assert gateways.chosen_ledger(named) == chosen.format(data=tmp_path / "data")


def test_a_file_that_others_could_write_names_no_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "run"))
    announce(3210, owners.owner())
    os.chmod(gateways.path_of(3210), 0o666)
    assert gateways.running() is None
    places.write_private(gateways.path_of(3211), "{broken")
    assert gateways.running() is None


def test_a_notebook_records_in_the_ledger_of_the_running_gateway(home: Jupyter) -> None:
    home.spec("plain", "--template", "notebook")
    with Running(home, VM_GATEWAY_TOKEN=TOKEN) as gateway:
        notebook = home.notebook("plain", VM_GATEWAY_LEDGER="")
        assert notebook.run("1 + 1").value == "2"
        [session] = gateway.ask("GET", "/sessions", 200)
        [record] = gateway.ask("GET", f"/executions?session_id={session['id']}", 200)
        assert (record["input"], record["result"]["preview"]) == ("1 + 1", "2")


@pytest.mark.parametrize("ledger", ["in no folder", "a pipe", "a folder"])
def test_without_a_ledger_the_notebook_runs_on_and_says_so_once(home: Jupyter, ledger: str) -> None:
    home.spec("plain", "--template", "notebook")
    path = home.path / "x"
    if ledger == "a pipe":
        os.mkfifo(path)
    elif ledger == "a folder":
        path.mkdir()
    else:
        path = path / "y"
    notebook = home.notebook("plain", VM_GATEWAY_LEDGER=str(path))
    first = notebook.run("console.log('runs'); 1 + 1")
    assert (first.status, first.out, first.value) == ("ok", "runs\n", "2")
    assert first.err.startswith("This cell is not on record: ") and "restarted" in first.err
    assert first.err.count("\n") == 1
    second = notebook.run("2 + 2")
    assert (second.value, second.err) == ("4", "")


@pytest.mark.parametrize("words", [("notebook", "--require-ledger"), ("default",), ("of-mine",)])
def test_a_template_that_requires_a_ledger_runs_nothing_without(home: Jupyter, words: tuple[str, ...]) -> None:
    home.spec("strict", "--template", *words)
    notebook = home.notebook("strict", VM_GATEWAY_LEDGER=str(home.path))
    for _ in range(2):
        cell = notebook.run("globalThis.ran = true")
        assert cell.error.startswith("LedgerUnavailable: ")
        assert (cell.status, cell.reply["ename"]) == ("error", "LedgerUnavailable")


def test_an_unknown_template_is_told_by_each_cell_with_those_that_exist(home: Jupyter) -> None:
    home.template("of-mine")
    home.spec("odd", "--template", "no-such")
    notebook = home.notebook("odd")
    for _ in range(2):
        error = notebook.run("1").error
        assert error.startswith("TemplateNotFound: there is no template 'no-such'")
        assert "default, notebook, of-mine" in error
    assert home.sessions() == []
    home.template("no-such")
    notebook.restart()
    assert notebook.run("1").value == "1"


def test_a_template_that_is_not_active_starts_nothing(home: Jupyter) -> None:
    home.template("resting", is_active=False)
    home.spec("resting", "--template", "resting")
    assert home.notebook("resting").run("1").error.startswith("TemplateInactive: ")


def test_many_kernels_begin_one_new_ledger(home: Jupyter) -> None:
    home.spec("plain", "--template", "notebook")
    notebooks = [home.notebook("plain", wait=False) for _ in range(3)]
    for notebook in notebooks:
        notebook.client.wait_for_ready(timeout=60)
        assert notebook.run("1 + 1").value == "2"
    assert len(home.sessions()) == 3
    with home.opened() as ledger:
        assert sorted(row["name"] for row in ledger.list_templates().documents) == ["default", "notebook"]
