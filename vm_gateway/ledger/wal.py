"""Owns the write-ahead log beside an open ledger: when it is on disk, when it is emptied; refuses to know rows.

A commit is safe from kill -9 as it stands (synchronous=NORMAL); `sync` makes it safe from a power loss, outside the
writers' lock, so that others commit meanwhile. If somebody emptied the log in between, SQLite synced it before.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from .failures import translated

#: The log is copied into the main file after so many bytes, or so long after a commit.
CHECKPOINT_BYTES = 1 << 20
CHECKPOINT_S = 5.0
LEAST_PAUSE_S = 0.25
#: Frames (4 KiB) above which the rest is copied while writers wait, so that the log starts anew: never much over 8 MB.
LONG_LOG = 2000
GIVE_WAY_S = 0.001
#: A commit writes whole B-tree pages, whatever its documents weigh.
_BYTES_PER_COMMIT = 12_288

_flush: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class Log:
    """`sync` from any thread; the descriptor is opened anew when the file is another one (design 7.4)."""

    def __init__(self, path: str) -> None:
        self.path = f"{path}-wal"
        self.syncs = 0
        self._lock = threading.Lock()
        self._descriptor = -1
        self._identity = (0, 0)

    def sync(self) -> None:
        """Returns when all that was committed before is on disk. Raises: LedgerUnavailable."""
        with translated(self.path):
            descriptor = self._current()
            if descriptor is None:
                return
            try:
                _flush(descriptor)
            finally:
                os.close(descriptor)
            self.syncs += 1

    def close(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _current(self) -> int | None:
        """A descriptor of the log of this moment, the caller's; None when there is none (all is in the main file)."""
        with self._lock:
            try:
                status = os.stat(self.path)
            except FileNotFoundError:
                return None
            if self._descriptor < 0 or self._identity != (status.st_dev, status.st_ino):
                if self._descriptor >= 0:
                    os.close(self._descriptor)
                    self._descriptor = -1
                self._descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
                status = os.fstat(self._descriptor)
                self._identity = (status.st_dev, status.st_ino)
                self._sync_folder()
            return os.dup(self._descriptor)

    def _sync_folder(self) -> None:
        """A new log's name must outlive a power loss too."""
        folder = os.open(os.path.dirname(os.path.abspath(self.path)), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Checkpoints:
    """A thread, started with the first commit, that keeps the log short; asleep when nothing is written."""

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], writing: Callable[[], AbstractContextManager[object]]
    ) -> None:
        self.done = 0
        self.problem: Exception | None = None
        self._connect = connect
        self._writing = writing
        self._wake = threading.Condition()
        self._bytes = 0
        self._closed = False
        self._eager = False
        self._thread: threading.Thread | None = None

    def note(self, size: int) -> None:
        """A commit of about `size` bytes happened."""
        with self._wake:
            before, self._bytes = self._bytes, self._bytes + size + _BYTES_PER_COMMIT
            if self._closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ledger-checkpoints", daemon=True)
                self._thread.start()
            elif before == 0 or before < CHECKPOINT_BYTES <= self._bytes:
                self._wake.notify()

    def give_way(self, unless: bool) -> None:
        """A thread that writes without a pause would never let the lock go for long enough."""
        if self._eager and not unless:
            time.sleep(GIVE_WAY_S)

    def close(self) -> None:
        """Ends the thread."""
        with self._wake:
            self._closed = True
            thread, self._thread = self._thread, None
            self._wake.notify()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            while self._wait():
                try:
                    if connection is None:
                        connection = self._connect()
                    self._copy(connection)
                    self.problem = None
                except Exception as error:  # the log grows meanwhile; a full disk must not end the thread
                    self.problem = error
        finally:
            if connection is not None:
                connection.close()

    def _wait(self) -> bool:
        """True when it is time to copy, False at the end."""
        with self._wake:
            self._wake.wait_for(lambda: self._closed, LEAST_PAUSE_S)
            self._wake.wait_for(lambda: self._closed or self._bytes > 0)
            self._wake.wait_for(lambda: self._closed or self._bytes >= CHECKPOINT_BYTES, CHECKPOINT_S)
            self._bytes = 0
            return not self._closed

    def _copy(self, connection: sqlite3.Connection) -> None:
        _, frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self.done += 1
        if frames > LONG_LOG:
            self._eager = True
            try:
                with self._writing():
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                self._eager = False
