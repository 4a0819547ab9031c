"""Owns a session's way through the house, from the first request to the end; refuses to know frames, V8 and ledgers.

What comes in, whose turn it is (turns.py has what happens then), what the engine says, the end. Only execute requests
wait.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from . import request as asks
from .answers import Answers
from .comms import Comms
from .desk import ONE_WAY, Desk, Request
from .engine import port
from .execute_requests import ExecuteRequests
from .execution import Execution
from .files import Files
from .history import History
from .job import Job
from .limits import NOTEBOOK, Limits
from .log import log
from .loop import Loop
from .losses import Losses
from .outcomes import Interrupted
from .prompt import Prompt
from .protocol import messages
from .protocol.channels import CONTROL, SHELL, STDIN, Channels
from .questions import TYPES as QUESTIONS
from .questions import Questions
from .recorder import NoRecorder, Recorder
from .runner import INTERNAL, Runner
from .session import House, Session
from .waiting import Waiting

if TYPE_CHECKING:
    from .plan import SessionPlan

DRAIN_S = 1.0
SHUT_DOWN = "the session was shut down while the cell ran"
CLOSED, RESTARTED = "closed by its Jupyter client", "restarted by its Jupyter client"


class Kernel:
    """One session. `on_report` is the sink of the engine, which has been started; `loop.close` ends it.

    orphaned: asked once a second whether whoever started the kernel is gone. plan: of a session that was planned by
    somebody (design 7.8); its limits hold then. language: of its cells, as clients are told; the engine knows it too.
    """

    def __init__(
        self,
        channels: Channels,
        engine: port.Engine,
        limits: Limits = NOTEBOOK,
        recorder: Recorder | None = None,
        orphaned: Callable[[], bool] | None = None,
        plan: SessionPlan | None = None,
        language: str = "javascript",
    ) -> None:
        self._recorder: Recorder = recorder if recorder is not None else NoRecorder()
        self.loop = Loop(channels, engine, self._recorder, orphaned)
        self._desk = Desk(channels, self._publish)
        self._worktree = (plan.worktree_path, plan.denied) if plan is not None else (".", ())
        self._questions = Questions(self._desk, engine, *self._worktree)
        self._prompt = Prompt(self._desk, self.loop.after, lambda: engine.answer(None))
        self._waiting = Waiting(self._desk)
        self._channels = channels
        self._iopub = channels.iopub
        self._engine = engine
        self._losses = Losses()
        self._runner = Runner(
            engine,
            partial(Execution, iopub=channels.iopub),
            plan.limits if plan is not None else limits,
            self._recorder,
            self._losses,
            require_record=plan is None or plan.require_ledger,
            generation_offset=plan.generation_offset if plan is not None else 0,
        )
        self._files = Files(engine, plan)
        self._comms = Comms(self._desk, channels.iopub, engine, self._runner.recall)
        house = House(
            listen=partial(channels.listen, SHELL),
            after=self.loop.after,
            close_engine=engine.close,
            renew_engine=self._renew,
            end=self.loop.close,
            busy=lambda: self._runner.job is not None or bool(self._waiting),
        )
        self.session = Session(plan, self._runner, self._losses, house)
        self.history = History()
        self._answers = Answers(self.history, channels, language)
        self._requests = ExecuteRequests(
            self._desk,
            self._iopub,
            self._runner,
            self._prompt,
            self.session,
            self.history,
            engine.answer,
            self._rewrite,
            self._abort,
        )
        self._leaving: list[Request] = []
        self.give_up = self._runner.give_up

    def run(self) -> None:
        """Serves until a shutdown_request, `close`, its parent's or its own end; then ends the engine."""
        try:
            self._iopub.publish("status", messages.STARTING)
            self.session.start()
            while self.loop.open:
                self.loop.turn(self._receive, self._settle)
        finally:
            self._end()

    def interrupt(self) -> None:
        """Stops the running cell, or code running between cells, and aborts what waits behind it."""
        self._runner.interrupt()
        self._abort()

    def _abort(self) -> None:
        """Whatever waits is answered, and does not run."""
        self._waiting.abort(self._requests.count)

    def _interrupt(self, execution_id: str | None) -> None:
        """`interrupt`, or only that one execution if it is the one that runs: a late cancel must hit no other."""
        if execution_id is None:
            self.interrupt()
        elif self._runner.job is not None and self._runner.job.execution.id == execution_id:
            self._runner.interrupt()

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
                self.session.use()
                self._waiting.put(request, self._runner.busy, self._requests.count, self.session.refusal)
                return
            self._desk.busy(request)
            if msg_type in QUESTIONS:
                self._questions.ask(request)
                if self._losses.final or self.session.refusal is not None:
                    self._questions.give_up()
            elif msg_type in ONE_WAY:
                self.session.use()
                if self.session.refusal is not None:
                    self._comms.close_all()
                self._comms.take(request)
            elif msg_type == "comm_info_request":
                self._desk.answer(request, self._comms.info(content.get("target_name")))
            elif msg_type == "shutdown_request":
                self._shut_down(request, asks.flag(content, "restart", False))
            elif msg_type == "interrupt_request":
                self._interrupt(asks.interrupted(request.message.metadata))
                self._desk.answer(request, messages.interrupt_reply())
            else:
                if msg_type == "kernel_info_request":
                    self._adopt(request)
                self._desk.answer(request, self._answers.reply(request))
        except asks.Refusal as refusal:
            log(f"{channel}: {msg_type} was refused: {refusal}")
            self._desk.refuse(request, refusal)
        except Exception as error:  # a fault of ours must not take the session along
            log(f"{channel}: {msg_type[:100]} failed: {type(error).__name__}: {error}")
            self._desk.refuse(request, asks.Refusal("InternalError", INTERNAL))

    def _shut_down(self, request: Request, restart: bool) -> None:
        """The process ends; or, when a gateway asks in behalf of the session alone, only what it runs."""
        reason = asks.kept(request.message.metadata)
        if reason is None:
            self._leaving.append(request)
            self.loop.close(RESTARTED if restart else CLOSED)
            return
        if request.channel != CONTROL:
            raise asks.Refusal("InvalidRequest", "metadata.vm.keep_process is for the control channel")
        if restart:
            self.session.restart(reason)
        else:
            self.session.close(reason)
        self._abort()
        self._desk.answer(request, messages.shutdown_reply(restart))

    @property
    def restarts(self) -> bool:
        """Whether it ends because a client wants another process in its place."""
        return any(request.message.content.get("restart") is True for request in self._leaving)

    def _renew(self) -> None:
        """Another engine in the place of this one, which has nothing to say any more, not even of its last cell."""
        self._engine.close()
        self._questions.give_up()
        self._engine.renew()

    def _adopt(self, request: Request) -> None:
        owner = asks.owner(request.message.metadata)
        if owner is None:
            return
        if request.channel != CONTROL:
            raise asks.Refusal("InvalidRequest", "metadata.vm.owner is for the control channel")
        self.session.adopt(owner)

    # -- whose turn it is, and what the engine says ------------------------------------------------------

    def _settle(self) -> None:
        if self.session.refusal is not None and self._waiting:
            self._waiting.refuse(self.session.refusal, self._requests.count)
        while self._runner.job is None and self.loop.open and self.session.prepared(bool(self._waiting)):
            if not self._waiting:
                break
            self._requests.start(*self._waiting.take())
        self._publish()

    def _rewrite(self, job: Job) -> None:
        from .magics import Magics

        Magics(self._runner, self._engine, *self._worktree).apply(job)

    def _publish(self) -> None:
        """The recorder first, then the clients."""
        self._runner.flush()
        self._iopub.send()

    def on_report(self, report: port.Report) -> None:
        """The engine's sink, called from the engine on the loop's thread."""
        if isinstance(report, port.Answered):
            if not self._comms.done(report.request):
                self._questions.answered(report.request, report.content)
        elif isinstance(report, port.Conversed):
            self._comms.said(self._runner.execution(report.cell), report.op, report.content, report.buffers)
        elif isinstance(report, port.Wanted):
            self._files.supply(report)
        else:
            self._runner.on_report(report)
        if isinstance(report, port.Lost):
            self._comms.close_all()
            self.session.lost(report)
            if report.final:
                self._questions.give_up()
        elif isinstance(report, port.Ready):
            self.session.engine_is_up(report)

    # -- the end -----------------------------------------------------------------------------------------

    def _end(self) -> None:
        """Answers everybody, ends the engine, gives the last messages time to arrive."""
        try:
            self.loop.last_turn(self._receive)
            self._abort()
            self._runner.end(Interrupted(self.session.ended or SHUT_DOWN))
            self._questions.give_up()
            self._comms.give_up()
            self._comms.close_all()
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
