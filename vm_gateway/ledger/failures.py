"""Owns the sentences for what can go wrong below a ledger; refuses to retry anything."""

from __future__ import annotations

import errno
import sqlite3

from .port import LedgerUnavailable


class DuplicateKey(ValueError):
    """Two documents of one table would have the same values of a unique index."""


class Damaged(LedgerUnavailable):
    """The file is not what was written to it."""


_FULL = "the disk of the ledger {path} is full: make room there, then try again"
_BUSY = "the ledger {path} is locked by another process: end that process or wait, then try again"
_READ_ONLY = "the ledger {path} cannot be written: check the rights of the file and of its folder, then try again"
_DAMAGED = "the ledger {path} is damaged ({error}): end all that uses it, start again, and what can be read is saved"
_OPEN = "the ledger {path} cannot be opened: check that its folder exists and may be written"
_FOLDER = "the ledger {path} is a folder: name a file"
_EXISTS = "{path} exists: name a file that does not"
_OTHER = "the ledger {path} cannot be used ({error}): check its disk, then try again"

#: Words in SQLite's messages (codes are not on its exceptions before Python 3.11) and what to say.
_WORDS = (
    ("full", _FULL),
    ("locked", _BUSY),
    ("busy", _BUSY),
    ("readonly", _READ_ONLY),
    ("malformed", _DAMAGED),
    ("not a database", _DAMAGED),
    ("unable to open", _OPEN),
)
_ERRNOS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EEXIST: _EXISTS,
    errno.ENOENT: _OPEN,
    errno.ENOTDIR: _OPEN,
    errno.EISDIR: _FOLDER,
}


def of_another_program(path: str) -> LedgerUnavailable:
    return LedgerUnavailable(f"the file {path} is the database of another program: name another file for the ledger")


def translate(error: Exception, path: str) -> Exception:
    """The ledger's own error for one of sqlite3 or of the system."""
    if isinstance(error, sqlite3.IntegrityError):
        return DuplicateKey(str(error))
    if isinstance(error, sqlite3.Error):
        words = str(error)
        sentence = next((text for word, text in _WORDS if word in words), _OTHER)
        kind = Damaged if sentence is _DAMAGED else LedgerUnavailable
        return kind(sentence.format(path=path, error=words))
    if isinstance(error, OSError):
        sentence = _ERRNOS.get(error.errno or 0, _OTHER)
        return LedgerUnavailable(sentence.format(path=path, error=error.strerror or error))
    return error


class translated:
    """Raises the ledger's own errors for those of sqlite3 and of the system."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (sqlite3.Error, OSError)):
            raise translate(error, self._path) from error
