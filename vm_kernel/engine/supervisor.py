"""Owns the life of the engine process and the limits of what runs in it; refuses to know V8, sockets and messages.

It is the one watchdog: wall clock, the process's CPU clock, resident memory. It asks the engine to stop first, waits
`GRACE_S`, and then ends the process; the session lives on with a new engine.
"""

from __future__ import annotations

import json
import time

from ..limits import Limits
from ..outcomes import CpuExceeded, EngineDied, Interrupted, Outcome, Stopped, TimedOut
from . import frames
from .cell import Cell
from .port import Answered, Asked, Expressions, Finished, Lost, Printed, Ready, Sink, TurnStopped, Variables
from .process import EngineProcess
from .records import Item, Reader, TooLong, Verdict, answer_content
from .runs import Losses, Run, Runs, beyond_stopping, ended, lost_with, never_begun, refused, too_long

TICK_S = 0.01
ASKED = "a new engine was asked for"


class Supervisor:
    """Fills `port.Engine` with a child process per engine.

    mem_mb: `Limits.mem_mb` of the session; fixed per engine process because V8's flags are.
    process: one that was spawned with that mem_mb before this file was imported; it becomes generation 1.
    language: of cells that do not say theirs. hidden: globals that the session does not have, with blanks between.
    """

    def __init__(self, mem_mb: int, on_report: Sink, process: EngineProcess | None = None, language: str = "javascript",
                 hidden: str = "") -> None:  # fmt: skip
        self._mem_mb, self._language, self._hidden = mem_mb, language, hidden
        self._report = on_report
        self._process = process
        self._ready = False
        self._decoder = frames.Decoder(())
        self._reader = Reader()
        self._runs = Runs()
        self._asked: Stopped = Interrupted("stopped")  # why the last stop was asked for
        self._waiting: Cell | None = None  # before the engine is up
        self._losses = Losses()
        self._fatal = ""
        self._killed_for: Stopped | None = None
        self._generation = 0

    @property
    def generation(self) -> int:
        return max(1, self._generation)

    def start(self) -> None:
        self._generation += 1
        self._decoder = frames.Decoder(frames.TO_KERNEL)
        self._reader = Reader()
        self._ready, self._fatal = False, ""
        if self._generation == 1 and self._process is not None:
            return  # somebody spawned the first one early
        try:
            self._process = EngineProcess(self._mem_mb, self._hidden)
        except OSError as error:
            self._fatal = f"the engine process could not be started: {error}"
            self._report(Lost(self._generation, self._fatal, final=True))

    # -- what the kernel asks

    def evaluate(self, cell: int, name: str, code: str, limits: Limits, variables: Variables = None,
                 expressions: Expressions = None, language: str = "") -> None:  # fmt: skip
        assert self._runs.cell is None and self._waiting is None, "one cell at a time"
        asked = Cell(cell, name, code, limits, variables, expressions, language or self._language)
        while self._process is not None and self._process.gone():
            self.pump()  # it died unseen: the cell is for the next engine, not for this one
        if self._fatal:
            self._report(refused(cell, self._fatal))
        elif self._process is None and (refusal := self._losses.refusal(time.monotonic())):
            self._report(refused(cell, refusal))
        elif self._ready:
            self._begin(asked)
        else:
            self._waiting = asked
            if self._process is None:
                self.start()

    def _begin(self, cell: Cell) -> None:
        self._reader.longest_bytes = cell.longest_bytes()
        self._runs.begin(cell.number, cell.limits, self._cpu_s())
        self._send(frames.EVALUATE, cell.number, cell.payload())

    def _cpu_s(self) -> float:
        return self._process.cpu_s() if self._process is not None else 0.0

    def is_complete(self, request: int, code: str) -> None:
        self._ask(frames.IS_COMPLETE, request, {"code": code})

    def complete(self, request: int, code: str, cursor: int) -> None:
        self._ask(frames.COMPLETE, request, {"request": request, "code": code, "cursor": cursor, "detail": 0})

    def inspect(self, request: int, code: str, cursor: int, detail: int) -> None:
        self._ask(frames.INSPECT, request, {"request": request, "code": code, "cursor": cursor, "detail": detail})

    def comm(self, request: int, cell: int, content: dict[str, object]) -> None:
        self._ask(frames.COMM, request, {"request": request, "cell": cell, **content})

    def _ask(self, kind: int, request: int, content: dict[str, object]) -> None:
        """The engine reads it as soon as it is up; without one the answer is empty."""
        content["language"] = self._language
        if self._process is None:
            self._report(Answered(request, {}))
        else:
            self._process.requests.ask(request)
            self._send(kind, request, content)

    def answer(self, text: str | None) -> None:
        self._runs.answered()
        self._send(frames.INPUT, 0, {"refused": text is None, "text": text or ""})

    def supply(self, number: int, content: dict[str, object], source: str | None = None) -> None:
        message = json.dumps(content) if source is None else f"{json.dumps(content)[1:-1]}\n{source}"
        self._send(frames.INPUT, number, message.encode("ascii"))

    def stop(self, why: Stopped, cell: int | None = None) -> None:
        self._asked = why
        if self._waiting is not None and cell in (None, self._waiting.number):
            waiting, self._waiting = self._waiting, None
            self._report(Finished(waiting.number, why, 0, 0, 0))
            return
        for run in self._runs:
            if run.stop is None and cell in (None, run.cell):
                run.ask(why)
        if self._ready:
            self._send(frames.STOP, cell or 0, frames.CLOCK if isinstance(why, (TimedOut, CpuExceeded)) else b"")

    def renew(self) -> None:
        if self._process is not None:
            self._killed_for = Interrupted(ASKED)
            self._died(self._process, asked=True)
        else:
            self._report(Lost(self._generation, ASKED, asked=True))
            self.start()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.reap()
        self._process = self._waiting = self._killed_for = None
        self._runs = Runs()

    # -- the loop's side

    def fileno(self) -> int | None:
        return self._process.pipe if self._process is not None else None

    def wants_write(self) -> bool:
        return self._process is not None and bool(self._process.outgoing)

    def deadline(self) -> float | None:
        return time.monotonic() + TICK_S if any(self._runs) else None

    def pump(self, read: bool = True) -> None:
        process = self._process
        if process is None:
            return
        try:
            alive = process.write()
            data = process.read() if read else None  # once: a flood must not keep the loop from its other sockets
            if data:
                for frame in self._decoder.feed(data):
                    self._receive(*frame)
            if data == b"" or not alive:
                self._died(process)
        except frames.BadFrame as error:
            self._killed_for = EngineDied(f"the engine sent what it never sends ({error}) and was ended", lost=True)
            self._died(process)
        if self._process is process:
            self._watch(process)

    def _send(self, kind: int, number: int, content: dict[str, object] | bytes = b"") -> None:
        if self._process is not None:
            payload = content if isinstance(content, bytes) else json.dumps(content).encode("ascii")
            self._process.send(frames.encode(kind, number, payload))

    # -- what the engine tells

    def _receive(self, kind: int, number: int, payload: bytes) -> None:
        if kind == frames.RECORDS:
            for item in self._reader.read(payload):
                self._forward(item)
        elif kind == frames.TEXT:
            self._take_text(number, payload)
        elif kind == frames.DONE:
            self._done(number, payload)
        elif kind == frames.TURN:
            self._turned(number, payload)
        elif kind == frames.SPENT:
            self._runs.spent(number, frames.spent_s(payload), self._cpu_s())
        elif kind == frames.ANSWER:
            self._forward(Answered(number, answer_content(payload.decode("utf-8", "replace"))))
        elif kind == frames.READY:
            if self._ready:
                raise frames.BadFrame("ready twice")  # it would move the memory's base line
            self._ready = True
            assert self._process is not None
            self._process.note_idle()
            engine, _, containment = payload.decode("utf-8", "replace").partition("\n")
            self._report(Ready(self._generation, self._process.pid, containment, engine))
            if self._waiting is not None:
                waiting, self._waiting = self._waiting, None
                self._begin(waiting)
        elif kind == frames.FATAL:
            self._fatal = payload.decode("utf-8", "replace")

    def _take_text(self, number: int, payload: bytes) -> None:
        assert self._process is not None
        kind, length = frames.long_text(payload)
        data = self._process.read_text(length)
        self._send(frames.TAKEN, 0)
        for item in self._reader.read_long(kind, number, data):
            self._forward(item)

    def _forward(self, report: Item) -> None:
        if type(report) is Printed:
            self._report(report)
            return
        if isinstance(report, Verdict):
            if (run := self._run_of(report.cell)) is not None:
                run.outcome = report.outcome
            return
        if isinstance(report, TooLong):
            why = too_long(self._runs.limits_of(report.cell))
            if (run := self._run_of(report.cell)) is not None:
                run.exceeded = why
            self.stop(why, report.cell)
            return
        if isinstance(report, Asked):
            self._runs.ask(report.cell)
        if isinstance(report, Answered) and not (self._process and self._process.requests.answered(report.request)):
            return
        self._report(report)

    def _run_of(self, cell: int) -> Run | None:
        run = self._runs.cell
        return run if run is not None and run.cell == cell else None

    def _done(self, cell: int, payload: bytes) -> None:
        run = self._run_of(cell)
        if run is None or len(payload) < 5:
            raise frames.BadFrame(f"end of cell {cell}")
        outcome = ended(payload[0], run, self._mem_mb, payload[5:].decode("utf-8", "replace"))
        if outcome is None:
            raise frames.BadFrame(f"cell {cell} ended without an outcome")
        self._finish(run, outcome, int.from_bytes(payload[1:5], "little"))

    def _finish(self, run: Run, outcome: Outcome, peak_mb: int) -> None:
        assert self._process is not None
        wall_ms = int(run.wall_s() * 1000)
        cpu_ms = max(0, int((self._process.cpu_s() - run.cpu_start) * 1000))
        self._close_texts()
        self._runs.cell_over()
        self._report(Finished(run.cell, outcome, cpu_ms, wall_ms, peak_mb))

    def _close_texts(self) -> None:
        for printed in self._reader.close():
            self._report(printed)

    def _turned(self, cell: int, payload: bytes) -> None:
        state, status, awaited = frames.turn(payload)
        if state == frames.TURN_BEGUN:
            turn = self._runs.turn_begun(cell, awaited, self._cpu_s())
            if status == frames.TERMINATED:
                turn.ask(self._asked)
            return
        over = self._runs.turn_over(cell, self._cpu_s())
        if state == frames.TURN_STOPPED:
            turn = over or Run(cell, Limits(), 0.0, 0.0)
            outcome = ended(status, turn, self._mem_mb)
            stopped = outcome if isinstance(outcome, Stopped) else EngineDied("code between cells could not go on")
            self._close_texts()
            self._report(TurnStopped(cell, stopped))

    def _watch(self, process: EngineProcess) -> None:
        now = time.monotonic()
        for run in self._runs:
            if run.innocent:
                continue  # what waits behind another cell's turn has not begun to use anything
            if (broken := self._runs.broken_limit(run, process.cpu_s())) is not None:
                self.stop(broken, run.cell)
            used_mb = process.resident_mb() - process.idle_mb if self._mem_mb else 0
            hopeless = beyond_stopping(run, used_mb, self._mem_mb, now)
            if hopeless is not None and self._killed_for is None:
                self._killed_for = hopeless
                process.kill()

    # -- the end of an engine

    def _died(self, process: EngineProcess, asked: bool = False) -> None:
        process.kill()  # it may have closed its pipe and live on
        reason, out_of_memory = process.reap()
        killed, self._killed_for = self._killed_for, None
        lost = lost_with(killed, reason, self._mem_mb if out_of_memory else None)
        run, turn = self._runs.cell, self._runs.turn
        if run is not None:
            self._finish(run, never_begun() if run.innocent else lost, process.peak_mb())
        self._process, self._ready, self._runs = None, False, Runs()
        if turn is not None and (run is None or run.innocent):
            self._report(TurnStopped(turn.cell, lost))
        for request in process.requests.left():
            self._report(Answered(request, {}))
        self._report(Lost(self._generation, self._fatal or lost.message, bool(self._fatal), asked))
        # An interrupt was asked for: it is no sign of a loop of crashes.
        if not self._fatal and (isinstance(lost, Interrupted) or not self._losses.note(time.monotonic())):
            self.start()
        elif self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self.evaluate(*waiting)
