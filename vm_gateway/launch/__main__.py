"""Owns the process of one recorded session: its plan by descriptor, its kernel, its ledger; refuses to serve HTTP.

`python -m vm_gateway.launch --plan-fd N --ready-fd M --ledger FILE -f CONNECTION_FILE`. The engine is started as the
first thing, so that V8 comes up while the ledger is imported.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from vm_kernel import launch
from vm_kernel.plan import PlanError, SessionPlan

if TYPE_CHECKING:
    from ..ledger.port import Ledger

FLAGS = ("--plan-fd", "--ready-fd", "--ledger", "-f")
USAGE = "usage: python -m vm_gateway.launch --plan-fd N --ready-fd M --ledger FILE -f CONNECTION_FILE"


class UsageError(Exception):
    """The command line is not understood; the text says which part."""


def main(argv: list[str]) -> int:
    """Serves the planned session until it ends; 0 then, 1 when it could not start, 2 for usage."""
    try:
        given = read_flags(argv)
        plan = read_plan(int(given["--plan-fd"]))
        ready = int(given["--ready-fd"])
    except (UsageError, PlanError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n{USAGE}\n")
        return 2
    os.set_inheritable(ready, False)  # or the engine would keep it open
    process = launch.start_engine(plan.limits.mem_mb)
    from ..ledger.port import LedgerUnavailable
    from ..ledger.tiny import open_ledger
    from .recorded import Recorded

    ledger: Ledger | None = None
    try:
        ledger = open_ledger(given["--ledger"])
    except LedgerUnavailable as error:
        if plan.require_ledger:
            from vm_kernel.readiness import Readiness

            launch.write_ready(ready)(Readiness("crashed", f"startup failed: {error}", "LEDGER_UNAVAILABLE"))
            return 1
        sys.stderr.write(f"this session is not recorded: {error}\n")
    session = Recorded(plan, ledger, launch.write_ready(ready))
    try:
        return launch.run(given["-f"], plan.limits, session.recorder, process, plan, session.tie)
    finally:
        session.close()


def read_flags(argv: list[str]) -> dict[str, str]:
    """Every flag of `FLAGS` with its word. Raises: UsageError."""
    given = dict(zip(argv[::2], argv[1::2], strict=False))
    if len(argv) % 2 or set(given) != set(FLAGS):
        raise UsageError("every flag is needed once, each with its word")
    return given


def read_plan(descriptor: int) -> SessionPlan:
    """Raises: PlanError; OSError for a descriptor that is none."""
    with os.fdopen(descriptor, encoding="utf-8") as file:
        return SessionPlan.from_json(file.read())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
