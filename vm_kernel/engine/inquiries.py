"""Owns answering is_complete, complete and inspect inside the engine; refuses to hold up a cell for them.

The parser says what is asked about. It is looked up among the live objects where no task keeps their context busy, also
while a cell is awaited; else in the sources that the parser has seen.
"""

from __future__ import annotations

import time

from .frames import ANSWER, COMPLETE, INSPECT, IS_COMPLETE, MAX_BYTES
from .lane import OPERATION, Lane
from .pipe import Pipe
from .v8 import library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .confinement import Memory

# operations: cells/js/parser/entry.js, cells/js/session/kinds.js
CHECK, TARGET = 2, 3
STATIC = {COMPLETE: 4, INSPECT: 6}
LIVE = {COMPLETE: 4, INSPECT: 5}
PARSED, LOOKED = (CHECK, TARGET, *STATIC.values()), tuple(LIVE.values())
LONGEST_S, LONGEST_BEFORE_A_CELL_S = 3.0, 0.1  # a megabyte takes 0.4 s to be parsed, some texts and values for ever


class Inquiries:
    """Every request gets one answer: an ANSWER frame, or an ANSWER record of the session's context."""

    def __init__(self, pipe: Pipe, session: Lane, parser: Lane, memory: Memory, occupied: Callable[[], bool]) -> None:
        """occupied: whether user code runs in the session's context, for who knows how long."""
        self._pipe = pipe
        self._session = session
        self._parser = parser
        self._memory = memory
        self._occupied = occupied

    def ask(self, kind: int, number: int, payload: bytes) -> None:
        if kind == IS_COMPLETE:
            self._parser.submit(CHECK, payload, lambda ended, text: self._answer(number, ended, text))
        else:
            self._parser.submit(TARGET, payload, lambda ended, text: self._look(kind, number, payload, ended, text))

    def _look(self, kind: int, number: int, payload: bytes, ended: int, target: str) -> None:
        if ended != library.STRING:
            self._answer(number, ended, target)
        elif not self._occupied():
            self._session.submit(LIVE[kind], target.encode("ascii"), lambda ended, text: self._looked(number, ended))
        else:
            self._parser.submit(STATIC[kind], payload, lambda ended, text: self._answer(number, ended, text))

    def watch(self, cell_waits: bool) -> None:
        """End what keeps the parser or the session for too long, or fills the engine; its answer is empty then."""
        longest_s = LONGEST_BEFORE_A_CELL_S if cell_waits else LONGEST_S
        late_since_s = time.monotonic() - longest_s
        parser, session = self._parser, self._session
        if parser.busy and parser.header[OPERATION] in PARSED and parser.since_s < late_since_s:
            parser.end()
        # What V8 runs by itself may keep ours from beginning: that is for the session to settle.
        looking = session.busy and session.header[OPERATION] in LOOKED and session.entered
        if looking and (session.since_s < late_since_s or self._memory.exceeded()):
            session.end()

    def _looked(self, number: int, ended: int) -> None:
        if ended >= library.EXCEPTION or self._session.cancelled:
            self._answer(number, library.EXCEPTION, "")

    def _answer(self, number: int, ended: int, text: str) -> None:
        answer = text.encode("utf-8") if ended == library.STRING else b"{}"
        self._pipe.send(ANSWER, number, answer if len(answer) <= MAX_BYTES[ANSWER] else b"{}")
