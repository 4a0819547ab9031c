"""Owns the README's comparison with other kernels, made from features.json; refuses to know how a row is tried.

`python -m tests.peers.table` writes it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FEATURES = Path(__file__).with_name("features.json")
README = Path(__file__).resolve().parents[2] / "README.md"
ROWS: list[dict[str, Any]] = json.loads(FEATURES.read_text(encoding="utf-8"))
BEGIN, END = "<!-- comparison: made by python -m tests.peers.table -->", "<!-- end of comparison -->"
HEAD = (
    "| feature | JavaScript (V8) | Deno 2.9.8 | tslab 1.0.22 | ijavascript 5.2.1 |",
    "| --- | --- | --- | --- | --- |",
)


def lines() -> list[str]:
    """Each row is tried by `tests/peers/test_feature_table.py`; an exempt one says why."""
    rows = [
        "| "
        + " | ".join([row["feature"], ": ".join(filter(None, (row["ours"], row.get("exempt")))), *_peers(row)])
        + " |"
        for row in ROWS
    ]
    return [*HEAD, *rows]


def _peers(row: dict[str, Any]) -> list[str]:
    return [row[name] for name in ("deno", "tslab", "ijavascript")]


def written(readme: str) -> str:
    """The README with the table as it is now."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n" + "\n".join(lines()) + f"\n{END}{after}"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
