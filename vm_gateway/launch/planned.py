"""Owns the session that a gateway started: its plan by descriptor, its ready line; refuses to choose anything."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from vm_kernel import launch
from vm_kernel.plan import PlanError, SessionPlan

if TYPE_CHECKING:
    from ..ledger.port import Ledger


def serve(plan_fd: int, ready_fd: int, ledger_path: str, connection_file: str) -> int:
    """As `__main__.main`. ready_fd: told once whether the session is ready."""
    try:
        plan = read_plan(plan_fd)
        os.set_inheritable(ready_fd, False)  # or the engine would keep it open
    except (PlanError, ValueError, OSError) as error:
        sys.stderr.write(f"the session has no plan: {error}\n")
        return 2
    process = launch.start_engine(plan.limits.mem_mb, launch.hidden_by(plan))
    from ..ledger.port import LedgerUnavailable
    from ..ledger.tiny import open_ledger
    from .recorded import Recorded

    say_ready = launch.write_ready(ready_fd)
    ledger: Ledger | None = None
    try:
        ledger = open_ledger(ledger_path)
    except LedgerUnavailable as error:
        if plan.require_ledger:
            from vm_kernel.readiness import Readiness

            say_ready(Readiness("crashed", f"startup failed: {error}", "LEDGER_UNAVAILABLE"))
            return 1
        sys.stderr.write(f"this session is not recorded: {error}\n")
    session = Recorded(plan, ledger, say_ready)
    try:
        return launch.run(connection_file, plan.limits, session.recorder, process, plan, session.tie)
    finally:
        session.close()


def read_plan(descriptor: int) -> SessionPlan:
    """Raises: PlanError; OSError for a descriptor that is none."""
    with os.fdopen(descriptor, encoding="utf-8") as file:
        return SessionPlan.from_json(file.read())
