"""Owns the routes below `/executions`; refuses to know how code runs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from .. import models
from ..executions import Executions
from ..identifiers import required, uuid_of, whole_number
from . import bodies
from .answers import answer, listing
from .queries import flag, page
from .routing import Route

DEFAULT_LIMIT = 50


class ExecutionRoutes:
    def __init__(self, executions: Executions, most_bytes: int) -> None:
        self._executions = executions
        self._most_bytes = most_bytes

    def routes(self) -> list[Route]:
        one = "/executions/{execution_id}"
        return [
            ("GET", "/executions", self.list),
            ("POST", "/executions/repl", self.repl),
            ("POST", "/executions/run-file", self.run_file),
            ("GET", one, self.get),
            ("GET", f"{one}/events", self.events),
            ("GET", f"{one}/source", self.source),
            ("POST", f"{one}/cancel", self.cancel),
        ]

    async def list(self, request: Request) -> Response:
        given = request.query_params.get("session_id")
        required(session_id=given)
        session_id = uuid_of(str(given), "session_id")
        limit, cursor = page(request, DEFAULT_LIMIT)
        return listing(await self._executions.page(session_id, limit or DEFAULT_LIMIT, cursor), models.execution)

    async def repl(self, request: Request) -> Response:
        wait = flag(request, "wait", True)
        body = await bodies.read(request, bodies.Repl, self._most_bytes)
        required(session_id=body.session_id, input=body.input)
        session_id = uuid_of(str(body.session_id), "session_id")
        row = await self._executions.repl(session_id, str(body.input), actor(request), wait, body.stdin or ())
        return answer(models.execution(row), 201 if wait else 202)

    async def run_file(self, request: Request) -> Response:
        wait = flag(request, "wait", True)
        body = await bodies.read(request, bodies.RunFile, self._most_bytes)
        required(session_id=body.session_id, path=body.path)
        session_id = uuid_of(str(body.session_id), "session_id")
        row = await self._executions.run_file(
            session_id, str(body.path), body.args or {}, body.env or {}, actor(request), wait, body.stdin or ()
        )
        return answer(models.execution(row), 201 if wait else 202)

    async def get(self, request: Request) -> Response:
        return answer(models.execution(self._executions.row(_execution_id(request))))

    async def events(self, request: Request) -> Response:
        execution_id = _execution_id(request)
        after = whole_number(request.query_params.get("after_seq"), "after_seq", 0, 0)
        limit = whole_number(request.query_params.get("limit"), "limit", None, 1)
        return answer(await self._executions.events(execution_id, after or 0, limit))

    async def source(self, request: Request) -> Response:
        return answer(models.source(self._executions.row(_execution_id(request))))

    async def cancel(self, request: Request) -> Response:
        return answer(models.execution(await self._executions.cancel(_execution_id(request))))


def actor(request: Request) -> dict[str, str]:
    """Who asks, for the record (contract 18.3): our command line says so in its User-Agent."""
    agent = request.headers.get("user-agent", "")
    return {"surface": "cli" if agent.startswith("vm-gateway-cli/") else "rest"}


def _execution_id(request: Request) -> str:
    return uuid_of(request.path_params["execution_id"], "execution_id")
