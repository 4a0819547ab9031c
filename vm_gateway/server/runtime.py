"""Owns the routes that tell how the gateway is; refuses to change anything."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ..sessions import Sessions
from .answers import answer
from .routing import Route


class RuntimeRoutes:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def routes(self) -> list[Route]:
        return [("GET", "/health", self.health), ("GET", "/runtime/summary", self.summary)]

    async def health(self, request: Request) -> Response:
        return answer({"status": "ok"})

    async def summary(self, request: Request) -> Response:
        """Sessions that take code here and now, then rows per status of the whole ledger."""
        ids = await self._sessions.ready_ids()
        stats = await self._sessions.store.call(self._sessions.store.ledger.stats)
        return answer({"active_sessions": len(ids), "active_session_ids": ids, **stats})
