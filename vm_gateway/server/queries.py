"""Owns how query parameters are read; refuses to know what they select."""

from __future__ import annotations

from starlette.requests import Request

from ..errors import GatewayError
from ..identifiers import whole_number

_YES, _NO = ("true", "1"), ("false", "0")


def page(request: Request, default: int | None = None) -> tuple[int | None, str | None]:
    """`limit` and `cursor` of a list."""
    limit = whole_number(request.query_params.get("limit"), "limit", default, 1)
    return limit, request.query_params.get("cursor") or None


def flag(request: Request, name: str, default: bool) -> bool:
    """A parameter that is `true` or `false`. Raises: VALIDATION_ERROR."""
    given = request.query_params.get(name, "").lower()
    if not given:
        return default
    if given not in _YES + _NO:
        raise GatewayError("VALIDATION_ERROR", f"{name} must be true or false")
    return given in _YES
