"""Owns what the engine process may take of the machine: its memory and its life; refuses to know cells and V8's heap.

Memory needs three fences, none of which holds alone (design 7.3): V8's heap limit does not count buffers, RLIMIT_DATA
ends in aborts, and watching resident memory comes late. The fourth, SIGKILL, is the kernel's.
"""

from __future__ import annotations

import os
import sys

SLACK_MB = 192  # above what is measured at start: stacks, compiler zones, the collector's own
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def heap_flags(mem_mb: int) -> str:
    """V8's default heap of about 1.5 GB is below what a larger mem_mb promises; 4 GB is the most it can use."""
    return f"--max-old-space-size={min(2 * mem_mb, 4096)}" if mem_mb > 1000 or mem_mb == 0 else ""


def bind_to_parent(parent: int) -> None:
    """End with the kernel, also by `kill -9` (prctl PR_SET_PDEATHSIG); elsewhere the closed pipe does it."""
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
        if os.getppid() != parent:  # it died before the call
            os._exit(0)
        import resource

        # No core files: a V8 that ends itself would write gigabytes.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Memory:
    """Resident memory of this process against mem_mb; measured once when the engine is idle, then before each task."""

    def __init__(self, mem_mb: int) -> None:
        self._mem_mb = mem_mb
        self._statm = os.open("/proc/self/statm", os.O_RDONLY) if os.path.exists("/proc/self/statm") else -1
        self._idle = self._peak = self._kept = self._resident()
        self._ceiling = 0
        if mem_mb and self._statm >= 0:
            limit_data(2 * mem_mb + SLACK_MB)

    def _resident(self) -> int:
        if self._statm < 0:
            return 0
        return int(os.pread(self._statm, 128, 0).split()[1]) * PAGE_BYTES

    def arm(self) -> int:
        """Before a task: set the ceiling, and return the limit for V8's heap in MiB (0: none).

        A variable that holds an earlier bomb may be freed by this very task, so a full engine gets a little more room.
        """
        self._peak = now = self._resident()
        if not self._mem_mb:
            return 0
        room = self._mem_mb << 20
        self._ceiling = min(max(self._idle + room * 3 // 2, now + room // 4), self._idle + room * 2)
        return self._mem_mb

    def littered(self) -> bool:
        """Whether so much came since the last collection that garbage could end a cell which did not make it."""
        room = self._mem_mb << 20
        return bool(room) and self._resident() > max(self._idle + room // 2, self._kept + room // 4)

    def collected(self) -> None:
        """What is in use now is no garbage."""
        self._kept = self._resident()

    def half_full(self) -> bool:
        """Whether more than half of mem_mb is in use."""
        return self._resident() > self._idle + (self._mem_mb << 19)

    def exceeded(self) -> bool:
        now = self._resident()
        self._peak = max(self._peak, now)
        return 0 < self._ceiling < now

    def peak_mb(self) -> int:
        """Above the idle engine, since the last `arm`, MiB."""
        self._peak = max(self._peak, self._resident())
        return max(0, self._peak - self._idle) >> 20


def limit_data(more_mb: int) -> None:
    """RLIMIT_DATA `more_mb` above what is in use. Never RLIMIT_AS: V8 reserves 1.5 TB of addresses and would abort."""
    import resource

    with open("/proc/self/status") as file:
        used_kb = next(int(line.split()[1]) for line in file if line.startswith("VmData"))
    limit = (used_kb << 10) + (more_mb << 20)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)  # somebody was stricter already
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
