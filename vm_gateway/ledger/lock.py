"""Owns the lock file beside a ledger: one writer at a time, and who has it open; refuses to know what is written.

Writers: `flock`, released by the system when its holder is killed. SQLite's own busy handler makes writers of other
processes wait for seconds (its sleeps grow); here they look again after less than a millisecond.
Users: a shared lock on the open file description, so that a damaged file is moved away only when nobody uses it.
"""

from __future__ import annotations

import fcntl
import os
import random
import struct
import time

from .port import LedgerUnavailable

_SHORTEST_S = 0.0002
_LONGEST_S = 0.002


class Patience:
    """How long one write waits, for threads, processes and SQLite together. spent_s: what it has waited already.

    none: it has none, and does not ask who is in its way.
    """

    def __init__(self, wait_s: float, spent_s: float = 0.0, none: bool = False) -> None:
        self.wait_s = wait_s
        self.none = none
        self._until = time.monotonic() + wait_s - spent_s

    def left_s(self) -> float:
        return max(0.0, self._until - time.monotonic())


class FileLock:
    """Not re-entrant and for one thread at a time: the storage sees to both."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self, patience: Patience) -> None:
        """Raises: LedgerUnavailable at the end of its patience, naming the process that holds the lock."""
        pause = _SHORTEST_S
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if not patience.left_s():
                    said = "the ledger has been locked: try again" if patience.none else self._held(patience.wait_s)
                    raise LedgerUnavailable(said) from None
                time.sleep(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 1.1, _LONGEST_S)

    def release(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def join(self) -> None:
        """Counts this storage among those who use the ledger, until `close`."""
        self._users(fcntl.F_RDLCK)

    def alone(self) -> bool:
        """Whether no other storage uses the ledger; True where the system cannot tell."""
        return self._users(fcntl.F_WRLCK)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _users(self, kind: int) -> bool:
        command = getattr(fcntl, "F_OFD_SETLK", None)
        if command is None:
            return True
        # struct flock: type, whence, start, length (one byte), pid
        try:
            fcntl.fcntl(self._descriptor, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 1, 0))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _held(self, wait_s: float) -> str:
        pids = self._holders()
        who = f"process {', '.join(pids)}" if pids else "another process"
        return (
            f"the ledger has been locked by {who} for more than {wait_s:g} s (lock file {self._path}): "
            "end it or wait for it, then try again"
        )

    def _holders(self) -> list[str]:
        try:
            inode = os.fstat(self._descriptor).st_ino
            with open("/proc/locks", encoding="ascii") as file:
                rows = [line.split() for line in file]
        except OSError:
            return []
        return [row[4] for row in rows if row[1] == "FLOCK" and row[5].endswith(f":{inode}") and int(row[4]) > 0]
