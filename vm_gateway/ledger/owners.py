"""Owns the name by which a process answers for its rows; refuses to know the rows, and how a process is recognised."""

from __future__ import annotations

import os
from typing import Any

from vm_kernel.owner import identity, is_alive

__all__ = ["is_alive", "owner"]


def owner(pid: int | None = None) -> dict[str, Any]:
    """`{boot_id, pid, start_time}` of a living process, this one by default (design 7.9)."""
    return identity(os.getpid() if pid is None else pid)
