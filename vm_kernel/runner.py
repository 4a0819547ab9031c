"""Owns the one execution that runs and the late ones: record, evaluate, report, record; refuses to know who asked for
it and what they are told.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from .engine import port
from .events import Page, timestamp
from .execution import Execution
from .ids import uuid7
from .job import Job
from .limits import Limits
from .log import log
from .losses import Losses
from .outcomes import Completed, EngineDied, Interrupted, Outcome, Stopped
from .recorder import Ended, NoRecorder, Recorder, Started, Usage

#: Executions whose timers can still print; of older ones nothing more is shown.
LATE_EXECUTIONS = 4096

INTERNAL = "the kernel could not answer; its log says why"
STOPPED = "the cell was interrupted"


class Runner:
    """Runs jobs one at a time; `job` is the one that runs.

    make: `Execution` with the channel it publishes on. require_record: an execution that cannot be recorded is not run
    (contract 18.6); without, its client is told. generation_offset: see `SessionPlan`.
    """

    def __init__(
        self,
        engine: port.Engine,
        make: Callable[..., Execution],
        limits: Limits,
        recorder: Recorder,
        losses: Losses,
        require_record: bool,
        generation_offset: int = 0,
    ) -> None:
        self.job: Job | None = None
        self._engine = engine
        self.limits = limits
        #: Of the code that ran last.
        self.last_usage = Usage(0, 0, 0, 0, 0)
        self._recorder = recorder
        self._losses = losses
        self._require_record = require_record
        self._generation_offset = generation_offset
        self._page = Page(keep=not isinstance(recorder, NoRecorder))
        self._make = partial(make, limits=limits, page=self._page)
        self._cells = 0
        self._executions: OrderedDict[int, Execution] = OrderedDict()

    def prepare(
        self,
        code: str,
        kind: str = "repl",
        execution_id: str | None = None,
        silent: bool = True,
        count: int = 0,
        parent: bytes = b"{}",
    ) -> Execution:
        """A new execution of `code`; nothing of it is noted or published before `run`."""
        cell = self._cells = self._cells + 1
        return self._make(
            cell=cell,
            execution_id=execution_id or uuid7(),
            code=code,
            kind=kind,
            silent=silent,
            count=count,
            parent=parent,
            exceed=lambda why: self._engine.stop(why, cell),
        )

    def describe(self, execution: Execution, client_session: str, metadata: dict[str, object]) -> Started:
        """What the recorder is told at its start."""
        return Started(
            execution_id=execution.id,
            kind=execution.kind,
            code=execution.code,
            started_at=execution.started_at,
            execution_count=execution.count,
            silent=execution.silent,
            engine_generation=self._generation,
            client_session=client_session,
            metadata=metadata,
        )

    @property
    def _generation(self) -> int:
        return self._engine.generation + self._generation_offset

    def run(self, job: Job) -> None:
        """Takes the job through; called when none runs."""
        assert self.job is None, "one execution at a time"
        self.job = job
        self._recorder.begin(job.started, partial(self._begun, job))

    @property
    def busy(self) -> bool:
        """Whether a job runs. One whose end is only being written is over: its record says so to everybody already."""
        return self.job is not None and not self.job.execution.finished

    def execution(self, cell: int) -> Execution | None:
        """The execution whose code is called `cell` in the engine; None when it is too old to put anything out."""
        return self._executions.get(cell)

    def recall(self, execution: Execution) -> None:
        """It will put something out, however old it is."""
        self._executions[execution.cell] = execution
        self._executions.move_to_end(execution.cell)

    def flush(self) -> None:
        """The recorder gets all that happened; call it before anything of that is sent."""
        if events := self._page.take():
            self._recorder.append(events)

    def interrupt(self) -> None:
        """Stops the running cell, or code running between cells."""
        why = Interrupted(STOPPED)
        if self.job is not None and not self.job.evaluating:
            self.job.stopped = why
        self._engine.stop(why)

    def end(self, why: Stopped) -> None:
        """The session ends: what runs is over, whatever the engine does."""
        if self.job is not None and not self.job.execution.finished:
            self._finish(self.job, why, wall_ms=self.job.wall_ms())

    def abandon(self, why: Stopped) -> None:
        """There is no engine for what runs, nor will there be: it ends with `why`, once its start is on record."""
        job = self.job
        if job is not None and job.evaluating:
            self._finish(job, why, wall_ms=job.wall_ms())
        elif job is not None:
            job.stopped = why

    def give_up(self, execution_id: str, reason: str) -> None:
        """The recorder has lost events of this execution: it is stopped where a record is required."""
        for execution in list(self._executions.values()):
            if execution.id == execution_id:
                if self._require_record:
                    self._engine.stop(Interrupted(reason), execution.cell)
                else:
                    execution.notice(f"This cell's output is not on record: {reason}")

    # -- its way -----------------------------------------------------------------------------------------

    def _begun(self, job: Job, problem: str | None) -> None:
        """The execution is on record: its input is published and its code runs."""
        execution = job.execution
        if execution.finished:
            return  # `end` was quicker
        if problem is not None and self._require_record:
            self._conclude(job, Completed(), problem)
            return
        if problem is not None:
            job.recorded = False
            execution.notice(f"This cell is not on record: {problem}")
        if not execution.begin():
            self._finish(job, Completed())  # `execution` knows better
        elif why := self._losses.final or (self._losses.held if execution.kind != "startup" else ""):
            self._finish(job, EngineDied(why, lost=True))
        elif job.stopped is not None:
            self._finish(job, job.stopped)
        elif job.instead is not None:
            self._finish(job, job.instead())
        else:
            self._tell_of_loss(job)
            self._executions[execution.cell] = execution
            if len(self._executions) > LATE_EXECUTIONS:
                self._executions.popitem(last=False)
            self._evaluate(job, execution)

    def _evaluate(self, job: Job, execution: Execution) -> None:
        job.evaluating = True
        job.began = time.monotonic()
        self._engine.evaluate(
            execution.cell, job.name, job.text, self.limits, job.globals, job.expressions, job.language
        )
        if job.stopped is not None:  # the engine turned out to be dead, and this is nothing for the next one
            self._engine.stop(job.stopped, execution.cell)

    def _tell_of_loss(self, job: Job) -> None:
        """To whoever runs the first cell that is seen on a new engine."""
        if not job.execution.silent and (notice := self._losses.notice(job.started.client_session)):
            job.execution.notice(notice)

    def _finish(self, job: Job, outcome: Outcome, cpu_ms: int = 0, wall_ms: int = 0, peak_mem_mb: int = 0) -> None:
        """The outcome is known: all its events and its end go on record."""
        execution, evaluated, job.evaluating = job.execution, job.evaluating, False
        if evaluated and job.after is not None:
            job.after(wall_ms, cpu_ms)
        outcome = execution.end(outcome)
        self.flush()
        # A gateway asks for many clients in one session: the next one has not read what this one did.
        if isinstance(outcome, Stopped) and outcome.lost and "actor" not in job.started.metadata:
            self._losses.told(job.started.client_session)
        usage = execution.usage(cpu_ms, wall_ms, peak_mem_mb)
        if evaluated:
            self.last_usage = usage
        generation = self._generation if job.stopped is None else 0
        ended = job.ended = Ended(execution.id, outcome, timestamp(), usage, generation)
        if job.recorded:
            self._recorder.finish(ended, partial(self._finished, job, outcome))
        else:
            self._conclude(job, outcome, None)

    def _finished(self, job: Job, outcome: Outcome, problem: str | None) -> None:
        if problem is not None and not self._require_record:
            job.execution.notice(f"This cell is not on record: {problem}")
            problem = None
        self._conclude(job, outcome, problem)

    def _conclude(self, job: Job, outcome: Outcome, problem: str | None) -> None:
        self.job = None
        job.then(job, outcome, problem)
        job.execution.let_out()  # where nobody published its end

    def _forgo(self, job: Job, reason: str) -> None:
        """What ran before this file is gone with its engine: on the next one it has nothing to stand on."""
        if not job.execution.finished:
            job.stopped = EngineDied(reason, lost=True)
            self._engine.stop(job.stopped, job.execution.cell)

    # -- what the engine reports -------------------------------------------------------------------------

    def on_report(self, report: port.Report) -> None:
        """Everything but `Answered`, on the loop's thread."""
        try:
            self._take(report)
        except Exception as error:  # an engine may say anything; its cell gets an end all the same
            log(f"a report of the engine could not be used: {type(error).__name__}: {error}")
            job = self.job
            if isinstance(report, port.Finished) and job is not None and not job.execution.finished:
                self._finish(job, EngineDied(INTERNAL), wall_ms=job.wall_ms())

    def _take(self, report: port.Report) -> None:
        if type(report) is port.Printed:
            execution = self._executions.get(report.cell)
            if execution is not None:
                execution.console(report.level, report.text, report.last)
        elif isinstance(report, port.Finished):
            job = self.job
            if job is not None and job.evaluating and report.cell == job.execution.cell:
                self._losses.ran()
                self._finish(job, report.outcome, report.cpu_ms, report.wall_ms, report.peak_mem_mb)
        elif isinstance(report, port.Ready):
            self._losses.renew()
            if self.job is not None and self.job.evaluating:  # it waited for this engine
                self._tell_of_loss(self.job)
        elif isinstance(report, port.Lost):
            if not report.asked:
                self._losses.lose(report.reason, report.final)
            self._executions.clear()
            job = self.job
            if job is not None and job.execution.kind == "startup":
                self._forgo(job, report.reason)
            elif job is not None and job.evaluating:  # it waits for the next engine
                self._executions[job.execution.cell] = job.execution
        elif isinstance(report, port.Asked):
            job = self.job
            if job is None or job.execution.cell != report.cell or job.ask is None:
                self._engine.answer(None)
            else:
                job.ask(report.prompt, report.password)
        elif not isinstance(report, port.Answered) and (late := self._executions.get(report.cell)) is not None:
            if isinstance(report, port.Displayed):
                late.display(report.content)
            elif isinstance(report, port.Cleared):
                late.clear(report.wait)
            elif isinstance(report, port.TurnStopped) and late.exceeded is None:
                late.notice(f"{type(report.outcome).__name__}: {report.outcome.message}", "error")
