"""Owns a TinyDB storage over one SQLite file: connections, transactions, durability; refuses to know queries.

Reads take no lock. A write holds the threads' gate and the processes' file lock for as long as its transaction, then
lets both go, and syncs the log before the caller is told (design 7.4). The main file is never opened by anything but
SQLite while a connection to it is open: closing such a descriptor would drop all of the process's locks on it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tinydb.storages import Storage

from . import rescue
from .catalogue import Catalogue, Relation
from .connections import Connections
from .failures import Damaged, translated
from .lock import Patience
from .port import LedgerUnavailable
from .schema import Index
from .views import Tables, TableView
from .wal import Checkpoints, Log

WAIT_S = 10.0


class SQLiteStorage(Storage):
    """A TinyDB storage that writes what has changed; with `LedgerTable` also the cost is that of the change.

    path: the ledger; a stock TinyDB JSON file there is imported into a ledger beside it, which `self.path` names.
    indexes: fields by which the documents of a table are found quickly, by table name.
    durability: `disk`: a write returns when a power loss cannot undo it; `os`: when no kill can.
    wait_s: how long a write waits for other processes.
    Unknown keywords (`indent` of the stock storage) are ignored. Raises: LedgerUnavailable.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        indexes: Mapping[str, Sequence[Index]] | None = None,
        durability: str = "disk",
        read_only: bool = False,
        create_dirs: bool = False,
        wait_s: float = WAIT_S,
        **_: object,
    ) -> None:
        if durability not in ("disk", "os"):
            raise ValueError(f"durability must be 'disk' or 'os', not {durability!r}")
        self.path = os.path.abspath(path)
        self.transactions = 0
        self._durable = durability == "disk"
        self._read_only = read_only
        self._wait_s = wait_s
        self._pid = os.getpid()
        self._catalogue = Catalogue(indexes or {})
        self._gate = threading.RLock()
        self._depth = 0
        self._undoes = True
        self._written = 0
        self._closed = False
        if create_dirs:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self._owner = 0
        try:
            self._open()
        except Damaged:
            if read_only:
                raise
            rescue.mark_damaged(self.path)
            self._open()

    # -- TinyDB's storage --------------------------------------------------------------------------------

    def read(self) -> Any:
        """All tables, read when looked at; None when there are none."""
        with self.reading() as connection:
            names = self._catalogue.names(connection)
        return Tables(self, names) if names else None

    def write(self, data: Mapping[str, Mapping[Any, Mapping[str, Any]]]) -> None:
        """Makes the stored tables equal to `data`; those that `read` gave and nobody replaced stay as they are."""
        with self.transaction() as connection:
            for name in self._catalogue.names(connection):
                if name not in data:
                    self._catalogue.drop(connection, name)
            for name, table in data.items():
                if isinstance(table, TableView) and table.name == name:
                    continue
                relation = self._catalogue.find_now(connection, name)
                connection.execute(f"DELETE FROM {relation.table}")
                connection.executemany(
                    relation.upsert, (relation.row(int(key), document) for key, document in table.items())
                )

    def close(self) -> None:
        """Ends threads and connections; a second call does nothing."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
        if os.getpid() != self._pid:
            return
        self._checkpoints.close()
        with self._gate:
            rescue.closing(self.path)
            self._connections.close()
            self._log.close()
            if self._lock is not None:
                self._lock.close()

    # -- transactions ------------------------------------------------------------------------------------

    @contextmanager
    def transaction(
        self, durable: bool = True, undo: bool = True, waited_s: float = 0.0, at_once: bool = False
    ) -> Iterator[sqlite3.Connection]:
        """All writes of this thread inside happen or none.

        durable: False leaves the log unsynced; the next durable transaction syncs it. The outermost one decides.
        undo: inside another one, a failure undoes this one only; False: whoever catches it must fail the outer one.
        False for the outermost holds for all inside: no savepoint is set.
        waited_s: how much of its `wait_s` the caller has used up already. at_once: all of it.
        Raises: LedgerUnavailable, DuplicateKey.
        """
        wrote = False
        self._checkpoints.give_way(at_once or self.in_transaction)
        patience = Patience(self._wait_s, self._wait_s if at_once else waited_s, at_once)
        with translated(self.path), self._gated(patience):
            connection = self._usable()
            if self._read_only:
                raise LedgerUnavailable(f"the ledger {self.path} is open for reading only: open it for writing")
            if self._depth:
                if undo and self._undoes:
                    with self._savepoint(connection):
                        yield connection
                else:
                    yield connection
                return
            with self._locked(patience):
                before = connection.total_changes
                self._connections.begin(patience)
                self._depth, self._owner, self._undoes = 1, threading.get_ident(), undo
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException as error:
                    self._undo(connection, error)
                    raise
                finally:
                    self._depth, self._owner = 0, 0
                wrote = connection.total_changes != before
            if wrote:
                self.transactions += 1
                self._checkpoints.note(self._written)
                self._written = 0
        if wrote and durable:
            self.sync()

    def sync(self) -> None:
        """Returns when a power loss cannot undo what was committed, where that is asked for."""
        if self._durable:
            self._log.sync()

    @property
    def fdatasyncs(self) -> int:
        """How often the log was synced for a caller."""
        return self._log.syncs

    def checkpoint(self) -> None:
        """Copies the log into the main file now."""
        with translated(self.path), self._alone():
            writer = self._usable()
            self._connections.waits()
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # -- for tables and views ----------------------------------------------------------------------------

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is inside `transaction`."""
        return self._owner == threading.get_ident()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for one read of this thread; inside its transaction the one that sees what it wrote."""
        with translated(self.path):
            if self.in_transaction:
                yield self._connections.writer
                return
            self._usable()
            with self._connections.borrowed() as connection:
                try:
                    yield connection
                except sqlite3.DatabaseError as error:
                    self._after(error)
                    raise

    def relation(self, name: str) -> Relation | None:
        """The SQL table that holds table `name`, None when there is none yet."""
        with self.reading() as connection:
            return self._catalogue.find(connection, name)

    def note_written(self, size: int) -> None:
        """In a transaction: about so many bytes go into the log."""
        self._written += size

    def relation_now(self, connection: sqlite3.Connection, name: str) -> Relation:
        """In a transaction: the SQL table of `name`, made when there is none."""
        return self._catalogue.find_now(connection, name)

    def fetch(self, name: str, sql: Callable[[Relation], str], values: Sequence[Any] = ()) -> list[Any]:
        """The rows of one SELECT on table `name`; none where there is no such table."""
        for attempt in (1, 2):
            with self.reading() as connection:
                relation = self._catalogue.find(connection, name)
                if relation is None:
                    return []
                try:
                    return connection.execute(sql(relation), values).fetchall()
                except sqlite3.OperationalError as error:
                    # Another process dropped or widened the table.
                    if attempt == 2 or "no such" not in str(error):
                        raise
                    self._catalogue.forget()
        return []

    def version(self) -> int:
        """A number that changes whenever anybody has committed."""
        with translated(self.path):
            self._usable()
            return self._connections.version()

    def _open(self) -> None:
        patience = Patience(self._wait_s)
        with translated(self.path), rescue.opening(self.path, self._read_only, patience) as found:
            self.path, self._lock, incoming = found
            self._log = Log(self.path)
            self._connections = Connections(self.path, self._read_only, self._wait_s)
            self._checkpoints = Checkpoints(self._connections.connect, self._alone)
            try:
                if not self._read_only:
                    self._connections.prepare(patience)
                    if incoming is not None:
                        rescue.fill(self.path, self._connections.writer, self._catalogue, incoming)
                        self._log.sync()
            except BaseException:
                self._connections.close()
                raise

    # -- inside ------------------------------------------------------------------------------------------

    def _usable(self) -> sqlite3.Connection:
        if self._closed:
            raise LedgerUnavailable(f"the ledger {self.path} has been closed: open it again")
        if os.getpid() != self._pid:
            raise LedgerUnavailable(f"the ledger {self.path} was opened before a fork: open it in the new process")
        return self._connections.writer

    @contextmanager
    def _gated(self, patience: Patience) -> Iterator[None]:
        if not self._gate.acquire(timeout=patience.left_s()):
            raise LedgerUnavailable(f"the ledger {self.path} has been locked by this process: try again")
        try:
            yield
        finally:
            self._gate.release()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Neither a thread nor a process writes meanwhile."""
        patience = Patience(self._wait_s)
        with self._gated(patience), self._locked(patience):
            yield

    @contextmanager
    def _locked(self, patience: Patience) -> Iterator[None]:
        lock = self._lock
        if lock is None:
            yield
            return
        lock.acquire(patience)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _savepoint(self, connection: sqlite3.Connection) -> Iterator[None]:
        name = f"s{self._depth}"
        connection.execute(f"SAVEPOINT {name}")
        self._depth += 1
        try:
            yield
            connection.execute(f"RELEASE {name}")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute(f"ROLLBACK TO {name}")
                connection.execute(f"RELEASE {name}")
            self._after(error)
            raise
        finally:
            self._depth -= 1

    def _undo(self, connection: sqlite3.Connection, error: BaseException) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        self._after(error)

    def _after(self, error: BaseException) -> None:
        self._catalogue.forget()
        if isinstance(error, Damaged) or (isinstance(error, sqlite3.DatabaseError) and "malformed" in str(error)):
            rescue.mark_damaged(self.path)
