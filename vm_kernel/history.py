"""Owns what `history_request` can ask for: this session's inputs and outputs; refuses to keep them longer."""

from __future__ import annotations

from collections import deque
from typing import Any

#: The number of this session in replies; Jupyter counts sessions from 1.
SESSION = 1
MAX_ENTRIES = 10_000
MAX_CHARACTERS = 16 * 1024 * 1024

Entry = tuple[int, str, "str | None"]


class History:
    """The last `MAX_ENTRIES` executions, or fewer when they are long."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
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
        access = request.get("hist_access_type", "tail")
        if access == "range":
            chosen = self._range(request)
        elif access == "search":
            chosen = self._search(request)
        elif access == "tail":
            chosen = _last(list(self._entries), request.get("n"))
        else:
            raise ValueError("content.hist_access_type must be range, tail or search")
        if request.get("output"):
            return [(SESSION, line, (code, output)) for line, code, output in chosen]
        return [(SESSION, line, code) for line, code, _ in chosen]

    def _range(self, request: dict[str, Any]) -> list[Entry]:
        """Lines `start` <= line < `stop` of this session, which is 0 or its number; those before it, -1 and so on, are
        not known. Negative lines count from the end, as IPython counts them; no `stop`, or 0, is the end.
        """
        if (request.get("session") or 0) not in (0, SESSION) or not self._entries:
            return []
        end = self._entries[-1][0] + 1
        start, stop = _number(request.get("start")) or 0, _number(request.get("stop")) or end
        start, stop = start + end if start < 0 else start, stop + end if stop < 0 else stop
        return [entry for entry in self._entries if start <= entry[0] < stop]

    def _search(self, request: dict[str, Any]) -> list[Entry]:
        """The last `n` that match as a whole the pattern of `*`, `?`, `[...]`; `unique`: of equal ones the newest."""
        import fnmatch  # only here: it would cost every start

        pattern = request.get("pattern", "*")
        if not isinstance(pattern, str):
            raise ValueError("content.pattern must be text")
        found = [entry for entry in self._entries if fnmatch.fnmatchcase(entry[1], pattern)]
        if request.get("unique"):
            newest = {code: (line, code, output) for line, code, output in found}
            found = sorted(newest.values())
        return _last(found, request.get("n"))


def _number(value: object) -> int | None:
    return value if type(value) is int else None


def _last(entries: list[Entry], n: object) -> list[Entry]:
    count = _number(n)
    if count is None:
        return entries
    return entries[-count:] if count > 0 else []
