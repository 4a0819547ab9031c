"""Owns what the parser made of cells that ran before, so that running one again needs no parser; refuses to parse."""

from __future__ import annotations

MOST, LONGEST_BYTES = 128, 4096


class Parses:
    """The newest parses of short cells, by the cell's text as JSON."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}

    def get(self, code: bytes) -> bytes | None:
        return self._known.get(code)

    def put(self, code: bytes, parse: bytes) -> None:
        if len(code) <= LONGEST_BYTES:
            if len(self._known) >= MOST:
                del self._known[next(iter(self._known))]  # the oldest
            self._known[code] = parse
