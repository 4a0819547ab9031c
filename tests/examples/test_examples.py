"""Examples run as a person runs them; the notebooks of their records run too, and their replays leave no riddle."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from ..cli.gateway import ROOT, Gateway
from .conftest import EXAMPLES, PATIENCE_S, Example

#: What each cell, by its id, has to show.
SHOWN = {
    "tour.ipynb": {
        "table": "<th>radius_km</th>",
        "inspected": "Promise { 'kept' }",
        "console": "Mars has 2 moons",
        "timers": "[ 1, 4, 9 ]",
        "import": "Mercury: 6.08e+10 km³",
        "typescript": "'Large'",
        "markup": "background:#f7df1e;width:97px",
        "chart": "application/vnd.vegalite.v5+json",
        "progress": "orbit 3",
        "fails": '  if (b === 0) throw new RangeError("no division by zero"',
        "globals": "https://planets.example/moons?of=Mars",
        "flood": "line 20000\n",
        "sieve": "148933",
        "who": "divide   function",
    },
    "limits.ipynb": {
        "limits": "max_output_kb              64",
        "loop": "CpuExceeded",
        "backtracking": "CpuExceeded",
        "never": "TimedOut",
        "events": "line 59\n",
        "bytes": "OutputExceeded",
        "stop-loop": "Interrupted",
        "stop-promises": "Interrupted",
        "stop-await": "Interrupted",
        "meanwhile": "'and no other cell is stopped for it'",
        "hoard": "OutOfMemory",
        "still": "[ 'what was declared before a limit stays', true ]",
        "force": "all variables are lost",
        "fresh": "'undefined'",
    },
    "widgets.ipynb": {"counter": "application/vnd.jupyter.widget-view+json"},
}
PRINTED = {
    "rest.sh": ('"preview":"for Ada"', '"status":"cancelled"', "RangeError: no price for kiwi", "Executions: 6"),
    "client.py": ("[ 1, 4, 9 ]", "3 squares", "ok\t9", "error\tTypeError: "),
}


def failed(cell: Any) -> str:
    return next((output.ename for output in cell.outputs if output.output_type == "error"), "")


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_it_shows_what_it_is_there_to_show(example: Example) -> None:
    for text in PRINTED.get(example.name, ()):
        assert text in example.printed, f"{example.name}: {text!r} is not in\n{example.printed}"
    cells = {cell.id: cell for cell in code_cells(example.notebook)} if example.notebook else {}
    for name, text in SHOWN.get(example.name, {}).items():
        outputs = json.dumps(cells[name].outputs, ensure_ascii=False)
        assert json.dumps(text, ensure_ascii=False)[1:-1] in outputs, f"{example.name}, cell {name}: {outputs[:2000]}"
    assert example.name in {**SHOWN, **PRINTED}


def test_its_cells_fail_where_they_may_and_nowhere_else(example: Example) -> None:
    for cell in code_cells(example.notebook) if example.notebook else []:
        may = "raises-exception" in cell.metadata.get("tags", [])
        assert bool(failed(cell)) == may, f"{example.name}, cell {cell.id}: {cell.outputs}"


def test_the_notebook_of_its_session_runs(example: Example, gateway: Gateway, tmp_path: Path) -> None:
    target = tmp_path / "exported.ipynb"
    lines = gateway.run("session", "export", example.session["id"], "--to", str(target)).lines
    exported = nbformat.read(target, as_version=4)
    nbformat.validate(exported)
    before = [(cell.source, failed(cell)) for cell in exported.cells]
    assert lines[1] == f"Executions: {len(before)}"
    assert len(before) > 2
    if example.notebook:
        assert exported.metadata.kernelspec.name == example.notebook.metadata.kernelspec.name
        assert [source for source, _ in before] == [cell.source for cell in code_cells(example.notebook)]
    place = {"metadata": {"path": example.session["worktree_path"]}}
    NotebookClient(exported, timeout=PATIENCE_S, resources=place).execute()  # raises where a cell fails that had not
    after = [(cell.source, failed(cell)) for cell in exported.cells]
    # Nobody answers a question there, and its cell says so.
    asked = [(source, "StdinNotImplementedError" if "prompt(" in source else name) for source, name in before]
    assert after == asked


def test_its_replay_differs_in_nothing_without_a_cause(example: Example, gateway: Gateway) -> None:
    done = gateway.run("session", "replay", example.session["id"], "--json")
    told = json.loads(done.out)
    assert (done.code, told["unexplained"]) == (0, 0), done.out
    with gateway.client() as client:
        recorded, replayed = (client.executions(each) for each in (example.session["id"], told["new_session"]["id"]))
    assert told["runs"] == len(recorded) == len(replayed)


def test_what_the_readme_shows_is_in_the_tour() -> None:
    tour = code_cells(nbformat.read(EXAMPLES / "tour.ipynb", as_version=4))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^ +In\[(\d+)\]  (.*\n(?: {13}(?! *(?:Out\[\d+\]|error)? *\|).*\n)*)", readme, re.MULTILINE)
    assert len(shown) >= 3
    for number, text in shown:
        assert re.sub(r"\n {13}", "\n", text).rstrip() == tour[int(number) - 1].source, f"In[{number}]"


TYPED = (
    "const n: number = 6 * 7; n",
    "const m = 1;\nn.missing.more",
    "%%ts\nconst s = `${n satisfies number}`; s",
    "new Error('first line').stack.split('\\n')[1] as string",
    "const e: Error = new Error('later');\nconsole.log(e.stack,\n  new Error('third line'))",
    "%time const t: number = 1; t",
    "%%time\nnew Error('below').stack as string",
    "%who",
    "const h = (tag: string, ...rest: unknown[]) => [tag, rest]; <b id='x'>text</b>",
    "enum Size { Small, Large }\nSize[1]",
    "#!/usr/bin/env node\nthis.answer = n as number",
    "  \n%limits",
)


def test_a_session_in_typescript_is_exported_and_replayed_as_such(gateway: Gateway, tmp_path: Path) -> None:
    spec = {"name": "typescript-vm", "display_name": "TypeScript (V8)", "language": "typescript"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": spec})
    notebook.cells = [nbformat.v4.new_code_cell(code, metadata={"tags": ["raises-exception"]}) for code in TYPED]
    NotebookClient(notebook, timeout=PATIENCE_S, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [failed(cell) for cell in notebook.cells] == ["", "TypeError", *[""] * (len(TYPED) - 2)]
    with gateway.client() as client:
        session = client.sessions()[0]["id"]
    target = tmp_path / "exported.ipynb"
    gateway.run("session", "export", session, "--to", str(target))
    exported = nbformat.read(target, as_version=4)
    assert exported.metadata.kernelspec == spec
    assert [cell.source for cell in exported.cells] == list(TYPED)
    replayed = gateway.data("session", "replay", session)
    measured = {len(TYPED): "console"} | {number: "console" for number, code in enumerate(TYPED, 1) if "%time" in code}
    unlike = [each for each in replayed["differences"] if measured.get(each["number"]) != each["what"]]
    assert (replayed["runs"], replayed["unexplained"], unlike) == (len(TYPED), 0, [])


LATE = {
    "tour.ipynb": ("late, and still in its cell\n", "stdout"),
    "limits.ipynb": ("CpuExceeded: stopped: it computed longer than cpu_ms = 500 ms allows.\n", "stderr"),
}


@pytest.mark.parametrize("example", LATE, indirect=True)
def test_late_output_that_nbclient_passes_over_is_in_the_notebook_of_the_record(
    example: Example, gateway: Gateway, tmp_path: Path
) -> None:
    target = tmp_path / "exported.ipynb"
    gateway.run("session", "export", example.session["id"], "--to", str(target))
    cells = [cell for cell in nbformat.read(target, as_version=4).cells if "\nsetTimeout(" in f"\n{cell.source}"]
    shown = [[(output.get("text"), output.get("name")) for output in cell.outputs] for cell in cells]
    assert [LATE[example.name] in outputs for outputs in shown] == [True], shown
