"""The same sixty cells through every client: equal outcome, value, console text and record on each.

What is expected of each cell stands in cells.json; what a client that keeps outputs has seen is compared with the
notebook that the record exports to.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from vm_gateway.comparison import Wording
from vm_gateway.notebook import notebook
from vm_gateway.recording import Recording, Run

from .conftest import KERNEL, Place
from .drivers import DRIVERS

CELLS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("cells.json").read_text(encoding="utf-8"))
ASKS = next(cell for cell in CELLS if "prompt(" in cell["code"])
#: Clients that offer to answer a cell that asks, and what it then comes to. `jupyter run` of jupyter_client 8 ends with
#: a TypeError of its own where it should answer, so that the end of the session ends the cell.
ANSWERS = {"jupyter console": {"status": "ok", "preview": "Ada"}, "jupyter run": {"status": "cancelled"}}

def fate(run: Run) -> dict[str, Any]:
    """All of the record and its events that has to be equal."""
    execution: dict[str, Any] = {**run.execution}
    kept = {name: execution.get(name) for name in ("kind", "input", "status", "execution_count", "result", "error")}
    kept["engine_generation"] = run.generation
    wording = Wording()
    wording.learn(run)
    events = [(event["seq"], event["type"], event.get("late")) for event in run.events]
    return {**kept, "events": events, "payloads": wording.common([event["payload"] for event in run.events])}


def lines(run: Run, late: bool = False) -> list[str]:
    return [
        f"{event['payload']['level']}: {event['payload']['text']}"
        for event in run.events
        if event["type"] == "console" and bool(event.get("late")) == late
    ]


def check(cell: dict[str, Any], run: Run) -> None:
    """The record against what cells.json says."""
    name = cell["name"]
    assert run.execution["status"] == cell["status"], (name, run.execution)
    assert run.execution["input"] == cell["code"], name
    value, error = run.payload("value"), run.payload("exception")
    if "preview" in cell:
        assert value["preview"] == cell["preview"], name
    if "text" in cell:
        assert value["mime"]["text/plain"] == cell["text"], name
    if "console" in cell:
        assert lines(run) == cell["console"], name
    if "late" in cell:
        assert lines(run, late=True) == cell["late"], name
    if "ename" in cell:
        assert error["name"] == cell["ename"], name
    if "message" in cell:
        assert error["message"] == cell["message"], name
    if "displays" in cell:
        assert [event["type"] for event in run.events].count("display") == cell["displays"], name


def by_rest(place: Place, folder: Path) -> Recording:
    with place.gateway.client() as client:
        session = client.create_session(place.template_id, "ws-1", "deadbeef", str(folder))
        for cell in CELLS:
            try:
                client.repl(session["id"], cell["code"])
            except Exception as error:
                assert getattr(error, "code", "") == "OUTPUT_LIMIT_EXCEEDED", (cell, error)
        recording = place.newest()
        client.close_session(session["id"])
    assert recording.session["id"] == session["id"]
    return recording


@pytest.fixture(scope="module")
def rest(place: Place) -> Iterator[Recording]:
    """What the others are held against."""
    with tempfile.TemporaryDirectory() as folder:
        yield by_rest(place, Path(folder))


@pytest.mark.covers("rule whoever drives")
def test_sixty_cells_over_rest_come_to_what_is_expected(rest: Recording) -> None:
    assert len(CELLS) >= 60
    for cell, run in zip(CELLS, rest.runs, strict=True):
        check(cell, run)
        assert run.execution["actor"]["surface"] == "rest"


@pytest.mark.covers("rule recordings")
def test_their_replay_differs_in_nothing(place: Place, rest: Recording) -> None:
    replayed = place.gateway.data("session", "replay", rest.session["id"])
    assert (replayed["runs"], replayed["differences"]) == (len(CELLS), [])


#: What is not counted, asks for nothing, begins the engine anew, names its place.
ODD = (
    ("globalThis.uncounted = 1", {"silent": True}),
    ("", {}),
    ("uncounted", {"store_history": False}),
    ("throw new Error('before')", {}),
    ("%reset", {}),
    ("console.trace(typeof uncounted)", {}),
    ("Promise.reject(new Error('late')); 1", {}),
    ("const shown = display(1); console.log(shown)", {}),
)


@pytest.mark.covers("rule recordings")
@pytest.mark.parametrize("how", ["replay", "restore"])
def test_odd_cells_of_a_notebook_come_to_the_same_again(how: str, place: Place, tmp_path: Path) -> None:
    manager, client = start_new_kernel(kernel_name=KERNEL, cwd=str(tmp_path))
    for code, options in ODD:
        client.execute_interactive(code, timeout=60, output_hook=lambda message: None, stop_on_error=False, **options)
    client.stop_channels()
    manager.shutdown_kernel()
    manager.context.destroy()
    again = place.gateway.data("session", how, place.newest().session["id"])
    assert again["differences"] == []
    assert again["runs"] == (len(ODD) if how == "replay" else 3)  # what came after the reset
    with place.gateway.client() as gateway:
        gateway.close_session(again["new_session"]["id"])


@pytest.mark.covers("rule whoever drives")
@pytest.mark.parametrize("name", DRIVERS)
def test_the_same_cells_come_to_the_same(name: str, place: Place, rest: Recording, tmp_path: Path) -> None:
    seen = DRIVERS[name](KERNEL, CELLS, tmp_path)
    recording = place.newest()
    assert recording.session["workspace_id"] == "jupyter"
    assert recording.session["worktree_path"] == str(tmp_path)
    for cell, ours, theirs in zip(CELLS, recording.runs, rest.runs, strict=True):
        assert ours.execution["actor"]["surface"] == "kernel"
        if cell is ASKS and name in ANSWERS:
            check(_answered(name), ours)
            continue
        assert fate(ours) == fate(theirs), f"{name}: {cell['name']}"
    nbformat.validate(nbformat.from_dict(notebook(recording)))
    if seen is not None:
        shown = notebook(_without_late(recording))["cells"]
        for cell, outputs, expected in zip(CELLS, seen, shown, strict=True):
            assert [_plain(output) for output in outputs] == [_plain(output) for output in expected["outputs"]], cell


def _answered(name: str) -> dict[str, Any]:
    return {"name": ASKS["name"], "code": ASKS["code"], **ANSWERS[name]}


def _without_late(recording: Recording) -> Recording:
    """Clients pass over what comes after a cell's end."""
    runs = [
        Run(run.execution, run.text, tuple(event for event in run.events if not event.get("late")))
        for run in recording.runs
    ]
    return Recording(recording.session, tuple(runs))


def _plain(output: Any) -> dict[str, Any]:
    return dict(json.loads(json.dumps(output)))
