"""The TinyDB table over SQLite: the same answers as stock TinyDB, at the price of what is touched."""

from __future__ import annotations

import copy
import operator
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tinydb import Query, TinyDB, where
from tinydb.queries import QueryInstance
from tinydb.storages import MemoryStorage
from tinydb.table import Document, Table

from vm_gateway.ledger.plan import plan
from vm_gateway.ledger.schema import INDEXES, Index
from vm_gateway.ledger.storage import SQLiteStorage
from vm_gateway.ledger.table import LedgerDB, LedgerTable

FIELDS = "stuv"
INDEXED = {"x": (Index(("s",)), Index(("t", "u")))}
VALUES: list[Any] = [
    0, 1, 2, -1, True, False, None, 1.0, 2.5, -0.0, "a", "b", "1", "", "\ud800", "\udfff", "é\0z", "\U0001f600",
    2**53, 2**53 + 1, float(2**53), 2**63 - 1, 2**63, float(2**63), 2**70, -(2**63), -(2**63) - 1, -(2**70),
    1e308, float("inf"), float("-inf"), [], [1], {"x": 1}, {"x": [None]},
]  # fmt: skip


@pytest.fixture
def database(path: Path) -> Iterator[LedgerDB]:
    opened = LedgerDB(path, indexes=INDEXED, durability="os")
    yield opened
    opened.close()


@pytest.fixture
def table(database: LedgerDB) -> LedgerTable:
    found = database.table("x")
    assert isinstance(found, LedgerTable)
    return found


# -- against stock TinyDB ------------------------------------------------------------------------------------


def above_one(value: object) -> bool:
    return isinstance(value, (int, float)) and value > 1


def a_query(pick: random.Random, depth: int = 0) -> Any:
    """Comparisons, ranges on numbers, and what no index understands, nested."""
    field: Any = where(pick.choice(FIELDS))
    value = pick.choice(VALUES)
    kind = pick.randrange(13 if depth < 2 else 7)
    if kind == 0:
        return field.one_of([pick.choice(VALUES) for _ in range(3)])
    if kind == 1:
        return field != value
    if kind == 2:
        return field.test(above_one)
    if kind == 3:
        return field.exists()
    if kind < 7:
        return field == value
    if kind == 7:
        return a_query(pick, depth + 1) | a_query(pick, depth + 1)
    if kind == 8:
        return ~a_query(pick, depth + 1)
    if kind == 9:
        # A range raises on what is not a number, in TinyDB too: `test` before it keeps those away.
        number = pick.choice([1, 0, 2**53, -5, 2.5, 2**63, 2**70, float("inf")])
        ranged = pick.choice((field > number, field >= number, field < number, field <= number))
        return (where("s") == pick.choice(VALUES)) & field.test(is_number) & ranged
    return a_query(pick, depth + 1) & a_query(pick, depth + 1)


def is_number(value: object) -> bool:
    return isinstance(value, (int, float))


def a_document(pick: random.Random) -> dict[str, Any]:
    return {name: copy.deepcopy(pick.choice(VALUES)) for name in pick.sample(FIELDS, pick.randrange(5))}


def listed(documents: list[Document]) -> list[tuple[int, str]]:
    return [(document.doc_id, repr(dict(document))) for document in documents]


class Pair:
    """The same operation on stock TinyDB in memory and on ours."""

    def __init__(self, ours: Table, seed: int) -> None:
        self.stock = TinyDB(storage=MemoryStorage).table("x")
        self.ours = ours
        self.pick = random.Random(seed)
        self.narrowed = 0
        self.queries = 0

    def both(self, call: Callable[[Table], Any]) -> Any:
        mine, theirs = call(self.ours), call(self.stock)
        assert mine == theirs
        return mine

    def step(self) -> None:
        pick = self.pick
        roll = pick.random()
        if roll < 0.3:
            document = a_document(pick)
            self.both(lambda table: table.insert(copy.deepcopy(document)))
        elif roll < 0.4:
            documents = [a_document(pick) for _ in range(5)]
            self.both(lambda table: table.insert_multiple(copy.deepcopy(documents)))
        elif roll < 0.5:
            query, document = a_query(pick), a_document(pick)
            self.both(lambda table: table.update(copy.deepcopy(document), query))
        elif roll < 0.54:
            query = (where("s") == pick.choice(VALUES)) & (where("t") == pick.choice(VALUES))
            self.both(lambda table: table.remove(query))
        elif roll < 0.58:
            numbers = [pick.randrange(60) for _ in range(3)]
            self.both(lambda table: table.update(lambda row: row.update(v=[7]), doc_ids=numbers))
            self.both(lambda table: listed(table.get(doc_ids=numbers)))
        elif roll < 0.61:
            query, document = where("s") == pick.choice(VALUES), a_document(pick)
            self.both(lambda table: table.upsert(copy.deepcopy(document), query))
        else:
            query = a_query(pick)
            self.queries += 1
            self.narrowed += plan(query, ("s", "t", "u")).where != ""
            self.both(lambda table: listed(table.search(query)))
            self.both(lambda table: (table.contains(query), table.count(query)))
            self.both(lambda table: listed([each for each in [table.get(query)] if each is not None]))
        if len(self.stock) > 400:
            numbers = [row.doc_id for row in self.stock.all()[: -pick.randrange(1, 60)]]
            self.both(lambda table: table.remove(doc_ids=numbers))


