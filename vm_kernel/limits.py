"""Owns what one session may use, in units that stand in the names; refuses to know how a limit is enforced."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Limits:
    """Limits of one execution; 0 switches one off (contract section 4.2 and 18.1).

    cpu_ms: processor time of the engine process, milliseconds.
    wall_ms: time from the start of the cell to its end, milliseconds; waiting for input does not count.
    mem_mb: memory above what the engine needs when idle, MiB.
    max_events: recorded events of one execution, the input echo and the value included.
    max_output_kb: payload bytes of those events as JSON, KiB.
    """

    cpu_ms: int = 2000
    wall_ms: int = 5000
    mem_mb: int = 128
    max_events: int = 50_000
    max_output_kb: int = 256

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int or value < 0:
                raise ValueError(f"{field.name} must be an integer of 0 or more, not {value!r}")


#: What a person at a notebook gets: no clock, room for large results, memory bounded (contract 18.1, `notebook`).
NOTEBOOK = Limits(cpu_ms=0, wall_ms=0, mem_mb=2048, max_events=0, max_output_kb=65536)
