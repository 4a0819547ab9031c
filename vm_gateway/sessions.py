"""Owns sessions: create, close, restart, death, engine loss; refuses to know HTTP, templates' rules and messages.

The row says what a session is; `Live` holds its process. Whoever moves a session holds its lock, and every move is
checked against the row in the same transaction (`lifecycle`), because the process writes its row too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any
from weakref import WeakValueDictionary

from vm_kernel.events import timestamp
from vm_kernel.ids import uuid7

from . import guests, lifecycle, notes, plans, worktrees
from .errors import GatewayError, session_not_found, session_not_ready, shutting_down
from .guests import Guests
from .kernels import Kernel
from .ledger import owners
from .ledger.port import Changed, Document, Listing
from .live import Live, Policy
from .processes import Process
from .starting import Ready, Starter, StartFailed
from .store import Store

logger = logging.getLogger("vm_gateway.sessions")

STOPPED = "closed by a graceful stop of the gateway"
CLOSED_WHILE_RUNNING = "Interrupted: the session was closed while it ran"
CLOSED_WHILE_STARTING = "startup failed: the session was closed while it started"


class Sessions:
    """The service. Every method may raise GatewayError; ids are checked UUIDs."""

    def __init__(self, store: Store, starter: Starter, policy: Policy) -> None:
        self.store = store
        self.policy = policy
        self.starter = starter
        self.guests = Guests(store, starter.connect, self.move)
        self.stopping = False
        self._owner = owners.owner()
        #: Starting or ready here; and every one that somebody holds, so that there is one lock for each.
        self.live: dict[str, Live] = {}
        self._known: WeakValueDictionary[str, Live] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- reading -----------------------------------------------------------------------------------------

    def row(self, session_id: str) -> Document:
        row = self.store.session(session_id)
        if row is None:
            raise session_not_found(session_id)
        return guests.shown(row)

    async def page(self, status: str | None, limit: int | None, cursor: str | None) -> Listing:
        found = await self.store.call(self.store.ledger.list_sessions, status, limit, cursor)
        rows = map(guests.shown, found.documents)
        return Listing([row for row in rows if status in (None, row["status"])], found.cursor)

    def usable(self, session_id: str) -> tuple[Live, Kernel]:
        """A session that takes code. Raises: SESSION_NOT_FOUND, SESSION_NOT_READY, SHUTTING_DOWN."""
        live = self.live.get(session_id)
        if live is not None and live.kernel is not None and not live.closing:
            return live, live.kernel
        row = self.row(session_id)
        if self.stopping:
            raise shutting_down()
        if guests.is_guest(row):
            return self.guests.usable(row)
        # A row may say `ready` while its process is being ended.
        status = "closing" if row["status"] == "ready" else str(row["status"])
        raise session_not_ready(session_id, status, row.get("last_error", ""))

    async def ready_ids(self) -> list[str]:
        """Sessions that take code, sorted. One that lost its engine meanwhile is found out and ended."""
        held = [(live, live.kernel) for live in self.live.values() if live.kernel is not None]
        found = await self.store.call(lambda: [self.store.ledger.get_session(live.id) for live, _ in held])
        ready = []
        for (live, kernel), row in zip(held, found, strict=True):
            if row is not None and row["status"] == "crashed" and kernel is not None:
                self._start(self.crashed(live, kernel, row.get("last_error", "")))
            else:
                ready.append(live.id)
        return sorted([*ready, *await self.guests.ready_ids()])

    # -- moving ------------------------------------------------------------------------------------------

    async def create(
        self, template: Mapping[str, Any], workspace_id: str, base_commit_oid: str, worktree_path: str
    ) -> Document:
        """Raises: TEMPLATE_INACTIVE, INVALID_PATH, TOO_MANY_SESSIONS, STARTUP_FAILED with `session_id`."""
        details = {"template_id": template["id"]}
        if not template["is_active"]:
            message = f"Template {template['name']!r} is not active: activate it or choose another"
            raise GatewayError("TEMPLATE_INACTIVE", message, details)
        worktrees.check_root(worktree_path, self.policy.worktree_roots, details)
        self._check_room(details)
        row: Document = {
            "id": uuid7(),
            "vm_id": template["id"],
            "workspace_id": workspace_id,
            "base_commit_oid": base_commit_oid,
            "worktree_path": worktree_path,
            "status": "starting",
            "created_at": timestamp(),
            "owner": self._owner,
            "snapshot": plans.snapshot(template),
        }
        live = self.live[row["id"]] = self.hold(row["id"])
        async with live.lock:
            try:
                await self.store.call(self.store.ledger.put_session, row)
            except BaseException:
                self.live.pop(live.id, None)
                raise
            return await self._bring_up(live, row)

    async def close(self, session_id: str, reason: str = "") -> Document:
        """Ends the process; what runs becomes `cancelled`. Closed already: nothing changes."""
        if guests.is_guest(self.row(session_id)):
            return await self.guests.close(session_id)
        live = self.hold(session_id)
        live.closing = True
        if live.starting is not None:
            live.starting.kill()
        async with live.lock:
            row = self.row(session_id)
            if row["status"] == "closed":
                return row
            await self._take_down(live)
            closed = {"status": "closed", "closed_at": timestamp(), "owner": None}
            return await self.move(session_id, closed | ({"last_error": reason} if reason else {}))

    async def restart(self, session_id: str) -> Document:
        """A new process under the same id with the same snapshot. Raises: SESSION_NOT_READY when closed."""
        if guests.is_guest(self.row(session_id)):
            return await self.guests.restart(session_id, self.policy.start_timeout_s)
        live = self.hold(session_id)
        async with live.lock:
            row = self.row(session_id)
            if row["status"] == "closed" or live.closing:
                raise session_not_ready(session_id, "closed")
            if live.kernel is None:
                self._check_room({"session_id": session_id})
            await self._take_down(live)
            started = {"status": "starting", "last_error": None, "runtime_meta": None, "owner": self._owner}
            row = await self.move(session_id, started)
            self.live[session_id] = live
            return await self._bring_up(live, row)

    async def crashed(self, live: Live, kernel: Kernel, reason: str) -> None:
        """Its engine is lost and the template says `crash`: the session ends as crashed (contract 18.4)."""
        if live.guest:
            return  # its own process has written so
        async with live.lock:
            if live.kernel is kernel:
                await self._take_down(live)
                await self.move(live.id, {"status": "crashed", "last_error": reason, "owner": None})

    async def stop(self) -> None:
        """Closes every session that this gateway runs, all at once; guests run on."""
        self.stopping = True
        self.guests.forget()
        ids = list(self.live)
        results = await asyncio.gather(*(self.close(each, STOPPED) for each in ids), return_exceptions=True)
        for session_id, result in zip(ids, results, strict=True):
            if isinstance(result, BaseException):
                logger.error("session %s could not be closed: %s", session_id, result)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- inside ------------------------------------------------------------------------------------------

    def hold(self, session_id: str) -> Live:
        """The one object of that session, for as long as somebody has it."""
        live = self._known.get(session_id)
        if live is None:
            live = self._known[session_id] = Live(session_id)
        return live

    def _check_room(self, details: Mapping[str, object]) -> None:
        if self.stopping:
            raise shutting_down()
        if self.policy.max_sessions and len(self.live) >= self.policy.max_sessions:
            message = f"{len(self.live)} sessions are open, as many as max_sessions allows: close one"
            raise GatewayError("TOO_MANY_SESSIONS", message, details)

    async def move(self, session_id: str, fields: Document) -> Document:
        """Changes a row where the move is legal; otherwise gives it as it is."""

        def update() -> Document:
            states = lifecycle.before("session", fields["status"])
            return self.store.ledger.update_session(session_id, fields, status=states)

        try:
            return await self.store.call(update)
        except Changed as changed:
            return changed.found

    async def _bring_up(self, live: Live, row: Document) -> Document:
        """From `starting` to `ready`, or to `crashed`. Holds the lock."""
        newest = await self.store.newest_execution(live.id)
        before = int(newest.get("engine_generation", 0)) if newest is not None else 0
        plan = plans.plan_of(row, self._owner, self.policy.denied, self.policy.orphan_grace_s, before)

        def spawned(process: Process) -> None:
            live.starting = process
            if live.closing:
                process.kill()

        try:
            kernel, ready = await self.starter.start(live.id, plan.to_json(), self.policy.start_timeout_s, spawned)
        except StartFailed as failure:
            raise await self._not_started(live, row, failure) from failure
        except BaseException:
            self.live.pop(live.id, None)
            raise
        finally:
            live.starting = None
        live.kernel = kernel
        try:
            row = await self.move(live.id, ready_fields(kernel, ready, row, before + 1))
        except GatewayError:
            await self._take_down(live)
            raise
        if row["status"] != "ready":
            await self._take_down(live)
            raise session_not_ready(live.id, str(row["status"]), row.get("last_error", ""))
        self.watch(live, kernel)
        return row

    async def _not_started(self, live: Live, row: Mapping[str, Any], failure: StartFailed) -> GatewayError:
        """Leaves the row `crashed` with its cause, which its client finds by `session_id` (contract 5)."""
        self.live.pop(live.id, None)
        text = str(failure)
        if live.closing:
            text = CLOSED_WHILE_STARTING
        elif not text.startswith(("startup failed: ", "failed to ")):
            text = f"startup failed: {text}"
        await self.store.call(self.store.ledger.close_rows_of_dead_owners)
        await self.move(live.id, {"status": "crashed", "last_error": text, "owner": None})
        details = {"template_id": row["vm_id"], "session_id": live.id}
        known = ("INVALID_PATH", "LEDGER_UNAVAILABLE", "LIBRARY_NOT_CACHED")
        return GatewayError(failure.code if failure.code in known else "STARTUP_FAILED", text, details)

    async def _take_down(self, live: Live) -> None:
        """Ends the process, if there is one, and what it left running. Holds the lock."""
        kernel, live.kernel = live.kernel, None
        self.live.pop(live.id, None)
        if kernel is not None:
            await kernel.shutdown()
            await self._cancel_running(live.id)

    async def _cancel_running(self, session_id: str) -> None:
        """A process that had to be killed could not end its record itself."""
        newest = await self.store.newest_execution(session_id)
        if newest is not None and newest["status"] == "running":
            fields = {"status": "cancelled", "ended_at": timestamp(), "error": {"message": CLOSED_WHILE_RUNNING}}
            try:
                await self.store.call(self.store.ledger.finish, newest["id"], fields | {"owner": None})
            except Changed:
                pass

    def watch(self, live: Live, kernel: Kernel) -> None:
        """From now on the death of the kernel is the death of the session."""

        def over(_: asyncio.Future[str]) -> None:
            if live.kernel is kernel:
                self._start(self._died(live, kernel))

        kernel.process.ended.add_done_callback(over)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that nobody waits for but `stop`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _died(self, live: Live, kernel: Kernel) -> None:
        """The process ended without being asked: its row may say why already."""
        async with live.lock:
            if live.kernel is not kernel:
                return
            live.kernel = None
            self.live.pop(live.id, None)
            words = notes.last_words(kernel.note)
            how = kernel.process.ended.result()
            kernel.forget()
            fields = {"status": "crashed", "last_error": f"{how}: {words}" if words else how, "owner": None}
            for patience_s in (0.1, 1.0, 10.0, 0.0):
                try:
                    await self.store.call(self.store.ledger.close_rows_of_dead_owners)
                    if self.row(live.id)["status"] in lifecycle.LIVE:
                        await self.move(live.id, fields)
                    return
                except GatewayError as error:
                    logger.error("the end of session %s is not recorded yet: %s", live.id, error)
                    await asyncio.sleep(patience_s)


def ready_fields(kernel: Kernel, ready: Ready, row: Mapping[str, Any], generation: int) -> Document:
    """What the row of a session says once its kernel is ready. generation: of its first engine."""
    settings = row["snapshot"]["settings"]
    limits, loss = settings["limits"], settings["runtime"]["on_engine_loss"]
    meta = plans.runtime_meta(kernel.process.pid, limits, loss, ready.engine, ready.containment, "", generation)
    return {"status": "ready", "owner": kernel.process.owner, "runtime_meta": meta}
