"""Owns the way of one session's executions into a ledger: one thread, what waits in one commit; refuses to run code.

Two transactions and one sync of the log per execution (design 7.4): `begin` is visible at once and synced with
`finish`. Between them events go in pages, when 64 KB or 256 of them have gathered or after 50 ms. The two are written
on the loop's thread where that waits for nobody; the log is synced, and everything else written, in the recorder's.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vm_kernel.events import Event, Lines, timestamp
from vm_kernel.log import log
from vm_kernel.recorder import Ended, Started, Then

from . import owners, rows
from .port import Changed, Ledger, LedgerError, LedgerUnavailable, NotFound
from .waiting import PAGE_BYTES, PAGE_EVENTS, QUEUE_BYTES, Entry, Step, Waiting

INTERNAL = "the ledger could not take it; the log of the session says why"
TOO_SLOW = "the ledger does not keep up with the output: print less, or look at the ledger's disk"
CLOSED = "the session is over: nothing more is recorded"

#: How long the loop's thread waits for the log to be synced before it serves others meanwhile.
MOMENT_S = 0.002

#: Called on the loop's thread with the id of an execution whose events cannot be stored, and the reason: stop it.
OnLost = Callable[[str, str], None]


class LedgerRecorder:
    """A `vm_kernel.recorder.Recorder`. Its thread starts with the first execution; the ledger stays the caller's.

    session_id: of the row that executions belong to. owner: of running rows, this process by default. actor: of
    executions whose metadata name none. on_lost: a page could not be written (contract 18.6: the cell is stopped); the
    end of that execution tries once more, and if it cannot be written either, a later execution does.
    """

    def __init__(
        self,
        ledger: Ledger,
        session_id: str,
        owner: Mapping[str, Any] | None = None,
        actor: Mapping[str, Any] | None = None,
        on_lost: OnLost | None = None,
    ) -> None:
        self._ledger = ledger
        self._session_id = session_id
        self._owner = dict(owner) if owner is not None else owners.owner()
        self._actor = dict(actor or {})
        self._on_lost = on_lost
        self._waiting = Waiting()
        self._thread: threading.Thread | None = None
        #: Ends that could not be written.
        self._owed: list[Step] = []
        self._done: deque[Callable[[], None]] = deque()
        self._readable, self._ring = os.pipe()
        os.set_blocking(self._readable, False)
        os.set_blocking(self._ring, False)

    # -- the port, on the loop's thread ------------------------------------------------------------------

    def begin(self, started: Started, then: Then) -> None:
        problem: str | None = CLOSED
        row = rows.begun(started, self._session_id, self._owner, self._actor)
        echo = rows.echo(started)
        entry = Entry(started, echoed=echo is not None, last_seq=int(echo is not None))
        with self._waiting.changed:
            if not self._waiting.closing:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="ledger-recorder", daemon=True)
                    self._thread.start()
                step = Step(entry, then, row=row, page=[echo] if echo is not None else [])
                self._commit_now(step)
                self._waiting.open(entry, step)
                if not step.committed:
                    return
                problem = None
        then(problem)

    def append(self, events: Sequence[Event | Lines]) -> None:
        with self._waiting.changed:
            for event in events:
                self._waiting.note(event)
            for entry in self._waiting.make_room():
                entry.lost = TOO_SLOW
                self._lost(entry, TOO_SLOW)

    def finish(self, ended: Ended, then: Then) -> None:
        with self._waiting.changed:
            entry = self._waiting.find(ended.execution_id)
            if entry is not None and not self._waiting.closing:
                fields = rows.ended(ended, entry.value, entry.exception)
                if entry.lost:
                    fields.pop("result", None)
                    fields.update(status="error", error={"message": entry.lost})
                    said = {"message": entry.lost, "level": "error"}
                    entry.page.append(Event(ended.execution_id, entry.last_seq + 1, "system", said, timestamp()))
                step = self._waiting.end(entry, fields, then)
                self._commit_now(step)
                self._waiting.put(step)
            else:
                step = None
        if step is None:
            then(INTERNAL if entry is None else CLOSED)
        elif step.gate is not None and self._synced(step):
            then(step.problem or None)

    def fileno(self) -> int | None:
        return self._readable if self._readable >= 0 else None

    def dispatch(self) -> None:
        if self._readable >= 0:
            try:
                os.read(self._readable, 4096)
            except BlockingIOError:
                pass
        while self._done:
            self._done.popleft()()

    def close(self) -> None:
        """Returns when everything accepted is stored or cannot be; `dispatch` still tells whom it concerns."""
        with self._waiting.changed:
            self._waiting.close()
        if self._thread is not None:
            self._thread.join()
        if self._readable >= 0:
            os.close(self._readable)
            os.close(self._ring)
            self._readable = self._ring = -1

    def _commit_now(self, step: Step) -> None:
        """Writes it here where that waits for nobody; otherwise, or when it fails, nothing has happened yet."""
        if not self._waiting.idle or self._owed or len(step.page) > PAGE_EVENTS or step.bytes > PAGE_BYTES:
            return
        try:
            with self._ledger.batch(durable=False, at_once=True):
                self._apply(step)
        except Exception:
            return  # the thread finds out what it is, and tells
        step.committed = True
        if step.ended is not None:
            step.gate = threading.Lock()
            step.gate.acquire()

    def _synced(self, step: Step) -> bool:
        """Waits a moment for the sync of the log: one turn less of the loop. False: the thread will tell."""
        assert step.gate is not None
        if step.gate.acquire(timeout=MOMENT_S):
            return True
        with self._waiting.changed:
            step.left = True
            return step.gate.acquire(blocking=False)

    # -- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        while steps := self._waiting.take():
            # Who waits for an answer waits once, for whatever is written before and with it.
            since = min((step.since for step in steps if step.then is not None), default=time.monotonic())
            if self._owed and any(step.row is not None for step in steps):
                self._pay(since)
            self._write(steps, since)
            self._waiting.written(steps)
            self._tell_synced(steps)
        self._pay(time.monotonic())

    def _write(self, steps: list[Step], since: float) -> None:
        """All in one transaction; when one of them is at fault, each in its own."""
        if any(step.committed for step in steps):
            self._sync([step for step in steps if step.committed])
            steps = [step for step in steps if not step.committed]
            if not steps:
                return
        try:
            with self._ledger.batch(any(step.durable for step in steps), time.monotonic() - since):
                for step in steps:
                    self._apply(step)
        except Exception as error:
            if len(steps) > 1 and not isinstance(error, LedgerUnavailable):
                for step in steps:
                    self._write([step], since)
                return
            problem = _sentence(error)
            for step in steps:
                self._failed(step, problem)
        else:
            for step in steps:
                self._answer(step, step.entry.lost if step.ended is not None else "")

    def _sync(self, steps: list[Step]) -> None:
        try:
            self._ledger.sync()
            problem = ""
        except Exception as error:
            problem = _sentence(error)
            log(f"what was recorded last may not outlive a power loss: {problem}")
        for step in steps:
            step.problem = problem or step.entry.lost

    def _tell_synced(self, steps: list[Step]) -> None:
        for step in steps:
            if step.gate is not None:
                with self._waiting.changed:
                    left = step.left
                    step.gate.release()
                if left:
                    self._answer(step, step.problem)

    def _apply(self, step: Step) -> None:
        if step.row is not None:
            self._ledger.begin(step.row, step.page)
            return
        execution_id = step.entry.started.execution_id
        pages = [step.page[start : start + PAGE_EVENTS] for start in range(0, len(step.page), PAGE_EVENTS)]
        last = pages.pop() if pages and step.ended is not None else []
        for page in pages:
            self._ledger.append(execution_id, page)
        if step.ended is not None:
            self._ledger.finish(execution_id, step.ended, last)

    def _failed(self, step: Step, problem: str) -> None:
        entry = step.entry
        log(f"execution {entry.started.execution_id} could not be recorded: {problem}")
        if step.ended is not None:
            self._owed.append(step)
            while sum(each.bytes for each in self._owed) > QUEUE_BYTES:
                del self._owed[0]
        elif step.row is not None:
            with self._waiting.changed:
                self._waiting.drop(entry)
        elif not entry.over or any(event for event in step.page if not event.late):
            with self._waiting.changed:
                self._waiting.give_back(step)
            self._lost(entry, problem)
        self._answer(step, problem)

    def _pay(self, since: float) -> None:
        """Writes the ends that could not be written when their clients were told so."""
        owed, self._owed = self._owed, []
        for step in owed:
            try:
                with self._ledger.batch(waited_s=time.monotonic() - since):
                    self._apply(step)
            except (Changed, NotFound):
                continue
            except Exception as error:
                log(f"execution {step.entry.started.execution_id} is still not recorded: {_sentence(error)}")
                self._owed.append(step)

    def _lost(self, entry: Entry, reason: str) -> None:
        on_lost = self._on_lost
        if on_lost is not None:
            self._tell(lambda: on_lost(entry.started.execution_id, reason))

    def _answer(self, step: Step, problem: str) -> None:
        then = step.then
        if then is not None:
            self._tell(lambda: then(problem or None))

    def _tell(self, what: Callable[[], None]) -> None:
        self._done.append(what)
        if self._ring >= 0:
            try:
                os.write(self._ring, b"!")
            except BlockingIOError:
                pass  # it is readable already


def _sentence(error: Exception) -> str:
    if isinstance(error, LedgerError):
        return str(error)
    log(f"the recorder failed: {type(error).__name__}: {error}")
    return INTERNAL
