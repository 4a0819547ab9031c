"""Owns running one list of cells in this project's engine and in Node, each in one process; refuses to compare them.

An end is `{"value": text}` (`undefined` where nothing is shown) or `{"error": {name, message, back, line, column}}` or
`{"error": {thrown: text}}`, with `"printed": [[stream, text], ...]` where the cell printed. `back` is how many cells
ago the code stands that threw; stack frames are left out of texts.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.engine.driver import Driver
from vm_kernel.engine.port import Printed
from vm_kernel.engine.supervisor import Supervisor
from vm_kernel.outcomes import Completed, Raised

HERE = Path(__file__).parent
STDERR = ("warn", "error", "trace")
# Place, line and caret above an error that no cell waits for.
SOURCE = re.compile(r"\Acell \[\d+\]:\d+:\d+\n.*\n\s*\^\n\n(?=Uncaught)")
FRAME = re.compile(r"^ +at (?:.*\()?cell \[(\d+)\]:(\d+):(\d+)", re.MULTILINE)

End = dict[str, Any]


def in_node(cells: list[str]) -> tuple[str, list[End]] | None:
    """Node's version and its ends; None where there is no Node."""
    node = shutil.which("node")
    if node is None:
        return None
    command = [node, "--expose-internals", "--no-warnings", str(HERE / "node_driver.js")]
    done = subprocess.run(command, input=json.dumps(cells), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout, f"Node's driver failed: {done.stderr[-2000:]}"
    answer = json.loads(done.stdout)
    return answer["version"], answer["ends"]


def in_engine(cells: list[str]) -> list[End]:
    driver = Driver(lambda sink: Supervisor(512, sink))
    try:
        return [_end(driver, driver.begin(code)) for code in cells]
    finally:
        driver.close()


def _end(driver: Driver, cell: int) -> End:
    outcome = driver.finish(cell).outcome
    if isinstance(outcome, Completed):
        end: End = {"value": "undefined" if outcome.value is None else _bare(outcome.value.text)}
    else:
        assert isinstance(outcome, Raised), outcome
        error = outcome.error
        if error.name == "Uncaught":
            end = {"error": {"thrown": _bare(error.message)}}
        else:
            end = {"error": {"name": error.name, "message": error.message}}
            if place := FRAME.search(error.stack):
                number, line, column = map(int, place.groups())
                end["error"].update(back=cell - number, line=line, column=column)
    printed = [
        ["stderr" if report.level in STDERR else "stdout", SOURCE.sub("", _bare(report.text)) + "\n"]
        for report in driver.reports
        if isinstance(report, Printed) and report.cell == cell
    ]
    return {**end, "printed": printed} if printed else end


def _bare(text: str) -> str:
    """Without stack frames."""
    return re.sub(r"\n +at .*", "", text)
