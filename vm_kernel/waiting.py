"""Owns the execute requests whose turn has not come; refuses to run them."""

from __future__ import annotations

from collections import deque

from . import request as asks
from .desk import Desk, Request
from .log import log
from .protocol import messages

MAX_WAITING = 10_000

BUSY = "another cell is running or waiting in this session; try again when it is done"
FULL = f"{MAX_WAITING} cells are waiting in this session; try again when some are done"


class Waiting:
    """A queue of checked execute requests, in the order of their arrival."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._queue: deque[tuple[Request, asks.Execute]] = deque()

    def __bool__(self) -> bool:
        return bool(self._queue)

    def put(self, request: Request, running: bool, count: int, refusal: asks.Refusal | None = None) -> None:
        """Takes a request in, or refuses it with `count` as its execution count.

        running: a cell is. refusal: why the session takes no cells at all.
        """
        try:
            asked = asks.execute(request.message.content, request.message.metadata)
        except asks.Refusal as invalid:
            log(f"{request.channel}: execute_request was refused: {invalid}")
            refusal = invalid
        else:
            if refusal is not None:
                pass
            elif asked.planned is not None and asked.planned.refuse_if_busy and (running or self._queue):
                refusal = asks.Refusal("SessionBusy", BUSY)
            elif len(self._queue) >= MAX_WAITING:
                refusal = asks.Refusal("SessionBusy", FULL)
            else:
                self._queue.append((request, asked))
        if refusal is not None:
            self._desk.busy(request)
            self._desk.refuse(request, refusal, count)

    def take(self) -> tuple[Request, asks.Execute]:
        """The request that came first."""
        return self._queue.popleft()

    def refuse(self, refusal: asks.Refusal, count: int) -> None:
        """Answers all with the refusal."""
        waiting, self._queue = self._queue, deque()
        for request, _ in waiting:
            self._desk.busy(request)
            self._desk.refuse(request, refusal, count)

    def abort(self, count: int) -> None:
        """Answers all with `aborted`; `count` is the execution count they show."""
        waiting, self._queue = self._queue, deque()
        for request, _ in waiting:
            self._desk.busy(request)
            self._desk.answer(request, messages.execute_aborted(count))
