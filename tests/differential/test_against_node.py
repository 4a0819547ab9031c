"""Cells end as in Node: values, console text, errors and the lines they name; where they do not, the cells say why.

Compared with the ends recorded in cells/*.json; where Node is here, these are compared with what it says now.
"""

from __future__ import annotations

from typing import Any

import pytest

from .record import VERSION, topics
from .runs import End, in_engine, in_node

TOPICS = topics()
ROWS = [(topic, row) for topic, rows in TOPICS.items() for row in rows]


@pytest.fixture(scope="module")
def ends() -> list[End]:
    """All cells of all files, in one engine."""
    return in_engine([row["code"] for _, row in ROWS])


def as_far_as_told(ours: End, wanted: End) -> End:
    """Of the place of an error only what Node tells: none where the text stops short, no column where it changed it."""
    if "error" not in ours or "error" not in wanted:
        return ours
    error = {key: value for key, value in ours["error"].items() if key in wanted["error"] or key in ("name", "message")}
    return {**ours, "error": error}


@pytest.mark.parametrize("index", range(len(ROWS)), ids=[f"{topic}: {row['code']}" for topic, row in ROWS])
def test_cell_ends_as_in_node(ends: list[End], index: int) -> None:
    row = ROWS[index][1]
    wanted = row.get("ours", row["node"])
    assert as_far_as_told(ends[index], wanted) == wanted, row.get("why", row["code"])


def test_recorded_ends_are_nodes() -> None:
    answer = in_node([row["code"] for _, row in ROWS])
    if answer is None:
        pytest.skip("there is no Node here: the recorded ends count")
    version, said = answer
    recorded = VERSION.read_text(encoding="utf-8").strip()
    if version.split(".")[0] != recorded.split(".")[0]:
        pytest.skip(f"Node {version} is here, the ends are those of {recorded}")
    changed: list[Any] = [
        (topic, row["code"], row["node"], now)
        for (topic, row), now in zip(ROWS, said, strict=True)
        if now != row["node"]
    ]
    assert not changed, f"`python -m tests.differential.record` writes them anew: {changed[:3]}"


def test_every_difference_is_one_and_has_its_reason() -> None:
    for topic, row in ROWS:
        if "ours" in row:
            assert row.get("why"), f"{topic}: {row['code']} differs from Node without a reason"
            assert as_far_as_told(row["ours"], row["node"]) != row["node"], f"{topic}: {row['code']} does not differ"
    assert len(ROWS) >= 1200
    assert sum("ours" in row for _, row in ROWS) <= 70
