"""Owns what a session and its machine use, read from /proc; refuses to know who asks and how often.

The fields are those of ipykernel's `usage_reply`, which jupyter-resource-usage shows. Loaded at the first such request.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any, NamedTuple


class _Process(NamedTuple):
    pid: int
    parent: int
    cpu_ticks: int
    started: str


class Meter:
    """Processor time is counted from one look to the next, so that the first look knows none."""

    def __init__(self) -> None:
        self._looked_at = 0.0
        self._family: dict[tuple[int, str], int] = {}
        self._host = (0, 0)

    def look(self) -> dict[str, Any]:
        """Memory in bytes, processor time in per cent of one processor; where there is no /proc, neither."""
        found: dict[str, Any] = {"hostname": socket.gethostname(), "pid": os.getpid(), "cpu_count": os.cpu_count()}
        try:
            family = _family(os.getpid())
            memory, host = _virtual_memory(), _host_ticks()
        except (OSError, ValueError, KeyError):
            return found
        found["kernel_cpu"] = self._kernel_percent(family)
        found["kernel_memory"] = sum(_memory_bytes(process.pid) for process in family)
        found["host_virtual_memory"] = memory
        busy, idle = host[0] - self._host[0], host[1] - self._host[1]
        if self._host != (0, 0) and busy + idle > 0:
            found["host_cpu_percent"] = round(100 * busy / (busy + idle), 1)
        self._host = host
        return found

    def _kernel_percent(self, family: list[_Process]) -> float:
        now = time.monotonic()
        passed_s, self._looked_at = now - self._looked_at, now
        before, self._family = self._family, {(each.pid, each.started): each.cpu_ticks for each in family}
        if not before or passed_s <= 0:
            return 0.0
        ticks = sum(max(0, count - before.get(key, 0)) for key, count in self._family.items())
        return round(100 * ticks / os.sysconf("SC_CLK_TCK") / passed_s, 1)


def _family(pid: int) -> list[_Process]:
    """The process and all below it."""
    children: dict[int, list[_Process]] = {}
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended since
        process = _Process(int(name), int(fields[1]), int(fields[11]) + int(fields[12]), fields[19])
        children.setdefault(process.parent, []).append(process)
        if process.pid == pid:
            found.append(process)
    for process in found:  # grows as it goes
        found += children.get(process.pid, [])
    return found


def _memory_bytes(pid: int) -> int:
    """What it has of its own and its share of what is shared; resident memory where that is not told."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return sum(int(line.split()[1]) << 10 for line in file if line.startswith("Pss:"))
    except OSError:
        pass
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _virtual_memory() -> dict[str, Any]:
    """As psutil's `virtual_memory` names it."""
    with open("/proc/meminfo", encoding="ascii") as file:
        lines = (line.partition(":") for line in file)
        kib = {name: int(value.split()[0]) for name, _, value in lines}
    total, free, available = kib["MemTotal"], kib["MemFree"], kib["MemAvailable"]
    found = {
        "total": total,
        "available": available,
        "used": total - available,
        "free": free,
        "active": kib.get("Active", 0),
        "inactive": kib.get("Inactive", 0),
        "buffers": kib.get("Buffers", 0),
        "cached": kib.get("Cached", 0) + kib.get("SReclaimable", 0),
        "shared": kib.get("Shmem", 0),
        "slab": kib.get("Slab", 0),
    }
    percent = round(100 * (total - available) / total, 1)
    return {"percent": percent, **{name: value << 10 for name, value in found.items()}}


def _host_ticks() -> tuple[int, int]:
    """(busy, idle) of all processors since the machine was started."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(field) for field in file.readline().split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, idle
