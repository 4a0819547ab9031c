"""Owns how values become lines: fields, tables, JSON; refuses to know what they mean.

Scripts read these lines, so one value is never more than one line: control characters and everything that reorders
text are written as escapes, which also keeps what a program printed from driving the terminal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_ACTIVE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
GAP = "  "


def plain(text: str) -> str:
    """`text` on one line, without anything that a terminal obeys."""
    return _ACTIVE.sub(lambda found: _SHORT.get(found[0], f"\\u{ord(found[0]):04x}"), text)


def compact(value: Any) -> str:
    """JSON on one line without spaces, as scripts look for it: `{"type":"number","preview":"42"}`."""
    return plain(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def indented(value: Any) -> str:
    """JSON over several lines, for people and for jq."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "\n".join(plain(line) for line in text.split("\n"))


def cut(text: str, width: int) -> str:
    """At most `width` characters, three dots among them where something is left out."""
    return text if len(text) <= width else text[: width - 3] + "..."


def seconds(timestamp: str) -> str:
    """`2026-02-08T10:43:00.123456Z` without the fraction, for tables."""
    return re.sub(r"\.\d+", "", timestamp)


def clock(timestamp: str) -> str:
    """The time of day of a timestamp, to the millisecond."""
    found = re.search(r"T(\d\d:\d\d:\d\d(?:\.\d{1,3})?)", timestamp)
    return found[1] if found else timestamp


def fields(values: Mapping[str, Any]) -> Iterator[str]:
    """`Name: value`, one per line, without those that are None."""
    for name, value in values.items():
        if value is not None:
            yield f"{name}: {plain(value) if isinstance(value, str) else compact(value)}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> Iterator[str]:
    """Columns as wide as their widest value, under headings and a rule; without rows `nothing` alone."""
    if not rows:
        yield nothing
        return
    shown = [headings, *([plain(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(headings))]
    for number, row in enumerate(shown):
        yield GAP.join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip()
        if number == 0:
            yield "-" * (sum(widths) + len(GAP) * (len(widths) - 1))
