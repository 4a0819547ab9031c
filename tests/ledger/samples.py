"""Owns rows and events as a gateway and a kernel would write them, for all tests of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vm_gateway.ledger import owners
from vm_kernel.events import Event, timestamp
from vm_kernel.ids import uuid7

DEAD = {"boot_id": "another boot", "pid": 4, "start_time": 1}


def template(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": uuid7(), "name": name, "engine": "v8", "is_active": True, "created_at": timestamp(), **fields}


def session(status: str = "ready", **fields: Any) -> dict[str, Any]:
    return {"id": uuid7(), "vm_id": uuid7(), "status": status, "owner": owners.owner(), **fields}


def execution(session_id: str, **fields: Any) -> dict[str, Any]:
    row = {"id": uuid7(), "session_id": session_id, "kind": "repl", "input": "1+1", "status": "running"}
    return {**row, "started_at": timestamp(), "metrics": {}, "owner": owners.owner(), **fields}


def events(execution_id: str, first: int, last: int, text: str = "line") -> list[Event]:
    """Console events with these seqs, both included."""
    return [
        Event(execution_id, seq, "console", {"level": "log", "text": f"{text} {seq}"}, timestamp())
        for seq in range(first, last + 1)
    ]


def seqs(found: Sequence[dict[str, Any]]) -> list[int]:
    return [event["seq"] for event in found]


def ids(documents: Sequence[dict[str, Any]]) -> list[str]:
    return [document["id"] for document in documents]
