"""Owns an execute_request's way through the house, top to bottom; refuses to know frames, V8 and ledgers.

What comes in, the way of an execution, what the engine reports, the end. Only execute requests wait.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from . import request as asks
from .answers import Answers
from .desk import Desk, Request
from .engine import port
from .events import timestamp
from .execution import Execution, Page, Run
from .history import History
from .ids import uuid7
from .limits import NOTEBOOK, Limits
from .log import log
from .loop import Loop
from .losses import Losses
from .outcomes import Completed, EngineDied, Interrupted, Outcome, Stopped
from .prompt import Prompt
from .protocol import messages
from .protocol.channels import STDIN, Channels
from .protocol.wire import encode
from .questions import TYPES as QUESTIONS
from .questions import Questions
from .recorder import Ended, NoRecorder, Recorder, Started
from .waiting import Waiting

#: Executions whose timers can still print; of older ones nothing more is shown.
LATE_EXECUTIONS = 4096
DRAIN_S = 1.0

INTERNAL = "the kernel could not answer; its log says why"
INTERRUPTED = "the cell was interrupted"
SHUT_DOWN = "the session was shut down while the cell ran"

Content = dict[str, Any]


class Kernel:
    """One session. `on_report` is the sink of the engine, which has been started; `loop.close` ends it.

    orphaned: asked once a second whether whoever started the kernel is gone.
    """

    def __init__(
        self,
        channels: Channels,
        engine: port.Engine,
        limits: Limits = NOTEBOOK,
        recorder: Recorder | None = None,
        orphaned: Callable[[], bool] | None = None,
    ) -> None:
        self._recorder: Recorder = recorder if recorder is not None else NoRecorder()
        self.loop = Loop(channels, engine, self._recorder, orphaned)
        self._desk = Desk(channels, self._publish)
        self._questions = Questions(self._desk, engine)
        self._prompt = Prompt(self._desk, self.loop.after, lambda: self._engine.answer(None))
        self._waiting = Waiting(self._desk)
        self._channels = channels
        self._iopub = channels.iopub
        self._engine = engine
        self._limits = limits
        self._page = Page(keep=not isinstance(self._recorder, NoRecorder))
        self._history = History()
        self._answers = Answers(self._history, channels)
        self._count = 0
        self._cells = 0
        self._run: Run | None = None
        self._executions: OrderedDict[int, Execution] = OrderedDict()
        self._leaving: list[Request] = []
        self._losses = Losses()

    def run(self) -> None:
        """Serves until a shutdown_request, `close` or the parent's death; then ends the engine."""
        try:
            self._iopub.publish("status", messages.STARTING)
            while self.loop.open:
                self.loop.turn(self._receive, self._settle)
        finally:
            self._end()

    def interrupt(self) -> None:
        """Stops the running cell, or code running between cells, and aborts what waits behind it."""
        why = Interrupted(INTERRUPTED)
        if self._run is not None and not self._run.evaluating:
            self._run.stopped = why
        self._engine.stop(why)
        self._waiting.abort(self._count)

    # -- what comes in -----------------------------------------------------------------------------------

    def _receive(self, channel: str, frames: list[bytes]) -> None:
        request = self._desk.read(channel, frames)
        if request is None:
            return
        if channel == STDIN:
            line = self._prompt.hear(request)
            if line is not None:
                self._publish()
                self._engine.answer(line)
            return
        msg_type, content = request.message.msg_type, request.message.content
        try:
            if msg_type == "execute_request":
                self._waiting.put(request, self._run is not None, self._count)
                return
            self._desk.busy(request)
            if msg_type in QUESTIONS:
                self._questions.ask(request)
                if self._losses.final:
                    self._questions.give_up()
            elif msg_type == "shutdown_request":
                asks.flag(content, "restart", False)
                self._leaving.append(request)
                self.loop.close()
            elif msg_type == "interrupt_request":
                self.interrupt()
                self._desk.answer(request, messages.interrupt_reply())
            else:
                self._desk.answer(request, self._answers.reply(request))
        except asks.Refusal as refusal:
            log(f"{channel}: {msg_type} was refused: {refusal}")
            self._desk.refuse(request, refusal)
        except Exception as error:  # a fault of ours must not take the session along
            log(f"{channel}: {msg_type[:100]} failed: {type(error).__name__}: {error}")
            self._desk.refuse(request, asks.Refusal("InternalError", INTERNAL))

    # -- the way of an execution -------------------------------------------------------------------------

    def _settle(self) -> None:
        while self._run is None and self._waiting and self.loop.open:
            self._start(*self._waiting.take())
        self._publish()

    def _start(self, request: Request, asked: asks.Execute) -> None:
        """At the front of the queue: busy, and the record begins."""
        self._desk.busy(request)
        count = self._count + 1
        if asked.store_history:
            self._count = count
        cell = self._cells = self._cells + 1
        execution = Execution(
            cell=cell,
            execution_id=asked.execution_id or uuid7(),
            code=asked.code,
            silent=asked.silent,
            count=count,
            parent=request.message.header_bytes,
            limits=self._limits,
            page=self._page,
            iopub=self._iopub,
            exceed=lambda why: self._engine.stop(why, cell),
        )
        run = self._run = Run(request, asked, execution)
        started = Started(
            execution_id=execution.id,
            kind="repl",
            code=asked.code,
            started_at=execution.started_at,
            execution_count=count,
            silent=asked.silent,
            engine_generation=self._engine.generation,
            client_session=request.message.session,
        )
        self._recorder.begin(started, partial(self._begun, run))

    def _begun(self, run: Run, problem: str | None) -> None:
        """The execution is on record: its input is published and its code runs."""
        execution = run.execution
        if problem is not None:
            self._unrecorded(run, problem)
        elif not execution.begin():
            self._finish(run, Completed())  # `execution` knows better
        elif self._losses.final:
            self._finish(run, EngineDied(self._losses.final, lost=True))
        elif run.stopped is not None:
            self._finish(run, run.stopped)
        else:
            self._tell_of_loss(run)
            self._executions[execution.cell] = execution
            if len(self._executions) > LATE_EXECUTIONS:
                self._executions.popitem(last=False)
            run.evaluating = True
            self._engine.evaluate(execution.cell, f"cell [{execution.count}]", run.asked.code, self._limits)

    def _tell_of_loss(self, run: Run) -> None:
        """To whoever runs the first cell that is seen on a new engine."""
        if not run.execution.silent and (notice := self._losses.notice(run.request.message.session)):
            run.execution.notice(notice)

    def _finish(self, run: Run, outcome: Outcome, cpu_ms: int = 0, wall_ms: int = 0, peak_mem_mb: int = 0) -> None:
        """The outcome is known: all its events and its end go on record."""
        run.evaluating = False
        self._prompt.withdraw()
        outcome = run.execution.end(outcome)
        self._publish()
        usage = run.execution.usage(cpu_ms, wall_ms, peak_mem_mb)
        ended = Ended(run.execution.id, outcome, timestamp(), usage)
        self._recorder.finish(ended, partial(self._finished, run, outcome))

    def _finished(self, run: Run, outcome: Outcome, problem: str | None) -> None:
        """The outcome is on record: result or error, reply, idle."""
        if problem is not None:
            self._unrecorded(run, problem)
            return
        shown = run.execution.publish_end(outcome)
        if run.asked.store_history:
            self._history.add(run.execution.count, run.asked.code, shown)
        if isinstance(outcome, Completed):
            self._conclude(run, messages.execute_ok(run.execution.count, run.execution.pages))
            return
        if isinstance(outcome, Stopped) and outcome.lost:
            self._losses.told(run.request.message.session)
        self._conclude(run, messages.execute_error(messages.outcome_error(outcome), run.execution.count))

    def _unrecorded(self, run: Run, problem: str) -> None:
        error = messages.error_fields("LedgerUnavailable", problem)
        self._iopub.publish("error", error, run.execution.parent)
        self._conclude(run, messages.execute_error(error, run.execution.count))

    def _conclude(self, run: Run, reply: Content) -> None:
        execution = run.execution
        metadata = {"started": execution.started_at, "vm": {"execution_id": execution.id}}
        self._run = None
        self._desk.answer(run.request, reply, encode(metadata))
        if reply["status"] == "error" and run.asked.stop_on_error:
            self._waiting.abort(self._count)

    def _publish(self) -> None:
        """The recorder first, then the clients."""
        if self._page.events:
            self._recorder.append(self._page.take())
        self._iopub.send()

    # -- what the engine reports -------------------------------------------------------------------------

    def on_report(self, report: port.Report) -> None:
        """The engine's sink, called from `Engine.pump` on the loop's thread."""
        try:
            self._take(report)
        except Exception as error:  # an engine may say anything; its cell gets an end all the same
            log(f"a report of the engine could not be used: {type(error).__name__}: {error}")
            run = self._run
            if isinstance(report, port.Finished) and run is not None and not run.execution.finished:
                self._finish(run, EngineDied(INTERNAL))

    def _take(self, report: port.Report) -> None:
        if type(report) is port.Printed:
            execution = self._executions.get(report.cell)
            if execution is not None:
                execution.console(report.level, report.text, report.last)
        elif isinstance(report, port.Finished):
            run = self._run
            if run is not None and run.evaluating and report.cell == run.execution.cell:
                self._losses.ran()
                self._finish(run, report.outcome, report.cpu_ms, report.wall_ms, report.peak_mem_mb)
        elif isinstance(report, port.Ready):
            self._on_ready()
        elif isinstance(report, port.Lost):
            self._on_lost(report)
        elif isinstance(report, port.Answered):
            self._questions.answered(report.request, report.content)
        elif isinstance(report, port.Asked):
            self._on_asked(report)
        elif (late := self._executions.get(report.cell)) is not None:
            if isinstance(report, port.Displayed):
                late.display(report.content)
            elif isinstance(report, port.Cleared):
                late.clear(report.wait)
            elif isinstance(report, port.TurnStopped) and late.exceeded is None:
                late.notice(f"{type(report.outcome).__name__}: {report.outcome.message}", "error")

    def _on_ready(self) -> None:
        self._losses.renew()
        if self._run is not None and self._run.evaluating:  # it waited for this engine
            self._tell_of_loss(self._run)

    def _on_asked(self, report: port.Asked) -> None:
        run = self._run
        if run is None or run.execution.cell != report.cell or not run.asked.allow_stdin:
            self._engine.answer(None)
        else:
            self._prompt.ask(run.request, run.execution, report.prompt, report.password)

    def _on_lost(self, report: port.Lost) -> None:
        self._losses.lose(report.reason, report.final)
        self._executions.clear()
        if self._run is not None and self._run.evaluating:  # it waits for the next engine
            self._executions[self._run.execution.cell] = self._run.execution
        if report.final:
            self._questions.give_up()

    # -- the end -----------------------------------------------------------------------------------------

    def _end(self) -> None:
        """Answers everybody, ends the engine, gives the last messages time to arrive."""
        try:
            self._waiting.abort(self._count)
            if self._run is not None and not self._run.execution.finished:
                self._finish(self._run, Interrupted(SHUT_DOWN))
            self._questions.give_up()
            for request in self._leaving:
                reply = messages.shutdown_reply(request.message.content.get("restart", False))
                self._iopub.publish("shutdown_reply", reply, request.message.header_bytes)
                self._desk.answer(request, reply)
            self._publish()
        finally:
            try:
                self._engine.close()
            finally:
                self._recorder.close()
                self._recorder.dispatch()
                self._iopub.drain(DRAIN_S)
                self._channels.close()
