"""Owns one context's queue: one task at a time, its message in, its end out; refuses to know what the tasks are.

The layout of the shared buffer is cells/js/session/bridge.js's; the constants here are its other half.
"""

from __future__ import annotations

import _thread
import os
import time

from .v8.context import Context
from .v8.holder import Holder

RING_WRITE, RING_READ, OPERATION, INBOX_LENGTH, INBOX_MORE = 0, 1, 2, 3, 4
PENDING, NEXT_TIMER_MS, HOST_OPERATION, CELL, TIMERS = 5, 6, 7, 8, 9
TEXT_KIND, TEXT_ID, TEXT_TAKEN, FOUND, ENTERED, QUESTION, ARGUMENT = 10, 11, 12, 13, 14, 20, 21
DRAIN, PULL, ASK, TEXT, PROMISE, ENTRIES, STIR = 1, 2, 3, 4, 5, 9, 10
STIRRED = 2  # what STIR writes into the pipe that wakes the main thread
HEADER_BYTES, INBOX_BYTES, RING_BYTES = 256, 1 << 18, 1 << 17
NOTHING = 0  # an operation of every context
RECOVERIES = 3  # tasks of that kind after a cancel, which may hit the next task instead of its own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Done = Callable[[int, str], None]


class Lane:
    """A context with its entry function, its inbox and its ring. All methods but `_host` run on the main thread."""

    def __init__(
        self, wake_fd: int, scripts: tuple[str, ...], prepare: Callable[[Lane, Context], None] | None = None
    ) -> None:
        self._wake_fd = wake_fd
        self.context = Context(self.wake)
        size = HEADER_BYTES + INBOX_BYTES + RING_BYTES
        buffer = self.context.buffer(f"globalThis.__buffer = new SharedArrayBuffer({size})")
        self.header = buffer[:HEADER_BYTES].cast("i")
        self.counters = buffer[:HEADER_BYTES].cast("I")
        self._inbox = buffer[HEADER_BYTES : HEADER_BYTES + INBOX_BYTES]
        self._ring = buffer[HEADER_BYTES + INBOX_BYTES :]
        self._message = memoryview(b"")
        self._gate = _thread.allocate_lock()  # held while JavaScript waits for the main thread
        self.waiting = 0  # the host operation that JavaScript waits in: 0, DRAIN, ASK or TEXT
        self.cancelled = False  # the running task is to end
        self.reporting = False  # V8 tells of a rejection, and would lose a stop (v8/rejections.py)
        self.holder: Holder | None = None
        self.services: dict[int, Callable[[int], bytes]] = {}  # host operations that are answered at once
        self.text_file = -1  # shared with the kernel, for one long text at a time; -1: there is none
        self.text_shared = False  # the file holds a text that the kernel has not taken
        self._text = 0  # its length, until it has been told
        self.context.bind("__host", self._host)
        for script in scripts:
            self.context.eval(script)
        if prepare is not None:
            prepare(self, self.context)
        self._entry = self.context.hold("__entry")
        self._this = self.context.hold("undefined")
        self._arguments = self.context.hold("[]")
        names = "'__buffer', '__host', '__natives', '__entry', '__enable'"
        self.context.eval(f"for (const name of [{names}]) delete globalThis[name]; 0")
        self._queue: list[tuple[int, bytes, Done]] = []
        self._task: tuple[int, int, Done] | None = None  # task, number, done
        self._entered = 0  # how often JavaScript had been entered before the running task
        self.since_s = 0.0  # when that was handed over, monotonic
        self._early: tuple[int, bytes] | None = None  # an answer that came before JavaScript waited for it

    def wake(self) -> None:
        """On V8's thread: a task has ended, or JavaScript waits for the main thread."""
        os.write(self._wake_fd, b"\0")

    # -- tasks

    @property
    def busy(self) -> bool:
        return self._task is not None

    @property
    def entered(self) -> bool:
        """Whether the running task has begun; while it has not, code that V8 runs by itself keeps it from that."""
        return self.header[ENTERED] != self._entered

    def submit(self, operation: int, message: bytes, done: Done) -> None:
        """Queue one operation; `done(kind, text)` is called from `advance` when it has ended."""
        self._queue.append((operation, message, done))
        if self._task is None:
            self._start()

    def _start(self) -> None:
        operation, message, done = self._queue.pop(0)
        self.cancelled, self._early = False, None
        self.header[OPERATION] = operation
        self._message = memoryview(message)
        self._deliver()
        self._entered, self.since_s = self.header[ENTERED], time.monotonic()
        task, number = self.context.call(self._entry, self._this, self._arguments)
        self._task = (task, number, done)

    def advance(self) -> None:
        """Finish the task that has ended, if one has, and start the next."""
        while self._task is not None:
            _, number, done = self._task
            ended = self.context.take(number)
            if ended is None:
                if self._early is not None and self.waiting == ASK:
                    self.answer(*self._early)
                return
            self._task = None
            done(*ended)
            if self._task is None and self._queue:
                self._start()

    def cancel(self) -> None:
        """Ask V8 to end the running task, and let JavaScript out of a host function so that it can notice.

        To be repeated until it has ended: V8 is asked once, when it is not just telling of a rejection.
        """
        if self._task is not None:
            self.cancelled = True
            if not self.reporting:
                self.context.cancel(self._task[0])
        if self.waiting == ASK:
            self.answer(self.header[QUESTION], b'{"refused":true}')
        elif self.waiting:
            self.release()

    def end(self) -> None:
        """Cancel the running task, and nothing after it."""
        if self.busy and not self.cancelled:
            self._queue[:0] = [(NOTHING, b"", lambda kind, text: None)] * RECOVERIES
        self.cancel()

    # -- messages in

    def _deliver(self) -> None:
        part = self._message[:INBOX_BYTES]
        self._inbox[: len(part)] = part
        self._message = self._message[len(part) :]
        self.header[INBOX_LENGTH] = len(part)
        self.header[INBOX_MORE] = 1 if len(self._message) else 0

    def answer(self, question: int, message: bytes) -> None:
        """Give JavaScript what it waits for in ASK, or is about to; not the answer to another question."""
        if self.waiting == ASK and question == self.header[QUESTION]:
            self._message = memoryview(message)
            self._deliver()
            self.release()
        elif self._task is not None:  # the question was carried on before JavaScript got to waiting
            self._early = (question, message)

    def release(self) -> None:
        self.waiting = 0
        self._gate.release()

    def _host(self) -> None:
        """On V8's thread: JavaScript stands still until this returns. Only the main thread owns ring and pipe."""
        operation = self.header[HOST_OPERATION]
        if operation == PULL:
            self._deliver()
            return
        if operation == STIR:
            os.write(self._wake_fd, bytes((STIRRED,)))
            return
        service = self.services.get(operation)
        if service is not None:
            self._message = memoryview(service(self.header[ARGUMENT]))
            self._deliver()
            return
        if operation == TEXT:
            if self.holder is None or self.text_file < 0 or self.text_shared:
                return  # JavaScript writes it into the ring itself
            try:
                self._text = self.holder.write_text(self.text_file)
            except OSError:
                return
            self.text_shared = True
            self.header[TEXT_TAKEN] = 1
        if operation in (PROMISE, ENTRIES):
            if self.holder is not None:
                look = self.holder.promise_state if operation == PROMISE else self.holder.entries
                self.header[FOUND] = look()
            return
        self._gate.acquire()
        self.waiting = operation
        self.wake()
        self._gate.acquire()
        self._gate.release()

    # -- records out

    def take_text(self) -> int:
        """The length of the long text that JavaScript waits with, once; it goes on after `text_taken`."""
        length, self._text = self._text, 0
        return length

    def text_taken(self) -> None:
        """The kernel has the long text: the file is free, JavaScript goes on."""
        os.ftruncate(self.text_file, 0)
        self.text_shared = False
        if self.waiting == TEXT:
            self.release()

    def drain(self) -> bytes:
        """The records written since the last call, whole ones only."""
        read, written = self.counters[RING_READ], self.counters[RING_WRITE]
        if read == written:
            return b""
        start, end = read % RING_BYTES, written % RING_BYTES
        if start < end:
            data = bytes(self._ring[start:end])
        else:
            data = bytes(self._ring[start:]) + bytes(self._ring[:end])
        self.counters[RING_READ] = written
        return data
