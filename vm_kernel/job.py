"""Owns one execution on its way: what is to run, who is asked and told, how far it is; refuses to know who takes it
through.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .engine import port
from .execution import Execution
from .outcomes import Outcome, Stopped
from .recorder import Ended, Started


class Job:
    """One execution on its way. then: called once at its end, with the job, what it came to and, if it could not be
    recorded, why. ask: asks its client for a line (prompt, password); None where there is no one to ask.

    What a magic makes of it (magics.py): text: the code for the engine, in language. instead: done in place of running
    any; its outcome. after: called with wall_ms and cpu_ms when the code has run, before the end is noted.
    """

    __slots__ = (
        "after", "ask", "began", "ended", "evaluating", "execution", "expressions", "globals", "instead", "language",
        "name", "recorded", "started", "stopped", "text", "then",
    )  # fmt: skip

    def __init__(
        self,
        execution: Execution,
        started: Started,
        name: str,
        then: Callable[[Job, Outcome, str | None], None],
        ask: Callable[[str, bool], None] | None = None,
        globals_: port.Variables = None,
        expressions: port.Expressions = None,
    ) -> None:
        self.execution = execution
        self.started = started
        self.then = then
        self.ask = ask
        self.globals = globals_
        self.expressions = expressions
        self.text = execution.code
        self.call(name)
        self.instead: Callable[[], Outcome] | None = None
        self.after: Callable[[int, int], None] | None = None
        self.ended: Ended | None = None
        self.evaluating = False
        #: `time.monotonic()` at which its code was given to the engine.
        self.began = 0.0
        #: False once its start could not be recorded and it runs all the same.
        self.recorded = True
        #: Why it ends without its code having run.
        self.stopped: Stopped | None = None

    def call(self, name: str) -> None:
        """As errors name it, `cell [3]` or a file's path; that says which language it is in."""
        self.name = name
        self.language = port.LANGUAGES.get(name[name.rfind(".") :], "")

    def wall_ms(self) -> int:
        """How long its code has been with the engine."""
        return int((time.monotonic() - self.began) * 1000) if self.evaluating else 0
