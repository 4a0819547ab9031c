"""Owns the few reads that a stock TinyDB table cannot do at the price of the answer; refuses to know what rows mean."""

from __future__ import annotations

from collections.abc import Sequence

from tinydb import where
from tinydb.queries import QueryLike
from tinydb.table import Document as Stored
from tinydb.table import Table

from .port import BadCursor
from .table import LedgerTable


def find(table: Table, id_: str) -> Stored | None:
    """The document with that `id`."""
    return table.get(where("id") == id_)


def newest(table: Table, cond: QueryLike | None, limit: int | None, before: int | None = None) -> list[Stored]:
    """Documents that match, the newest first, with a doc_id below `before`."""
    if isinstance(table, LedgerTable):
        return table.page(cond, limit=limit, before=before)
    rows = table.all() if cond is None else table.search(cond)
    rows = sorted((row for row in rows if before is None or row.doc_id < before), key=_doc_id, reverse=True)
    return rows[:limit]


def first(table: Table, cond: QueryLike, field: str, limit: int) -> list[Stored]:
    """The first documents that match, by a field that holds numbers."""
    if isinstance(table, LedgerTable):
        return table.page(cond, limit=limit, order=field)
    return sorted(table.search(cond), key=lambda row: int(row[field]))[:limit]


def counts(table: Table, statuses: Sequence[str]) -> dict[str, int]:
    """How many documents have each status."""
    return {status: table.count(where("status") == status) for status in statuses}


def place(cursor: str | None) -> int | None:
    """The doc_id that a cursor stands for. Raises: BadCursor."""
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise BadCursor(f"{cursor[:40]!r} is not a cursor of this list: take one from the answer before")
    return int(cursor)


def _doc_id(row: Stored) -> int:
    return int(row.doc_id)
