"""Owns a table while TinyDB changes it: a mapping over an open transaction; refuses to commit.

`Table._update_table` hands its updater a mapping and nothing more is asked of it. Documents are read when looked at,
and written when a thousand or so have gathered, or at `flush`: an updater may change those it has got in place.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from .catalogue import Relation, Row
from .codec import decode, encode

GATHERED = 1000
GATHERED_CHARACTERS = 1 << 23


class Overlay(MutableMapping[int, Mapping[str, Any]]):
    """`{doc_id: document}`; `top` is the highest id so far, `size` the characters written."""

    def __init__(self, connection: sqlite3.Connection, relation: Relation) -> None:
        self._connection = connection
        self._relation = relation
        self._set: dict[int, Mapping[str, Any]] = {}
        self._seen: dict[int, tuple[Mapping[str, Any], str]] = {}
        self._seen_characters = 0
        self.size = 0
        self._highest = 0
        self._looked = False

    @property
    def top(self) -> int:
        """Looked up when first asked for: most changes never ask."""
        if not self._looked:
            self._looked = True
            (top,) = self._connection.execute(f"SELECT max(doc_id) FROM {self._relation.table}").fetchone()
            self._highest = max(self._highest, top or 0)
        return self._highest

    def __contains__(self, doc_id: object) -> bool:
        if doc_id in self._set or doc_id in self._seen:
            return True
        return self._text(doc_id) is not None

    def __getitem__(self, doc_id: int) -> Mapping[str, Any]:
        if doc_id in self._set:
            return self._set[doc_id]
        if doc_id in self._seen:
            return self._seen[doc_id][0]
        text = self._text(doc_id)
        if text is None:
            raise KeyError(doc_id)
        if len(self._seen) >= GATHERED or self._seen_characters >= GATHERED_CHARACTERS:
            self._write_seen()
        document = decode(text)
        self._seen[doc_id] = document, text
        self._seen_characters += len(text)
        return document

    def __setitem__(self, doc_id: int, document: Mapping[str, Any]) -> None:
        self._seen.pop(doc_id, None)
        if len(self._set) >= GATHERED:
            self._write_set()
        self._set[doc_id] = document
        self._highest = max(self._highest, doc_id)

    def __delitem__(self, doc_id: int) -> None:
        if doc_id not in self:
            raise KeyError(doc_id)
        self._set.pop(doc_id, None)
        self._seen.pop(doc_id, None)
        self._connection.execute(f"DELETE FROM {self._relation.table} WHERE doc_id=?", (doc_id,))

    def __iter__(self) -> Iterator[int]:
        self.flush()
        ids = self._connection.execute(f"SELECT doc_id FROM {self._relation.table} ORDER BY doc_id").fetchall()
        return (doc_id for (doc_id,) in ids)

    def __len__(self) -> int:
        self.flush()
        (count,) = self._connection.execute(f"SELECT count(*) FROM {self._relation.table}").fetchone()
        return int(count)

    def clear(self) -> None:
        self._set.clear()
        self._seen.clear()
        self._connection.execute(f"DELETE FROM {self._relation.table}")

    def flush(self) -> None:
        """Writes all that was set, and what was looked at and changed."""
        self._write_set()
        self._write_seen()

    def _text(self, doc_id: object) -> str | None:
        if not isinstance(doc_id, int) or not -(1 << 63) <= doc_id < 1 << 63:
            return None
        found = self._connection.execute(f"SELECT doc FROM {self._relation.table} WHERE doc_id=?", (doc_id,)).fetchone()
        return None if found is None else str(found[0])

    def _write_set(self) -> None:
        if self._set:
            self._write([self._relation.row(doc_id, document) for doc_id, document in self._set.items()])
            self._set = {}

    def _write_seen(self) -> None:
        changed = []
        for doc_id, (document, before) in self._seen.items():
            text = encode(document)
            if text != before:
                changed.append(self._relation.row(doc_id, document, text))
        if changed:
            self._write(changed)
        self._seen = {}
        self._seen_characters = 0

    def _write(self, rows: list[Row]) -> None:
        self._connection.executemany(self._relation.upsert, rows)
        self.size += sum(len(row[1]) for row in rows)
