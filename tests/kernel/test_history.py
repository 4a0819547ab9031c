"""What a history_request finds of this session and of sessions before it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from vm_kernel import history
from vm_kernel.history import Entry, History

EARLIER = {1: [(1, "a = 1", "1"), (2, "b = 2", "2")], 2: [(1, "a = 1", "1"), (2, "c", None), (3, "d", None)]}


class Ledger:
    """Two sessions before this one; notes which were read, and whose values."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.shown: list[str] = []

    def count(self) -> int:
        return 2

    def entries(self, session: int) -> list[Entry]:
        self.read.append(session)
        return [(line, code, partial(self._show, code, shown)) for line, code, shown in EARLIER[session]]

    def _show(self, code: str, shown: str | None) -> str | None:
        self.shown.append(code)
        return shown


@pytest.fixture
def known() -> History:
    found = History()
    found.earlier = Ledger()
    found.add(1, "x", "'x'")
    found.add(2, "a = 1", None)
    return found


TAIL, SEARCH, RANGE = ({"hist_access_type": name} for name in ("tail", "search", "range"))
X, OWN_A = (3, 1, "x"), (3, 2, "a = 1")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({**TAIL, "n": 2}, [X, OWN_A]),
        ({**TAIL, "n": 4}, [(2, 2, "c"), (2, 3, "d"), X, OWN_A]),
        ({**TAIL, "n": 100}, [(1, 1, "a = 1"), (1, 2, "b = 2"), (2, 1, "a = 1"), (2, 2, "c"), (2, 3, "d"), X, OWN_A]),
        ({**TAIL, "n": 0}, []),
        ({**TAIL, "n": -1}, []),
        (TAIL, [X, OWN_A]),
        ({**SEARCH, "pattern": "a*"}, [(1, 1, "a = 1"), (2, 1, "a = 1"), OWN_A]),
        ({**SEARCH, "pattern": "a*", "unique": True}, [OWN_A]),
        ({**SEARCH, "pattern": "?", "n": 2}, [(2, 3, "d"), X]),
        ({**SEARCH, "pattern": "nothing"}, []),
        ({**RANGE, "session": 0}, [X, OWN_A]),
        ({**RANGE, "session": 3, "start": 2}, [OWN_A]),
        ({**RANGE, "session": -1, "start": 2}, [(2, 2, "c"), (2, 3, "d")]),
        ({**RANGE, "session": -2}, [(1, 1, "a = 1"), (1, 2, "b = 2")]),
        ({**RANGE, "session": 1, "stop": 2}, [(1, 1, "a = 1")]),
        ({**RANGE, "session": 4}, []),
        ({**RANGE, "session": -3}, []),
        ({**RANGE, "session": -1, "start": -1, "output": True}, [(2, 3, ("d", None))]),
        ({**TAIL, "n": 3, "output": True}, [(2, 3, ("d", None)), (3, 1, ("x", "'x'")), (3, 2, ("a = 1", None))]),
    ],
)
def test_entries_of_all_sessions_are_found(known: History, asked: dict[str, Any], expected: list[Any]) -> None:
    assert known.answer(asked) == expected


def test_more_than_there_can_be_is_all_that_there_is(known: History) -> None:
    assert known.answer({**TAIL, "n": 10**30}) == known.answer({**TAIL, "n": 100})


def test_earlier_sessions_are_read_only_as_far_as_needed(known: History) -> None:
    known.answer({**TAIL, "n": 2})
    assert known.earlier.read == []
    known.answer({**TAIL, "n": 3})
    assert known.earlier.read == [2]


def test_values_of_earlier_sessions_are_read_for_what_is_chosen_alone(known: History) -> None:
    known.answer({**TAIL, "n": 3})
    assert known.earlier.shown == []
    known.answer({**TAIL, "n": 3, "output": True})
    assert known.earlier.shown == ["d"]


def test_a_pattern_longer_than_any_that_a_person_writes_is_refused(known: History) -> None:
    with pytest.raises(ValueError, match="at most"):
        known.answer({**SEARCH, "pattern": "*a" * 501})


def test_no_more_is_looked_through_than_is_kept_of_one_session(
    known: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_ENTRIES", 3)
    assert known.answer({**TAIL, "n": 100}) == [(2, 3, "d"), X, OWN_A]
