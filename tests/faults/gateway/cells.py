"""Owns the cells that the load posts: what they print, what they give, how they are told apart; knows no HTTP.

Each counts one up in its session, so that a cell that ran twice, ran without a record or lost its session's variables
is seen in the numbers of those that come after it.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

_FIRST_LINE = re.compile(r"// (\S+) (\d+) (\d+)\n")


@dataclass(frozen=True)
class Cell:
    """Prints `lines` lines with its marker, the second half of them after a pause; gives the session's counter."""

    marker: str
    lines: int
    pause_ms: int

    @property
    def code(self) -> str:
        half = self.lines // 2
        return "\n".join(
            [
                f"// {self.marker} {self.lines} {self.pause_ms}",
                'var counter = (typeof counter === "undefined" ? 0 : counter) + 1;',
                f'for (let i = 0; i < {half}; i++) console.log("{self.marker}", i);',
                f"await new Promise((done) => setTimeout(done, {self.pause_ms}));" if self.pause_ms else "",
                f'for (let i = {half}; i < {self.lines}; i++) console.log("{self.marker}", i);',
                "counter",
            ]
        )

    @property
    def printed(self) -> list[str]:
        return [f"{self.marker} {number}" for number in range(self.lines)]


def read(code: str) -> Cell | None:
    """The cell whose code this is; None when it is none, or not whole."""
    found = _FIRST_LINE.match(code)
    if found is None:
        return None
    cell = Cell(found[1], int(found[2]), int(found[3]))
    return cell if cell.code == code else None


def draw(chance: random.Random, marker: str) -> Cell:
    """Small ones: silent, printing, pausing."""
    lines = chance.choice((0, 0, 1, 2, 7, 40, 300))
    pause_ms = chance.choice((0, 0, 0, 1, 20, 120))
    return Cell(marker, lines, pause_ms)
