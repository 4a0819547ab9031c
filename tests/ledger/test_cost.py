"""What the ledger costs does not depend on how much is in it: counted in SQLite's own steps, and in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vm_gateway.ledger import codec, views
from vm_gateway.ledger.schema import EVENTS, EXECUTIONS
from vm_gateway.ledger.storage import SQLiteStorage
from vm_gateway.ledger.tiny import TinyLedger, open_ledger

from .samples import events, execution

pytestmark = pytest.mark.alone

ROWS = 20_000


def steps(ledger: TinyLedger, session_id: str) -> dict[str, int]:
    """Instructions of SQLite's machine for one execution, and for each way to read it."""
    storage = ledger.database.storage
    assert isinstance(storage, SQLiteStorage)
    row = execution(session_id)
    counted: dict[str, int] = {}
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    with ledger.batch():
        with storage.reading() as connection:
            connection.set_progress_handler(tick, 1)
        try:
            for name, call in (
                ("begin", lambda: ledger.begin(row, events(row["id"], 1, 1))),
                ("append", lambda: ledger.append(row["id"], events(row["id"], 2, 50))),
                ("finish", lambda: ledger.finish(row["id"], {"status": "ok"}, events(row["id"], 51, 60))),
                ("get", lambda: ledger.get_execution(row["id"])),
                ("events", lambda: ledger.events(row["id"], 55)),
                ("list", lambda: ledger.list_executions(session_id, limit=20)),
            ):
                before = count
                call()
                counted[name] = count - before
        finally:
            connection.set_progress_handler(None, 1)
    return counted


def filled(path: Path) -> TinyLedger:
    """A ledger with many executions in one session, a page each."""
    ledger = open_ledger(path, durability="os")
    rows = [execution("s", status="ok") for _ in range(ROWS)]
    pages = [{"execution_id": row["id"], "first": 1, "last": 1, "events": [[1, "console", {}, "t"]]} for row in rows]
    ledger.database.table(EXECUTIONS).insert_multiple(rows)
    ledger.database.table(EVENTS).insert_multiple(pages)
    return ledger


def test_an_execution_takes_as_many_steps_in_a_full_ledger_as_in_an_empty_one(tmp_path: Path) -> None:
    full = filled(tmp_path / "full")
    empty = open_ledger(tmp_path / "empty", durability="os")
    with empty.batch():
        for _ in range(40):
            empty.begin(execution("s", status="ok"))
    few, many = steps(empty, "s"), steps(full, "s")
    more = {name: (few[name], many[name]) for name in few if many[name] > few[name] * 1.2 + 20}
    assert not more, f"steps in an empty ledger and in one of {ROWS:,} executions: {more}"
    empty.close()
    full.close()


def test_counting_and_repairing_a_full_ledger_reads_no_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = filled(tmp_path / "full")
    running = execution("s", owner={"boot_id": "", "pid": 1, "start_time": 0})
    ledger.begin(running)
    decoded = 0
    original = codec.decode

    def decode(text: str) -> dict[str, object]:
        nonlocal decoded
        decoded += 1
        return original(text)

    monkeypatch.setattr(views, "decode", decode)
    assert ledger.stats()["executions"]["ok"] == ROWS
    assert decoded == 0
    assert [row["id"] for row in ledger.close_rows_of_dead_owners().executions] == [running["id"]]
    assert decoded < 5
    ledger.close()


SCAN = """
import sys
from vm_gateway.ledger.table import LedgerDB

def resident_kb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4

database = LedgerDB(sys.argv[1], durability="os")
table = database.table("x", cache_size=0)
if len(table) == 0:
    for _ in range(20):
        table.insert_multiple({"s": "x" * 5000, "n": n} for n in range(1000))
    sys.exit()
assert next(iter(table))["n"] == 0
before = resident_kb()
peak = before
count = 0
for row in table:
    count += 1
    if count % 500 == 0:
        peak = max(peak, resident_kb())
assert count == 20_000, count
print(peak - before)
database.close()
"""


def test_reading_a_hundred_megabytes_takes_the_memory_of_a_few(tmp_path: Path) -> None:
    found = ""
    for _ in range(2):
        command = [sys.executable, "-c", SCAN, str(tmp_path / "ledger")]
        root = Path(__file__).resolve().parent.parent.parent
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        found = done.stdout
    assert int(found) < 24_000, f"{int(found) // 1000} MB more while scanning 100 MB"
