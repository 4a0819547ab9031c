"""Owns the port through which a session tells somebody of its executions; refuses to know what they do with it.

Order of calls, each before any client sees the same thing: `begin` before the code runs, `append` for every event as it
arrives (late ones too), `finish` before the reply is sent. `begin` and `finish` may take their time: they call `then`
on the loop's thread, at once or from `dispatch` when `fileno` has become readable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .events import Event, Lines
from .outcomes import Outcome

#: Called with None when it is done, with a sentence for the user when it failed.
Then = Callable[["str | None"], None]


@dataclass(frozen=True)
class Started:
    """What is known before the code runs. kind: `repl`, `run_file` or `startup`."""

    execution_id: str
    kind: str
    code: str
    started_at: str
    execution_count: int
    silent: bool = False
    engine_generation: int = 1
    client_session: str = ""
    metadata: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Usage:
    """What an execution used; cpu and wall in milliseconds, memory in MiB, output in bytes of payload JSON."""

    cpu_ms: int = 0
    wall_ms: int = 0
    peak_mem_mb: int = 0
    events: int = 0
    output_bytes: int = 0


@dataclass(frozen=True)
class Ended:
    """What is known when the execution is over.

    engine_generation: of the engine that ran it, which may not be the one that was thought alive when it started; 0
    where it is not known better.
    """

    execution_id: str
    outcome: Outcome
    ended_at: str
    usage: Usage
    engine_generation: int = 0


class Recorder(Protocol):
    """Filled by the gateway's ledger; a bare kernel uses `NoRecorder`."""

    def begin(self, started: Started, then: Then) -> None:
        """Called by the kernel when an execution reaches the front of the queue, before its code runs."""

    def append(self, events: Sequence[Event | Lines]) -> None:
        """Called for each batch of events in order, before they are published; must not wait."""

    def finish(self, ended: Ended, then: Then) -> None:
        """Called when the outcome is known, before result, reply and idle."""

    def fileno(self) -> int | None:
        """A descriptor that becomes readable when `dispatch` has something to do; None when never."""

    def dispatch(self) -> None:
        """Called on the loop's thread when `fileno` is readable."""

    def close(self) -> None:
        """Called once at the end of the session; returns when everything accepted is stored."""


class NoRecorder:
    """Records nothing: the default of a kernel that nobody keeps a ledger for."""

    def begin(self, started: Started, then: Then) -> None:
        then(None)

    def append(self, events: Sequence[Event | Lines]) -> None:
        pass

    def finish(self, ended: Ended, then: Then) -> None:
        then(None)

    def fileno(self) -> int | None:
        return None

    def dispatch(self) -> None:
        pass

    def close(self) -> None:
        pass
