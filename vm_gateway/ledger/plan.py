"""Owns the part of a TinyDB query that an index can answer; refuses to decide which documents match.

`QueryInstance._hash` is the query as a tree. The filter made from it lets through every match and perhaps more: the
query itself is asked of each. What is not understood (`|`, `~`, `map`, a function) is not filtered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tinydb.queries import QueryInstance

from .codec import Scalar, comparable

#: Values of one `one_of` that are handed to SQLite.
MOST_VALUES = 500
_RANGES = frozenset((">", ">=", "<", "<="))


class Plan(NamedTuple):
    """`where` is SQL over index columns that starts with AND; `exact`: it lets through matches only."""

    where: str = ""
    values: tuple[Scalar, ...] = ()
    exact: bool = False


SCAN = Plan()
EVERYTHING = Plan(exact=True)


def plan(query: object, columns: Sequence[str]) -> Plan:
    """The filter for `query` on a table with these index columns; None as query means all documents."""
    if query is None:
        return EVERYTHING
    if not isinstance(query, QueryInstance):
        return SCAN
    where, exact, narrow = "", True, False
    values: list[Scalar] = []
    for node in _conjuncts(query._hash):
        condition = _condition(node, columns)
        if condition is None:
            exact = False
            continue
        operator, text, bound = condition
        where += f" AND {text}"
        values.extend(bound)
        narrow = narrow or operator not in _RANGES
        exact = exact and operator == "==" and type(bound[0]) is not float
    # A range alone may be most of the table, which a scan reads faster.
    return Plan(where, tuple(values), exact) if narrow else SCAN


def _conjuncts(node: object) -> Iterator[object]:
    if isinstance(node, tuple) and len(node) == 2 and node[0] == "and" and isinstance(node[1], frozenset):
        for part in node[1]:
            yield from _conjuncts(part)
    else:
        yield node


def _condition(node: object, columns: Sequence[str]) -> tuple[str, str, tuple[Any, ...]] | None:
    """Operator, SQL and values of one comparison of an indexed top-level field."""
    if not isinstance(node, tuple) or len(node) != 3 or not isinstance(node[0], str):
        return None
    operator, path, value = node
    if not isinstance(path, tuple) or len(path) != 1 or path[0] not in columns:
        return None
    column = f"x{columns.index(path[0])}"
    if operator == "==" and comparable(value):
        return operator, f"{column}=?", (value,)
    # Text is left out: what cannot be indexed would be missing from its ranges.
    if operator in _RANGES and type(value) in (int, float) and comparable(value):
        return operator, f"{column}{operator}?", (value,)
    if (
        operator == "one_of"
        and isinstance(value, tuple)
        and 0 < len(value) <= MOST_VALUES
        and all(comparable(each) for each in value)
    ):
        return operator, f"{column} IN ({','.join('?' * len(value))})", value
    return None
