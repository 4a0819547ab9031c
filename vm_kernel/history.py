"""Owns what `history_request` can ask for: inputs and outputs of this session and of those before it; refuses to keep
the latter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Protocol, Union

MAX_ENTRIES = 10_000
MAX_CHARACTERS = 16 * 1024 * 1024
LONGEST_PATTERN = 1_000

#: The text of a value if there was one, or how to find it: of an earlier session it is read for what is chosen alone.
Shown = Union[str, None, Callable[[], "str | None"]]
#: Execution count, input, and its value.
Entry = tuple[int, str, Shown]
#: With the number of its session before it.
Numbered = tuple[int, int, str, Shown]


class Earlier(Protocol):
    """Sessions before this one, numbered from 1, the oldest first."""

    def count(self) -> int: ...

    def entries(self, session: int) -> list[Entry]:
        """In their order."""


class NoneEarlier:
    """Of a session that nobody keeps a ledger for."""

    def count(self) -> int:
        return 0

    def entries(self, session: int) -> list[Entry]:
        return []


class History:
    """The last `MAX_ENTRIES` executions of this session, or fewer when they are long; its number follows `earlier`."""

    def __init__(self) -> None:
        self.earlier: Earlier = NoneEarlier()
        self._entries: deque[tuple[int, str, str | None]] = deque()
        self._characters = 0

    def add(self, line: int, code: str, output: str | None) -> None:
        """Keeps one execution under its execution count; `output` is the text of its value, if it had one."""
        self._entries.append((line, code, output))
        self._characters += len(code) + len(output or "")
        while len(self._entries) > MAX_ENTRIES or (self._characters > MAX_CHARACTERS and self._entries):
            _, old_code, old_output = self._entries.popleft()
            self._characters -= len(old_code) + len(old_output or "")

    def answer(self, request: dict[str, Any]) -> list[tuple[int, int, Any]]:
        """The entries of a history_request: (session, line, input), or (session, line, (input, output)) on
        `output`.

        Raises ValueError with a reason for what is not understood.
        """
        access, output = request.get("hist_access_type", "tail"), bool(request.get("output"))
        if access == "range":
            chosen = self._range(request)
        elif access == "search":
            chosen = self._search(request)
        elif access == "tail":
            chosen = self._tail(_number(request.get("n")))
        else:
            raise ValueError("content.hist_access_type must be range, tail or search")
        if output:
            return [(number, line, (code, show() if callable(show) else show)) for number, line, code, show in chosen]
        return [(session, line, code) for session, line, code, _ in chosen]

    def _newest(self) -> Iterator[Numbered]:
        """This session and those before it, the newest entry first, no more than `MAX_ENTRIES`."""
        left, number = MAX_ENTRIES, self.earlier.count() + 1
        entries: list[Entry] = list(self._entries)
        while number > 0 and left > 0:
            for line, code, shown in reversed(entries[-left:]):
                yield number, line, code, shown
            left -= len(entries)
            number -= 1
            entries = self.earlier.entries(number) if number and left > 0 else []

    def _tail(self, n: int | None) -> list[Numbered]:
        """The last `n`, of earlier sessions too; of this one all that are kept where `n` is not told."""
        if n is None:
            own = self.earlier.count() + 1
            return [(own, *entry) for entry in self._entries]
        return list(islice(self._newest(), min(max(n, 0), MAX_ENTRIES)))[::-1]

    def _range(self, request: dict[str, Any]) -> list[Numbered]:
        """Lines `start` <= line < `stop` of a session: 0 or its number for this one, -1 for the one before it...
        Negative lines count from the end, as IPython counts them; no `stop`, or 0, is the end.
        """
        own = self.earlier.count() + 1
        asked = _number(request.get("session") or 0)
        number = 0 if asked is None else asked + own if asked <= 0 else asked
        if not 0 < number <= own:
            return []
        entries = list(self._entries) if number == own else self.earlier.entries(number)
        if not entries:
            return []
        end = entries[-1][0] + 1
        start, stop = _number(request.get("start")) or 0, _number(request.get("stop")) or end
        start, stop = start + end if start < 0 else start, stop + end if stop < 0 else stop
        return [(number, *entry) for entry in entries if start <= entry[0] < stop]

    def _search(self, request: dict[str, Any]) -> list[Numbered]:
        """The last `n` that match as a whole the pattern of `*`, `?`, `[...]`; `unique`: of equal ones the newest."""
        import fnmatch  # only here: it would cost every start

        pattern, n = request.get("pattern", "*"), _number(request.get("n"))
        if not isinstance(pattern, str) or len(pattern) > LONGEST_PATTERN:
            raise ValueError(f"content.pattern must be text of at most {LONGEST_PATTERN} characters")
        found: list[Numbered] = []
        seen: set[str] = set()
        for entry in self._newest():
            if n is not None and len(found) >= n:
                break
            if fnmatch.fnmatchcase(entry[2], pattern) and not (request.get("unique") and entry[2] in seen):
                found.append(entry)
                seen.add(entry[2])
        return found[::-1]


def _number(value: object) -> int | None:
    return value if type(value) is int else None
