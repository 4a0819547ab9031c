"""What is written on the loop's own thread, and lines that are stored as one item: the same record as the long way."""

from __future__ import annotations

import fcntl
import time
from json.encoder import encode_basestring
from pathlib import Path

import pytest

from vm_gateway.ledger.port import LedgerUnavailable
from vm_gateway.ledger.storage import SQLiteStorage
from vm_gateway.ledger.tiny import TinyLedger, open_ledger
from vm_kernel.events import Event, Lines, Page, timestamp
from vm_kernel.ids import uuid7
from vm_kernel.outcomes import Completed
from vm_kernel.recorder import Ended, Started, Usage

from .samples import execution, seqs
from .session import Session

TEXTS = ["plain", "", 'quoted "', "ünïcode \U0001f600", "lone \ud800", "nul \0", "line\nbreak"]


def lines(
    execution_id: str, texts: list[str], first: int = 1, level: str = "log", late: bool = False
) -> list[Event | Lines]:
    """What the kernel passes on when a cell prints these, one after the other."""
    page = Page(keep=True)
    for number, text in enumerate(texts):
        page.add_line(execution_id, first + number, level, encode_basestring(text), late)
    return list(page.take())


def test_lines_come_back_as_the_events_that_they_were(ledger: TinyLedger) -> None:
    row = execution(uuid7())
    ledger.begin(row)
    given = lines(row["id"], TEXTS)
    given += [Event(row["id"], 8, "value", {"preview": "\ud800"}, timestamp())]
    given += lines(row["id"], ["late", "later"], 9, "warn", late=True) + lines(row["id"], ["single"], 11)
    ledger.append(row["id"], given)
    found = ledger.events(row["id"])
    assert [event["payload"] for event in found[:7]] == [{"level": "log", "text": text} for text in TEXTS]
    assert [(event["type"], event.get("late")) for event in found[7:]] == [
        ("value", None),
        ("console", True),
        ("console", True),
        ("console", None),
    ]
    assert set(found[0]) == {"execution_id", "seq", "ts", "type", "payload"} and found[0]["ts"] <= timestamp()
    for after in range(12):
        assert seqs(ledger.events(row["id"], after)) == list(range(after + 1, 12))
        assert seqs(ledger.events(row["id"], after, limit=3)) == list(range(after + 1, 12))[:3]


def test_a_run_of_lines_ends_where_the_level_or_the_execution_changes() -> None:
    page = Page(keep=True)
    for seq, (name, level) in enumerate([("a", "log"), ("a", "log"), ("a", "warn"), ("b", "warn")], 1):
        page.add_line(name, seq, level, '"x"', False)
    page.add("b", 5, "clear", {"wait": False}, False)
    page.add_line("b", 6, "warn", '"y"', False)
    found = [(item.execution_id, item.seq, item.lines if isinstance(item, Lines) else 0) for item in page.take()]
    assert found == [("a", 1, 2), ("a", 3, 1), ("b", 4, 1), ("b", 5, 0), ("b", 6, 1)]
    assert page.take() == []


def test_a_flood_of_lines_is_few_pages(ours: TinyLedger, path: Path) -> None:
    session = Session(ours)
    session.begin()
    for first in range(2, 20_002, 1000):
        session.recorder.append(lines(session.execution_id, ["x" * 10] * 1000, first))
    session._seq = 20_001
    assert session.finish() is None
    assert seqs(ours.events(session.execution_id)) == list(range(1, 20_003))
    assert len(ours.database.table("execution_events")) < 12
    session.recorder.close()


def test_a_beginning_is_answered_at_once_unless_somebody_else_writes(ours: TinyLedger, path: Path) -> None:
    session = Session(ours)
    session.run()
    answers: list[str | None] = []
    session.recorder.begin(Started("now", "repl", "1", "t", 1), answers.append)
    assert answers == [None], "it waited for a turn of the loop"
    with open(f"{path}-lock", "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        session.recorder.begin(Started("then", "repl", "1", "t", 1), answers.append)
        assert answers == [None], "it was answered while another process held the ledger"
        fcntl.flock(held, fcntl.LOCK_UN)
    assert session.wait(lambda then: session.recorder.begin(Started("last", "repl", "1", "t", 1), then)) is None
    assert [ours.get_execution(name)["status"] for name in ("now", "then", "last")] == ["running"] * 3
    session.recorder.close()


def test_a_write_that_may_not_wait_leaves_a_held_ledger_alone(path: Path) -> None:
    mine, other = open_ledger(path), open_ledger(path)
    with other.batch(), pytest.raises(LedgerUnavailable), mine.batch(at_once=True):
        pass
    row = execution(uuid7())
    with mine.batch(durable=False, at_once=True):
        mine.begin(row)
    assert other.get_execution(row["id"]) == row
    storage = mine.database.storage
    assert isinstance(storage, SQLiteStorage) and storage.fdatasyncs == 0
    mine.sync()
    assert storage.fdatasyncs == 1
    mine.close()
    other.close()


def test_a_sync_that_takes_long_is_told_in_a_later_turn(ours: TinyLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(ours)
    session.run()
    monkeypatch.setattr(ours, "sync", lambda: time.sleep(0.3))
    session.begin()
    answers: list[str | None] = []
    began = time.monotonic()
    session.recorder.finish(Ended(session.execution_id, Completed(), timestamp(), Usage()), answers.append)
    assert time.monotonic() - began < 0.2, "the loop was held by a slow disk"
    assert answers == [], "it was answered before it was durable"
    while not answers and time.monotonic() - began < 10:
        session.turn(0.05)
    assert answers == [None]
    session.recorder.close()
