"""Owns what the kernel is told of code that is not the awaited cell's, and of the time it took; refuses to run any."""

from __future__ import annotations

from time import process_time

from . import frames
from .lane import CELL, Lane
from .pipe import Pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SPENT_S = 0.02  # told of at once when the turns too short to be told of one by one have added up to it


class Turns:
    """The one that runs, if the kernel knows of it, and the time of those that it does not."""

    def __init__(self, pipe: Pipe, session: Lane, awaited: Callable[[], int]) -> None:
        """awaited: the cell that has begun, or 0."""
        self._pipe = pipe
        self._session = session
        self._awaited = awaited
        self._owner: int | None = None  # of the turn that the kernel has been told of
        self._since_s = 0.0
        self._spent_s = 0.0

    @property
    def told(self) -> bool:
        return self._owner is not None

    def begin(self) -> None:
        """A turn is handed to JavaScript; the kernel need not know."""
        self._since_s = process_time()

    def tell_begun(self, status: int = frames.OK) -> None:
        """It lasts, or a cell waits for it. A turn may become another cell's: that is told as a turn of its own."""
        owner = self._session.header[CELL]
        if self._owner != owner:
            self.let_begin()
            self._owner = owner
            self._tell(frames.TURN_BEGUN, status, owner)

    def tell_over(self, state: int, status: int, owner: int) -> None:
        """state: TURN_ENDED or TURN_STOPPED."""
        self._owner = None
        self._tell(state, status, owner)

    def let_begin(self) -> None:
        """What V8 ran by itself no longer keeps a cell from beginning."""
        if self._owner is not None:
            self.tell_over(frames.TURN_ENDED, frames.OK, self._owner)

    def end(self, owner: int) -> None:
        """The turn of `owner` is over: its time is not the awaited cell's."""
        cell = self._awaited()
        if cell and cell != (owner if self._owner is None else self._owner):
            self._spent_s += process_time() - self._since_s
            if self._owner is not None or self._spent_s >= SPENT_S:
                self.tell_spent(cell)

    def tell_spent(self, cell: int) -> None:
        """So that the kernel does not take it for time of the cell, which goes on or has ended."""
        if self._spent_s:
            self._pipe.send(frames.SPENT, cell, frames.SPENT_US.pack(min(int(self._spent_s * 1e6), 0xFFFFFFFF)))
            self._spent_s = 0.0

    def _tell(self, state: int, status: int, owner: int) -> None:
        self._pipe.send(frames.TURN, owner, frames.TURN_STATE.pack(state, status, self._awaited()))
