"""Owns the one loop of the process: what is served in which order; refuses to know what it means."""

from __future__ import annotations

import time
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Protocol

from .log import log
from .protocol.channels import CONTROL, SHELL, STDIN, Channels
from .recorder import Recorder

#: While subscribers are slow the engine is served this seldom and not read: its limits hold and its output waits
#: in its pipe.
HELD_BACK_S = 0.025
PARENT_CHECK_S = 1.0
LAST_S = 0.5


class Pumped(Protocol):
    """The part of an engine that the loop serves; see `engine.port.Engine`."""

    def fileno(self) -> int | None: ...

    def wants_write(self) -> bool: ...

    def deadline(self) -> float | None: ...

    def pump(self, read: bool = True) -> None: ...


class Loop:
    """Waits over sockets, engine, recorder, watched descriptors and timers (design 7.5); nothing else in the kernel
    waits.

    orphaned: asked once a second whether whoever started the kernel is gone; the loop closes when so.
    """

    def __init__(
        self, channels: Channels, engine: Pumped, recorder: Recorder, orphaned: Callable[[], bool] | None
    ) -> None:
        self.open = True
        #: Why it closed, for whoever keeps the session's row.
        self.why = ""
        self._channels = channels
        self._engine = engine
        self._recorder = recorder
        self._pumped = 0.0
        self._engine_due: float | None = None
        self._watched: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._timed = 0
        if orphaned is not None:
            self._check_parent(orphaned)

    def close(self, why: str = "") -> None:
        """No turn after this one; the first `why` counts."""
        self.open = False
        self.why = self.why or why

    def watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Calls `callback` whenever `descriptor` is readable."""
        self._watched[descriptor] = callback

    def after(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Calls `callback` once, in a turn that ends `delay_s` seconds from now or soon after."""
        self._timed += 1
        heappush(self._timers, (time.monotonic() + delay_s, self._timed, callback))

    def turn(self, receive: Callable[[str, list[bytes]], None], settle: Callable[[], None]) -> None:
        """Waits once and serves what is ready; `settle` comes after the messages and after what else there was, or once
        after nothing.
        """
        engine, recorder = self._engine.fileno(), self._recorder.fileno()
        held_back = self._channels.iopub.congested
        readable = list(self._watched)
        if recorder is not None:
            readable.append(recorder)
        if engine is not None and not held_back:
            readable.append(engine)
        writable = [engine] if engine is not None and self._engine.wants_write() else []
        self._note_engine_deadline(held_back)
        ready = self._channels.wait(self._patience(), readable, writable)
        # Shell is read before the engine, so that a failing cell aborts all that was sent after it.
        settled = False
        for channel in (CONTROL, STDIN, SHELL):
            for frames in self._channels.receive(channel):
                receive(channel, frames)
                settled = True
        if settled:
            settle()
        now = time.monotonic()
        if engine in ready or (self._engine_due is not None and now >= self._engine_due):
            self._pumped, self._engine_due, settled = now, None, False
            self._engine.pump(not held_back)
        if recorder in ready:
            settled = False
            self._recorder.dispatch()
        for descriptor in readable:
            if descriptor in ready and descriptor in self._watched:
                settled = False
                self._watched[descriptor]()
        while self._timers and self._timers[0][0] <= now:
            settled = False
            heappop(self._timers)[2]()
        if not settled:
            settle()

    def last_turn(self, receive: Callable[[str, list[bytes]], None]) -> None:
        """Takes the requests that have arrived, for `LAST_S` at most, and serves nothing else."""
        until = time.monotonic() + LAST_S
        self._channels.listen(SHELL, True)
        came = True
        while came and time.monotonic() < until:
            self._channels.wait(0.0)
            came = False
            for channel in (CONTROL, SHELL):
                for frames in self._channels.receive(channel):
                    came = True
                    receive(channel, frames)

    def _note_engine_deadline(self, held_back: bool) -> None:
        """The earliest that was named since the last pump: messages between must not push it away."""
        deadline = self._engine.deadline()
        if deadline is not None:
            if held_back:
                deadline = max(deadline, self._pumped + HELD_BACK_S)
            if self._engine_due is not None and self._engine_due < deadline:
                return
        self._engine_due = deadline

    def _patience(self) -> float | None:
        """How long nothing has to be done, in seconds; None: until something comes."""
        nearest = self._channels.iopub.deadline()
        if self._engine_due is not None and (nearest is None or self._engine_due < nearest):
            nearest = self._engine_due
        if self._timers and (nearest is None or self._timers[0][0] < nearest):
            nearest = self._timers[0][0]
        return None if nearest is None else max(0.0, nearest - time.monotonic())

    def _check_parent(self, orphaned: Callable[[], bool]) -> None:
        if orphaned():
            log("the process that started this kernel is gone; the kernel ends")
            self.close("closed because the Jupyter client that started it is gone")
        else:
            self.after(PARENT_CHECK_S, lambda: self._check_parent(orphaned))
