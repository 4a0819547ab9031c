"""Owns a TinyDB table whose operations cost what they touch, over `SQLiteStorage`; refuses any other storage.

All of TinyDB's methods and queries work. What differs: ids are taken in the writing transaction, so that processes do
not collide; a query is tested only on documents that an index lets through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, cast

from tinydb import TinyDB
from tinydb.queries import QueryLike
from tinydb.table import Document, Table

from .codec import decode
from .overlay import Overlay
from .plan import EVERYTHING, plan
from .storage import SQLiteStorage
from .views import TableView


class LedgerTable(Table):
    """See `tinydb.table.Table`; `page` is one method more, and those that write one document."""

    _next_id: int | None  # type: ignore[assignment]  # TinyDB declares its first value, None
    _overlay: Overlay | None = None
    _cached_at = -1

    # -- reading -----------------------------------------------------------------------------------------

    def search(self, cond: QueryLike) -> list[Document]:
        """See `Table.search`; a cached result is given only while nobody has written."""
        caching = self._query_cache.capacity != 0
        if caching:
            version = self._store.version()
            if version != self._cached_at:
                self._query_cache.clear()
                self._cached_at = version
            cached = self._query_cache.get(cond)
            if cached is not None:
                return list(cached)
        documents = list(self._matches(cond))
        cacheable: Callable[[], bool] = getattr(cond, "is_cacheable", lambda: True)
        if caching and cacheable() and not self._store.in_transaction:
            self._query_cache[cond] = documents[:]
        return documents

    def get(self, cond: Any = None, doc_id: Any = None, doc_ids: Any = None) -> Any:
        """See `Table.get`."""
        if doc_id is None and doc_ids is not None:
            view = self._view()
            keys = sorted({str(each) for each in doc_ids}, key=lambda key: (len(key), key))
            found = ((key, view.get(key)) for key in keys)
            return [self.document_class(each, int(key)) for key, each in found if each is not None]
        if doc_id is None and cond is not None:
            return next(self._matches(cond, first=1), None)
        return super().get(cond, doc_id, doc_ids)

    def count(self, cond: QueryLike) -> int:
        """See `Table.count`; without a query cache no document is read where an index can tell."""
        if self._query_cache.capacity != 0:
            return len(self.search(cond))
        view = self._view()
        filtered = plan(cond, view.columns())
        if filtered.exact:
            return view.count(filtered)
        return sum(1 for _ in self._matches(cond))

    def page(
        self,
        cond: QueryLike | None = None,
        *,
        limit: int | None = None,
        after: int | None = None,
        before: int | None = None,
        newest: bool = True,
        order: str | None = None,
    ) -> list[Document]:
        """At most `limit` documents that match, by doc_id, the newest first unless told otherwise.

        after, before: only ids above or below. order: an indexed field to sort by instead, ascending; with it the
        query must be one that the index answers whole (`==` and ranges of indexed fields).
        """
        found: list[Document] = []
        if limit == 0:
            return found
        if order is not None and limit is not None:
            view = self._view()
            columns = view.columns()
            if order in columns:
                rows = view.ordered(plan(cond, columns), order, limit)
                return [self.document_class(each, doc_id) for doc_id, each in rows if cond is None or cond(each)]
        for document in self._matches(cond, after, before, newest, limit):
            found.append(document)
            if len(found) == limit:
                break
        return found

    # -- writing -----------------------------------------------------------------------------------------

    def insert(self, document: Mapping[str, Any]) -> int:
        """See `Table.insert`."""
        with self._store.transaction():
            return super().insert(document)

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """See `Table.insert_multiple`."""
        with self._store.transaction():
            return super().insert_multiple(documents)

    def update(
        self,
        fields: Mapping[str, Any] | Callable[[MutableMapping[str, Any]], None],
        cond: QueryLike | None = None,
        doc_ids: Iterable[int] | None = None,
    ) -> list[int]:
        """See `Table.update`."""
        with self._store.transaction():
            if doc_ids is None and cond is not None:
                doc_ids = [document.doc_id for document in self._matches(cond)]
            return super().update(cast(Any, fields), None, doc_ids)

    def remove(self, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        """See `Table.remove`."""
        with self._store.transaction():
            if doc_ids is None and cond is not None:
                doc_ids = [document.doc_id for document in self._matches(cond)]
            return super().remove(None, doc_ids)

    def upsert(self, document: Mapping[str, Any], cond: QueryLike | None = None) -> list[int]:
        """See `Table.upsert`."""
        with self._store.transaction():
            return super().upsert(document, cond)

    # -- for whoever writes often: one statement each, in an open transaction ---------------------------------

    def add(self, document: Mapping[str, Any], text: str | None = None, known: bool = False) -> None:
        """`insert`, the id being the next one. known: one that a unique index knows already is left out.

        text: the document as JSON, where not more of it is at hand than the indexed fields.
        """
        with self._store.reading() as connection:
            relation = self._store.relation_now(connection, self.name)
            row = relation.row(None, document, text)
            connection.execute(relation.insert_new if known else relation.insert, row)
        self._store.note_written(len(row[1]))

    def find(self, field: str, value: str) -> Document | None:
        """The first document whose indexed `field` is `value`."""
        with self._store.reading() as connection:
            relation = self._store.relation_now(connection, self.name)
            found = connection.execute(relation.finders[field], (value,)).fetchone()
        return None if found is None else self.document_class(decode(found[1]), found[0])

    def change(self, found: Document, document: Mapping[str, Any]) -> None:
        """`document` takes the place of what was found."""
        with self._store.reading() as connection:
            relation = self._store.relation_now(connection, self.name)
            sql, values = relation.update(found.doc_id, found, document)
            connection.execute(sql, values)
        self._store.note_written(len(values[0]))

    # -- TinyDB's two seams, and ids ---------------------------------------------------------------------

    def _read_table(self) -> Any:
        return self._view()

    def _update_table(self, updater: Callable[[Any], None]) -> None:
        with self._store.transaction(undo=False) as connection:
            overlay = Overlay(connection, self._store.relation_now(connection, self.name))
            self._overlay = overlay
            try:
                updater(overlay)
                overlay.flush()
                self._store.note_written(overlay.size)
            finally:
                self._overlay = None
        self.clear_cache()

    def _get_next_id(self) -> int:
        """The next free id; in a transaction nobody else can take it."""
        if self._next_id is None or self._store.in_transaction:
            top = self._overlay.top if self._overlay is not None else self._top()
            self._next_id = max(self._next_id or 1, top + 1)
        taken = self._next_id
        self._next_id = taken + 1
        return taken

    def _top(self) -> int:
        rows = self._store.fetch(self.name, lambda relation: f"SELECT max(doc_id) FROM {relation.table}")
        return int(rows[0][0] or 0) if rows else 0

    @property
    def _store(self) -> SQLiteStorage:
        return cast(SQLiteStorage, self._storage)

    def _view(self) -> TableView:
        return TableView(self._store, self.name)

    def _matches(
        self,
        cond: QueryLike | None,
        after: int | None = None,
        before: int | None = None,
        newest: bool = False,
        first: int | None = None,
    ) -> Iterator[Document]:
        view = self._view()
        filtered = EVERYTHING if cond is None else plan(cond, view.columns())
        for doc_id, document in view.scan(filtered, after, before, newest, first):
            if cond is None or cond(document):
                yield self.document_class(document, self.document_id_class(doc_id))


class LedgerDB(TinyDB):
    """A TinyDB over `SQLiteStorage` with tables to match: `LedgerDB(path, indexes=..., durability=...)`."""

    table_class = LedgerTable
    default_storage_class = SQLiteStorage  # type: ignore[assignment]  # TinyDB declares its own class
