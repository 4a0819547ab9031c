"""Owns the lazy look of stored tables as TinyDB's mappings; refuses to write and to hold more than a few documents.

A read takes a chunk of rows and ends its SQL transaction: one left open would keep the log from being emptied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from .codec import decode
from .plan import EVERYTHING, Plan

if TYPE_CHECKING:
    from .storage import SQLiteStorage

#: Rows of one chunk and, about, its characters.
MOST_ROWS = 512
FIRST_ROWS = 32
CHUNK_CHARACTERS = 1 << 20
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1


class TableView(Mapping[str, dict[str, Any]]):
    """One table as `{str(doc_id): document}`, decoded when looked at, in the order of the ids."""

    def __init__(self, storage: SQLiteStorage, name: str) -> None:
        self._storage = storage
        self.name = name

    def __getitem__(self, key: str) -> dict[str, Any]:
        doc_id = _number(key)
        if doc_id is None:
            raise KeyError(key)
        for (text,) in self._rows("SELECT doc FROM {table} WHERE doc_id=?", (doc_id,)):
            return decode(text)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        last = _LOWEST - 1
        while last < _HIGHEST:
            ids = self._rows("SELECT doc_id FROM {table} WHERE doc_id>=? ORDER BY doc_id LIMIT 4096", (last + 1,))
            yield from (str(doc_id) for (doc_id,) in ids)
            if len(ids) < 4096:
                return
            last = ids[-1][0]

    def __len__(self) -> int:
        return self.count(EVERYTHING)

    def __bool__(self) -> bool:
        return bool(self._rows("SELECT 1 FROM {table} LIMIT 1"))

    # Iterables where a mapping has views: TinyDB only walks through them, and a view would hold all documents.
    def items(self) -> Iterable[tuple[str, dict[str, Any]]]:  # type: ignore[override]
        return ((str(doc_id), document) for doc_id, document in self.scan(EVERYTHING))

    def values(self) -> Iterable[dict[str, Any]]:  # type: ignore[override]  # likewise
        return (document for _, document in self.scan(EVERYTHING))

    def columns(self) -> tuple[str, ...]:
        """The indexed fields."""
        relation = self._storage.relation(self.name)
        return () if relation is None else relation.columns

    def count(self, plan: Plan) -> int:
        """Rows that the plan lets through."""
        rows = self._rows(f"SELECT count(*) FROM {{table}} WHERE 1{plan.where}", plan.values)
        return int(rows[0][0]) if rows else 0

    def scan(
        self,
        plan: Plan,
        after: int | None = None,
        before: int | None = None,
        newest: bool = False,
        first: int | None = None,
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """What the plan lets through with ids between two others, by id; each chunk is a read of its own.

        first: how many the caller is likely to look at.
        """
        low = _LOWEST if after is None else after + 1
        high = _HIGHEST if before is None else before - 1
        order = "DESC" if newest else "ASC"
        limit = FIRST_ROWS if first is None else max(1, min(first, MOST_ROWS))
        while low <= high:
            rows = self._rows(
                f"SELECT doc_id, doc FROM {{table}} WHERE doc_id BETWEEN ? AND ?{plan.where} "
                f"ORDER BY doc_id {order} LIMIT {limit}",
                (low, high, *plan.values),
            )
            for doc_id, text in rows:
                yield doc_id, decode(text)
            if len(rows) < limit:
                return
            if newest:
                high = rows[-1][0] - 1
            else:
                low = rows[-1][0] + 1
            each = sum(len(text) for _, text in rows) // limit + 1
            limit = max(1, min(MOST_ROWS, limit * 4, CHUNK_CHARACTERS // each))

    def ordered(self, plan: Plan, field: str, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """The first `limit` rows that the plan lets through, ascending by an indexed field."""
        column = f"x{self.columns().index(field)}"
        rows = self._rows(
            f"SELECT doc_id, doc FROM {{table}} WHERE 1{plan.where} ORDER BY {column} LIMIT ?", (*plan.values, limit)
        )
        return [(doc_id, decode(text)) for doc_id, text in rows]

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        return self._storage.fetch(self.name, lambda relation: sql.format(table=relation.table), values)


class Tables(MutableMapping[str, Any]):
    """All tables as `{name: TableView}`; tables set or deleted here are what `SQLiteStorage.write` changes."""

    def __init__(self, storage: SQLiteStorage, names: Iterable[str]) -> None:
        self._views: dict[str, Any] = {name: TableView(storage, name) for name in names}

    def __getitem__(self, name: str) -> Any:
        return self._views[name]

    def __setitem__(self, name: str, table: Any) -> None:
        self._views[name] = table

    def __delitem__(self, name: str) -> None:
        del self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)


def _number(key: str) -> int | None:
    """The id that `key` is the text of."""
    try:
        number = int(key)
    except (TypeError, ValueError):
        return None
    return number if str(number) == key and _LOWEST <= number <= _HIGHEST else None
