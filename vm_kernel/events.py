"""Owns the shape of one recorded item of an execution's output; refuses to know how it is stored or published."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

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


class Event(NamedTuple):
    """One numbered item: `seq` starts at 1 without gaps per execution, `ts` is RFC 3339 UTC with microseconds.

    late: made after the execution ended (timers, promises); contract 18.3.
    A tuple because a flood makes them by the hundred thousand: a third of a frozen dataclass's cost.
    """

    execution_id: str
    seq: int
    type: str
    payload: dict[str, Any]
    ts: str
    late: bool = False


#: The second of the last stamp and its text; one value, so that threads never see half of it.
_last = (-1, "")


def timestamp() -> str:
    """Now as `2026-02-08T10:43:00.123456Z`; stamped once, in the kernel (design 7.10)."""
    global _last
    second, rest_ns = divmod(time.time_ns(), 1_000_000_000)
    known, text = _last
    if second != known:
        text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
        _last = (second, text)
    return f"{text}{rest_ns // 1000:06d}Z"
