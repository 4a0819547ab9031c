"""Owns the parser's lane: brings it what a text turns out to need; refuses to know the texts."""

from __future__ import annotations

from ..cells import bundle
from .lane import Lane
from .v8 import library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .lane import Done

LOAD = 5  # cells/js/parser/entry.js
NEEDS = '{"needs":'
SCRIPT = "typescript.js"


class Parser(Lane):
    """Few sessions have TypeScript in them: its script is loaded when a text first asks for it."""

    def submit(self, operation: int, message: bytes, done: Done) -> None:
        self._post(operation, message, lambda kind, text: self._ended(operation, message, done, kind, text))

    def _post(self, operation: int, message: bytes, done: Done) -> None:
        super().submit(operation, message, done)

    def _ended(self, operation: int, message: bytes, done: Done, kind: int, text: str) -> None:
        if kind != library.STRING or not text.startswith(NEEDS):
            done(kind, text)
            return
        try:
            script = bundle.read(SCRIPT).encode("ascii")
        except bundle.AssetMissing as error:
            done(library.EXCEPTION, f"Error: {error}")
            return

        def loaded(kind: int, text: str) -> None:
            if kind >= library.EXCEPTION:
                done(kind, text)
            else:
                self._post(operation, message, done)

        self._post(LOAD, script, loaded)
