"""Owns what happens before a ledger file is opened: told apart, imported, moved away; refuses to hold rows.

Looking into a file that this process has open would drop its locks (closing any descriptor does), so a path is looked
at only while no storage of this process has it open. Nothing is ever deleted: a damaged ledger is renamed together with
its log, what can be read of it is copied, a stock TinyDB JSON file stays as it is beside the ledger made from it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from .catalogue import Catalogue
from .failures import Damaged
from .lock import FileLock, Patience
from .port import LedgerUnavailable
from .salvage import documents_in

#: Table, id, document.
Incoming = Iterable[tuple[str, int, Mapping[str, Any]]]

_SQLITE = b"SQLite format 3\0"
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}

_opening = threading.RLock()
_open: dict[str, int] = {}


class Found(NamedTuple):
    """The file to open, its lock, and what a new ledger there has to be filled with."""

    path: str
    lock: FileLock | None
    incoming: Incoming | None = None


@contextmanager
def opening(path: str, read_only: bool, patience: Patience) -> Iterator[Found]:
    """Holds everybody else off while the caller opens what is found at `path`.

    Raises: LedgerUnavailable; Damaged when the file is damaged and in use by others.
    """
    with _opening:
        found = path if read_only else ledger_file(path)
        if read_only:
            if not os.path.exists(found):
                raise LedgerUnavailable(f"there is no ledger {found} to read: name an existing one")
            _must_be_file(found)
            yield Found(found, None)
            _register(found)
            return
        used_before = os.path.exists(f"{found}-lock")
        lock = FileLock(f"{found}-lock")
        try:
            lock.acquire(patience)
            try:
                incoming = None if _open.get(found) else _look(path, found, lock, used_before)
                lock.join()
                yield Found(found, lock, incoming)
            finally:
                lock.release()
        except BaseException:
            lock.close()
            if not used_before and not _start(found).startswith(_SQLITE):
                os.unlink(f"{found}-lock")  # beside what is no ledger it would call that a damaged one next time
            raise
        _register(found)


def closing(path: str) -> None:
    """A storage of this process is about to close `path`."""
    with _opening:
        _open[path] = _open.get(path, 1) - 1
        if _open[path] <= 0:
            del _open[path]


def fill(path: str, connection: sqlite3.Connection, catalogue: Catalogue, incoming: Incoming) -> None:
    """Puts what was found into the new ledger, all or nothing; one that has tables was filled before."""
    if not catalogue.names(connection):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for name, doc_id, document in incoming:
                relation = catalogue.find_now(connection, name)
                try:
                    connection.execute(relation.upsert, relation.row(doc_id, document))
                except (sqlite3.IntegrityError, TypeError, ValueError):
                    continue  # one of two with the same id, or nothing that could be written again
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            catalogue.forget()
            raise
    if os.path.exists(_marker(path)):
        os.unlink(_marker(path))


def mark_damaged(path: str) -> None:
    """Lets the next open of `path` move it away and save what can be read."""
    try:
        os.close(os.open(_marker(path), os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError:
        pass


def _register(path: str) -> None:
    _open[path] = _open.get(path, 0) + 1


def _marker(path: str) -> str:
    return f"{path}-damaged"


def _start(path: str) -> bytes:
    """Its first bytes; empty where there is nothing. Raises: LedgerUnavailable."""
    try:
        return _read(path)
    except FileNotFoundError:
        return b""


def _read(path: str) -> bytes:
    """Its first bytes. Raises: FileNotFoundError, LedgerUnavailable."""
    _must_be_file(path)
    with open(path, "rb") as file:
        return file.read(4096)


def _must_be_file(path: str) -> None:
    """Raises: FileNotFoundError; LedgerUnavailable where it is something else: whoever opens a pipe waits for ever."""
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "a device")
        raise LedgerUnavailable(f"the ledger {path} is {kind}: name a file, or a path where one can be")


def ledger_file(path: str) -> str:
    """The file in which a ledger named so is kept: without links; beside a stock TinyDB JSON file that it names."""
    path = os.path.realpath(path)
    if not _open.get(path) and _start(path).lstrip()[:1] == b"{":
        return f"{path.removesuffix('.json')}.ledger"
    return path


def _look(path: str, found: str, lock: FileLock, used_before: bool) -> Incoming | None:
    """What stands at `found` is ready to be opened when this returns; gives what has to go into it."""
    start = _start(found)
    marker = _marked(found)
    damaged = bool(start) and (marker == "" or (not start.startswith(_SQLITE) and used_before))
    if start and not start.startswith(_SQLITE) and not damaged:
        raise LedgerUnavailable(f"{found} is neither a ledger nor a TinyDB JSON file: name another file")
    if damaged:
        if not lock.alone():
            raise Damaged(f"the ledger {found} is damaged and still in use: end all that uses it, then start again")
        marker = _move_away(found)
    if not os.path.exists(found):
        os.close(os.open(found, os.O_CREAT | os.O_WRONLY, 0o600))
    if marker:
        return documents_in(marker)
    return _documents_of_json(os.path.realpath(path)) if found != os.path.realpath(path) else None


def _marked(path: str) -> str | None:
    """None: nothing known. Empty: damaged. A path: moved there, and not yet copied."""
    try:
        return os.fsdecode(_read(_marker(path)))
    except FileNotFoundError:
        return None


def _move_away(path: str) -> str:
    """Renames the ledger and its log; the marker names the new place until all is copied."""
    target = f"{path}.corrupt-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    with open(_marker(path), "w", encoding="utf-8") as file:
        file.write(target)
    for suffix in ("-wal", "-shm", ""):
        if os.path.exists(path + suffix):
            os.rename(path + suffix, target + suffix)
    print(
        f"the ledger {path} was damaged: it is kept as {target}, and what can be read of it is copied into a new one",
        file=sys.stderr,
    )
    return target


def _documents_of_json(path: str) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """The documents of a stock TinyDB file."""
    try:
        with open(path, encoding="utf-8") as file:
            tables = json.load(file)
        for name, table in tables.items():
            for key, document in table.items():
                if not isinstance(document, dict):
                    raise ValueError(f"{name}/{key} is not a document")
                yield name, int(key), document
    except (ValueError, AttributeError, RecursionError) as error:
        raise LedgerUnavailable(
            f"{path} looks like a TinyDB JSON file but cannot be read ({error}): repair it or name another file"
        ) from None
