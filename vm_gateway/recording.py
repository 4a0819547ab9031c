"""Owns what is read of a session to look at it as a whole: its runs, oldest first; refuses to know what for.

Read over REST only, so that a session of any gateway can be exported and replayed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vm_kernel.outcomes import ALL_LOST

from .client import Client
from .shapes import Event, Execution, Session

#: Called with how many runs were read or done, and of how many.
Progress = Callable[[int, int], None]
_MAGIC = re.compile(r"\s*(%%?\w*)")
_BEFORE_CODE = ("%time", "%%time", "%%ts")


@dataclass(frozen=True)
class Run:
    """One execution with its events. text: what it ran; None where an older record of a file has none."""

    execution: Execution
    text: str | None
    events: tuple[Event, ...]

    @property
    def generation(self) -> int:
        """Runs of the same engine shared their variables."""
        return int(self.execution.get("engine_generation", 1))

    @property
    def number(self) -> int:
        """As in `cell [N]`; 0: it was not counted."""
        return int(self.execution.get("execution_count") or 0)

    @property
    def stopped(self) -> str:
        """The outcome's name (`TimedOut`, `Interrupted`...) where something else than its own code ended it."""
        said = self.payload("exception")
        name = str(said.get("name", ""))
        if name in STOPS:
            return name
        status = self.execution["status"]
        return "" if status == "ok" or (status == "error" and said) else "Interrupted"  # its process was killed, too

    @property
    def lost(self) -> bool:
        """Whether the engine went with it."""
        return bool(self.stopped) and ALL_LOST in str(self.payload("exception").get("message"))

    @property
    def magics(self) -> tuple[str, ...]:
        """The words that begin with % before its code (vm_kernel.magics)."""
        words: list[str] = []
        if self.execution["kind"] == "repl" and self.text is not None:
            at = 0
            while (not words or words[-1] in _BEFORE_CODE) and (found := _MAGIC.match(self.text, at)) is not None:
                words.append(found[1])
                at = found.end()
        return tuple(words)

    def payload(self, type_: str) -> dict[str, Any]:
        """Of its last event of that type; empty where it has none."""
        return next((event["payload"] for event in reversed(self.events) if event["type"] == type_), {})

    def stdin(self) -> list[str]:
        """The lines that were typed into it."""
        return [str(event["payload"]["text"]) for event in self.events if event["type"] == "input_reply"]


#: Of `vm_kernel.outcomes`: ends that are no JavaScript error.
STOPS = ("TimedOut", "CpuExceeded", "OutOfMemory", "EngineDied", "OutputExceeded", "Interrupted")


@dataclass(frozen=True)
class Recording:
    """kernel: the kernelspec that gives a session the same limits; empty where it is the usual one."""

    session: Session
    runs: tuple[Run, ...]
    kernel: str = ""

    @property
    def language(self) -> str:
        """Of its cells."""
        return str(self._meta.get("language", "javascript"))

    @property
    def alive(self) -> int:
        """The generation of the engine that it had at its end; a loss of which no run came is not known."""
        ran = max((run.generation for run in self.runs), default=1)
        last = next((run for run in reversed(self.runs) if run.generation == ran), None)
        if last is not None and last.lost and self._meta.get("on_engine_loss") == "fresh":
            ran += 1  # the session did not end with it
        return max(ran, int(self._meta.get("engine_generation", 1)))

    @property
    def _meta(self) -> dict[str, Any]:
        return self.session.get("runtime_meta") or {}


def read(client: Client, session_id: str, progress: Progress = lambda done, of: None) -> Recording:
    """The whole of a session. Raises: ApiError."""
    session = client.session(session_id)
    executions = client.executions(session["id"])[::-1]
    runs = []
    for number, execution in enumerate(executions):
        progress(number, len(executions))
        runs.append(read_run(client, execution))
    progress(len(executions), len(executions))
    return Recording(session, tuple(runs))


def read_run(client: Client, execution: Execution) -> Run:
    text = execution.get("input")
    if text is None:
        text = client.source(execution["id"]).get("text")
    return Run(execution, text, tuple(client.events(execution["id"])))
