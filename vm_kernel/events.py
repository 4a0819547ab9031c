"""Owns the shape of one recorded item of an execution's output; refuses to know how it is stored or published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

#: Event types of contract sections 6.1 and 18.3.
TYPES = (
    "input_echo",
    "console",
    "value",
    "exception",
    "system",
    "display",
    "clear",
    "input_request",
    "input_reply",
    "comm",
)


@dataclass(frozen=True)
class Event:
    """One numbered item: `seq` starts at 1 without gaps per execution, `ts` is RFC 3339 UTC with microseconds.

    late: made after the execution ended (timers, promises); contract 18.3.
    """

    execution_id: str
    seq: int
    type: str
    payload: dict[str, Any]
    ts: str
    late: bool = False


def timestamp() -> str:
    """Now as `2026-02-08T10:43:00.123456Z`; stamped once, in the kernel (design 7.10)."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
