"""Owns one JSON request to a gateway and what can go wrong on the way; refuses to know what is asked.

Only the standard library, and as little of it as possible: the command line starts with this.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

API = "/api/v1"
DEFAULT_URL = "http://127.0.0.1:3210"
#: Only there is the gateway of the same user meant; its token goes to no other machine.
LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: A kept connection is used again only this soon; servers close idle ones (uvicorn after 5 s).
REUSE_S = 2.0


class ApiError(Exception):
    """Whatever kept a request from its answer; its text is for the user.

    status: the HTTP status, 0 when there was no answer of a gateway. code: the stable code of contract 2.1, else
    `UNREACHABLE`, `TIMED_OUT`, `NOT_A_GATEWAY` or `BAD_URL`. details: as sent. request_id: for the gateway's log.
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


class Answer(NamedTuple):
    """A successful answer: the decoded body, and the cursor of the next page of a list."""

    body: Any
    cursor: str | None


class Connection:
    """Requests to the gateway at `url`, one at a time; for one thread.

    url: None is $VM_GATEWAY_URL, else the default port on this machine. token: None looks at $VM_GATEWAY_TOKEN, then
    at the file that the user's own gateway on this machine wrote; "" sends none. Raises: ApiError.
    """

    def __init__(self, url: str | None, token: str | None, agent: str) -> None:
        self.url = (url or os.environ.get("VM_GATEWAY_URL") or DEFAULT_URL).rstrip("/")
        try:
            parts = urlsplit(self.url)
            self._host, self._port = parts.hostname, parts.port
        except ValueError as error:
            raise _bad_url(self.url, str(error)) from None
        if parts.scheme not in ("http", "https") or not self._host or parts.query or parts.fragment or parts.username:
            raise _bad_url(self.url, "it must look like http://HOST:PORT")
        self._secure = parts.scheme == "https"
        self._prefix = parts.path + API
        self._token = token
        self._headers = {"Accept": "application/json", "User-Agent": agent}
        self._kept: http.client.HTTPConnection | None = None
        self._used_at = 0.0

    def request(
        self,
        method: str,
        path: tuple[str, ...],
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Sends one request and waits `timeout_s` for each part of its answer; None waits without an end.

        Parts of the path are quoted and hold no slash, query entries that are None left out. Raises: ApiError.
        """
        for part in path:
            # Servers decode a quoted slash before they route, so such an id would name another route.
            if not part.strip() or "/" in part:
                raise ApiError(0, "VALIDATION_ERROR", f"{part!r} is no id and no name: it is empty or has a slash")
        target = "/".join((self._prefix, *(quote(part, safe="", errors="replace") for part in path)))
        pairs = {name: value for name, value in (query or {}).items() if value is not None}
        if pairs:
            target += "?" + urlencode(pairs, errors="replace")
        if self._token is None:
            self._token = self._find_token()
        headers, data = dict(self._headers), None
        if self._token:
            if not self._token.isascii() or not self._token.isprintable():
                raise ApiError(0, "UNAUTHORIZED", "no token has such characters: look at VM_GATEWAY_TOKEN")
            headers["Authorization"] = f"Bearer {self._token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, separators=(",", ":")).encode("ascii")
        return self._read(*self._send(method, target, headers, data, timeout_s))

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _find_token(self) -> str:
        if "VM_GATEWAY_TOKEN" in os.environ or self._host not in LOOPBACK:
            return os.environ.get("VM_GATEWAY_TOKEN", "").strip()
        from .places import PlaceError, read_token

        try:
            return read_token(self._port or (443 if self._secure else 80))
        except PlaceError as error:
            raise ApiError(0, "UNAUTHORIZED", f"{error}, or set VM_GATEWAY_TOKEN") from None

    def _send(
        self, method: str, target: str, headers: dict[str, str], data: bytes | None, timeout_s: float | None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        if time.monotonic() - self._used_at > REUSE_S:
            self.close()
        if self._kept is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._kept = kind(self._host or "", self._port, timeout=timeout_s)
        self._kept.timeout = timeout_s
        try:
            if self._kept.sock is None:
                self._kept.connect()
            self._kept.sock.settimeout(timeout_s)
            self._kept.request(method, target, data, headers)
            response = self._kept.getresponse()
            content = response.read()
        except TimeoutError:
            self.close()
            raise ApiError(
                0,
                "TIMED_OUT",
                f"the gateway at {self.url} did not answer within {timeout_s:g} s: look at what it does with "
                "`vm-gateway ops runtime-summary`, or wait longer with --timeout-s",
            ) from None
        except ConnectionRefusedError:
            self.close()
            raise ApiError(0, "UNREACHABLE", self._how_to_start()) from None
        except http.client.HTTPException as error:
            self.close()
            lost = isinstance(error, http.client.RemoteDisconnected)
            raise self._broken("closed the connection before it answered") from None if lost else self._stranger()
        except OSError as error:
            self.close()
            raise self._broken(f"cannot be reached ({error.strerror or error})") from None
        except BaseException:
            self.close()  # half an answer may be on its way
            raise
        self._used_at = time.monotonic()
        return response, content

    def _read(self, response: http.client.HTTPResponse, content: bytes) -> Answer:
        try:
            body = json.loads(content) if content else None
        except (ValueError, RecursionError):
            raise self._stranger() from None
        if "X-Request-Id" not in response.headers:  # every answer of a gateway has one
            raise self._stranger()
        if 200 <= response.status < 300:
            return Answer(body, response.headers.get("X-Next-Cursor"))
        error = body.get("error") if isinstance(body, dict) else None
        if not isinstance(error, dict) or not isinstance(error.get("code"), str):
            raise self._stranger()
        details = error.get("details")
        raise ApiError(
            response.status,
            error["code"],
            str(error.get("message", "")),
            details if isinstance(details, dict) else None,
            response.headers.get("X-Request-Id"),
        )

    def _how_to_start(self) -> str:
        where = "" if self.url == DEFAULT_URL else f" --listen {urlsplit(self.url).netloc}"
        return (
            f"no gateway answers at {self.url}: start one with `vm-gateway serve{where}`, or name another with "
            "--server-url or VM_GATEWAY_URL"
        )

    def _broken(self, what: str) -> ApiError:
        return ApiError(0, "UNREACHABLE", f"the gateway at {self.url} {what}: see whether it still runs, and its log")

    def _stranger(self) -> ApiError:
        return ApiError(
            0, "NOT_A_GATEWAY", f"what answers at {self.url} is not a vm-gateway: name the right one with --server-url"
        )


def _bad_url(url: str, why: str) -> ApiError:
    return ApiError(0, "BAD_URL", f"{url!r} is no URL of a gateway: {why}")
