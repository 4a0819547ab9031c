"""Owns how answers look on the wire: JSON, the error envelope, the cursor of a list; refuses to know their meaning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from ..errors import GatewayError
from ..ledger.port import Listing

JSON = "application/json"
NEXT_CURSOR = "X-Next-Cursor"


def encode(value: Any) -> bytes:
    """Compact JSON; lone surrogates of a session's output stay as escapes, which UTF-8 could not hold."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError, RecursionError):
        return json.dumps(value, separators=(",", ":")).encode("ascii")


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(value), status, dict(headers or {}), JSON)


def listing(found: Listing, view: Any) -> Response:
    """A plain list; where there is more, the header says how to ask for it."""
    headers = {NEXT_CURSOR: found.cursor} if found.cursor else {}
    return answer([view(document) for document in found.documents], headers=headers)


def refusal(error: GatewayError, headers: Mapping[str, str] | None = None) -> Response:
    """The only shape of an error (contract section 2)."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.details:
        body["details"] = error.details
    extra = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    extra |= {"Retry-After": "1"} if error.status in (429, 503) else {}
    return answer({"error": body}, error.status, {**extra, **(headers or {})})
