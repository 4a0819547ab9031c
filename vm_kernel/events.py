"""Owns the shape of the recorded items of an execution's output and the page of those of one turn; refuses to know how
they are stored or published.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

#: Event types of contract sections 6.1 and 18.3.
TYPES = (
    "input_echo",
    "console",
    "value",
    "exception",
    "system",
    "display",
    "clear",
    "input_request",
    "input_reply",
    "comm",
)


class Event(NamedTuple):
    """One numbered item: `seq` starts at 1 without gaps per execution, `ts` is RFC 3339 UTC with microseconds.

    late: made after the execution ended (timers, promises); contract 18.3.
    A tuple because a flood makes them by the hundred thousand: a third of a frozen dataclass's cost.
    """

    execution_id: str
    seq: int
    type: str
    payload: dict[str, Any]
    ts: str
    late: bool = False


class Lines(NamedTuple):
    """Console events that follow one another, of one level: `seq` is the first one's, `texts` the texts of all `lines`
    of them as JSON strings between commas. A flood is passed on so, at the cost of its bytes.
    """

    execution_id: str
    seq: int
    lines: int
    level: str
    texts: str
    ts: str
    late: bool = False

    def events(self) -> Iterator[Event]:
        for number, text in enumerate(json.loads(f"[{self.texts}]")):
            payload = {"level": self.level, "text": text}
            yield Event(self.execution_id, self.seq + number, "console", payload, self.ts, self.late)


#: The second of the last stamp and its text; one value, so that threads never see half of it.
_last = (-1, "")


def timestamp() -> str:
    """Now as `2026-02-08T10:43:00.123456Z`; stamped once, in the kernel (design 7.10)."""
    global _last
    second, rest_ns = divmod(time.time_ns(), 1_000_000_000)
    known, text = _last
    if second != known:
        text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
        _last = (second, text)
    return f"{text}{rest_ns // 1000:06d}Z"


class Page:
    """Events noted since the recorder was last given some. `keep` is False when nobody records.

    All events of one turn of the loop bear the time at which the first of them was noted.
    """

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self._events: list[Event | Lines] = []
        self._ts = ""
        self._lines: list[str] = []
        #: What the lines have in common, and the number of the first.
        self._of, self._level, self._late, self._first = "", "", False, 0

    def add(self, execution_id: str, seq: int, type_: str, payload: dict[str, Any], late: bool) -> None:
        if not self._ts:
            self._ts = timestamp()
        if self._lines:
            self._close_lines()
        self._events.append(Event(execution_id, seq, type_, payload, self._ts, late))

    def add_line(self, execution_id: str, seq: int, level: str, quoted: str, late: bool) -> None:
        """A console event, its text as JSON."""
        if self._lines:
            if execution_id == self._of and level == self._level and late is self._late:
                self._lines.append(quoted)
                return
            self._close_lines()
        if not self._ts:
            self._ts = timestamp()
        self._of, self._level, self._late, self._first = execution_id, level, late, seq
        self._lines = [quoted]

    def take(self) -> list[Event | Lines]:
        """What was noted, which is then no longer here."""
        if self._lines:
            self._close_lines()
        events, self._events, self._ts = self._events, [], ""
        return events

    def _close_lines(self) -> None:
        lines, self._lines = self._lines, []
        texts = ",".join(lines)
        self._events.append(Lines(self._of, self._first, len(lines), self._level, texts, self._ts, self._late))
