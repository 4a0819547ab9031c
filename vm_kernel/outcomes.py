"""Owns how a run can end and the words for each end; refuses to know who ran it and where it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Union

#: The last words of every run with which the engine was lost (`Stopped.lost`).
ALL_LOST = "The engine had to be replaced: all variables are lost."
#: What the first cell after a loss is told, as no words of its own.
VARIABLES_LOST = "The JavaScript engine was restarted: variables of earlier cells are lost; run those again."


@dataclass(frozen=True)
class Value:
    """The value of a cell's last expression, as text made inside the engine.

    type: `typeof` of the value, or `null`.
    text: what Node's inspector would print (`'hi'`, `{ a: 1 }`).
    preview: JavaScript's string conversion (`hi`, `[object Object]`).
    json: the value as JSON text; None where it has no JSON form or is too large, and for strings, whose `preview` is
        the value itself.
    mime: what is shown besides the text, by MIME type; empty for plain values. metadata: likewise.
    """

    type: str
    text: str
    preview: str
    json: str | None = None
    mime: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JavaScriptError:
    """What user code threw: `name`, `message` and the traceback lines a person reads (no ANSI, no frame of ours)."""

    name: str
    message: str
    traceback: tuple[str, ...] = ()
    stack: str = ""


@dataclass(frozen=True)
class Completed:
    """The cell ran to its end; `value` is None when there is nothing to show.

    expressions: what became of the expressions that were to be evaluated at its end, by their names; None: of none.
    """

    value: Value | None = None
    expressions: Mapping[str, Value | JavaScriptError] | None = None
    status = "ok"


@dataclass(frozen=True)
class Raised:
    """The user's error: a result, never an exception of ours."""

    error: JavaScriptError
    status = "error"


@dataclass(frozen=True)
class Stopped:
    """A run that something other than its own code ended.

    message: one sentence for the user: what happened and, where there is something to do, what to do next.
    lost: the engine had to be ended with it, so variables are gone.
    """

    message: str
    lost: bool = False
    status = "error"


@dataclass(frozen=True)
class TimedOut(Stopped):
    status = "timeout"


@dataclass(frozen=True)
class CpuExceeded(Stopped):
    status = "timeout"


@dataclass(frozen=True)
class OutOfMemory(Stopped):
    pass


@dataclass(frozen=True)
class EngineDied(Stopped):
    pass


@dataclass(frozen=True)
class OutputExceeded(Stopped):
    pass


@dataclass(frozen=True)
class Interrupted(Stopped):
    status = "cancelled"


Outcome = Union[Completed, Raised, Stopped]


def ename(outcome: Raised | Stopped) -> str:
    """The `ename` of a Jupyter error reply: the error's own name, or the outcome's (design section 4)."""
    return outcome.error.name if isinstance(outcome, Raised) else type(outcome).__name__


def evalue(outcome: Raised | Stopped) -> str:
    """The `evalue` of a Jupyter error reply."""
    return outcome.error.message if isinstance(outcome, Raised) else outcome.message
