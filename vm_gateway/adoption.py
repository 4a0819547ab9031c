"""Owns what a new gateway does with the sessions of the one before it; refuses to start any.

Sessions are processes of their own and outlive a gateway that was killed (contract 13, 18.5): what lives is taken over
with its state, what does not is closed with the reason.
"""

from __future__ import annotations

import asyncio
import logging

from vm_kernel.events import timestamp

from . import gateways, lifecycle, notes, predecessors
from .kernels import Kernel
from .ledger import owners
from .ledger.port import Document
from .live import Live
from .processes import Process
from .sessions import Sessions, ready_fields
from .starting import Ready

logger = logging.getLogger("vm_gateway.sessions")

END_S = 2.0  # between SIGTERM and SIGKILL, and after it
COLLECTED = "garbage collected on daemon startup: runtime state does not survive process restarts"


async def adopt(sessions: Sessions) -> None:
    """Before anything is served. Raises: GatewayError LEDGER_UNAVAILABLE."""
    await sessions.store.call(sessions.store.ledger.close_rows_of_dead_owners)
    rows = [row for status in lifecycle.LIVE for row in (await sessions.page(status, None, None)).documents]
    await asyncio.gather(*(_adopt_one(sessions, row) for row in rows))
    live = {row["id"] for row in rows}
    ours = [note for note in notes.every() if note.ledger == sessions.starter.ledger_path]
    await asyncio.gather(*(_end(note) for note in ours if note.session_id not in live))
    for remove_of_the_dead in (notes.remove_of_the_dead, gateways.remove_of_the_dead, predecessors.remove_of_the_dead):
        await asyncio.to_thread(remove_of_the_dead)


async def _adopt_one(sessions: Sessions, row: Document) -> None:
    note = notes.read(row["id"])
    why = COLLECTED
    if note is not None and owners.is_alive(note.owner):
        live = sessions.live[row["id"]] = sessions.hold(row["id"])
        async with live.lock:
            try:
                live.kernel = await sessions.starter.adopt(note)
                await _adopted(sessions, live, live.kernel, row)
                return
            except Exception as error:
                logger.error("session %s could not be adopted: %s", row["id"], error)
                sessions.live.pop(row["id"], None)
                live.kernel = None
                why = f"{COLLECTED} (it could not be adopted: {error})"
        await sessions.store.call(sessions.store.ledger.close_rows_of_dead_owners)
    elif row.get("owner") and owners.is_alive(row["owner"]):
        return  # a Jupyter client runs it
    fields = {"status": "closed", "closed_at": timestamp(), "owner": None}
    await sessions.move(row["id"], fields | ({} if row.get("last_error") else {"last_error": why}))


async def _end(note: notes.Note) -> None:
    """A session that crashed or was closed while nobody watched: its process is of no use to anyone any more."""
    if owners.is_alive(note.owner):
        process = Process(note.owner)
        process.terminate()
        if not await process.wait(END_S):
            process.kill()
            await process.wait(END_S)
    notes.remove(note)


async def _adopted(sessions: Sessions, live: Live, kernel: Kernel, row: Document) -> None:
    if row["status"] == "starting":
        await sessions.move(live.id, ready_fields(kernel, Ready("ready"), row, 1))
    sessions.watch(live, kernel)
    logger.info("session %s is adopted", live.id)
