"""Owns the way from a method and a path to a handler, 404 and 405 in the envelope; refuses to know the routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as PathRoute
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from ..errors import GatewayError
from .answers import refusal

Handler = Callable[[Request], Awaitable[Response]]
#: Method, path below the prefix with `{names}`, handler.
Route = tuple[str, str, Handler]
PREFIX = "/api/v1"


class Resource:
    """All methods of one path: an ASGI application."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers
        if "GET" in handlers:
            handlers["HEAD"] = handlers["GET"]
        self.allow = ", ".join(sorted(handlers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handlers.get(scope["method"])
        if handler is None:
            error = GatewayError("METHOD_NOT_ALLOWED", f"Method {scope['method'][:20]} is not one of: {self.allow}")
            response = refusal(error, {"Allow": self.allow})
        else:
            response = await handler(Request(scope, receive))
        await response(scope, receive, send)


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    path = scope["path"][:200].encode("unicode_escape").decode("ascii")
    raise GatewayError("NOT_FOUND", f"There is nothing at {path}: routes begin with {PREFIX}")


def router(routes: Iterable[Route]) -> Router:
    """The routes, one `Resource` for each path."""
    by_path: dict[str, dict[str, Handler]] = {}
    for method, path, handler in routes:
        by_path.setdefault(path, {})[method] = handler
    paths = [PathRoute(PREFIX + path, Resource(handlers)) for path, handlers in by_path.items()]
    return Router(paths, redirect_slashes=False, default=nowhere)
