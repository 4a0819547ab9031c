"""Owns the tie between a kernel and the ledger: executions by the recorder, the session's own row when it changes by
itself; refuses to know HTTP.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import asdict
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from vm_kernel.events import timestamp
from vm_kernel.log import log
from vm_kernel.plan import SessionPlan
from vm_kernel.recorder import NoRecorder, Recorder, Started, Then

from .. import repair
from ..ledger import owners
from ..ledger.port import Changed, Ledger, LedgerError
from ..ledger.recorder import LedgerRecorder
from ..lifecycle import LIVE
from ..plans import runtime_meta
from .earlier import EarlierSessions

if TYPE_CHECKING:
    from vm_kernel.kernel import Kernel
    from vm_kernel.readiness import Readiness

#: After the start.
REPAIR_S = 1.0


class Recorded:
    """One session and its ledger; None: nothing is recorded. `tie` is for `vm_kernel.launch.run`.

    ready: told of the start, where a gateway waits for it; None: a Jupyter client's, whose row is kept here alone.
    actor: of executions whose request names none. unrecorded: why there is no ledger, for the first cell. language: of
    the cells, where it is not JavaScript.
    """

    def __init__(
        self,
        plan: SessionPlan,
        ledger: Ledger | None,
        ready: Callable[[Readiness], None] | None = None,
        actor: dict[str, Any] | None = None,
        unrecorded: str = "",
        language: str = "",
    ) -> None:
        self._language = language
        self._plan = plan
        self._ledger = ledger
        self._ready = ready
        self._owner = owners.owner()
        self._kernel: Kernel | None = None
        self._writes: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._writer: threading.Thread | None = None
        self._repaired = False
        self.recorder: Recorder | None = Unrecorded(unrecorded) if unrecorded else None
        if ledger is not None:
            self.recorder = LedgerRecorder(ledger, plan.session_id, self._owner, actor, self._lost)

    def tie(self, kernel: Kernel) -> None:
        """Before the kernel serves anybody."""
        self._kernel = kernel
        kernel.session.ready = self._ready or self._started
        kernel.session.changed = self._changed
        if self._ledger is not None:
            kernel.history.earlier = EarlierSessions(
                self._ledger, self._plan.session_id, self._plan.template_id, self._plan.worktree_path
            )

    @property
    def restarts(self) -> bool:
        """Whether its client wants another process in the place of this one."""
        return self._kernel is not None and self._kernel.restarts

    def close(self) -> None:
        """Returns when everything is written, or cannot be."""
        if self._ready is None:
            kernel = self._kernel
            why = (kernel.session.ended or kernel.loop.why) if kernel is not None else "its process could not start"
            self._write({"status": "closed", "closed_at": timestamp(), "last_error": why or "closed", "owner": None})
            self._later(self._repair)
        if self._writer is not None:
            self._writes.put(None)
            self._writer.join()
        if self._ledger is not None:
            self._ledger.close()

    # -- on the loop's thread, which must not wait for the disk ------------------------------------------

    def _lost(self, execution_id: str, reason: str) -> None:
        if self._kernel is not None:
            self._kernel.give_up(execution_id, reason)

    def _started(self, said: Readiness) -> None:
        if said.status == "ready":
            plan = self._plan
            limits, loss, generation = asdict(plan.limits), plan.on_engine_loss, plan.generation_offset + 1
            meta = runtime_meta(os.getpid(), limits, loss, said.engine, said.containment, self._language, generation)
            self._write({"status": "ready", "last_error": None, "runtime_meta": meta}, durable=False)
        else:
            self._write({"status": said.status, "last_error": said.last_error})
        if self._kernel is not None:  # not while the first cell waits for its turn
            self._kernel.loop.after(REPAIR_S, lambda: self._later(self._repair))

    def _changed(self, status: str, reason: str) -> None:
        fields: dict[str, Any] = {"status": status, "last_error": reason}
        if status == "closed":
            fields["closed_at"] = timestamp()
        if status == "closed" or self._ready is not None:
            fields["owner"] = None  # a crashed session of Jupyter's still has its process
        self._write(fields)

    # -- the row's own thread ----------------------------------------------------------------------------

    def _write(self, fields: dict[str, Any], durable: bool = True) -> None:
        self._later(lambda: self._update(fields, durable))

    def _later(self, work: Callable[[], None]) -> None:
        if self._ledger is None:
            return
        if self._writer is None:
            self._writer = threading.Thread(target=self._run, name="session-row", daemon=True)
            self._writer.start()
        self._writes.put(work)

    def _run(self) -> None:
        while (work := self._writes.get()) is not None:
            work()

    def _update(self, fields: dict[str, Any], durable: bool) -> None:
        assert self._ledger is not None
        states = LIVE if fields["status"] != "closed" or self._ready is not None else (*LIVE, "crashed")
        try:
            with self._ledger.batch(durable):
                # Only while the row names this process: a restart may have given it to another one.
                self._ledger.update_session(self._plan.session_id, fields, status=states, owner=self._owner)
        except Changed:
            pass
        except LedgerError as error:
            log(f"the row of session {self._plan.session_id} could not be changed to {fields['status']}: {error}")

    def _repair(self) -> None:
        """Whoever opens a ledger closes what the dead left open (design 7.9), once."""
        if self._ledger is None or self._repaired:
            return
        self._repaired = True
        try:
            repair.close_what_the_dead_left(self._ledger)
        except LedgerError as error:
            log(f"rows of processes that died could not be closed: {error}")


class Unrecorded(NoRecorder):
    """Nothing is recorded, and the first cell that somebody sees says why."""

    def __init__(self, why: str) -> None:
        self._why = why

    def begin(self, started: Started, then: Then) -> None:
        why = ""
        if started.kind != "startup" and not started.silent:
            why, self._why = self._why, ""
        then(why or None)
