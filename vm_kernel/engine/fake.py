"""Owns an engine of nothing but Python for tests of everything above the port; refuses to be a JavaScript
engine.

What cells may say stands in `script`. Of the limits only `wall_ms` is kept.
"""

from __future__ import annotations

import json
import os
import re
import time
from base64 import b64decode
from collections import deque
from dataclasses import dataclass
from typing import Any

from ..limits import Limits
from ..outcomes import Completed, EngineDied, JavaScriptError, Outcome, Raised, Stopped, TimedOut, Value
from . import port, script

#: Reports of a running cell in one `pump`: a pipe, too, gives a bounded piece.
AT_ONCE = 500


@dataclass
class _Timer:
    due: float
    cell: int
    every_s: float
    action: script.Later


class FakeEngine:
    """The same port, order and promises as the real engine. `evaluated` lists the code it was given."""

    def __init__(self, on_report: port.Sink) -> None:
        self._sink = on_report
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._reports: deque[port.Report] = deque()
        self._generation = 1
        self._cell = 0
        self._steps: script.Steps | None = None
        self._waiting = False
        self._answer: str | None = None
        self._messages: deque[tuple[int, int, dict[str, Any]]] = deque()
        self._started = 0.0
        self._limits = Limits()
        self._names: dict[str, Any] = {}
        self._variables: dict[str, Any] = {}
        self._expressions: port.Expressions = None
        self._timers: list[_Timer] = []
        self._looping: int | None = None
        self._closed = False
        self._up = False
        self.evaluated: list[str] = []

    @property
    def generation(self) -> int:
        return self._generation

    def start(self) -> None:
        self._up = True
        self._tell(port.Ready(self._generation, os.getpid()))

    def evaluate(
        self,
        cell: int,
        name: str,
        code: str,
        limits: Limits,
        variables: dict[str, Any] | None = None,
        expressions: port.Expressions = None,
        language: str = "",
    ) -> None:
        assert self._steps is None, "the previous cell is not finished"
        self._variables, self._expressions = dict(variables or {}), expressions
        self._names.update(self._variables)
        self.evaluated.append(code)
        self._cell, self._limits, self._started = cell, limits, time.monotonic()
        self._waiting, self._answer = False, None
        self._steps = script.run(code, self._names)
        self._wake()

    def is_complete(self, request: int, code: str) -> None:
        status = "incomplete" if script.is_open(code) else "complete" if script.parses(code) else "invalid"
        content = {"status": status, "indent": "  "} if status == "incomplete" else {"status": status}
        self._tell(port.Answered(request, content))

    def complete(self, request: int, code: str, cursor: int) -> None:
        word = re.search(r"[\w$]*$", code[:cursor])
        start = word.start() if word else cursor
        known = sorted({"console", "display", *self._names})
        matches = [name for name in known if name.startswith(code[start:cursor])]
        content = {"matches": matches, "cursor_start": start, "cursor_end": cursor, "metadata": {}}
        self._tell(port.Answered(request, content))

    def inspect(self, request: int, code: str, cursor: int, detail: int) -> None:
        name = code.strip()
        found = name in self._names
        data = {"text/plain": script.value(self._names[name]).text} if found else {}
        self._tell(port.Answered(request, {"found": found, "data": data, "metadata": {}}))

    def comm(self, request: int, cell: int, content: dict[str, Any]) -> None:
        self._messages.append((request, cell, content))
        self._wake()

    def answer(self, text: str | None) -> None:
        self._answer, self._waiting = text, False
        self._wake()

    def supply(self, number: int, content: dict[str, Any], source: str | None = None) -> None:
        self.answer(json.dumps({**content, **json.loads(source or "{}")}))

    def stop(self, why: Stopped, cell: int | None = None) -> None:
        if self._steps is not None and cell in (None, self._cell):
            self._finish(why)
        elif self._looping is not None and cell in (None, self._looping):
            self._tell(port.TurnStopped(self._looping, why))
            cell, self._looping = self._looping, None
        self._timers = [timer for timer in self._timers if timer.cell != cell]

    def renew(self) -> None:
        if self._closed:
            generation, evaluated = self._generation, self.evaluated
            FakeEngine.__init__(self, self._sink)
            self._generation, self.evaluated, self._up = generation, evaluated, True
        self._names.clear()
        self._timers.clear()
        self._looping = None
        self._tell(port.Lost(self._generation, "a new engine was asked for", asked=True))
        self._report()
        self._generation += 1
        self._tell(port.Ready(self._generation, os.getpid()))

    def kill(self) -> None:
        """The process is gone while no cell runs, and the caller is told at once."""
        self._lose(False)
        self._report()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self._reader)
            os.close(self._writer)

    def fileno(self) -> int | None:
        return None if self._closed else self._reader

    def wants_write(self) -> bool:
        return False

    def deadline(self) -> float | None:
        due = [timer.due for timer in self._timers] if self._looping is None else []
        if self._steps is not None and self._limits.wall_ms:
            due.append(self._started + self._limits.wall_ms / 1000)
        return min(due, default=None)

    def pump(self, read: bool = True) -> None:
        if read:
            self._advance()
        wall_ms = self._limits.wall_ms
        if self._steps is not None and wall_ms and time.monotonic() >= self._started + wall_ms / 1000:
            self._finish(TimedOut(f"the cell ran longer than wall_ms allows ({wall_ms} ms)"))
        if read:
            self._report()

    def _advance(self) -> None:
        try:
            os.read(self._reader, 65536)
        except BlockingIOError:
            pass
        self._fire_timers()
        while self._messages and (self._steps is None or self._waiting):
            self._hear(*self._messages.popleft())
        for _ in range(AT_ONCE):
            self._report()
            if self._steps is None or self._waiting or not self._up:
                break
            self._step(self._steps)
        else:
            self._wake()
        if self._messages and self._waiting:  # the cell began to await just now
            self._wake()

    def _report(self) -> None:
        while self._reports:
            self._sink(self._reports.popleft())

    def _step(self, steps: script.Steps) -> None:
        try:
            step = steps.send(self._answer)
        except script.Thrown as thrown:
            self._finish(Raised(_error(thrown)))
            return
        except StopIteration as end:
            self._finish(Completed(end.value, self._evaluated_expressions()))
            return
        self._answer = None
        cell = self._cell
        if isinstance(step, script.Print):
            self._reports.append(port.Printed(cell, step.level, step.text))
        elif isinstance(step, script.Show):
            self._reports.append(port.Displayed(cell, step.content))
        elif isinstance(step, script.Clear):
            self._reports.append(port.Cleared(cell, step.wait))
        elif isinstance(step, script.Converse):
            self._reports.append(port.Conversed(cell, step.op, dict(step.content)))
        elif isinstance(step, script.Ask):
            self._waiting = True
            self._reports.append(port.Asked(cell, step.prompt, step.password))
        elif isinstance(step, script.Want):
            self._waiting = True
            question = {"number": 1, "specifier": step.specifier, "from": "", "by": "require"}
            self._reports.append(port.Wanted(cell, 1, question))
        elif isinstance(step, script.Later):
            self._later(cell, step.after_s, step)
        elif isinstance(step, script.Die):
            self._die(step.final)
        else:
            self._waiting = True

    def _hear(self, request: int, cell: int, content: dict[str, Any]) -> None:
        """A target's handler is `ECHO`."""
        self._reports.append(port.Conversed(cell, "taken", {"request": request}))
        self._reports.append(port.Printed(cell, "log", f"{content['op']} {json.dumps(content['data'])}"))
        if content["op"] == "msg":
            said = {name: content[name] for name in ("comm_id", "data", "metadata")}
            buffers = tuple(map(b64decode, content["buffers"]))
            self._reports.append(port.Conversed(cell, "msg", said, buffers))
        self._reports.append(port.Answered(request, {}))

    def _evaluated_expressions(self) -> dict[str, Value | JavaScriptError] | None:
        if self._expressions is None:
            return None
        found: dict[str, Value | JavaScriptError] = {}
        for name, code in self._expressions.items():
            try:
                next(script.run(code, self._names))
            except StopIteration as end:
                found[name] = end.value or Value("undefined", "undefined", "undefined")
            except script.Thrown as thrown:
                found[name] = _error(thrown)
        return found

    def _finish(self, outcome: Outcome) -> None:
        for name in self._variables:
            self._names.pop(name, None)
        self._variables = {}
        self._steps = None
        self._waiting = False
        wall_ms = int((time.monotonic() - self._started) * 1000)
        self._tell(port.Finished(self._cell, outcome, wall_ms, wall_ms, 1))

    def _die(self, final: bool) -> None:
        self._finish(EngineDied("the engine ended; variables are lost", lost=True))
        self._lose(final)

    def _lose(self, final: bool) -> None:
        self._names.clear()
        self._timers.clear()
        while self._messages:
            self._tell(port.Answered(self._messages.popleft()[0], {}))
        reason = "the engine ended too often" if final else "the engine ended"
        self._tell(port.Lost(self._generation, reason, final))
        if not final:
            self._generation += 1
            self._tell(port.Ready(self._generation, os.getpid()))

    def _later(self, cell: int, after_s: float, action: script.Later) -> None:
        every_s = action.after_s if action.again else 0.0
        self._timers.append(_Timer(time.monotonic() + after_s, cell, every_s, action))
        self._timers.sort(key=lambda timer: timer.due)

    def _fire_timers(self) -> None:
        now = time.monotonic()
        while self._looping is None and self._timers and self._timers[0].due <= now:
            timer = self._timers.pop(0)
            if timer.action.printed is None:
                self._looping = timer.cell
                return
            printed = timer.action.printed
            self._reports.append(port.Printed(timer.cell, printed.level, printed.text))
            if timer.every_s:
                self._later(timer.cell, timer.every_s, timer.action)

    def _tell(self, report: port.Report) -> None:
        self._reports.append(report)
        self._wake()

    def _wake(self) -> None:
        if not self._closed:
            os.write(self._writer, b".")


def _error(thrown: script.Thrown) -> JavaScriptError:
    return JavaScriptError(thrown.name, thrown.message, thrown.traceback, thrown.traceback[0])
