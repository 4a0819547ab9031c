"""Owns what the rows of an execution say at its start and at its end; refuses to know when they are written."""

from __future__ import annotations

from collections.abc import Mapping
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from vm_kernel.events import Event
from vm_kernel.outcomes import Completed, Raised, ename, evalue
from vm_kernel.payloads import error_of, result_of
from vm_kernel.recorder import Ended, Started

from .codec import encode

#: An input echo of this size breaks no limit: the smallest output limit is 1 KiB, the smallest count one event.
ECHO_BYTES = 1024
_ECHO_AROUND = len('{"text":}')
#: Levels of arrays and objects in one payload: any reader can follow, however deep its own calls are.
DEEPEST = 200
#: What an event weighs beside its payload's texts.
EVENT_BYTES = 80
_DEEP_TYPES = frozenset(("value", "display", "comm", "exception"))
TOO_DEEP = "left out: nested too deeply to be stored"


def begun(started: Started, session_id: str, owner: Mapping[str, Any], actor: Mapping[str, Any]) -> dict[str, Any]:
    """The row of an execution that is about to run; `metadata` may bring `path`, `args`, `env` and `actor`."""
    given = started.metadata
    row: dict[str, Any] = {
        "id": started.execution_id,
        "session_id": session_id,
        "kind": started.kind,
        "args": given.get("args", [] if started.kind == "repl" else {}),
        "env": given.get("env", {}),
        "status": "running",
        "started_at": started.started_at,
        "metrics": {},
        "actor": given.get("actor") or _actor(actor, started),
        "engine_generation": started.engine_generation,
        "execution_count": started.execution_count,
        "owner": dict(owner),
    }
    row["input" if started.kind == "repl" else "source"] = started.code
    if "path" in given:
        row["path"] = given["path"]
    return row


def echo(started: Started) -> Event | None:
    """The input echo that a repl begins with, where no limit can refuse it; else it comes with the other events."""
    if started.kind != "repl" or len(quote(started.code)) + _ECHO_AROUND > ECHO_BYTES:
        return None
    return Event(started.execution_id, 1, "input_echo", {"text": started.code}, started.started_at)


def ended(end: Ended, value: Mapping[str, Any] | None, exception: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields that end a row. value, exception: payloads of those events, which result and error repeat."""
    outcome, usage = end.outcome, end.usage
    fields: dict[str, Any] = {
        "status": outcome.status,
        "ended_at": end.ended_at,
        "metrics": {
            "cpu_ms": usage.cpu_ms,
            "wall_ms": usage.wall_ms,
            "peak_mem_mb": usage.peak_mem_mb,
            "events": usage.events,
            "output_bytes": usage.output_bytes,
        },
        "owner": None,
    }
    if end.engine_generation:
        fields["engine_generation"] = end.engine_generation
    if isinstance(outcome, Completed):
        fields["result"] = result_of(dict(value)) if value is not None else _result(outcome)
        return fields
    if exception is not None:
        fields["error"] = error_of(dict(exception))
    else:
        fields["error"] = {"message": f"{ename(outcome)}: {evalue(outcome)}"}
        if isinstance(outcome, Raised) and outcome.error.stack:
            fields["error"]["stack"] = outcome.error.stack
    return fields


def storable(event: Event) -> tuple[Event, int]:
    """The event as it can be stored, and about how many bytes that takes."""
    size = EVENT_BYTES
    for value in event.payload.values():
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, (dict, list)):
            if event.type in _DEEP_TYPES and _deeper_than(value, DEEPEST):
                payload = {name: each for name, each in event.payload.items() if each is not value}
                return storable(event._replace(payload={**payload, "left_out": TOO_DEEP}))
            size += len(encode({"": value}))
    return event, size


def _actor(actor: Mapping[str, Any], started: Started) -> dict[str, Any]:
    named = dict(actor) if actor else {"surface": "kernel"}
    if started.client_session:
        named.setdefault("client_session", started.client_session)
    return named


def _result(outcome: Completed) -> dict[str, Any]:
    value = outcome.value
    if value is None:
        return {"type": "undefined", "preview": "undefined", "json": None}
    return {"type": value.type, "preview": value.preview}


def _deeper_than(value: object, levels: int) -> bool:
    """Whether arrays and objects lie in one another deeper than `levels`, found without recursion."""
    layer: list[object] = [value]
    for _ in range(levels):
        following: list[object] = []
        for each in layer:
            if isinstance(each, dict):
                following.extend(each.values())
            elif isinstance(each, list):
                following.extend(each)
        if not following:
            return False
        layer = following
    return any(isinstance(each, (dict, list)) for each in layer)
