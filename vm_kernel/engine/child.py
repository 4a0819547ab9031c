"""Owns the engine process: V8 on its own threads, one pipe, one 5 ms tick; refuses to know executions and clients.

The main thread alone reads and writes the pipe. While JavaScript runs it carries records from the ring to the pipe,
watches resident memory and hears STOP; JavaScript waits for it in a full ring and in prompt(). Nothing is imported but
small C modules: every millisecond here is in each session's start (tests hold the list).
"""

from __future__ import annotations

import os
import select
import time

from . import alarm, frames
from .confinement import Memory
from .frames import ANSWER, BROKEN, DONE, OK, OUT_OF_MEMORY, TERMINATED, TURN_ENDED, TURN_STOPPED
from .heap import Heap
from .inquiries import Inquiries
from .lane import CELL, NEXT_TIMER_MS, NOTHING, PENDING, RECOVERIES, STIRRED, Lane
from .parses import Parses
from .pipe import Pipe
from .sources import Sources
from .turns import Turns
from .v8 import library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .lane import Done

TICK_MS = 5

# operations: cells/js/session/kinds.js, cells/js/parser/entry.js
RUN, TICK, ABANDON, HEAR = 1, 2, 3, 7
TRANSFORM = 1


class Child:
    """The state of the engine process; `serve` is its life.

    A cell is parsed, run and, if it awaits, awaited: `_cell` is its number all that time. A turn is one timer's
    callback, or the handling of one message on a comm, between cells or while a cell is awaited: while one runs `_turn`
    is its operation.

    V8 also runs code by itself, between tasks: reactions to Atomics.waitAsync and asynchronous WebAssembly compilation,
    finalizers. When such code leaves something to do, or only computes, a turn is submitted. It settles what is left,
    and where it does not begin, the kernel's clocks run for it as for every other turn.
    """

    def __init__(self, pipe: Pipe, wake: int, session: Lane, parser: Lane, memory: Memory) -> None:
        """wake: becomes readable when V8's threads have something for the main thread."""
        self._pipe = pipe
        self._wake = wake
        self._session = session
        self._parser = parser
        self._memory = memory
        self._heap = Heap(session.context, memory)
        self._inquiries = Inquiries(pipe, session, parser, memory, lambda: self._running or self._turn != 0)
        self._sources = Sources(session, parser)
        self._cells: list[tuple[int, bytes]] = []  # not yet started
        self._messages: list[tuple[int, bytes]] = []  # on comms, likewise
        self._cell = 0
        self._running = False  # its code runs; false while it is awaited
        self._head = b""  # of the cell's message to JavaScript: the members beside its parse
        self._parses = Parses()
        self._turn = 0
        self._turns = Turns(pipe, session, lambda: 0 if self._held else self._cell)
        self._started = False  # a task was handed to JavaScript since the last look
        self._stopping = False  # the cell is to end
        self._turn_stopping = False  # the turn is, which belongs to another cell
        self._full = False  # it used too much memory
        self._due: float | None = None  # when the next timer is, monotonic seconds
        self._stirred = False  # V8 ran code by itself: a turn is due for which no timer asked

    # -- the loop

    def serve(self) -> None:
        """Until the pipe closes; never returns."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        wanted, watch_at, again = 0, 0.0, False
        while True:
            wants = select.POLLIN | (select.POLLOUT if self._pipe.outgoing else 0)
            if wants != wanted:
                poll.register(self._pipe.descriptor, wants)
                wanted = wants
            for descriptor, events in poll.poll(0 if again else self._timeout_ms()):
                if descriptor == self._wake:
                    self._woken(os.read(self._wake, 4096))
                elif events & ~select.POLLOUT:
                    for frame in self._pipe.read():
                        self._request(*frame)
            self._session.advance()
            self._parser.advance()
            self._start_next()
            if self._session.busy:
                now = time.monotonic()
                if self._started:  # a short task is over before the first look at it
                    self._started, watch_at = False, now + TICK_MS / 1000
                elif now >= watch_at:
                    watch_at = now + TICK_MS / 1000
                    self._watch()
            if self._session.busy or self._parser.busy:
                self._inquiries.watch(bool(self._cells or self._messages))
                self._sources.watch()
            full = self._pipe.full  # then this turn of the loop put off what needs room
            self._pipe.carry(self._session)
            if self._pipe.outgoing:
                self._pipe.write()
            again = full and not self._pipe.full

    def _woken(self, by: bytes) -> None:
        if STIRRED in by or (alarm.USED in by and not self._session.busy):
            self._stirred = True

    def _timeout_ms(self) -> float | None:
        if self._session.busy or self._parser.busy:
            return TICK_MS
        if self._due is None or self._pipe.full:
            return None
        return max(0.0, (self._due - time.monotonic()) * 1000)

    def _start_next(self) -> None:
        """When the session's context is free: a message (it came before the cell), a cell, a timer that is due."""
        if self._session.busy or self._parser.busy:
            return
        if self._messages and not self._pipe.full:
            number, message = self._messages.pop(0)
            self._begin_turn(HEAR, message, lambda kind, text: self._heard(number, kind))
        elif self._cells and not self._cell:
            self._cell, message = self._cells.pop(0)
            self._turns.let_begin()
            self._head, _, code = message.partition(b"\n")
            known = self._parses.get(code)
            if known is None:
                self._parser.submit(TRANSFORM, code, lambda kind, text: self._parsed(code, kind, text))
            else:
                self._run(known)
        elif (self._stirred or (self._due is not None and time.monotonic() >= self._due)) and not self._pipe.full:
            collect, self._stirred = not self._stirred, False
            self._begin_turn(TICK, b"", lambda kind, text: self._turned(kind), collect)

    def _begin_turn(self, operation: int, message: bytes, done: Done, collect: bool = True) -> None:
        self._turn, self._started = operation, True
        self._heap.arm(collect)
        self._turns.begin()
        self._session.submit(operation, message, done)

    # -- cells and turns

    def _parsed(self, code: bytes, kind: int, text: str) -> None:
        if self._stopping or kind != library.STRING:
            self._finish(TERMINATED if self._stopping else BROKEN, text)
        else:
            parse = text.encode("ascii")
            self._parses.put(code, parse)
            self._run(parse)

    def _run(self, parse: bytes) -> None:
        """`parse`: the JSON object that the parser made of the cell's text."""
        self._started = True
        self._heap.arm()
        message = b'{"cell":%d,%b,%b' % (self._cell, self._head, parse[1:])
        self._running = True
        self._session.submit(RUN, message, self._ran)

    def _ran(self, kind: int, text: str) -> None:
        self._running = False
        self._turns.let_begin()  # it may have been kept from that
        status = self._status(kind)
        if status != OK:
            self._finish(status, text)
        elif not self._session.header[PENDING]:
            self._finish(OK)
        elif self._stopping:
            self._finish(TERMINATED)
        self._schedule()

    def _heard(self, number: int, kind: int) -> None:
        self._turned(kind)
        self._pipe.carry(self._session, final=True)
        self._pipe.send(ANSWER, number, b"{}")

    def _turned(self, kind: int) -> None:
        """A turn is over; it may have settled the cell that is awaited."""
        status, owner = self._status(kind), self._session.header[CELL]
        self._turn, self._turn_stopping = 0, False
        if self._cells:  # it may have waited for this turn since before it, and after many others
            self._turns.tell_begun()
        self._turns.end(owner)
        ends_cell = self._cell and (self._stopping or owner == self._cell)
        alone = status != OK and not ends_cell  # late code of an older cell was stopped
        if self._turns.told or alone:
            self._pipe.carry(self._session, final=True)
            self._turns.tell_over(TURN_STOPPED if alone else TURN_ENDED, status, owner)
        if alone:
            self._recover(owner)
        elif self._cell and status == OK and not self._session.header[PENDING]:
            self._finish(OK)
        elif ends_cell and (self._stopping or status != OK):
            self._finish(status if status != OK else TERMINATED)
        self._schedule()

    def _status(self, kind: int) -> int:
        # A stop may come back as out of memory, as terminated, as an exception without a value, and, when it fell into
        # a promise reaction, as an ordinary end.
        # Many short turns fill the engine as one long one does; a short cell may be the one that lets go of it.
        full = kind == library.OUT_OF_MEMORY or self._session.context.heap_limit_reached()
        if full or (self._turn in (TICK, HEAR) and self._memory.exceeded()):
            self._full = True
        if self._full:
            return OUT_OF_MEMORY
        if self._stopping or self._turn_stopping or kind == library.TERMINATED:
            return TERMINATED
        return BROKEN if kind >= library.EXCEPTION else OK

    def _finish(self, status: int, text: str = "") -> None:
        """The cell is over: its records first, then its end; `text`: V8's words where it is BROKEN."""
        cell, touched = self._cell, self._stopping or self._full or status != OK
        self._cell = 0
        words = text.split("\n", 1)[0].encode("utf-8", "replace")[: frames.WORDS_BYTES] if status == BROKEN else b""
        self._pipe.carry(self._session, final=True)
        self._turns.tell_spent(cell)
        self._pipe.send(DONE, cell, bytes((status,)) + self._memory.peak_mb().to_bytes(4, "little") + words)
        self._pipe.write()
        if touched:
            self._recover(cell)

    def _recover(self, cell: int) -> None:
        """Leave nothing of what was stopped: its promise, its timers, a cancel that came late, a full heap."""
        self._stopping = False
        if self._full:
            self._full = False
            self._heap.recover()
        for _ in range(RECOVERIES):
            self._session.submit(NOTHING, b"", self._recovered)
        self._session.submit(ABANDON, b'{"cell":%d}' % cell, self._recovered)

    def _recovered(self, kind: int, text: str) -> None:
        self._schedule()

    def _schedule(self) -> None:
        """Note when JavaScript's first timer is due."""
        due_ms = self._session.header[NEXT_TIMER_MS]
        self._due = None if due_ms < 0 else time.monotonic() + due_ms / 1000

    def _stop(self, cell: int, clock: bool) -> None:
        """STOP from the kernel, for one cell or (0) for whatever runs. clock: that of the cell has run out."""
        if clock and self._turn and cell in [number for number, _ in self._cells]:
            self._turns.tell_begun()
            return
        if self._cells and self._held:  # nothing can end that but the kernel, which waits for the cell until it has to
            self._session.submit(NOTHING, b"", lambda kind, text: self._drop(cell))
        else:
            self._drop(cell)
        if self._cell and cell in (0, self._cell):
            self._stopping = True
            if self._session.busy:
                self._session.cancel()
            if not self._running and not self._session.header[PENDING]:
                self._parser.end()
            elif not self._running and not self._turn:
                # The context looks idle, but a reaction that V8 runs by itself (Atomics.waitAsync) may hold it: the
                # cell is over when a task comes through, and the kernel ends the engine when none does.
                self._session.submit(NOTHING, b"", self._awaited_stopped)
        elif self._turn not in (0, ABANDON) and cell in (0, self._session.header[CELL]):
            self._turn_stopping = True
            self._session.cancel()
        elif not self._cell or cell:  # nothing of it runs now: what it left behind will not either
            message = b'{"cell":%d}' % cell
            if self._turn or self._cell:
                self._session.submit(ABANDON, message, self._recovered)
            else:  # a turn, so that the kernel waits for it no longer than for whatever it stops
                self._begin_turn(ABANDON, message, lambda kind, text: self._turned(kind), collect=False)

    def _drop(self, cell: int) -> None:
        for waiting in [item for item in self._cells if cell in (0, item[0])]:
            self._cells.remove(waiting)
            self._pipe.send(DONE, waiting[0], bytes((TERMINATED, 0, 0, 0, 0)))

    def _awaited_stopped(self, kind: int, text: str) -> None:
        if self._cell and self._stopping:
            self._finish(TERMINATED)

    # -- tasks that last

    @property
    def _held(self) -> bool:
        """A cell was handed over or waits, but what V8 runs by itself keeps the context from it."""
        return (self._running or bool(self._cells)) and not self._turn and not self._session.entered

    def _watch(self) -> None:
        if self._turn:
            self._turns.tell_begun(TERMINATED if self._turn == ABANDON else OK)
        elif self._held:
            self._turns.tell_begun()
        else:
            self._turns.let_begin()
        if (self._cell or self._turn) and not self._full and self._memory.exceeded():
            self._full = True
        if self._stopping or self._turn_stopping or self._full:
            self._session.cancel()  # it may have begun to wait for the host since it was told

    # -- requests

    def _request(self, kind: int, number: int, payload: bytes) -> None:
        if kind == frames.EVALUATE:
            self._cells.append((number, payload))
        elif kind == frames.STOP:
            self._stop(number, payload == frames.CLOCK)
        elif kind == frames.INPUT:
            self._sources.answer(number, payload)
        elif kind == frames.COMM:
            self._messages.append((number, payload))
        elif kind == frames.TAKEN:
            self._session.text_taken()
        else:
            self._inquiries.ask(kind, number, payload)
