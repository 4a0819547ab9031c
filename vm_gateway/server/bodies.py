"""Owns what a request's body may be and how it is read, strictly; refuses to know what is done with it.

Contract section 2: unknown fields, wrong types, trailing data, NaN and repeated keys are refused; null means left out;
what is not UTF-8, and lone surrogates, become U+FFFD.
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, NoReturn, TypeVar, Union

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request

from ..errors import GatewayError
from ..settings import Settings

#: Deeper bodies could not be stored or sent on; contract section 2 asks for 400 beyond 10,000.
DEEPEST = 200
#: A body of more bytes is decoded in a thread.
LARGE_BYTES = 256 * 1024
#: What is read of a refused body, so that its sender gets to see the answer.
MOST_DRAINED_BYTES = 64 * 1024 * 1024
ARRIVES_WITHIN_S = 30.0

Text = Union[str, None]
Index = Union[Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)], None]


class Body(Struct, forbid_unknown_fields=True):
    pass


class CreateTemplate(Body):
    name: Text = None
    engine: Text = None
    settings: Union[Settings, None] = None


class PatchTemplate(Body):
    name: Text = None
    description: Text = None
    is_active: Union[bool, None] = None
    settings: Union[Settings, None] = None


class AddName(Body):
    name: Text = None


class AddCapability(Body):
    kind: Text = None
    name: Text = None
    enabled: Union[bool, None] = None
    config: Any = None


class AddStartupFile(Body):
    path: Text = None
    order_index: Index = None
    mode: Text = None


class CreateSession(Body):
    template_id: Text = None
    workspace_id: Text = None
    base_commit_oid: Text = None
    worktree_path: Text = None


class Repl(Body):
    session_id: Text = None
    input: Text = None
    stdin: Union[list[str], None] = None


class RunFile(Body):
    session_id: Text = None
    path: Text = None
    args: Union[dict[str, Any], None] = None
    env: Union[dict[str, Any], None] = None
    stdin: Union[list[str], None] = None


Shape = TypeVar("Shape", bound=Body)


async def read(request: Request, shape: type[Shape], most_bytes: int) -> Shape:
    """The body as `shape`. Raises: UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, INVALID_REQUEST."""
    body = await _receive(request, most_bytes)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (media_type or body) and media_type != "application/json":
        message = f"Content-Type must be application/json, not {media_type[:100] or 'absent'!r}"
        raise GatewayError("UNSUPPORTED_MEDIA_TYPE", message)
    if len(body) > LARGE_BYTES:
        return await asyncio.to_thread(decode, body, shape)
    return decode(body, shape)


def decode(body: bytes, shape: type[Shape]) -> Shape:
    """Raises: INVALID_REQUEST with the decoder's words."""
    if not body.strip():
        raise GatewayError("INVALID_REQUEST", "The body is empty: send a JSON object")
    text = body.decode("utf-8", "replace")
    try:
        value = _decoder.decode(text.strip(" \t\r\n"))
    except RecursionError:
        raise GatewayError("INVALID_REQUEST", f"The body is nested deeper than {DEEPEST} levels") from None
    except ValueError as error:
        raise GatewayError("INVALID_REQUEST", f"The body is not JSON: {error}") from None
    if text.count("[") + text.count("{") > DEEPEST:
        _check_depth(value)
    if "\\u" in text:
        value = _scrubbed(value)
    try:
        return msgspec.convert({} if value is None else value, shape)
    except msgspec.ValidationError as error:
        raise GatewayError("INVALID_REQUEST", str(error)) from None


async def _receive(request: Request, most_bytes: int) -> bytes:
    try:
        return await asyncio.wait_for(_collect(request, most_bytes), ARRIVES_WITHIN_S)
    except asyncio.TimeoutError:
        message = f"The body did not arrive within {ARRIVES_WITHIN_S:.0f} s: send it again"
        raise GatewayError("INVALID_REQUEST", message) from None


async def _collect(request: Request, most_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= most_bytes:
            chunks.append(chunk)
        else:
            chunks.clear()
            if size > most_bytes + MOST_DRAINED_BYTES:
                break
    if size > most_bytes:
        raise GatewayError("BODY_TOO_LARGE", f"The body is larger than {most_bytes} bytes: send less")
    return b"".join(chunks)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key[:100]!r} stands twice in one object")
            seen.add(key)
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)


def _check_depth(value: Any) -> None:
    layer = [value]
    for _ in range(DEEPEST):
        following: list[Any] = []
        for each in layer:
            if isinstance(each, dict):
                following.extend(each.values())
            elif isinstance(each, list):
                following.extend(each)
        if not following:
            return
        layer = following
    if any(isinstance(each, (dict, list)) for each in layer):
        raise GatewayError("INVALID_REQUEST", f"The body is nested deeper than {DEEPEST} levels")


def _scrubbed(value: Any) -> Any:
    """The value with U+FFFD for lone surrogates, which no UTF-8 can hold."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_scrubbed(key): _scrubbed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_scrubbed(each) for each in value]
    return value
