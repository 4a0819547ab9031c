"""Owns the files of cells and the recording of Node's ends in them; refuses to judge how this project ends them.

A file is a topic: rows `{"code", "node"}`, and where this project ends otherwise on purpose also `"ours"` and `"why"`.
Everything in the files runs in one process, file after file, so names live on. `python -m tests.differential.record`
asks the Node on the path and writes its ends.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .runs import in_node

CELLS = Path(__file__).parent / "cells"
VERSION = CELLS.parent / "node_version.txt"

Row = dict[str, Any]


def topics() -> dict[str, list[Row]]:
    """The rows of each file, in the order in which they run."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(CELLS.glob("*.json"))}


def write(topic: str, rows: list[Row]) -> None:
    """One row a line."""
    text = ",\n".join(" " + json.dumps(row) for row in rows)
    (CELLS / f"{topic}.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")


def record() -> str | None:
    """What went wrong, None for nothing."""
    files = topics()
    answer = in_node([row["code"] for rows in files.values() for row in rows])
    if answer is None:
        return "there is no Node on the path"
    version, ends = answer
    left = iter(ends)
    for topic, rows in files.items():
        write(topic, [{"code": row["code"], "node": next(left), **_ours(row)} for row in rows])
    VERSION.write_text(version + "\n", encoding="utf-8")
    return None


def _ours(row: Row) -> Row:
    return {key: row[key] for key in ("ours", "why") if key in row}


if __name__ == "__main__":
    sys.exit(record())
