"""Owns the routes below `/sessions`; refuses to know how a session lives."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from .. import connections, models
from ..identifiers import required, uuid_of
from ..sessions import Sessions
from ..templates import Templates
from . import bodies
from .answers import answer, listing
from .queries import page
from .routing import Route


class SessionRoutes:
    def __init__(self, sessions: Sessions, templates: Templates, most_bytes: int) -> None:
        self._sessions = sessions
        self._templates = templates
        self._most_bytes = most_bytes

    def routes(self) -> list[Route]:
        one = "/sessions/{session_id}"
        return [
            ("GET", "/sessions", self.list),
            ("POST", "/sessions", self.create),
            ("GET", one, self.get),
            ("DELETE", one, self.close),
            ("POST", f"{one}/close", self.close),
            ("POST", f"{one}/restart", self.restart),
            ("GET", f"{one}/connection", self.connection),
        ]

    async def list(self, request: Request) -> Response:
        status = request.query_params.get("status") or None
        return listing(await self._sessions.page(status, *page(request)), models.session)

    async def create(self, request: Request) -> Response:
        body = await bodies.read(request, bodies.CreateSession, self._most_bytes)
        required(
            template_id=body.template_id,
            workspace_id=body.workspace_id,
            base_commit_oid=body.base_commit_oid,
            worktree_path=body.worktree_path,
        )
        template = self._templates.row(uuid_of(str(body.template_id), "template_id"))
        row = await self._sessions.create(
            template, str(body.workspace_id), str(body.base_commit_oid), str(body.worktree_path)
        )
        return answer(models.session(row), 201)

    async def get(self, request: Request) -> Response:
        return answer(models.session(self._sessions.row(_session_id(request))))

    async def close(self, request: Request) -> Response:
        return answer(models.session(await self._sessions.close(_session_id(request))))

    async def restart(self, request: Request) -> Response:
        return answer(models.session(await self._sessions.restart(_session_id(request))))

    async def connection(self, request: Request) -> Response:
        connections.check_local(request.client.host if request.client is not None else None)
        session_id = _session_id(request)
        _, kernel = self._sessions.usable(session_id)
        return answer(connections.told(session_id, kernel.note.connection_file))


def _session_id(request: Request) -> str:
    return uuid_of(request.path_params["session_id"], "session_id")
