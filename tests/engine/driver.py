"""Owns running cells on an engine without a kernel; refuses to know which engine it is."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Any

from vm_kernel.engine.port import Answered, Engine, Expressions, Finished, Printed, Report, Sink
from vm_kernel.limits import Limits

NO_LIMITS = Limits(0, 0, 0, 0, 0)


class Driver:
    """An engine and everything that it reported, in order."""

    def __init__(self, make: Callable[[Sink], Engine], limits: Limits = NO_LIMITS) -> None:
        self.reports: list[Report] = []
        self.times: list[float] = []
        self._finished: dict[int, Finished] = {}
        self._answered: dict[int, Answered] = {}
        self.limits = limits
        self.engine = make(self._note)
        self.engine.start()
        self._cell = 0

    def _note(self, report: Report) -> None:
        self.reports.append(report)
        self.times.append(time.monotonic())
        if isinstance(report, Finished):
            assert report.cell not in self._finished, f"cell {report.cell} ended twice"
            self._finished[report.cell] = report
        elif isinstance(report, Answered):
            self._answered[report.request] = report

    def pump(self, timeout_s: float) -> None:
        """One round of a kernel's loop."""
        descriptor = self.engine.fileno()
        deadline = self.engine.deadline()
        if deadline is not None:
            timeout_s = max(0.0, min(timeout_s, deadline - time.monotonic()))
        if descriptor is None:
            time.sleep(min(timeout_s, 0.01))
        else:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN | (select.POLLOUT if self.engine.wants_write() else 0))
            poll.poll(timeout_s * 1000)
        self.engine.pump()

    def until(self, found: Callable[[], Any], timeout_s: float = 20.0) -> Any:
        """Pump until `found()` is true; fails with the reports so far."""
        end = time.monotonic() + timeout_s
        while not (result := found()):
            left = end - time.monotonic()
            assert left > 0, f"nothing after {timeout_s} s; reports: {str(self.reports)[-2000:]}"
            self.pump(left)
        return result

    def wait_for(self, kind: type, timeout_s: float = 20.0, since: int = 0) -> Any:
        return self.until(lambda: next((r for r in self.reports[since:] if isinstance(r, kind)), None), timeout_s)

    def begin(self, code: str, limits: Limits | None = None, expressions: Expressions = None) -> int:
        self._cell += 1
        self.engine.evaluate(self._cell, f"cell [{self._cell}]", code, limits or self.limits, None, expressions)
        return self._cell

    def finish(self, cell: int, timeout_s: float = 20.0) -> Finished:
        found: Finished = self.until(lambda: self._finished.get(cell), timeout_s)
        return found

    def run(self, code: str, limits: Limits | None = None, timeout_s: float = 20.0) -> Finished:
        return self.finish(self.begin(code, limits), timeout_s)

    def text(self, cell: int, *levels: str) -> list[str]:
        """The console lines of one cell, pieces of long texts put together."""
        lines, piece = [], ""
        for report in self.reports:
            if isinstance(report, Printed) and report.cell == cell and (not levels or report.level in levels):
                piece += report.text
                if report.last:
                    lines.append(piece)
                    piece = ""
        return lines

    def ask(self, method: str, *arguments: Any, timeout_s: float = 10.0) -> dict[str, Any]:
        request = 1_000_000 + len(self.reports)
        getattr(self.engine, method)(request, *arguments)
        found: Answered = self.until(lambda: self._answered.get(request), timeout_s)
        return found.content

    def close(self) -> None:
        self.engine.close()
