"""Owns which requests an engine has not answered yet; refuses to know what they are about."""

from __future__ import annotations

from . import frames


class Requests:
    """Those of one engine; its kernel never uses a number again."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._highest = 0

    def ask(self, number: int) -> None:
        self._open.add(number)
        self._highest = max(self._highest, number)

    def answered(self, number: int) -> bool:
        """Whether it waited for this answer; one comes twice where JavaScript gave it and was stopped over it.

        Raises: BadFrame for one that was never asked.
        """
        if number > self._highest:
            raise frames.BadFrame(f"answer to request {number}, which nobody asked")
        waited = number in self._open
        self._open.discard(number)
        return waited

    def left(self) -> list[int]:
        """Those that will have no answer."""
        return sorted(self._open)
