"""Owns the sessions that Jupyter clients started, as a gateway sees and reaches them; refuses to start and to end any
process: whoever started it does.

Their rows come from the ledger and have a `connection_file`. A kernel is connected to when somebody first wants
something of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

from vm_kernel.events import timestamp

from . import lifecycle, notes, repair
from .errors import GatewayError, session_not_ready
from .kernels import Kernel, KernelGone
from .ledger import owners
from .ledger.port import Document
from .live import Live
from .processes import Process
from .store import Store

logger = logging.getLogger("vm_gateway.sessions")

SWEEP_S = 5.0
LOOK_S = 0.02
CLOSED = "closed by the gateway"
RESTARTED = "restarted by the gateway"
GONE = "its process is gone, and the Jupyter client that started it starts the next one"


def is_guest(row: Mapping[str, Any]) -> bool:
    """Whether a Jupyter client runs this session."""
    return bool(row.get("connection_file"))


def shown(row: Document) -> Document:
    """The row; of a guest whose process was killed, as it will be when somebody has closed it."""
    if is_guest(row) and row["status"] in lifecycle.LIVE and not _lives(row):
        return {**row, "status": "crashed", "last_error": repair.PROCESS_ENDED}
    return row


def _lives(row: Mapping[str, Any]) -> bool:
    owner = row.get("owner")
    return owners.is_alive(owner) if owner else False


class Guests:
    """Methods may raise GatewayError. move: `Sessions.move`."""

    def __init__(
        self,
        store: Store,
        connect: Callable[[str], BlockingKernelClient],
        move: Callable[[str, Document], Awaitable[Document]],
    ) -> None:
        self._store = store
        self._connect = connect
        self._move = move
        self._reached: dict[str, Live] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def usable(self, row: Document) -> tuple[Live, Kernel]:
        """Its kernel, when it takes code. Raises: SESSION_NOT_READY."""
        row = shown(row)
        if row["status"] != "ready":
            raise session_not_ready(row["id"], row["status"], row.get("last_error", ""))
        live = self._hold(row["id"])
        return live, self._reach(live, row)

    async def ready_ids(self) -> list[str]:
        rows = (await self._store.call(self._store.ledger.list_sessions, "ready")).documents
        return [row["id"] for row in rows if is_guest(row) and _lives(row)]

    async def close(self, session_id: str) -> Document:
        """The session is over; its process stays and says so to its client until that ends it."""
        live = self._hold(session_id)
        async with live.lock:
            row = self._row(session_id)
            if row["status"] == "closed":
                return row
            if _lives(row):
                await self._tell(live, row, CLOSED, restart=False)
            fields = {"status": "closed", "closed_at": timestamp(), "last_error": CLOSED, "owner": None}
            return await self._move(session_id, fields)

    async def restart(self, session_id: str, patience_s: float) -> Document:
        """A new engine in the same process, under the same id. Raises: SESSION_NOT_READY, STARTUP_FAILED."""
        live = self._hold(session_id)
        async with live.lock:
            row = self._row(session_id)
            if row["status"] not in ("ready", "crashed"):
                raise session_not_ready(session_id, row["status"])
            if not _lives(row):
                raise session_not_ready(session_id, "crashed", GONE)
            await self._move(session_id, {"status": "starting", "last_error": None, "runtime_meta": None})
            try:
                await self._tell(live, row, RESTARTED, restart=True)
            except GatewayError as error:
                await self._move(session_id, {"status": "crashed", "last_error": str(error)})
                raise
            row = await self._started(session_id, patience_s)
        if row["status"] == "crashed":
            details = {"template_id": row["vm_id"], "session_id": session_id}
            raise GatewayError("STARTUP_FAILED", row.get("last_error", ""), details)
        if row["status"] != "ready":
            raise session_not_ready(session_id, row["status"], row.get("last_error", ""))
        return row

    async def watch(self) -> None:
        """Closes what kernels left that were killed while nobody was connected to them. Runs until it is cancelled."""
        while True:
            await self._repair()
            await asyncio.sleep(SWEEP_S)

    def forget(self) -> None:
        """Lets go of all of them; they run on."""
        for live in self._reached.values():
            if live.kernel is not None:
                live.kernel.forget()
                live.kernel = None

    # -- inside ------------------------------------------------------------------------------------------

    def _row(self, session_id: str) -> Document:
        row = self._store.session(session_id)
        assert row is not None, "rows of sessions are never deleted"
        return shown(row)

    def _hold(self, session_id: str) -> Live:
        if session_id not in self._reached:
            self._reached[session_id] = Live(session_id, guest=True)
        return self._reached[session_id]

    def _reach(self, live: Live, row: Mapping[str, Any]) -> Kernel:
        if live.kernel is not None:
            return live.kernel
        note = notes.Note(live.id, row["owner"], row["connection_file"], sockets="", log="", ledger="", guest=True)
        try:
            kernel = Kernel(Process(row["owner"]), self._connect(note.connection_file), note)
        except (OSError, ValueError) as error:
            raise session_not_ready(live.id, "out of reach", f"its connection file cannot be used: {error}") from None
        live.kernel = kernel
        kernel.process.ended.add_done_callback(lambda _: self._over(live, kernel))
        return kernel

    async def _tell(self, live: Live, row: Mapping[str, Any], reason: str, restart: bool) -> None:
        kernel = self._reach(live, row)
        try:
            await kernel.end_session(reason, restart)
        except KernelGone as gone:
            raise session_not_ready(live.id, "out of reach", str(gone)) from None

    async def _started(self, session_id: str, patience_s: float) -> Document:
        """The row when its kernel has said what became of the start, or as it is when patience ends."""
        deadline = asyncio.get_running_loop().time() + patience_s
        while (row := self._row(session_id))["status"] == "starting":
            if asyncio.get_running_loop().time() >= deadline:
                break
            await asyncio.sleep(LOOK_S)
        return row

    def _over(self, live: Live, kernel: Kernel) -> None:
        """Its process ended; if it was killed, its rows are still open."""
        if live.kernel is kernel:
            live.kernel = None
            self._reached.pop(live.id, None)
            kernel.forget()
            task = asyncio.get_running_loop().create_task(self._repair())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _repair(self) -> None:
        try:
            await self._store.call(repair.close_what_the_dead_left, self._store.ledger)
        except GatewayError as error:
            logger.error("what killed kernels left is not closed yet: %s", error)
