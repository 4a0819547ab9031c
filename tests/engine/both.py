"""Owns the two engines that the behaviour suite runs over, and its small questions; refuses to hold a promise."""

from __future__ import annotations

import time
from collections.abc import Callable

from vm_kernel.engine.fake import FakeEngine
from vm_kernel.engine.port import Finished, Report
from vm_kernel.engine.supervisor import Supervisor
from vm_kernel.outcomes import Completed, Value

from .driver import Driver

ENGINES: dict[str, Callable[[], Driver]] = {
    "real": lambda: Driver(lambda sink: Supervisor(256, sink)),
    "fake": lambda: Driver(FakeEngine),
}
LOOP = "while(true){}"
AWAIT = "await new Promise(() => {})"
NAP_S = 0.1


def settle(driver: Driver, seconds: float = NAP_S) -> None:
    """Let the loop turn for a while without waiting for anything."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        driver.pump(left)


def of(driver: Driver, kind: type) -> list[Report]:
    return [report for report in driver.reports if isinstance(report, kind)]


def value_of(finished: Finished) -> Value:
    assert isinstance(finished.outcome, Completed), finished
    assert finished.outcome.value is not None, finished
    return finished.outcome.value
