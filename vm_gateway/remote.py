"""Owns one gateway as its clients see it: address, token, what is sent, what an answer means; refuses to know how bytes
travel and what is asked.

Only the standard library, and as little of it as possible: the command line starts with this.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
from collections.abc import Generator, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode, urlsplit

Result = TypeVar("Result")

API = "/api/v1"
DEFAULT_URL = "http://127.0.0.1:3210"
#: Only there is the gateway of the same user meant; its token goes to no other machine.
LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: A kept connection is used again only this soon; servers close idle ones (uvicorn after 5 s).
REUSE_S = 2.0
#: Seconds for an answer that needs no JavaScript to run.
TIMEOUT_S = 30.0


class ApiError(Exception):
    """Whatever kept a request from its answer; its text is for the user.

    status: the HTTP status, 0 when there was no answer of a gateway. code: the stable code of contract 2.1, else
    `UNREACHABLE`, `TIMED_OUT`, `NOT_A_GATEWAY`, `BAD_URL` or `CLIENT_CLOSED`. details: as sent. request_id: for the
    gateway's log.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.request_id = request_id

    def __str__(self) -> str:
        if not self.status:
            return self.message
        return f"api error (status={self.status}, code={self.code}): {self.message}"


class Request(NamedTuple):
    """What is asked. Parts of the path are quoted and hold no slash, query entries that are None are left out.

    patient: it answers when JavaScript has ended, which has no time. queued: it may take that long, so only so many of
    them are under way at once.
    """

    method: str
    path: tuple[str, ...]
    body: Mapping[str, Any] | None = None
    query: Mapping[str, Any] | None = None
    patient: bool = False
    queued: bool = False


class Answer(NamedTuple):
    """A successful answer: the decoded body, and the cursor of the next page of a list."""

    body: Any
    cursor: str | None


#: A method of a client: it yields what it asks, is sent the answers, and returns what came of them.
Steps = Generator[Request, Answer, Result]


class Sent(NamedTuple):
    """A request as HTTP. timeout_s: for each part of its answer; None waits without an end."""

    method: str
    target: str
    headers: dict[str, str]
    data: bytes | None
    timeout_s: float | None
    queued: bool


