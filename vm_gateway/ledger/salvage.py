"""Owns the reading of what is left of a damaged ledger; refuses to write, and to give up at the first bad page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from .catalogue import NAME
from .codec import decode

_HIGHEST = (1 << 63) - 1
#: Bad stretches in a row after which the rest of a table is taken for lost.
PATIENCE = 64


def documents_in(path: str) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Table, id and document of all that can be read."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for name, table in _tables(connection):
            for doc_id, text in _rows(connection, table):
                try:
                    document = decode(text)
                except (ValueError, TypeError, RecursionError):
                    continue
                if isinstance(document, dict):
                    yield name, doc_id, document
    finally:
        connection.close()


def _tables(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    try:
        rows = connection.execute(f"SELECT name, number FROM {NAME} ORDER BY number").fetchall()
    except sqlite3.Error:
        return []
    return [(str(name), f"t{number}") for name, number in rows if isinstance(number, int)]


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[tuple[int, str]]:
    """Rows in chunks by id; where a chunk cannot be read, one by one, and over what cannot in growing steps."""
    low, chunk, step, bad = -(1 << 63), 256, 1, 0
    while low <= _HIGHEST and bad < PATIENCE:
        try:
            rows = connection.execute(
                f"SELECT doc_id, doc FROM {table} WHERE doc_id>=? ORDER BY doc_id LIMIT ?", (low, chunk)
            ).fetchall()
        except (sqlite3.Error, OverflowError):
            if chunk > 1:
                chunk = 1
                continue
            low, step, bad = max(low, 0) + step, step * 2, bad + 1
            continue
        yield from rows
        if len(rows) < chunk:
            return
        low = rows[-1][0] + 1
        chunk, step, bad = (256, 1, 0) if chunk > 1 or bad == 0 else (1, 1, 0)
        if chunk == 1 and rows[-1][0] % 256 == 0:
            chunk = 256
