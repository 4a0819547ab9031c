"""Owns what a gateway holds of one session beside its row, and how many there may be; refuses to move any."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from .kernels import Kernel
from .processes import Process


@dataclass(frozen=True)
class Policy:
    """How many sessions, for how long. worktree_roots: where worktrees must lie; empty: anywhere.

    denied: files and folders of the gateway, which may lie under a worktree and are not to be read (design 7.10).
    """

    max_sessions: int = 64
    start_timeout_s: float = 60.0
    orphan_grace_s: int = 600
    worktree_roots: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()


class Live:
    """What this gateway knows of one session beside its row. lock: held by whoever moves it.

    guest: a Jupyter client started it and ends it.
    """

    def __init__(self, session_id: str, guest: bool = False) -> None:
        self.id = session_id
        self.guest = guest
        self.lock = asyncio.Lock()
        self.kernel: Kernel | None = None
        self.starting: Process | None = None
        self.closing = False
