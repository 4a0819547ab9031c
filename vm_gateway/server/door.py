"""Owns what every request passes before a route sees it: id, token, host, origin; refuses to know any route but one.

The token is looked at first, so that a stranger learns nothing else (contract section 2). Cookies are not read, so no
page of another site can act for a user; host and origin are checked all the same (research: DNS rebinding).
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import time
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vm_kernel.ids import uuid7

from ..errors import GatewayError, shutting_down
from .answers import refusal

HEALTH = "/api/v1/health"
READING = frozenset(("GET", "HEAD", "OPTIONS"))
LOCAL_HOSTS = frozenset(("localhost", "127.0.0.1", "::1"))
logger = logging.getLogger("vm_gateway.access")


class Door:
    """Wraps the routes. token: empty lets everybody in. hosts: names this gateway answers to; empty: any address."""

    def __init__(
        self,
        inside: ASGIApp,
        token: str,
        hosts: Collection[str],
        origins: Collection[str] = (),
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._inside = inside
        self._token = token.encode("utf-8")
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        began, request_id, status = time.monotonic(), uuid7(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cache-Control"] = "no-store"
            await send(message)

        try:
            self._check(scope)
            await self._inside(scope, receive, sending)
        except GatewayError as error:
            await refusal(error)(scope, receive, sending)
        except ClientDisconnect:
            status = 499
        except Exception as error:
            logger.exception("request %s failed", request_id)
            if status:
                raise
            message = f"{type(error).__name__}: the log of the gateway has the rest under request {request_id}"
            await refusal(GatewayError("INTERNAL", message))(scope, receive, sending)
        level = logging.DEBUG if scope["method"] in READING and status < 400 else logging.INFO
        if logger.isEnabledFor(level):
            took_ms = (time.monotonic() - began) * 1000
            path = scope["path"][:200].encode("unicode_escape").decode("ascii")
            logger.log(level, "%s %s %d %.1f ms %s", scope["method"], path, status, took_ms, request_id)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if scope["path"] != HEALTH:
            self._check_token(headers)
        self._check_host(headers)
        if scope["method"] not in READING:
            self._check_origin(headers)
            if self._stopping():
                raise shutting_down()

    def _check_token(self, headers: Headers) -> None:
        if not self._token:
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        known = scheme.lower() in ("bearer", "token")
        if not hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._token) or not known:
            message = "A token is needed: send `Authorization: Bearer TOKEN`; it is in the gateway's token file"
            raise GatewayError("UNAUTHORIZED", message)

    def _check_host(self, headers: Headers) -> None:
        given = headers.get("host", "")
        host = _host_of(given)
        allowed = host in self._hosts if self._hosts else _is_address(host) or host in LOCAL_HOSTS
        if not allowed:
            message = f"Host {given[:100]!r} is not a name of this gateway: see allowed_hosts in its configuration"
            raise GatewayError("FORBIDDEN_HOST", message)

    def _check_origin(self, headers: Headers) -> None:
        origin = headers.get("origin", "").lower()
        own = {f"{scheme}://{headers.get('host', '').lower()}" for scheme in ("http", "https")}
        foreign = origin not in own | self._origins if origin else headers.get("sec-fetch-site") == "cross-site"
        if foreign:
            message = f"Requests from {origin[:100] or 'another site'!r} are refused: see allowed_origins"
            raise GatewayError("FORBIDDEN_ORIGIN", message)


def _host_of(header: str) -> str:
    """The name in a Host header, without port and brackets; empty when it is malformed."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
        return "" if parts.path or parts.query or parts.username is not None else (parts.hostname or "").lower()
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
