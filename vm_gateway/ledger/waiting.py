"""Owns what a session has to record and has not yet written: order, pages, room; refuses to know ledgers and threads.

All under one lock, `changed`; the loop's thread puts things in, the recorder's thread takes them out.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vm_kernel.events import Event, Lines
from vm_kernel.recorder import Started, Then

from . import rows

PAGE_BYTES = 64 * 1024
PAGE_EVENTS = 256
PAGE_S = 0.05
#: Bytes of events that may wait, and how long the loop's thread waits for room before an execution is given up.
QUEUE_BYTES = 32 << 20
PATIENCE_S = 2.0
#: Executions whose late output is still taken, as in the kernel.
ENTRIES = 4096


@dataclass
class Entry:
    """One execution. `page`: events not yet written.

    stuck: a page could not be written, it goes with the end. lost: why some events never will be written.
    value, exception: payloads that the row repeats. over: its end has been put.
    """

    started: Started
    echoed: bool
    page: list[Event | Lines] = field(default_factory=list)
    bytes: int = 0
    since: float = 0.0
    stuck: bool = False
    lost: str = ""
    last_seq: int = 0
    value: Mapping[str, Any] | None = None
    exception: Mapping[str, Any] | None = None
    over: bool = False

    @property
    def full(self) -> bool:
        return self.bytes >= PAGE_BYTES or len(self.page) >= PAGE_EVENTS


@dataclass
class Step:
    """One thing to write: `page`, after the new row `row` or before the fields `ended`, if any.

    since: when somebody began to wait for it. committed: written already, to be synced; `gate` is let go then, with
    `problem` beside it, unless who waited for that has `left`.
    """

    entry: Entry
    then: Then | None = None
    row: dict[str, Any] | None = None
    ended: dict[str, Any] | None = None
    page: list[Event | Lines] = field(default_factory=list)
    bytes: int = 0
    since: float = field(default_factory=time.monotonic)
    committed: bool = False
    gate: threading.Lock | None = None
    left: bool = False
    problem: str = ""

    @property
    def durable(self) -> bool:
        """Whether somebody is told, or nothing comes after it that could make it durable."""
        return self.ended is not None or self.entry.over


class Waiting:
    """`take` waits for the next things to write; everything else returns at once, `note` where there is room."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.closing = False
        self._steps: deque[Step] = deque()
        self._entries: dict[str, Entry] = {}
        #: Those of them with something on their page: what is looked through for each commit.
        self._paged: dict[str, Entry] = {}
        self._bytes = 0
        self._asleep = False
        self._busy = False

    # -- the loop's thread -------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Nothing is being written and nothing has to be written before what comes now."""
        return not (self._busy or self._steps or self._paged)

    def open(self, entry: Entry, step: Step) -> None:
        """An execution begins with `step`."""
        self._entries[entry.started.execution_id] = entry
        if not step.committed:
            self.put(step)

    def find(self, execution_id: str) -> Entry | None:
        return self._entries.get(execution_id)

    def note(self, event: Event | Lines) -> None:
        """Puts an event on its execution's page; one that nothing can be done with is left out."""
        entry = self._entries.get(event.execution_id)
        if entry is None or entry.lost or self.closing or (entry.over and not event.late):
            return
        if isinstance(event, Lines):
            size, last = rows.EVENT_BYTES + len(event.texts), event.seq + event.lines - 1
        else:
            if event.type == "value":
                entry.value = event.payload
            elif event.type == "exception":
                entry.exception = event.payload
            if entry.echoed and event.seq == 1:
                return
            event, size = rows.storable(event)
            last = event.seq
        if not entry.page:
            entry.since = time.monotonic()
            self._paged[event.execution_id] = entry
        entry.page.append(event)
        entry.last_seq = last
        entry.bytes += size
        self._bytes += size
        if self._asleep or (entry.full and not entry.stuck):
            self.changed.notify_all()

    def make_room(self) -> list[Entry]:
        """Waits a little while too much waits; the executions whose events have to be given up."""
        if self._bytes <= QUEUE_BYTES or self.changed.wait_for(lambda: self._bytes <= QUEUE_BYTES, PATIENCE_S):
            return []
        return [entry for entry in self._paged.values() if entry.page and not entry.lost]

    def end(self, entry: Entry, fields: dict[str, Any], then: Then) -> Step:
        """The execution ends with what is on its page; the step is the caller's to put."""
        step = Step(entry, then, ended=fields, page=entry.page, bytes=entry.bytes)
        entry.page, entry.bytes, entry.stuck = [], 0, False
        self._paged.pop(entry.started.execution_id, None)
        entry.over, entry.value, entry.exception = True, None, None
        return step

    def put(self, step: Step) -> None:
        self._steps.append(step)
        self.changed.notify_all()

    def close(self) -> None:
        """Nothing is taken in any more; `take` gives what is there, then nothing."""
        self.closing = True
        self.changed.notify_all()

    # -- the recorder's thread ---------------------------------------------------------------------------

    def take(self) -> list[Step]:
        """All there is to write now, in order; nothing at the end."""
        with self.changed:
            while True:
                steps = self._ready(time.monotonic())
                if steps or self.closing:
                    self._busy = bool(steps)
                    return steps
                since = [entry.since for entry in self._paged.values() if entry.page and not entry.stuck]
                if since:
                    self.changed.wait(max(0.0, min(since) + PAGE_S - time.monotonic()))
                elif not self.changed.wait(PAGE_S):
                    # Nothing for a while: from now on an event has to wake this thread.
                    self._asleep = True
                    self.changed.wait_for(self._anything)
                    self._asleep = False

    def give_back(self, step: Step) -> None:
        """A page that could not be written: the end of its execution takes it along."""
        for later in self._steps:
            if later.entry is step.entry and later.ended is not None:
                later.page[:0], later.bytes = step.page, later.bytes + step.bytes
                break
        else:
            step.entry.page[:0] = step.page
            step.entry.bytes += step.bytes
            step.entry.stuck = True
            self._paged[step.entry.started.execution_id] = step.entry
        step.bytes = 0

    def drop(self, entry: Entry) -> None:
        """Nothing of this execution is recorded: it did not begin."""
        self._entries.pop(entry.started.execution_id, None)
        self._paged.pop(entry.started.execution_id, None)
        self._bytes -= entry.bytes

    def written(self, steps: list[Step]) -> None:
        """There is room again."""
        with self.changed:
            self._busy = False
            self._bytes -= sum(step.bytes for step in steps)
            while len(self._entries) > ENTRIES and (oldest := next(iter(self._entries.values()))).over:
                if oldest.page:
                    break
                del self._entries[oldest.started.execution_id]
            self.changed.notify_all()

    # -- inside ------------------------------------------------------------------------------------------

    def _ready(self, now: float) -> list[Step]:
        steps = list(self._steps)
        self._steps.clear()
        for execution_id, entry in list(self._paged.items()):
            due = entry.full or now - entry.since >= PAGE_S
            if entry.page and (self.closing or (due and not entry.stuck)):
                steps.append(Step(entry, page=entry.page, bytes=entry.bytes))
                entry.page, entry.bytes = [], 0
                del self._paged[execution_id]
        return steps

    def _anything(self) -> bool:
        return bool(self._steps) or self.closing or any(entry.page for entry in self._paged.values())
