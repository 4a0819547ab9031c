"""Owns the tie between a kernel and the ledger: executions by the recorder, the session's own row when it changes by
itself; refuses to know HTTP.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vm_kernel.events import timestamp
from vm_kernel.log import log
from vm_kernel.plan import SessionPlan

from ..ledger import owners
from ..ledger.port import Changed, Ledger, LedgerError
from ..ledger.recorder import LedgerRecorder
from .earlier import EarlierSessions

if TYPE_CHECKING:
    from vm_kernel.kernel import Kernel
    from vm_kernel.readiness import Readiness

LIVE = ("starting", "ready")


class Recorded:
    """One session and its ledger; None: nothing is recorded. `tie` is for `vm_kernel.launch.run`."""

    def __init__(self, plan: SessionPlan, ledger: Ledger | None, ready: Callable[[Readiness], None]) -> None:
        self._id = plan.session_id
        self._place = plan.template_id, plan.worktree_path
        self._ledger = ledger
        self._ready = ready
        self._owner = owners.owner()
        self._kernel: Kernel | None = None
        self._writers: list[threading.Thread] = []
        self.recorder: LedgerRecorder | None = None
        if ledger is not None:
            self.recorder = LedgerRecorder(ledger, self._id, self._owner, on_lost=self._lost)

    def tie(self, kernel: Kernel) -> None:
        """Before the kernel serves anybody."""
        self._kernel = kernel
        kernel.session.ready = self._ready
        kernel.session.changed = self._changed
        if self._ledger is not None:
            kernel.history.earlier = EarlierSessions(self._ledger, self._id, *self._place)

    def close(self) -> None:
        """Returns when everything is written, or cannot be."""
        for writer in self._writers:
            writer.join()
        if self._ledger is not None:
            self._ledger.close()

    def _lost(self, execution_id: str, reason: str) -> None:
        if self._kernel is not None:
            self._kernel.give_up(execution_id, reason)

    def _changed(self, status: str, reason: str) -> None:
        """On the loop's thread, which must not wait for the disk."""
        fields: dict[str, Any] = {"status": status, "last_error": reason, "owner": None}
        if status == "closed":
            fields["closed_at"] = timestamp()
        writer = threading.Thread(target=self._write, args=(fields,), name="session-row")
        self._writers.append(writer)
        writer.start()

    def _write(self, fields: dict[str, Any]) -> None:
        if self._ledger is None:
            return
        try:
            # Only while the row names this process: a restart may have given it to another one.
            self._ledger.update_session(self._id, fields, status=LIVE, owner=self._owner)
        except Changed:
            pass
        except LedgerError as error:
            log(f"the row of session {self._id} could not be changed to {fields['status']}: {error}")
