"""Owns what an operator does to a ledger in use: a copy, a check; refuses to stop anybody else's work for it."""

from __future__ import annotations

import os
import sqlite3

from . import rescue
from .failures import translated
from .storage import SQLiteStorage


def backup(storage: SQLiteStorage, target: str | os.PathLike[str]) -> None:
    """Writes a whole copy, as of one moment, into a new file. Raises: LedgerUnavailable, also when `target` exists."""
    with translated(os.fspath(target)):
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        copy = sqlite3.connect(os.fspath(target))
        try:
            with storage.reading() as connection:
                connection.backup(copy, pages=1024)
        finally:
            copy.close()


def check(storage: SQLiteStorage) -> list[str]:
    """What is wrong in the file, empty when nothing. Reads all of it: a second and more for a gigabyte.

    A ledger found damaged is moved away at its next open, and what can be read is copied into a new one.
    """
    with storage.reading() as connection:
        try:
            found = [str(text) for (text,) in connection.execute("PRAGMA quick_check(20)")]
        except sqlite3.DatabaseError as error:
            found = [str(error)]
    wrong = [] if found == ["ok"] else found
    if wrong:
        rescue.mark_damaged(storage.path)
    return wrong
