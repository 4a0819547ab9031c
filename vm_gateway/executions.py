"""Owns executions: run, wait, cancel, read; refuses to know HTTP and to decide whether a session is busy.

Code goes to the kernel as one execute_request (design 7.7) whose reply carries the finished record. The kernel decides
about busy, records before it runs, and applies the limits; here its reply becomes an answer or a refusal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from vm_kernel.ids import uuid7

from . import worktrees
from .errors import (
    GatewayError,
    execution_not_found,
    ledger_unavailable,
    session_busy,
    session_not_ready,
)
from .kernels import Content, Kernel, KernelGone
from .ledger.port import Document, Listing
from .live import Live
from .sessions import Sessions

#: How long a cancelled execution gets to end before the answer shows it as it is.
CANCEL_S = 10.0
#: Steps in which the row of an execution that nobody waits for is looked for.
LOOK_S = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.05)
#: How long the watch of a dead process gets to close its rows.
CLOSED_WITHIN_S = 5.0

Actor = Mapping[str, Any]


class Executions:
    """The service. Every method may raise GatewayError; ids are checked UUIDs."""

    def __init__(
        self,
        sessions: Sessions,
        max_running: int = 0,
        max_source_bytes: int = 8 << 20,
    ) -> None:
        self._sessions = sessions
        self._store = sessions.store
        self._max_running = max_running
        self._max_source_bytes = max_source_bytes
        self._running: dict[str, asyncio.Task[Document]] = {}

    # -- running -----------------------------------------------------------------------------------------

    async def repl(
        self, session_id: str, code: str, actor: Actor, wait: bool = True, stdin: Sequence[str] = ()
    ) -> Document:
        """stdin: lines for `prompt()`, one after the other; without, it is refused.

        Raises: SESSION_NOT_FOUND, SESSION_NOT_READY, SESSION_BUSY, OUTPUT_LIMIT_EXCEEDED, LEDGER_UNAVAILABLE.
        """
        live, kernel = self._sessions.usable(session_id)
        vm = {"kind": "repl", "actor": dict(actor), "stdin": list(stdin)}
        return await self._run(live, kernel, code, vm, wait)

    async def run_file(
        self,
        session_id: str,
        path: str,
        args: dict[str, Any],
        env: dict[str, Any],
        actor: Actor,
        wait: bool = True,
        stdin: Sequence[str] = (),
    ) -> Document:
        """As `repl`. The file is opened once; a bad path wins over busy, busy over a missing file (contract 6)."""
        row = self._sessions.row(session_id)
        details = {"session_id": session_id}
        worktrees.check_path(path, details)
        try:
            source = await asyncio.to_thread(
                worktrees.read_source,
                row["worktree_path"],
                path,
                self._max_source_bytes,
                self._sessions.policy.denied,
                details,
            )
        except GatewayError as error:
            if error.code == "FILE_NOT_FOUND":
                self._sessions.usable(session_id)
                newest = await self._store.newest_execution(session_id)
                if newest is not None and newest["status"] == "running":
                    raise session_busy(session_id) from error
            raise
        live, kernel = self._sessions.usable(session_id)
        vm = {"kind": "run_file", "path": source.path, "args": args, "env": env, "actor": dict(actor)}
        vm["stdin"] = list(stdin)
        return await self._run(live, kernel, source.text, vm, wait)

    async def cancel(self, execution_id: str) -> Document:
        """Stops it; the record as it ended. Raises: EXECUTION_NOT_FOUND, EXECUTION_NOT_RUNNING."""
        row = self.row(execution_id)
        details = {"execution_id": execution_id}
        if row["status"] != "running":
            message = f"Execution has ended ({row['status']}): there is nothing to cancel"
            raise GatewayError("EXECUTION_NOT_RUNNING", message, details)
        _, kernel = self._sessions.usable(row["session_id"])
        try:
            await kernel.interrupt(execution_id)
        except KernelGone:
            pass  # its record is being closed
        running = self._running.get(execution_id)
        if running is not None:
            await asyncio.wait([running], timeout=CANCEL_S)
        return await self._ended_row(execution_id, CANCEL_S)

    # -- reading -----------------------------------------------------------------------------------------

    def row(self, execution_id: str) -> Document:
        row = self._store.execution(execution_id)
        if row is None:
            raise execution_not_found(execution_id)
        return row

    async def page(self, session_id: str, limit: int, cursor: str | None) -> Listing:
        self._sessions.row(session_id)
        return await self._store.call(self._store.ledger.list_executions, session_id, limit, cursor)

    async def events(self, execution_id: str, after_seq: int, limit: int | None) -> list[Document]:
        self.row(execution_id)
        return await self._store.call(self._store.ledger.events, execution_id, after_seq, limit)

    # -- inside ------------------------------------------------------------------------------------------

    async def _run(self, live: Live, kernel: Kernel, code: str, vm: dict[str, Any], wait: bool) -> Document:
        if self._max_running and len(self._running) >= self._max_running:
            message = f"{len(self._running)} executions are running, as many as max_running allows: try again"
            raise GatewayError("TOO_MANY_RUNNING", message, {"session_id": live.id})
        execution_id = uuid7()
        vm = {"execution_id": execution_id, "if_busy": "refuse", **vm}
        task = asyncio.ensure_future(self._drive(live, kernel, code, vm))
        self._running[execution_id] = task
        task.add_done_callback(lambda _: self._running.pop(execution_id, None))
        if wait:
            return await asyncio.shield(task)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody else asks for it
        return await self._begun(execution_id, task)

    async def _drive(self, live: Live, kernel: Kernel, code: str, vm: dict[str, Any]) -> Document:
        """Sends the code and waits for the end, whoever else still waits."""
        try:
            reply = await kernel.execute(code, vm)
        except KernelGone as gone:
            return await self._of_the_dead(live.id, vm["execution_id"], str(gone))
        said = reply["metadata"].get("vm") or {}
        record = said.get("execution")
        if said.get("crashed"):
            await self._sessions.crashed(live, kernel, str(said["crashed"]))
        if record is None:
            raise await self._refused(live, kernel, reply["content"])
        if said.get("outcome") == "OutputExceeded":
            details = {"execution_id": record["id"], "session_id": live.id}
            raise GatewayError("OUTPUT_LIMIT_EXCEEDED", str(record["error"]["message"]), details)
        return dict(record)

    async def _refused(self, live: Live, kernel: Kernel, content: Content) -> GatewayError:
        """The refusal for a reply without a record: the cell has not run."""
        if content.get("status") == "aborted":  # the session was closed, restarted or interrupted before its turn
            self._sessions.usable(live.id)
            message = "The execution was stopped before it began: send it again"
            return GatewayError("SESSION_BUSY", message, {"session_id": live.id})
        name, text = str(content.get("ename", "")), str(content.get("evalue", ""))
        if name == "SessionBusy":
            return session_busy(live.id)
        if name == "LedgerUnavailable":
            return ledger_unavailable(text)
        if name == "SessionCrashed":
            await self._sessions.crashed(live, kernel, text)
            return session_not_ready(live.id, "crashed", text)
        if name in ("SessionClosed", "StartupFailed"):
            return session_not_ready(live.id, "closed", text)
        return GatewayError("INTERNAL", f"The session refused the execution: {name}: {text}", {"session_id": live.id})

    async def _of_the_dead(self, session_id: str, execution_id: str, how: str) -> Document:
        """The process died under it: its record, once somebody has closed it; none when the cell had not begun."""
        if self._store.execution(execution_id) is None:
            raise session_not_ready(session_id, "crashed", how)
        return await self._ended_row(execution_id, CLOSED_WITHIN_S)

    async def _begun(self, execution_id: str, task: asyncio.Task[Document]) -> Document:
        """The record as soon as it is there; what the task says when it ends before that."""
        step = 0
        while True:
            done, _ = await asyncio.wait([task], timeout=LOOK_S[min(step, len(LOOK_S) - 1)])
            row = self._store.execution(execution_id)
            if row is not None:
                return row
            if done:
                return task.result()
            step += 1

    async def _ended_row(self, execution_id: str, patience_s: float) -> Document:
        """The record when it has ended, or as it is after `patience_s`."""
        deadline = asyncio.get_running_loop().time() + patience_s
        while (row := self.row(execution_id))["status"] == "running":
            if asyncio.get_running_loop().time() >= deadline:
                break
            await asyncio.sleep(0.01)
        return row
