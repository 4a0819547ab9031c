"""Owns a recorder that remembers everything it was told, for tests that hold the order of things."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from vm_kernel.events import Event, Lines
from vm_kernel.recorder import Ended, Started, Then


class Notebook:
    """A recorder in memory. `slow`: begin and finish are done only when `go` was called, as a disk would.

    on_call: called with the name of each call and its argument, on the kernel's thread, before it returns.
    """

    def __init__(self, slow: bool = False, on_call: Callable[[str, object], None] | None = None) -> None:
        self.started: list[Started] = []
        self.events: list[Event] = []
        self.ended: list[Ended] = []
        self.calls: list[str] = []
        self.refuse: dict[str, str] = {}
        self.closed = False
        self._on_call = on_call
        self._slow = slow
        self._reader, self._writer = os.pipe()
        self._due: list[tuple[Then, str | None]] = []

    def _note(self, call: str, value: object) -> None:
        self.calls.append(call)
        if self._on_call is not None:
            self._on_call(call, value)

    def _settle(self, call: str, then: Then) -> None:
        if self._slow:
            self._due.append((then, self.refuse.get(call)))
        else:
            then(self.refuse.get(call))

    def go(self) -> None:
        """The disk is done; from any thread."""
        os.write(self._writer, b".")

    def begin(self, started: Started, then: Then) -> None:
        self.started.append(started)
        self._note("begin", started)
        self._settle("begin", then)

    def append(self, events: Sequence[Event | Lines]) -> None:
        single: list[Event] = []
        for event in events:
            single.extend(event.events() if isinstance(event, Lines) else [event])
        self.events.extend(single)
        self._note("append", single)

    def finish(self, ended: Ended, then: Then) -> None:
        self.ended.append(ended)
        self._note("finish", ended)
        self._settle("finish", then)

    def fileno(self) -> int | None:
        return None if self.closed else self._reader

    def dispatch(self) -> None:
        if not self.closed:
            os.read(self._reader, 64)
        due, self._due = self._due, []
        for then, problem in due:
            then(problem)

    def close(self) -> None:
        self.closed = True
        os.close(self._reader)
        os.close(self._writer)
