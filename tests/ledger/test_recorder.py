"""The way of a session's executions into the ledger: what is written, when, at what cost, and what failures do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vm_gateway.ledger import owners, waiting
from vm_gateway.ledger.port import LedgerUnavailable
from vm_gateway.ledger.storage import SQLiteStorage
from vm_gateway.ledger.tiny import TinyLedger, open_ledger
from vm_kernel.events import Event
from vm_kernel.outcomes import JavaScriptError, OutputExceeded, Raised, TimedOut
from vm_kernel.recorder import Recorder, Started, Then

from .samples import seqs
from .session import Session

pytestmark = pytest.mark.alone


@pytest.fixture
def session(ledger: TinyLedger) -> Iterator[Session]:
    """A session on each of the three ledgers."""
    opened = Session(ledger)
    yield opened
    opened.recorder.close()


@pytest.fixture
def own(ours: TinyLedger) -> Iterator[Session]:
    """A session on a ledger in a file."""
    opened = Session(ours)
    yield opened
    opened.recorder.close()


def storage(ledger: TinyLedger) -> SQLiteStorage:
    found = ledger.database.storage
    assert isinstance(found, SQLiteStorage)
    return found


# -- what is written -----------------------------------------------------------------------------------------


def test_it_is_a_recorder_of_the_kernel(own: Session) -> None:
    recorder: Recorder = own.recorder
    assert recorder.fileno() is not None


def test_an_execution_is_seen_running_with_its_input_and_then_ended(ledger: TinyLedger, session: Session) -> None:
    metadata: dict[str, object] = {"actor": {"surface": "rest", "token": "t"}}
    assert session.begin("1+1", engine_generation=3, metadata=metadata) is None
    row = ledger.get_execution(session.execution_id)
    assert row is not None
    assert (row["status"], row["input"], row["kind"], row["session_id"]) == ("running", "1+1", "repl", session.id)
    assert (row["args"], row["env"], row["metrics"], row["engine_generation"]) == ([], {}, {}, 3)
    assert row["owner"] == owners.owner() and row["actor"] == {
        "surface": "rest",
        "token": "t",
    }
    assert [event["type"] for event in ledger.events(session.execution_id)] == ["input_echo"]
    session.print(3)
    assert session.finish() is None
    row = ledger.get_execution(session.execution_id)
    assert row is not None
    assert (row["status"], row["result"]) == ("ok", {"type": "number", "preview": "2", "json": 2})
    assert row["metrics"] == {"cpu_ms": 1, "wall_ms": 2, "peak_mem_mb": 3, "events": 5, "output_bytes": 5}
    assert row["ended_at"] >= row["started_at"] and "error" not in row and "owner" not in row
    found = ledger.events(session.execution_id)
    assert seqs(found) == [1, 2, 3, 4, 5]
    assert [event["type"] for event in found] == ["input_echo", "console", "console", "console", "value"]


def test_who_asked_is_the_kernels_client_when_nobody_is_named(ledger: TinyLedger, session: Session) -> None:
    session.run()
    row = ledger.get_execution(session.execution_id)
    assert row is not None and row["actor"] == {"surface": "kernel", "client_session": "c"}


def test_a_file_has_its_path_and_arguments_and_no_input(ledger: TinyLedger, session: Session) -> None:
    given: dict[str, object] = {"path": "app.js", "args": {"a": 1}, "env": {"B": "2"}}
    assert session.begin("console.log(1)", kind="run_file", metadata=given) is None
    session.print(1)
    assert session.finish() is None
    row = ledger.get_execution(session.execution_id)
    assert row is not None and "input" not in row
    assert {name: row[name] for name in given} == given
    assert [event["type"] for event in ledger.events(session.execution_id)] == ["console", "value"]


def test_an_error_is_the_payload_of_its_event(ledger: TinyLedger, session: Session) -> None:
    session.begin()
    payload = {"message": "Error: boom", "stack": "at 1", "traceback": ["a"]}
    session.emit("exception", payload)
    assert session.finish(Raised(JavaScriptError("Error", "boom"))) is None
    row = ledger.get_execution(session.execution_id)
    assert row is not None and "result" not in row
    assert (row["status"], row["error"]) == ("error", payload)


def test_an_end_without_an_event_says_all_the_same_why(ledger: TinyLedger, session: Session) -> None:
    for outcome, status in ((TimedOut("took too long"), "timeout"), (OutputExceeded("too much"), "error")):
        session.begin()
        assert session.finish(outcome) is None
        row = ledger.get_execution(session.execution_id)
        assert row is not None
        assert (row["status"], row["error"]["message"]) == (status, f"{type(outcome).__name__}: {outcome.message}")


def test_an_input_that_a_limit_refused_is_not_among_the_events(ledger: TinyLedger, session: Session) -> None:
    code = "x" * 2000
    session.recorder.begin(Started("e", "repl", code, "t", 1), lambda problem: None)
    session.execution_id = "e"
    session.emit("system", {"message": "too much", "level": "error"})
    assert session.finish(OutputExceeded("too much")) is None
    assert [event["type"] for event in ledger.events("e")] == ["system"]


def test_what_a_running_cell_prints_is_there_soon(ledger: TinyLedger, session: Session) -> None:
    session.begin()
    time.sleep(0.2)  # the thread sleeps
    session.print(2)
    deadline = time.monotonic() + 3
    while len(ledger.events(session.execution_id)) < 3 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert seqs(ledger.events(session.execution_id)) == [1, 2, 3]
    row = ledger.get_execution(session.execution_id)
    assert row is not None and row["status"] == "running"


def test_late_output_follows_its_own_execution(ledger: TinyLedger, session: Session) -> None:
    session.run()
    first, seq = session.execution_id, session.seq
    session.run()
    session.recorder.append([Event(first, seq + 1, "console", {"level": "log", "text": "late"}, "t", True)])
    session.recorder.append([Event("unknown", 1, "console", {"level": "log", "text": "lost"}, "t")])
    session.recorder.close()
    last = ledger.events(first)[-1]
    assert (last["seq"], last["payload"]["text"], last["late"]) == (seq + 1, "late", True)
    assert ledger.events("unknown") == []


def test_closing_stores_everything_that_was_accepted(ledger: TinyLedger, session: Session) -> None:
    session.begin()
    session.print(1000)
    session.recorder.close()
    assert seqs(ledger.events(session.execution_id)) == list(range(1, 1002))
    answers: list[str | None] = []
    session.recorder.begin(Started("e", "repl", "", "t", 1), answers.append)
    assert answers and "over" in (answers[0] or "")
    assert session.recorder.fileno() is None


def test_a_value_nested_too_deeply_is_left_out_and_the_rest_stays(ledger: TinyLedger, session: Session) -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    session.begin()
    session.emit("value", {"type": "object", "preview": "1", "json": deep})
    assert session.finish(TimedOut("t")) is None
    payload = ledger.events(session.execution_id)[-1]["payload"]
    assert payload["preview"] == "1" and "json" not in payload and "nested" in payload["left_out"]


# -- what it costs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", [0, 20])
def test_an_execution_is_two_transactions_and_one_sync(ours: TinyLedger, own: Session, lines: int) -> None:
    own.run()
    for _ in range(10):
        transactions, syncs = storage(ours).transactions, storage(ours).fdatasyncs
        began = time.monotonic()
        assert own.run(lines) is None
        if time.monotonic() - began < waiting.PAGE_S:  # slower on a busy machine, and then a page more
            assert storage(ours).transactions - transactions == 2
        assert storage(ours).fdatasyncs - syncs == 1


def test_many_lines_are_two_transactions_and_a_page_for_each_256(ours: TinyLedger, own: Session) -> None:
    before, syncs = storage(ours).transactions, storage(ours).fdatasyncs
    own.begin()
    own.recorder.append(
        [Event(own.execution_id, seq, "console", {"level": "log", "text": "x"}, "t") for seq in range(2, 202)]
    )
    own._seq = 201
    assert own.finish() is None
    assert storage(ours).transactions - before <= 2 + 1
    assert storage(ours).fdatasyncs - syncs == 1
    assert seqs(ours.events(own.execution_id)) == list(range(1, 203))
    with ours.database.storage.reading() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (1,)


def test_an_idle_session_wakes_nobody(own: Session) -> None:
    own.run()
    time.sleep(0.3)
    thread = own.recorder._thread
    assert thread is not None and thread.native_id is not None

    def switches() -> list[str]:
        text = Path(f"/proc/self/task/{thread.native_id}/status").read_text(encoding="ascii")
        return [line for line in text.splitlines() if line.startswith("voluntary")]

    before = switches()
    time.sleep(0.5)
    assert switches() == before


def test_a_recorder_that_recorded_nothing_started_no_thread(ours: TinyLedger) -> None:
    before = threading.active_count()
    unused = Session(ours)
    assert threading.active_count() == before
    unused.recorder.close()


# -- what failures do ----------------------------------------------------------------------------------------

FULL = "the disk is full: make room"


class Failing:
    """A ledger that refuses for a while, as a full disk does."""

    def __init__(self, ledger: TinyLedger) -> None:
        self._ledger = ledger
        self.refuse = False
        self.slow_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    @contextmanager
    def batch(self, durable: bool = True, waited_s: float = 0.0, at_once: bool = False) -> Iterator[None]:
        time.sleep(self.slow_s)
        with self._ledger.batch(durable, waited_s, at_once):
            yield
            if self.refuse:
                raise LedgerUnavailable(FULL)


@pytest.fixture
def failing(ours: TinyLedger) -> Failing:
    return Failing(ours)


@pytest.fixture
def troubled(failing: Failing) -> Iterator[Session]:
    opened = Session(failing)
    yield opened
    failing.refuse, failing.slow_s = False, 0.0
    opened.recorder.close()


def test_a_begin_that_fails_says_so_and_leaves_nothing(ours: TinyLedger, failing: Failing, troubled: Session) -> None:
    failing.refuse = True
    assert troubled.begin() == FULL
    assert ours.get_execution(troubled.execution_id) is None
    failing.refuse = False
    assert troubled.run() is None


def test_a_page_that_cannot_be_written_is_reported_and_comes_with_the_end(
    ours: TinyLedger, failing: Failing, troubled: Session
) -> None:
    troubled.begin()
    failing.refuse = True
    troubled.print(300)
    deadline = time.monotonic() + 5
    while not troubled.lost and time.monotonic() < deadline:
        troubled.turn(0.05)
    assert troubled.lost == [(troubled.execution_id, FULL)]
    troubled.print(100)
    failing.refuse = False
    assert troubled.finish(OutputExceeded("stopped")) is None
    assert seqs(ours.events(troubled.execution_id)) == list(range(1, 402))
    assert len(troubled.lost) == 1


def test_an_end_that_fails_is_an_answer_and_is_written_with_the_next(
    ours: TinyLedger, failing: Failing, troubled: Session
) -> None:
    troubled.begin()
    first, seq = troubled.execution_id, 12
    failing.refuse = True
    troubled.print(10)
    assert troubled.finish() == FULL
    row = ours.get_execution(first)
    assert row is not None and row["status"] == "running", "half an end was written"
    failing.refuse = False
    assert troubled.run() is None
    row = ours.get_execution(first)
    assert row is not None and row["status"] == "ok"
    assert seqs(ours.events(first)) == list(range(1, seq + 1))


def test_an_end_that_still_cannot_be_written_is_tried_at_the_close(ours: TinyLedger, failing: Failing) -> None:
    session = Session(failing)
    session.begin()
    failing.refuse = True
    assert session.finish() == FULL
    failing.refuse = False
    session.recorder.close()
    row = ours.get_execution(session.execution_id)
    assert row is not None and row["status"] == "ok"


def test_an_execution_closed_by_somebody_else_stays_as_it_is(ours: TinyLedger, own: Session) -> None:
    own.begin()
    ours.finish(own.execution_id, {"status": "cancelled"})
    problem = own.finish()
    assert problem is not None and "has ended: cancelled" in problem
    row = ours.get_execution(own.execution_id)
    assert row is not None and row["status"] == "cancelled"


def test_one_bad_execution_does_not_take_the_others_along(ours: TinyLedger, own: Session) -> None:
    answers: dict[str, str | None] = {}
    good = {"id": "x", "session_id": "s", "status": "ok"}
    ours.begin(good)

    def answered(name: str) -> Then:
        return lambda problem: answers.update({name: problem})

    for name in ("a", "x", "b"):
        own.recorder.begin(Started(name, "repl", "1", "t", 1), answered(name))
    deadline = time.monotonic() + 5
    while len(answers) < 3 and time.monotonic() < deadline:
        own.turn(0.05)
    assert answers["a"] is None and answers["b"] is None and "taken" in (answers["x"] or "")
    assert ours.get_execution("x") == good


def test_a_ledger_that_does_not_keep_up_stops_the_output_and_the_record_says_so(
    ours: TinyLedger, failing: Failing, troubled: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "QUEUE_BYTES", 100_000)
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.05)
    troubled.begin()
    failing.slow_s = 1.0
    began = time.monotonic()
    for _ in range(20):
        troubled.emit("console", {"level": "log", "text": "x" * 50_000})
    assert time.monotonic() - began < 1.0, "the loop was held for longer than it may be"
    failing.slow_s = 0.0
    problem = troubled.finish()
    assert problem is not None and "keep up" in problem
    assert [execution_id for execution_id, _ in troubled.lost] == [troubled.execution_id]
    row = ours.get_execution(troubled.execution_id)
    assert row is not None and row["status"] == "error" and "keep up" in row["error"]["message"] and "result" not in row
    found = ours.events(troubled.execution_id)
    assert seqs(found) == list(range(1, len(found) + 1)) and found[-1]["type"] == "system"


def test_the_log_of_a_failure_does_not_hold_what_the_user_wrote(
    failing: Failing, troubled: Session, capfd: pytest.CaptureFixture[str]
) -> None:
    failing.refuse = True
    troubled.begin("const secret = 'hunter2'")
    assert "hunter2" not in capfd.readouterr().err


def test_two_sessions_of_two_ledgers_on_one_file_do_not_disturb_each_other(path: Path) -> None:
    with_one, with_other = open_ledger(path), open_ledger(path)
    sessions = [Session(with_one), Session(with_other)]
    threads = [
        threading.Thread(target=lambda session=session: [session.run(5) for _ in range(30)]) for session in sessions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for session in sessions:
        rows = with_one.list_executions(session.id).documents
        assert [row["status"] for row in rows] == ["ok"] * 30
        assert all(seqs(with_other.events(row["id"])) == list(range(1, 8)) for row in rows)
        session.recorder.close()
    with_one.close()
    with_other.close()
