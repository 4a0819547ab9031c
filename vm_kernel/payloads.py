"""Owns what the value and the error of an execution look like in its events and in its record; refuses to know who
shows them.

Shapes of contract sections 6.1 and 18.3.
"""

from __future__ import annotations

import json
from typing import Any

from .outcomes import Raised, Stopped, Value, ename, evalue
from .protocol.wire import LONG_CHARACTERS, encode, escape

Payload = dict[str, Any]

#: A string has its JSON form beside its preview up to this length; the preview of a longer one is all of it.
LONGEST_JSON_STRING = 64 * 1024

#: Bytes of a value's payload around its type and its preview as JSON.
_AROUND = len('{"type":"","preview":}')


def value_payload(value: Value | None) -> Payload:
    """`type`, `preview`, `json` where the value has that form, `mime` where a notebook shows more than the preview."""
    if value is None or value.type == "undefined":
        return {"type": "undefined", "preview": "undefined", "json": None}
    payload: Payload = {"type": value.type, "preview": value.preview}
    mime = _mime(value)
    if mime:
        payload["mime"] = mime
    if value.metadata:
        payload["metadata"] = value.metadata
    if value.json is not None:
        try:
            payload["json"] = json.loads(value.json)
        except (ValueError, RecursionError):
            pass
    elif value.type == "string" and len(value.preview) <= LONGEST_JSON_STRING:
        payload["json"] = value.preview
    return payload


def value_bytes(value: Value | None, escaped_preview: bytes = b"") -> int:
    """The length of `value_payload` as JSON, without making it.

    escaped_preview: the preview as `wire.escape` makes it, if that is there.
    """
    if value is None or value.type == "undefined":
        return len('{"type":"undefined","preview":"undefined","json":null}')
    preview_bytes = len('""') + len(escaped_preview or escape(value.preview))
    size = _AROUND + len(value.type) + preview_bytes
    mime = _mime(value)
    if mime:
        size += len(',"mime":') + len(encode(mime))
    if value.metadata:
        size += len(',"metadata":') + len(encode(value.metadata))
    if value.json is not None:
        size += len(',"json":') + len(value.json.encode("utf-8", "surrogatepass"))
    elif value.type == "string" and len(value.preview) <= LONGEST_JSON_STRING:
        size += len(',"json":') + preview_bytes
    return size


def exception_payload(outcome: Raised | Stopped) -> Payload:
    """`message`, `name`, and of what user code threw its `stack` and the `traceback` that a person reads."""
    name, message = ename(outcome), evalue(outcome)
    payload: Payload = {"message": f"{name}: {message}" if name else message, "name": name}
    if isinstance(outcome, Raised):
        if outcome.error.stack:
            payload["stack"] = outcome.error.stack
        if outcome.error.traceback:
            payload["traceback"] = list(outcome.error.traceback)
    return payload


def result_of(payload: Payload) -> Payload:
    """`result` of the record, from the payload of the value: what only notebooks show is left to the event."""
    return {name: each for name, each in payload.items() if name not in ("mime", "metadata")}


def error_of(payload: Payload) -> Payload:
    """`error` of the record, from the payload of the exception."""
    return {name: payload[name] for name in ("message", "stack", "traceback") if name in payload}


def shown_text(payload: Payload) -> str:
    """The text/plain that a notebook shows for a value of this payload."""
    text = payload.get("mime", {}).get("text/plain")
    if isinstance(text, str):
        return text
    preview = str(payload["preview"])
    return f"'{preview}'" if payload["type"] == "string" else preview


def _mime(value: Value) -> dict[str, Any]:
    """What a notebook shows of the value, without a text that its preview tells (`shown_text`)."""
    derived = f"'{value.preview}'" if value.type == "string" else value.preview
    if value.text == derived:
        return value.mime
    return {"text/plain": value.text, **value.mime}


def is_long_string(value: Value) -> bool:
    """Whether its text is its preview between quotes: then one pass over it makes both."""
    long = value.type == "string" and len(value.preview) > LONG_CHARACTERS and not value.mime
    return long and len(value.text) == len(value.preview) + 2 and value.text.startswith(value.preview, 1)