@pytest.mark.parametrize("cache_size", [0, 10])
@pytest.mark.parametrize(
    ("seed", "steps"), [(11, 300), *(pytest.param(seed, 3000, marks=pytest.mark.full) for seed in (12, 13))]
)
def test_random_operations_answer_as_stock_tinydb(database: LedgerDB, seed: int, steps: int, cache_size: int) -> None:
    pair = Pair(database.table("x", cache_size=cache_size), seed)
    for number in range(steps):
        try:
            pair.step()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {number}: {error}") from None
    assert listed(pair.ours.all()) == listed(pair.stock.all())
    assert pair.narrowed > pair.queries / 10, "the index was not asked"


@pytest.mark.parametrize("values", [[2**70, 2**63, 5, -(2**70), 1.5, True, float("inf")], ["\ud800", "z", "a", ""]])
def test_a_range_beside_an_indexed_field_finds_what_no_index_can_hold(table: LedgerTable, values: list[Any]) -> None:
    table.insert_multiple({"s": "a", "t": value, "n": number} for number, value in enumerate(values))
    bounds = [1, 2**62, -1.5] if values[0] == 2**70 else ["b", ""]
    for bound in bounds:
        for compare in (operator.gt, operator.ge, operator.lt, operator.le):
            found = table.search((where("s") == "a") & compare(where("t"), bound))
            assert [row["n"] for row in found] == [n for n, value in enumerate(values) if compare(value, bound)]


def test_nan_is_kept(table: LedgerTable) -> None:
    table.insert({"s": float("nan")})
    (found,) = table.all()
    assert found["s"] != found["s"]
    assert table.search(where("s") == float("nan")) == []


# -- plans ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "where_sql", "exact"),
    [
        (None, "", True),
        (where("s") == "a", " AND x0=?", True),
        (where("s") == 2**70, "", False),
        (where("s") == "\ud800", "", False),
        (where("s") == None, "", False),  # noqa: E711 -- a query of TinyDB
        (where("s").one_of(["a", "b"]), " AND x0 IN (?,?)", False),
        (where("s").one_of(["a", None]), "", False),
        ((where("s") == "a") | (where("t") == "a"), "", False),
        (~(where("s") == "a"), "", False),
        (where("s") > 1, "", False),
        (where("s").x == 1, "", False),
        (where("s").map(str) == "1", "", False),
        (Query().noop(), "", False),
        ((where("s") == "a") & (where("z") == 1), " AND x0=?", False),
        ((where("s") == "a") & (where("t").map(str) == "1"), "", False),
    ],
)
def test_a_plan_holds_what_an_index_can_tell(query: Any, where_sql: str, exact: bool) -> None:
    made = plan(query, ("s", "t"))
    assert (made.where, made.exact) == (where_sql, exact)


def test_the_ledgers_questions_walk_an_index(path: Path) -> None:
    with LedgerDB(path, indexes=INDEXES) as database:
        for name in INDEXES:
            database.table(name).insert({})
        storage = database.storage
        assert isinstance(storage, SQLiteStorage)

        def way(name: str, query: QueryInstance, order: str) -> str:
            relation = storage.relation(name)
            assert relation is not None
            made = plan(query, relation.columns)
            with storage.reading() as connection:
                rows = connection.execute(
                    f"EXPLAIN QUERY PLAN SELECT doc_id, doc FROM {relation.table} "
                    f"WHERE doc_id BETWEEN 1 AND 9{made.where} ORDER BY {order} LIMIT 5",
                    made.values,
                ).fetchall()
            return "; ".join(row[3] for row in rows)

        for name, field in (("executions", "session_id"), ("executions", "status"), ("sessions", "status")):
            found = way(name, where(field) == "s1", "doc_id DESC")
            assert "USING INDEX" in found and "TEMP B-TREE" not in found, found
        found = way("execution_events", (where("execution_id") == "e") & (where("last") > 7), "x1")
        assert "x0=? AND x1>?" in found and "TEMP B-TREE" not in found, found


# -- ids, pages, transactions --------------------------------------------------------------------------------


def test_pages_go_from_the_newest_and_from_the_oldest(table: LedgerTable) -> None:
    table.insert_multiple({"s": "ab"[number % 2], "n": number} for number in range(1, 101))

    def numbers(**how: Any) -> list[int]:
        return [row["n"] for row in table.page(where("s") == "a", **how)]

    assert numbers(limit=3) == [100, 98, 96]
    assert numbers(limit=3, before=96) == [94, 92, 90]
    assert numbers(limit=3, newest=False, after=4) == [6, 8, 10]
    assert numbers() == list(range(100, 0, -2))
    assert numbers(limit=0) == []
    assert [row["n"] for row in table.page(limit=2)] == [100, 99]
    assert [row["n"] for row in table.page(where("n").test(above_one), limit=2, newest=False)] == [2, 3]


