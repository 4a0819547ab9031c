"""Owns the name by which one process knows another, and whether that one still lives; refuses to know what they do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


def identity(pid: int) -> dict[str, Any]:
    """`{boot_id, pid, start_time}` of a process (design 7.9).

    start_time: clock ticks after boot, so that a number used again is not taken for it. Where there is no /proc both
    other fields are empty and the number alone must do.
    """
    return {"boot_id": _boot_id(), "pid": pid, "start_time": _state_and_start(pid)[1]}


def is_alive(owner: Mapping[str, Any]) -> bool:
    """Whether the process that `owner` means still runs; a dead one that nobody waited for does not."""
    pid = owner.get("pid")
    if type(pid) is not int or pid <= 0 or owner.get("boot_id") != _boot_id():
        return False
    if not os.path.isdir("/proc/self"):
        return _answers(pid)
    state, start = _state_and_start(pid)
    return state not in ("", "Z", "X") and start == owner.get("start_time")


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _state_and_start(pid: int) -> tuple[str, int]:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return fields[0].decode("ascii"), int(fields[19])
    except (OSError, IndexError, ValueError):
        return "", 0


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