class Received(NamedTuple):
    """An answer as HTTP, whoever sent it."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes


class Remote:
    """The gateway at `url`. Arguments: see `client.Client`. Raises: ApiError."""

    def __init__(self, url: str | None, token: str | None, timeout_s: float | None, agent: str) -> None:
        self.url = (url or os.environ.get("VM_GATEWAY_URL") or DEFAULT_URL).rstrip("/")
        try:
            parts = urlsplit(self.url)
            self.host, self.port = parts.hostname or "", parts.port
            if self.host:
                self.host.encode("idna")  # as every connection will
        except ValueError as error:
            raise _bad_url(self.url, str(error)) from None
        if parts.scheme not in ("http", "https") or not self.host or self.port == 0:
            raise _bad_url(self.url, "there is no such address")
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise _bad_url(self.url, "it has no user, `?` or `#`; a token is given apart")
        if not (parts.netloc + parts.path).isprintable() or " " in self.url or not parts.path.isascii():
            raise _bad_url(self.url, "it has characters that no URL has")
        self.secure = parts.scheme == "https"
        self._prefix = parts.path + API
        self._given_token = token
        self._token = token
        self._timeout_s = timeout_s
        self._headers = {"Accept": "application/json", "User-Agent": agent}

    def converse(self, steps: Steps[Result]) -> Generator[Sent, Received, Result]:
        """`steps` in terms of HTTP, for whoever carries it. Raises: ApiError, out of `send` too."""
        try:
            request = next(steps)
            while True:
                request = steps.send((yield from self._exchange(request)))
        except StopIteration as end:
            result: Result = end.value
            return result

    def _exchange(self, request: Request) -> Generator[Sent, Received, Answer]:
        received = yield self._sent(request)
        if received.status == 401 and self._given_token is None:
            # A gateway that was started again has another token.
            used, self._token = self._token, None
            if self._current_token() != used:
                received = yield self._sent(request)
        return self._answer(received)

    def _sent(self, request: Request) -> Sent:
        for part in request.path:
            # Servers decode a quoted slash before they route, so such an id would name another route.
            if not part.strip() or "/" in part:
                raise ApiError(0, "VALIDATION_ERROR", f"{part!r} is no id and no name: it is empty or has a slash")
        target = "/".join((self._prefix, *(quote(part, safe="", errors="replace") for part in request.path)))
        pairs = {name: value for name, value in (request.query or {}).items() if value is not None}
        if pairs:
            target += "?" + urlencode(pairs, errors="replace")
        headers, data = dict(self._headers), None
        if token := self._current_token():
            if not token.isascii() or not token.isprintable():
                raise ApiError(0, "UNAUTHORIZED", "no token has such characters: look at VM_GATEWAY_TOKEN")
            headers["Authorization"] = f"Bearer {token}"
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(request.body, separators=(",", ":")).encode("ascii")
        timeout_s = TIMEOUT_S if self._timeout_s is None and not request.patient else self._timeout_s
        return Sent(request.method, target, headers, data, timeout_s, request.queued)

    def _current_token(self) -> str:
        if self._token is None:
            self._token = self._find_token()
        return self._token

    def _find_token(self) -> str:
        if "VM_GATEWAY_TOKEN" in os.environ or self.host not in LOOPBACK:
            return os.environ.get("VM_GATEWAY_TOKEN", "").strip()
        from .places import PlaceError, read_token

        try:
            return read_token(self.port or (443 if self.secure else 80))
        except PlaceError as error:
            raise ApiError(0, "UNAUTHORIZED", f"{error}, or set VM_GATEWAY_TOKEN") from None

    def _answer(self, received: Received) -> Answer:
        if not received.content and "Content-Length" not in received.headers and received.status != 204:
            raise self._cut_off()  # among its headers: http.client takes that for their end
        try:
            body = json.loads(received.content) if received.content else None
        except (ValueError, RecursionError):
            raise self._stranger() from None
        if "X-Request-Id" not in received.headers:  # every answer of a gateway has one
            raise self._stranger()
        if 200 <= received.status < 300:
            return Answer(body, received.headers.get("X-Next-Cursor"))
        error = body.get("error") if isinstance(body, dict) else None
        if not isinstance(error, dict) or not isinstance(error.get("code"), str):
            raise self._stranger()
        details = error.get("details")
        raise ApiError(
            received.status,
            error["code"],
            str(error.get("message", "")),
            details if isinstance(details, dict) else None,
            received.headers.get("X-Request-Id"),
        )

    def trouble(self, error: Exception, timeout_s: float | None) -> ApiError:
        """What kept an answer from coming, in words for the user. error: OSError or HTTPException."""
        if isinstance(error, TimeoutError):
            text = (
                f"the gateway at {self.url} did not answer within {timeout_s or 0:g} s: look at what it does with "
                "`vm-gateway ops runtime-summary`, or wait longer with --timeout-s"
            )
            return ApiError(0, "TIMED_OUT", text)
        # asyncio makes one error without a number of several, one for each address of a name.
        several = isinstance(error, OSError) and error.errno is None and f"[Errno {errno.ECONNREFUSED}]" in str(error)
        if several or isinstance(error, ConnectionRefusedError):
            where = "" if self.url == DEFAULT_URL else f" --listen {urlsplit(self.url).netloc}"
            text = (
                f"no gateway answers at {self.url}: start one with `vm-gateway serve{where}`, or name another with "
                "--server-url or VM_GATEWAY_URL"
            )
            return ApiError(0, "UNREACHABLE", text)
        if isinstance(error, (http.client.RemoteDisconnected, http.client.IncompleteRead)):
            return self._cut_off()
        if isinstance(error, OSError):
            return self._broken(f"cannot be reached ({error.strerror or error})")
        return self._stranger()

    def _cut_off(self) -> ApiError:
        return self._broken("closed the connection before it answered")

    def _broken(self, what: str) -> ApiError:
        return ApiError(0, "UNREACHABLE", f"the gateway at {self.url} {what}: see whether it still runs, and its log")

    def _stranger(self) -> ApiError:
        return ApiError(
            0, "NOT_A_GATEWAY", f"what answers at {self.url} is not a vm-gateway: name the right one with --server-url"
        )


def _bad_url(url: str, why: str) -> ApiError:
    start, at, end = url.rpartition("@")  # what comes before may be a password
    shown = f"{start.partition('//')[0]}//...@{end}" if at else url
    return ApiError(0, "BAD_URL", f"{shown!r} is no URL of a gateway ({why}): it must look like http://HOST:PORT")