def test_two_storages_never_take_the_same_id(path: Path) -> None:
    taken: list[int] = []

    def fill() -> None:
        with LedgerDB(path, durability="os") as database:
            table = database.table("x")
            for _ in range(30):
                taken.append(table.insert({}))
                taken.extend(table.insert_multiple([{}, {}]))

    threads = [threading.Thread(target=fill) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 271))


def test_an_id_given_by_hand_is_not_taken_again(table: LedgerTable) -> None:
    assert table.insert(Document({}, 7)) == 7
    assert table.insert({}) == 8
    assert table.insert_multiple([Document({}, 20), {}]) == [20, 21]
    with pytest.raises(ValueError, match="already exists"):
        table.insert(Document({}, 20))


@pytest.mark.parametrize("wrong", [{"a": object()}, {"a": {1, 2}}, 1, [1]])
def test_a_document_that_cannot_be_stored_changes_nothing(table: LedgerTable, wrong: Any) -> None:
    table.insert({"a": 1})
    before = table.all()
    with pytest.raises((TypeError, ValueError)):
        table.insert(wrong)
    with pytest.raises((TypeError, ValueError)):
        table.insert_multiple([*({"a": 2} for _ in range(3000)), wrong])
    assert table.all() == before
    with pytest.raises(TypeError):
        table.update({"a": object()}, where("a") == 1)
    assert table.all() == before


def test_a_document_nested_without_end_is_refused_with_a_sentence(table: LedgerTable) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        table.insert({"a": deep})
    assert len(table) == 0
    while deep:  # taken apart by hand: freeing it at once would go as deep
        deep = deep.pop()


def test_what_fails_inside_a_transaction_undoes_only_itself(database: LedgerDB, table: LedgerTable) -> None:
    with database.storage.transaction():
        table.insert({"a": 1})
        with pytest.raises(TypeError):
            table.insert_multiple([*({"a": 2} for _ in range(3000)), {"a": object()}])
        table.insert({"a": 3})
    assert [row["a"] for row in table.all()] == [1, 3]
    with pytest.raises(KeyError), database.storage.transaction():
        table.insert({"a": 4})
        database.table("new").insert({})
        raise KeyError
    assert [row["a"] for row in table.all()] == [1, 3]
    assert database.tables() == {"x"}
    database.table("new").insert({})
    assert database.tables() == {"x", "new"}


def test_a_unique_index_refuses_the_second_and_an_update_that_makes_one(path: Path) -> None:
    with LedgerDB(path, indexes={"x": (Index(("id",), unique=True),)}) as database:
        table = database.table("x")
        table.insert_multiple([{"id": "a"}, {"id": "b"}, {}, {}])
        with pytest.raises(ValueError, match="UNIQUE"):
            table.insert({"id": "a"})
        with pytest.raises(ValueError, match="UNIQUE"):
            table.update({"id": "a"}, where("id") == "b")
        assert [row.get("id") for row in table.all()] == ["a", "b", None, None]


def test_an_index_asked_for_later_covers_what_is_there(path: Path) -> None:
    with LedgerDB(path) as database:
        database.table("x").insert_multiple({"s": str(number % 7)} for number in range(1000))
    with LedgerDB(path, indexes=INDEXED) as database:
        table = database.table("x")
        table.insert({"s": "3"})
        assert database.storage.relation("x").columns == ("s", "t", "u")
        assert table.count(where("s") == "3") == 144
    with LedgerDB(path) as database:
        assert len(database.table("x").search(where("s") == "3")) == 144


def test_a_cached_answer_is_not_given_after_somebody_else_wrote(path: Path) -> None:
    with LedgerDB(path) as one, LedgerDB(path) as other:
        query = where("a") == 1
        one.insert({"a": 1})
        assert len(one.search(query)) == 1 == len(one.search(query))
        other.insert({"a": 1})
        assert len(one.search(query)) == 2
        one.table(one.default_table_name).clear_cache()


def test_a_table_dropped_by_another_process_is_empty_and_can_be_filled_again(path: Path) -> None:
    with LedgerDB(path) as one, LedgerDB(path) as other:
        one.table("x").insert({"a": 1})
        assert len(other.table("x")) == 1
        one.drop_tables()
        assert other.table("x").all() == []
        other.table("x").insert({"a": 2})
        assert [row["a"] for row in one.table("x").all()] == [2]


def test_a_read_in_the_middle_of_a_scan_and_a_write_do_not_disturb_it(table: LedgerTable) -> None:
    table.insert_multiple({"n": number} for number in range(3000))
    seen = []
    for row in table:
        seen.append(row["n"])
        if row["n"] == 100:
            table.remove(doc_ids=[row.doc_id + 1])
            table.insert({"n": 3000})
        assert len(table) == 3000
    assert 0 in seen and seen[-1] == 3000 and len(seen) in (3000, 3001)
