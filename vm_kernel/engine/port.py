"""Owns the one way to an engine, which the real supervisor and the fake both fill; refuses to know V8 and pipes.

An engine runs one cell at a time, never blocks its caller and tells what happens as reports, in the order in which it
happened in JavaScript: all output of a cell comes before its `Finished`. The caller's loop waits on `fileno` (to read,
and to write while `wants_write`), at most until `deadline`, and then calls `pump`.
Reports come through the sink, from `pump` or at once from any other call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Union

from ..limits import Limits
from ..outcomes import Outcome, Stopped


@dataclass(frozen=True)
class Ready:
    """An engine can run cells. The first has generation 1; a higher one means that variables are lost.

    containment: `full`, or what is missing; engine: its name and version. Empty where it does not tell.
    """

    generation: int
    pid: int
    containment: str = ""
    engine: str = ""


class Printed(NamedTuple):
    """One call of a console method. `level` as in `console.LEVEL`; text has no final newline.

    last: False for all but the last piece of a text too long to come at once.
    A tuple because a flood makes them by the hundred thousand: a third of a frozen dataclass's cost.
    """

    cell: int
    level: str
    text: str
    last: bool = True


@dataclass(frozen=True)
class Displayed:
    """`display(...)`: content of a display_data message: `data`, `metadata`, `transient`, and `update`."""

    cell: int
    content: dict[str, Any]


@dataclass(frozen=True)
class Cleared:
    """`clearOutput(wait)`."""

    cell: int
    wait: bool


@dataclass(frozen=True)
class Asked:
    """The cell waits for a line of input: answer with `Engine.answer`."""

    cell: int
    prompt: str
    password: bool


@dataclass(frozen=True)
class Wanted:
    """Code of the cell waits for a file that it imports: answer with `Engine.supply` and the same number."""

    cell: int
    number: int
    question: dict[str, Any]


@dataclass(frozen=True)
class Answered:
    """The answer to is_complete, complete or inspect: the reply content fields, without `status` `ok`."""

    request: int
    content: dict[str, Any]


@dataclass(frozen=True)
class Conversed:
    """Code of `cell` speaks. op: `open`, `msg`, `close` of a comm: content has `comm_id`, `target_name` (open), `data`,
    `metadata`; `register`, `unregister`: the `target_name` that it answers or no longer does; `taken`: the `request`
    that `Engine.comm` gave it: what follows is its turn, until `Answered` of that request.
    """

    cell: int
    op: str
    content: dict[str, Any]
    buffers: tuple[bytes, ...] = ()


class Finished(NamedTuple):
    """The cell is over; nothing of it follows but late output of its timers and promises."""

    cell: int
    outcome: Outcome
    cpu_ms: int
    wall_ms: int
    peak_mem_mb: int


@dataclass(frozen=True)
class TurnStopped:
    """Code that `cell` left running between cells broke a limit or was interrupted; its timers are cancelled."""

    cell: int
    outcome: Stopped


@dataclass(frozen=True)
class Lost:
    """The engine process is gone. After `Finished` of the cell it took along; a `Ready` follows, or none if `final`.

    asked: by `Engine.renew`: nothing went wrong.
    """

    generation: int
    reason: str
    final: bool = False
    asked: bool = False


JAVASCRIPT, TYPESCRIPT = "javascript", "typescript"
#: Languages of files by the end of their names; of others it is the session's.
LANGUAGES = {
    **dict.fromkeys((".js", ".mjs", ".cjs"), JAVASCRIPT),
    **dict.fromkeys((".ts", ".mts", ".cts", ".tsx", ".jsx"), TYPESCRIPT),
}

#: Globals of one cell, by name, with JSON values.
Variables = Union[dict[str, Any], None]

#: Code of expressions, by the names under which their values are reported with the end of the cell.
Expressions = Union[Mapping[str, str], None]

Report = Union[Ready, Printed, Displayed, Cleared, Asked, Wanted, Answered, Conversed, Finished, TurnStopped, Lost]
Sink = Callable[[Report], None]


class Engine(Protocol):
    """Filled by `supervisor.Supervisor` and `fake.FakeEngine`; the same behaviour suite runs over both."""

    @property
    def generation(self) -> int:
        """1 for the first engine process of the session, one more for each that had to be started since."""

    def start(self) -> None:
        """Called once, as early as possible; returns at once, `Ready` follows."""

    def evaluate(
        self,
        cell: int,
        name: str,
        code: str,
        limits: Limits,
        variables: Variables = None,
        expressions: Expressions = None,
        language: str = "",
    ) -> None:
        """Called when the previous cell is finished, also before `Ready` and after `Lost`.

        `name` appears in stack traces. `variables`: globals with JSON values that are there while the cell runs.
        `expressions`: evaluated at the end of a cell that succeeds, as part of it; one that throws does not fail it.
        `language`: `javascript` or `typescript`; empty: the session's.
        Exactly one `Finished` follows, at once where no engine can be had.
        """

    def is_complete(self, request: int, code: str) -> None:
        """May be called at any time, also while a cell runs; one `Answered` {status, indent} follows."""

    def complete(self, request: int, code: str, cursor: int) -> None:
        """Cursor in code points. One `Answered` {matches, cursor_start, cursor_end, metadata}, also mid-cell."""

    def inspect(self, request: int, code: str, cursor: int, detail: int) -> None:
        """Cursor in code points. One `Answered` {found, data, metadata} follows, also mid-cell."""

    def comm(self, request: int, cell: int, content: dict[str, Any]) -> None:
        """A message on a comm, for code of `cell`, whose limits hold for it; it waits while a cell computes.

        content: `op` (`open`, `msg`, `close`), `comm_id`, `target_name`, `data`, `metadata`, `buffers` in base64.
        One `Answered` {} follows when it has been handled, whatever became of it.
        """

    def answer(self, text: str | None) -> None:
        """The line that `Asked` waits for, or None when there is no one to ask."""

    def supply(self, number: int, content: dict[str, Any], source: str | None = None) -> None:
        """What `Wanted` waits for. source: JSON that goes through the engine's parser, whose answer is added."""

    def stop(self, why: Stopped, cell: int | None = None) -> None:
        """Ends the running cell, or code running between cells, with `why`: softly, then by force.

        With `cell`: only if that cell is the one running; its late code is stopped likewise. Where nothing runs, the
        timers that the cell (without `cell`: any cell) left behind are cancelled.
        """

    def renew(self) -> None:
        """A new engine in place of this one: `Lost` (asked) at once, `Ready` follows.

        Called while no cell runs, or after `close`, which leaves nothing of a cell.
        """

    def close(self) -> None:
        """Ends the engine process and waits until it is gone; no report follows."""

    def fileno(self) -> int | None:
        """The descriptor to wait on now (it changes when the engine is replaced)."""

    def wants_write(self) -> bool:
        """True while something is left to send."""

    def deadline(self) -> float | None:
        """`time.monotonic()` at which `pump` must be called even if nothing was readable; None: no need.

        It may be later at each call: what counts is the earliest since the last `pump`.
        """

    def pump(self, read: bool = True) -> None:
        """Applies the limits, reads what there is, reports. Without `read` the engine's output waits in its pipe."""
