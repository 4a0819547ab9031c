"""Owns the lock by which one gateway at a time serves a ledger; refuses to know what is in the ledger."""

from __future__ import annotations

import fcntl
import os

from .ledger.failures import translated


class InUse(Exception):
    """Another gateway serves this ledger; the text says which process."""


class Alone:
    """Held from its making to `release`, or to the end of this process; sessions do not inherit it. Raises: InUse,
    LedgerUnavailable.
    """

    def __init__(self, ledger: str) -> None:
        self._path = f"{os.path.realpath(ledger)}-gateway-lock"
        with translated(ledger):
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            which = f"process {holder}" if holder.isdigit() else "another process"
            raise InUse(
                f"{which} serves the ledger {ledger} already: use that gateway, or name another ledger"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, str(os.getpid()).encode("ascii"))

    def release(self) -> None:
        """Leaves the file: removing it would let two gateways lock two files of one name."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
