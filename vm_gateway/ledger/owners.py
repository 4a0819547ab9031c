"""Owns the name by which a process answers for its rows, and whether it still lives; refuses to know the rows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


def owner(pid: int | None = None) -> dict[str, Any]:
    """`{boot_id, pid, start_time}` of a living process, this one by default (design 7.9).

    start_time: clock ticks after boot; a number used again by another process does not match. Where there is no /proc
    both other fields are empty and the number alone must do.
    """
    number = os.getpid() if pid is None else pid
    return {"boot_id": _boot_id(), "pid": number, "start_time": _state_and_start(number)[1]}


def is_alive(named: Mapping[str, Any]) -> bool:
    """Whether the process that `named` means still runs; one that has ended but was not waited for does not."""
    pid = named.get("pid")
    if type(pid) is not int or pid <= 0 or named.get("boot_id") != _boot_id():
        return False
    if not os.path.isdir("/proc/self"):
        return _answers(pid)
    state, start = _state_and_start(pid)
    return state not in ("", "Z", "X") and start == named.get("start_time")


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _state_and_start(pid: int) -> tuple[str, int]:
    """State letter and start time from /proc; empty when the process is gone."""
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
