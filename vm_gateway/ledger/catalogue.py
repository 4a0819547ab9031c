"""Owns which SQL table holds a TinyDB table and what is indexed in it; refuses to know documents but as rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from .codec import Scalar, column, decode, encode
from .schema import Index

NAME = "tinydb_tables"
Row = tuple[Any, ...]


class Relation:
    """The SQL table of one TinyDB table: `doc_id`, `doc` as JSON text, `x0`... for indexed fields."""

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        self.table = table
        self.columns = tuple(columns)
        self.finders = {name: f"SELECT doc_id, doc FROM {table} WHERE x{n}=?" for n, name in enumerate(columns)}
        names = "".join(f",x{number}" for number in range(len(columns)))
        marks = ",?" * len(columns)
        sets = "".join(f",x{number}=excluded.x{number}" for number in range(len(columns)))
        self.insert = f"INSERT INTO {table}(doc_id,doc{names}) VALUES(?,?{marks})"
        self.insert_new = self.insert.replace("INSERT", "INSERT OR IGNORE", 1)
        self.upsert = f"{self.insert} ON CONFLICT(doc_id) DO UPDATE SET doc=excluded.doc{sets}"

    def update(self, doc_id: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, Row]:
        """The statement, and its values, that puts `after` in the place of `before`; other indexes are left alone."""
        sets, values = "", []
        for number, name in enumerate(self.columns):
            if before.get(name) != after.get(name):
                sets += f",x{number}=?"
                values.append(column(after.get(name)))
        return f"UPDATE {self.table} SET doc=?{sets} WHERE doc_id=?", (encode(after), *values, doc_id)

    def row(self, doc_id: int | None, document: Mapping[str, Any], text: str | None = None) -> Row:
        values: list[Scalar | None] = [column(document.get(name)) for name in self.columns]
        return (doc_id, encode(document) if text is None else text, *values)


class Catalogue:
    """Used under the storage's transaction where it changes something; names of SQL tables are never used again."""

    def __init__(self, indexes: Mapping[str, Sequence[Index]]) -> None:
        self._indexes = indexes
        self._relations: dict[str, Relation] = {}
        self._seen: dict[str, Row] = {}

    @staticmethod
    def exists(connection: sqlite3.Connection) -> bool:
        return connection.execute("SELECT 1 FROM sqlite_master WHERE name=?", (NAME,)).fetchone() is not None

    @staticmethod
    def create(connection: sqlite3.Connection) -> None:
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {NAME}(number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, "
            "columns TEXT NOT NULL, indexes TEXT NOT NULL)"
        )

    def forget(self) -> None:
        """What is known may be wrong: a transaction was rolled back, or another process dropped a table."""
        self._relations = {}
        self._seen = {}

    @staticmethod
    def names(connection: sqlite3.Connection) -> list[str]:
        return [name for (name,) in connection.execute(f"SELECT name FROM {NAME} ORDER BY number")]

    def find(self, connection: sqlite3.Connection, name: str) -> Relation | None:
        relation = self._relations.get(name)
        if relation is None:
            found = connection.execute(f"SELECT number, columns FROM {NAME} WHERE name=?", (_safe(name),)).fetchone()
            if found is None:
                return None
            relation = self._relations[name] = Relation(f"t{found[0]}", json.loads(found[1]))
        return relation

    def find_now(self, connection: sqlite3.Connection, name: str) -> Relation:
        """In a transaction: the table as it is now, made when there is none."""
        found = connection.execute(
            f"SELECT number, columns, indexes FROM {NAME} WHERE name=?", (_safe(name),)
        ).fetchone()
        if found is None:
            return self._make(connection, name)
        if self._seen.get(name) != found:
            relation = self._relations[name] = Relation(f"t{found[0]}", json.loads(found[1]))
            if missing := self._missing(name, found[2]):
                return self._widen(connection, name, relation, missing)
            self._seen[name] = found
        return self._relations[name]

    def drop(self, connection: sqlite3.Connection, name: str) -> None:
        found = connection.execute(f"SELECT number FROM {NAME} WHERE name=?", (_safe(name),)).fetchone()
        if found is not None:
            connection.execute(f"DROP TABLE t{found[0]}")
            connection.execute(f"DELETE FROM {NAME} WHERE number=?", found)
        self.forget()

    def _missing(self, name: str, known: str) -> list[Index]:
        wanted = self._indexes.get(name)
        if not wanted:
            return []
        have = {(tuple(fields), unique) for fields, unique in json.loads(known)}
        return [index for index in wanted if (tuple(index.fields), index.unique) not in have]

    def _make(self, connection: sqlite3.Connection, name: str) -> Relation:
        cursor = connection.execute(f"INSERT INTO {NAME}(name,columns,indexes) VALUES(?,'[]','[]')", (_safe(name),))
        table = f"t{cursor.lastrowid}"
        connection.execute(f"CREATE TABLE {table}(doc_id INTEGER PRIMARY KEY, doc TEXT NOT NULL)")
        return self._widen(connection, name, Relation(table, ()), list(self._indexes.get(name, ())))

    def _widen(
        self, connection: sqlite3.Connection, name: str, relation: Relation, missing: Sequence[Index]
    ) -> Relation:
        """Adds index columns, fills them from the documents, makes the indexes."""
        columns = list(relation.columns)
        for field in dict.fromkeys(field for index in missing for field in index.fields):
            if field not in columns:
                connection.execute(f"ALTER TABLE {relation.table} ADD COLUMN x{len(columns)}")
                columns.append(field)
        if len(columns) > len(relation.columns):
            relation = Relation(relation.table, columns)
            following = f"SELECT doc_id, doc FROM {relation.table} WHERE doc_id>? ORDER BY doc_id LIMIT 256"
            last = -(1 << 63)
            while rows := connection.execute(following, (last,)).fetchall():
                connection.executemany(
                    relation.upsert, [relation.row(doc_id, decode(text), text) for doc_id, text in rows]
                )
                last = rows[-1][0]
        (known,) = connection.execute(f"SELECT indexes FROM {NAME} WHERE number=?", (relation.table[1:],)).fetchone()
        indexes = json.loads(known)
        for index in missing:
            over = ",".join(f"x{columns.index(field)}" for field in index.fields)
            kind = "UNIQUE INDEX" if index.unique else "INDEX"
            connection.execute(f"CREATE {kind} {relation.table}_i{len(indexes)} ON {relation.table}({over})")
            indexes.append([list(index.fields), index.unique])
        connection.execute(
            f"UPDATE {NAME} SET columns=?, indexes=? WHERE number=?",
            (json.dumps(columns), json.dumps(indexes), relation.table[1:]),
        )
        self._relations[name] = relation
        return relation


def _safe(name: str) -> str:
    """A name that SQLite can hold; a lone surrogate cannot be in UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
