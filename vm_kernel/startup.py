"""Owns what runs before a session's cells, libraries and then startup files, each recorded as an execution of kind
`startup`; refuses to know who waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .job import Job
from .outcomes import Completed, Outcome, Stopped
from .payloads import exception_payload
from .plan import SessionPlan
from .readiness import Failure
from .runner import Runner
from .worktree import PathError, Worktree

MOST_SOURCE_BYTES = 8 << 20


@dataclass(frozen=True)
class _Script:
    path: str
    text: str | None  # None: it is in the worktree
    prefix: str


class Startup:
    """Run by `begin`, again for each new engine. `scripts`: whether there are any."""

    def __init__(self, plan: SessionPlan, runner: Runner) -> None:
        self._runner = runner
        self._root, self._denied = plan.worktree_path, plan.denied
        self._lost = ""
        files = sorted(plan.startup_files, key=lambda file: file.order_index)
        self._scripts = [_Script(each.name, each.text, "failed to load libraries: library") for each in plan.libraries]
        self._scripts += [_Script(each.path, None, "startup failed: failed to execute startup file") for each in files]

    @property
    def scripts(self) -> bool:
        return bool(self._scripts)

    def begin(self, then: Callable[[Failure | None], None]) -> None:
        """Runs all in order and calls `then` with the first failure, with None when there is none."""
        self._lost = ""
        self._next(0, then)

    def lose(self, reason: str) -> None:
        """The engine is gone, and with it what has run already: nothing of this round runs on the next one."""
        self._lost = reason

    def _next(self, at: int, then: Callable[[Failure | None], None]) -> None:
        if self._lost:
            then(Failure(f"startup failed: {self._lost}", lost=True))
            return
        if at == len(self._scripts):
            then(None)
            return
        script = self._scripts[at]
        text, path = script.text, script.path
        if text is None:
            try:
                path, text = self._open(path)
            except PathError as error:
                then(_not_opened(script.path, error))
                return
            except UnicodeDecodeError:
                then(Failure(f"{script.prefix} {script.path}: it is not UTF-8 text"))
                return

        def done(job: Job, outcome: Outcome, problem: str | None) -> None:
            failure = _failure(script, path, outcome, problem)
            if failure is not None:
                then(failure)
            else:
                self._next(at + 1, then)

        execution = self._runner.prepare(text, "startup")
        started = self._runner.describe(execution, "", {"path": path})
        self._runner.run(Job(execution, started, path, done))

    def _open(self, path: str) -> tuple[str, str]:
        with Worktree(self._root, self._denied) as worktree:
            opened = worktree.read(path, MOST_SOURCE_BYTES)
        return opened.path, opened.content.decode("utf-8")


def _not_opened(path: str, error: PathError) -> Failure:
    if error.code in ("NOT_FOUND", "NOT_A_FILE"):
        return Failure(f"startup failed: startup file not found: {path}: {error}")
    code = "INVALID_PATH" if error.code in ("INVALID_PATH", "EMPTY") else "STARTUP_FAILED"
    return Failure(f"startup failed: startup file {path}: {error}", code)


def _failure(script: _Script, path: str, outcome: Outcome, problem: str | None) -> Failure | None:
    if problem is not None:
        return Failure(f"{script.prefix} {path}: LedgerUnavailable: {problem}", "LEDGER_UNAVAILABLE")
    if isinstance(outcome, Completed):
        return None
    lost = isinstance(outcome, Stopped) and outcome.lost
    return Failure(f"{script.prefix} {path}: {exception_payload(outcome)['message']}", lost=lost)
