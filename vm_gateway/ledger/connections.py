"""Owns the connections to one ledger file and how they are set up; refuses to know what is asked over them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from . import failures
from .catalogue import Catalogue
from .lock import Patience

#: Connections kept for reading; more are made when more threads read at once.
SPARE = 4


class Connections:
    """`writer` is for one thread at a time, the storage sees to that; any thread may borrow one to read."""

    def __init__(self, path: str, read_only: bool, wait_s: float) -> None:
        self._path = path
        self._read_only = read_only
        self._wait_s = wait_s
        self._spare: list[sqlite3.Connection] = []
        self._watch: sqlite3.Connection | None = None
        self._watching = threading.Lock()
        self._closed = False
        self.writer = self.connect()
        self._busy_ms = int(wait_s * 1000)

    def connect(self) -> sqlite3.Connection:
        """A new connection; it may be used by any thread, one at a time."""
        connection = sqlite3.connect(
            f"{_uri(self._path)}?mode=ro" if self._read_only else self._path,
            timeout=self._wait_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=128,
            uri=self._read_only,
        )
        try:
            connection.execute("PRAGMA cache_size=-8192")
            if not self._read_only:
                # The storage syncs the log itself, outside the lock (design 7.4).
                connection.execute("PRAGMA synchronous=NORMAL")
                # A backstop only: `Checkpoints` keeps the log shorter, out of the way of commits.
                connection.execute("PRAGMA wal_autocheckpoint=16000")
                connection.execute("PRAGMA journal_size_limit=16777216")
        except BaseException:
            connection.close()
            raise
        return connection

    def begin(self, patience: Patience) -> None:
        """Begins a write on `writer`; whoever else writes is waited for as long as is left."""
        left_s = patience.left_s()
        self.waits(self._wait_s if left_s >= 0.9 * self._wait_s else left_s)
        self.writer.execute("BEGIN IMMEDIATE")

    def waits(self, wait_s: float | None = None) -> None:
        """How long `writer` waits for others from now on; said to SQLite when it is something new."""
        wait_ms = int((self._wait_s if wait_s is None else wait_s) * 1000)
        if wait_ms != self._busy_ms:
            self.writer.execute(f"PRAGMA busy_timeout={wait_ms}")
            self._busy_ms = wait_ms

    def prepare(self, patience: Patience) -> None:
        """Gives a new file its shape; looks at an existing one, so that damage shows now.

        Raises: LedgerUnavailable for the database of another program, in which nothing is changed.
        """
        connection = self.writer
        if connection.execute("PRAGMA schema_version").fetchone()[0] == 0:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        elif not Catalogue.exists(connection):
            raise failures.of_another_program(self._path)
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
        self.begin(patience)
        try:
            Catalogue.create(connection)
            Catalogue.names(connection)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    @contextmanager
    def borrowed(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading, not in any transaction."""
        try:
            connection = self._spare.pop()
        except IndexError:
            connection = self.connect()
        try:
            yield connection
        finally:
            if len(self._spare) < SPARE and not self._closed:
                self._spare.append(connection)
            else:
                connection.close()

    def version(self) -> int:
        """A number that changes whenever anybody has committed."""
        with self._watching:
            if self._watch is None:
                self._watch = self.connect()
            return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        self._closed = True
        while self._spare:
            self._spare.pop().close()
        if self._watch is not None:
            self._watch.close()
        self.writer.close()


def _uri(path: str) -> str:
    return "file:" + path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
