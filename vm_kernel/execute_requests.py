"""Owns an execute_request from its turn to its reply; refuses to know when that is, and what else comes in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from . import request as asks
from .desk import Desk, Request
from .job import Job
from .outcomes import Completed, Outcome
from .prompt import Prepared, Prompt
from .protocol import messages
from .protocol.wire import encode
from .runner import Runner

if TYPE_CHECKING:
    from .history import History
    from .protocol.iopub import IOPub
    from .session import Session

#: What an execute_request without `metadata.vm` asks for.
UNPLANNED = asks.Planned()


class ExecuteRequests:
    """count: of the last cell that counts. answer: gives the engine a line that it waits for. rewrite: makes of a cell
    that begins with a magic what is to run. abort: answers all that waits.
    """

    def __init__(
        self,
        desk: Desk,
        iopub: IOPub,
        runner: Runner,
        prompt: Prompt,
        session: Session,
        history: History,
        answer: Callable[[str | None], None],
        rewrite: Callable[[Job], None],
        abort: Callable[[], None],
    ) -> None:
        self.count = 0
        self._desk = desk
        self._iopub = iopub
        self._runner = runner
        self._prompt = prompt
        self._session = session
        self._history = history
        self._answer = answer
        self._rewrite = rewrite
        self._abort = abort

    def start(self, request: Request, asked: asks.Execute) -> None:
        """At the front of the queue: busy, and the record begins."""
        self._desk.busy(request)
        count = self.count + 1
        if asked.store_history:
            self.count = count
        planned = asked.planned or UNPLANNED
        execution = self._runner.prepare(
            asked.code, planned.kind, planned.execution_id, asked.silent, count, request.message.header_bytes
        )
        name, variables = f"cell [{count}]", None
        if planned.kind == "run_file":
            name, variables = planned.path, {"__ARGS__": planned.metadata["args"]}
        ask: Callable[[str, bool], None] | None = None
        if planned.stdin:
            ask = Prepared(planned.stdin, execution, self._answer).ask
        elif asked.allow_stdin:
            ask = partial(self._prompt.ask, request, execution)
        started = self._runner.describe(execution, request.message.session, planned.metadata)
        then = partial(self._concluded, request, asked)
        job = Job(execution, started, name, then, ask, variables, asked.expressions)
        if planned.kind == "repl" and asked.code.lstrip()[:1] == "%":  # no JavaScript begins so
            self._rewrite(job)
        self._runner.run(job)

    def _concluded(
        self, request: Request, asked: asks.Execute, job: Job, outcome: Outcome, problem: str | None
    ) -> None:
        """The outcome is on record, or cannot be: result or error, reply, idle."""
        execution = job.execution
        crash = self._session.weigh(outcome)
        vm: dict[str, Any] = {"execution_id": execution.id}
        failed = problem is not None or not isinstance(outcome, Completed)
        shown: str | None = None
        if problem is not None:
            error = messages.error_fields("LedgerUnavailable", problem)
            self._iopub.publish("error", error, execution.parent)
            reply = encode(messages.execute_error(error, execution.count))
        else:
            shown = execution.publish_end(outcome)
            reply = messages.execute_reply(outcome, execution.count, execution.pages)
            if asked.planned is not None and job.ended is not None:
                from .record import record  # sessions that nobody planned need none

                vm["execution"] = record(self._session.id, job.started, job.ended, execution.final)
                vm["outcome"] = type(outcome).__name__
        execution.let_out()
        if crash:
            vm["crashed"] = crash
        self._session.use()
        self._desk.answer(request, reply, encode({"started": execution.started_at, "vm": vm}))
        if problem is None and asked.store_history and execution.kind == "repl":
            self._history.add(execution.count, asked.code, shown)
        if failed and asked.stop_on_error:
            self._abort()
