"""Notebooks through nbclient and papermill, with the installed kernelspec."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

KERNELSPEC = {"name": "javascript-vm", "display_name": "JavaScript (V8)", "language": "javascript"}


def notebook(*codes: str) -> nbformat.NotebookNode:
    made = new_notebook(cells=[new_code_cell(code) for code in codes])
    made.metadata["kernelspec"] = KERNELSPEC
    return made


def outputs(cell: nbformat.NotebookNode) -> list[tuple[str, str]]:
    """Each output as its type and its text."""
    found = []
    for output in cell.outputs:
        if output.output_type == "stream":
            found.append((output.name, output.text))
        elif output.output_type == "error":
            found.append(("error", f"{output.ename}: {output.evalue}"))
        else:
            found.append((output.output_type, output.data.get("text/plain", "")))
    return found


def test_the_outputs_of_a_notebook_are_those_of_its_cells() -> None:
    run = notebook(
        "console.log('out'); console.error('err'); 6 * 7",
        "await new Promise(done => setTimeout(done, 20)); [1, 'two', { three: 3 }]",
        "display({ 'text/html': '<b>b</b>', 'text/plain': 'b' }, { raw: true })",
        "let x = 1",
        "let x = 2; x",
        "console.log('gone'); clearOutput(); console.log('stays')",
    )
    NotebookClient(run, timeout=30).execute()
    nbformat.validate(run)
    assert [outputs(cell) for cell in run.cells] == [
        [("stdout", "out\n"), ("stderr", "err\n"), ("execute_result", "42")],
        [("execute_result", "[ 1, 'two', { three: 3 } ]")],
        [("display_data", "b")],
        [],
        [("execute_result", "2")],
        [("stdout", "stays\n")],
    ]


def test_updates_of_a_display_reach_the_cell_that_made_it() -> None:
    run = notebook(
        "display({ 'text/plain': 'before' }, { raw: true, display_id: 'd' })",
        "display({ 'text/plain': 'after' }, { raw: true, display_id: 'd', update: true })",
    )
    NotebookClient(run, timeout=30).execute()
    assert outputs(run.cells[0]) == [("display_data", "after")]


def test_an_error_stops_the_notebook_with_the_line_in_its_traceback() -> None:
    run = notebook("1", "const a = 1;\nnull.f", "'never'")
    with pytest.raises(CellExecutionError, match="TypeError"):
        NotebookClient(run, timeout=30).execute()
    assert run.cells[2].execution_count is None
    error = run.cells[1].outputs[-1]
    assert error.output_type == "error" and any(":2:" in line for line in error.traceback), error.traceback


def test_twenty_thousand_lines_are_in_the_notebook() -> None:
    run = notebook("for (let i = 0; i < 20000; i++) console.log('line ' + i)")
    NotebookClient(run, timeout=60).execute()
    text = "".join(text for name, text in outputs(run.cells[0]) if name == "stdout")
    assert text == "".join(f"line {number}\n" for number in range(20_000)), (
        f"{text.count(chr(10))} lines came"
    )


def test_a_cell_that_takes_too_long_is_interrupted_by_nbclient_and_the_next_one_runs() -> None:
    run = notebook("var kept = 5", "while (true) {}", "kept")
    NotebookClient(run, timeout=2, interrupt_on_timeout=True, allow_errors=True).execute()
    assert outputs(run.cells[1])[0][1].startswith("Interrupted")
    assert outputs(run.cells[2]) == [("execute_result", "5")]


def test_papermill_runs_a_notebook_from_its_command_line(tmp_path: Path) -> None:
    made = notebook("console.log('by papermill'); 6 * 7", "await Promise.resolve('awaited')")
    made.cells.insert(0, new_markdown_cell("# A notebook"))
    nbformat.write(made, tmp_path / "in.ipynb")
    done = papermill(tmp_path)
    assert done.returncode == 0, done.stderr
    run = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert [outputs(cell) for cell in run.cells if cell.cell_type == "code"] == [
        [("stdout", "by papermill\n"), ("execute_result", "42")],
        [("execute_result", "'awaited'")],
    ]


def test_papermill_stops_at_a_failing_cell_and_says_which(tmp_path: Path) -> None:
    nbformat.write(notebook("1", "throw new RangeError('on purpose')", "2"), tmp_path / "in.ipynb")
    done = papermill(tmp_path)
    assert done.returncode != 0 and "RangeError: on purpose" in done.stderr


def papermill(folder: Path) -> subprocess.CompletedProcess[str]:
    """`papermill in.ipynb out.ipynb` in this folder; it warns of its own dependencies, not held here."""
    words = [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "--no-progress-bar"]
    return subprocess.run(
        words,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
