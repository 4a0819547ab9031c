"""The file: what it is told apart from, what is imported, moved away and saved, and who may use it how."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from tinydb import TinyDB, where

from vm_gateway.ledger import upkeep, wal
from vm_gateway.ledger.port import LedgerUnavailable
from vm_gateway.ledger.schema import INDEXES
from vm_gateway.ledger.storage import SQLiteStorage
from vm_gateway.ledger.table import LedgerDB
from vm_gateway.ledger.tiny import open_ledger
from vm_gateway.ledger.wal import Log

from .samples import events, execution, ids, seqs, session, template


def written(path: Path, count: int = 5) -> list[str]:
    """A ledger with executions of one session; their ids."""
    ledger = open_ledger(path)
    rows = [execution("s") for _ in range(count)]
    for row in rows:
        ledger.begin(row, events(row["id"], 1, 3))
        ledger.finish(row["id"], {"status": "ok"}, events(row["id"], 4, 4))
    ledger.close()
    return ids(rows)


def beside(path: Path) -> set[str]:
    return {found.name for found in path.parent.iterdir()}


# -- opening -------------------------------------------------------------------------------------------------


def test_a_new_ledger_is_for_its_owner_only_and_leaves_no_log_behind(path: Path) -> None:
    ledger = open_ledger(path)
    ledger.put_template(template("a"))
    modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
    assert modes == dict.fromkeys(("ledger", "ledger-lock", "ledger-wal", "ledger-shm"), 0o600)
    ledger.close()
    assert beside(path) == {"ledger", "ledger-lock"}


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "socket", "device", "folder"])
def test_what_is_no_file_is_refused_at_once(path: Path, kind: str, read_only: bool) -> None:
    named = path
    if kind == "device":
        named = Path("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    else:
        os.mkfifo(path)
        if kind == "link to a pipe":
            named = path.with_name("link")
            named.symlink_to(path)
    before = beside(path)
    # In another process: a pipe that is opened waits for a writer, and no signal of a test ends that.
    code = f"from vm_gateway.ledger.tiny import open_ledger; open_ledger({str(named)!r}, read_only={read_only})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    shown = named if read_only else named.resolve()
    assert f"LedgerUnavailable: the ledger {shown} is a {kind.split()[-1]}: name a file" in done.stderr, done.stderr
    assert beside(path) == before


def test_what_was_written_is_there_at_the_next_open(path: Path) -> None:
    rows = written(path)
    with LedgerDB(path):
        pass
    ledger = open_ledger(path)
    assert ids(ledger.list_executions("s").documents) == rows[::-1]
    assert seqs(ledger.events(rows[0])) == [1, 2, 3, 4]
    ledger.close()


def test_stock_tinydb_with_our_storage_reads_and_writes_what_the_ledger_wrote(path: Path) -> None:
    rows = written(path)
    with TinyDB(path, storage=SQLiteStorage) as stock:
        table = stock.table("executions")
        assert [row["id"] for row in table.all()] == rows
        assert table.get(where("id") == rows[2])["status"] == "ok"
        assert len(stock.table("execution_events")) == 10
        table.update({"status": "error"}, where("id") == rows[2])
    ledger = open_ledger(path)
    assert ledger.stats()["executions"]["error"] == 1
    ledger.close()


@pytest.mark.parametrize("content", [b"PNG\r\n", b"hello", b"\0" * 4096, b"[1, 2]"])
def test_a_file_that_is_no_ledger_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for _ in range(2):  # trying again makes no damaged ledger of it
        with pytest.raises(LedgerUnavailable, match="neither a ledger nor"):
            open_ledger(path)
        assert path.read_bytes() == content
        assert beside(path) == {"ledger"}


def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="is a folder: name a file"):
        open_ledger(tmp_path)


def test_a_folder_that_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="folder exists"):
        open_ledger(tmp_path / "no" / "ledger")
    open_ledger(tmp_path / "no" / "ledger", create_dirs=True).close()


def test_a_folder_as_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable):
        open_ledger(tmp_path)


@pytest.mark.parametrize("durability", ["disk", "os"])
def test_only_a_durable_ledger_syncs(path: Path, durability: str) -> None:
    with LedgerDB(path, durability=durability) as database:
        database.insert({})
        assert database.storage.fdatasyncs == (1 if durability == "disk" else 0)
    with pytest.raises(ValueError, match="durability"):
        LedgerDB(path, durability="perhaps")


def test_a_ledger_open_for_reading_reads_and_refuses_to_write(path: Path) -> None:
    rows = written(path)
    ledger = open_ledger(path, read_only=True)
    assert len(ledger.list_executions("s").documents) == 5 == len(rows)
    with pytest.raises(LedgerUnavailable, match="reading only"):
        ledger.put_template(template("a"))
    ledger.close()
    with pytest.raises(LedgerUnavailable, match="no ledger"):
        open_ledger(path.parent / "other", read_only=True)


def test_a_closed_ledger_says_so(path: Path) -> None:
    ledger = open_ledger(path)
    ledger.close()
    with pytest.raises(LedgerUnavailable, match="closed"):
        ledger.get_session("x")
    with pytest.raises(LedgerUnavailable, match="closed"):
        ledger.put_template(template("a"))


def test_a_ledger_is_not_taken_across_a_fork(path: Path) -> None:
    ledger = open_ledger(path)
    ledger.put_template(template("a"))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = b"nothing was refused"
        try:
            ledger.get_session("x")
        except LedgerUnavailable as refusal:
            said = str(refusal).encode()
        finally:
            os.write(writer, said)
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader, "rb") as file:
        assert b"fork" in file.read()
    ledger.put_template(template("b"))
    ledger.close()


def test_a_new_log_is_found_by_its_inode(path: Path) -> None:
    log = Log(str(path))
    log.sync()
    assert log.syncs == 0, "there is none"
    file = Path(f"{path}-wal")
    file.write_bytes(b"one")
    log.sync()
    first = log._identity
    other = path.parent / "other"
    other.write_bytes(b"two")
    os.replace(other, file)
    log.sync()
    assert log._identity != first and log._identity[1] == file.stat().st_ino
    log.close()


# -- import --------------------------------------------------------------------------------------------------


def test_a_stock_tinydb_file_is_imported_into_a_ledger_beside_it_and_kept(tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    with TinyDB(old, indent=2) as stock:
        stock.table("templates").insert_multiple(template(name) for name in "abc")
        stock.table("sessions").insert(session("closed", note="\ud800 é"))
        stock.table("templates").remove(doc_ids=[2])
    before = old.read_bytes()
    ledger = open_ledger(old)
    assert [row["name"] for row in ledger.list_templates().documents] == ["c", "a"]
    assert ledger.list_sessions("closed").documents[0]["note"] == "\ud800 é"
    assert ledger.database.storage.path == str(tmp_path / "old.ledger")
    ledger.put_template(template("d"))
    ledger.close()
    assert old.read_bytes() == before
    ledger = open_ledger(old)
    assert [row["name"] for row in ledger.list_templates().documents] == ["d", "c", "a"]
    ledger.close()
    assert old.read_bytes() == before


@pytest.mark.parametrize(
    "content", ['{"templates": {"1": {"id": "a"}', '{"a": 1}', '{"a": {"x": {}}}', '{"a": {"1": 1}}']
)
def test_a_json_file_that_is_no_whole_tinydb_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    old = tmp_path / "old.json"
    old.write_text(content)
    for _ in range(2):
        with pytest.raises(LedgerUnavailable, match="cannot be read"):
            open_ledger(old)
    assert old.read_text() == content
    old.write_text(json.dumps({"templates": {"1": template("a")}}))
    ledger = open_ledger(old)
    assert len(ledger.list_templates().documents) == 1
    ledger.close()


# -- damage --------------------------------------------------------------------------------------------------


def damage(path: Path, offset: int, length: int) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        old = file.read(length)
        file.seek(offset)
        file.write(bytes(byte ^ 0x5A for byte in old))


def test_a_ledger_without_its_head_is_moved_away_and_a_new_one_begins(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    written(path)
    damage(path, 0, 100)
    ledger = open_ledger(path)
    ledger.put_template(template("a"))
    assert ledger.list_templates().documents
    ledger.close()
    (kept,) = [name for name in beside(path) if ".corrupt-" in name]
    assert "was damaged" in capfd.readouterr().err and (path.parent / kept).stat().st_size > 0
    assert "ledger-damaged" not in beside(path)


def test_the_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs(a)")
        other.commit()
    before = path.read_bytes()
    with pytest.raises(LedgerUnavailable, match="another program: name another file"):
        open_ledger(path)
    assert path.read_bytes() == before
    assert not [name for name in beside(path) if "damaged" in name]


def test_what_can_be_read_of_a_damaged_ledger_is_saved(path: Path) -> None:
    rows = written(path, 400)
    size = path.stat().st_size
    for part in (0.35, 0.6, 0.8):
        damage(path, int(size * part) // 4096 * 4096, 4096)
    ledger = open_ledger(path)
    wrong = upkeep.check(ledger.database.storage)
    assert wrong
    ledger.close()
    assert "ledger-damaged" in beside(path)
    ledger = open_ledger(path)
    assert upkeep.check(ledger.database.storage) == []
    saved = [row for row in rows if ledger.get_execution(row) is not None]
    whole = [row for row in saved if seqs(ledger.events(row)) == [1, 2, 3, 4]]
    assert len(saved) > 200 and len(whole) > 150, f"{len(saved)} rows and {len(whole)} with events of {len(rows)}"
    ledger.finish(_begin(ledger), {"status": "ok"})
    ledger.close()
    assert "ledger-damaged" not in beside(path)


def _begin(ledger: object) -> str:
    row = execution("s")
    ledger.begin(row)
    return str(row["id"])


def test_damage_met_while_reading_is_an_answer_and_repaired_at_the_next_open(path: Path) -> None:
    written(path, 400)
    size = path.stat().st_size
    for page in range(8, size // 4096):
        damage(path, page * 4096, 4096)
    ledger = open_ledger(path)
    with pytest.raises(LedgerUnavailable, match="damaged"):
        for _ in ledger.list_executions("s").documents:
            pass
        ledger.stats()
    ledger.close()
    ledger = open_ledger(path)
    ledger.finish(_begin(ledger), {"status": "ok"})
    ledger.close()


def test_a_damaged_ledger_in_use_is_not_moved_away(path: Path) -> None:
    written(path)
    holder = open_ledger(path)
    Path(f"{path}-damaged").touch()
    code = "import sys; from vm_gateway.ledger.tiny import open_ledger; open_ledger(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    assert "LedgerUnavailable" in done.stderr or "Damaged" in done.stderr
    assert "still in use" in done.stderr
    assert len(holder.list_executions("s").documents) == 5
    holder.close()
    open_ledger(path).close()
    assert any(".corrupt-" in name for name in beside(path))


# -- in use --------------------------------------------------------------------------------------------------

EXCLUSIVE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0.2, isolation_level=None)
try:
    print(connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0])
except sqlite3.OperationalError as error:
    print(error)
"""


def others_try(path: Path) -> str:
    """What another process gets that wants the file for itself."""
    done = subprocess.run([sys.executable, "-c", EXCLUSIVE, str(path)], capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def test_opening_a_ledger_twice_does_not_drop_its_locks(path: Path) -> None:
    first = open_ledger(path)
    first.put_template(template("a"))
    first.list_templates()
    for _ in range(3):
        second = open_ledger(path)
        second.put_template(template(str(time.monotonic())))
        second.close()
    copy = path.parent / "copy"
    upkeep.backup(first.database.storage, copy)
    assert others_try(path) in ("wal", "database is locked")
    first.close()
    kept = open_ledger(copy)
    assert len(kept.list_templates().documents) == 4
    kept.close()
    with pytest.raises(LedgerUnavailable, match="exists"):
        storage = SQLiteStorage(path)
        try:
            upkeep.backup(storage, copy)
        finally:
            storage.close()


def test_the_test_before_this_one_can_fail(path: Path) -> None:
    """Opening and closing the file drops all locks of the process: the reason why the storage never does."""
    first = open_ledger(path)
    first.put_template(template("a"))
    first.list_templates()
    with open(path, "rb"):
        pass
    assert others_try(path) == "delete"
    first.close()


def test_threads_read_while_one_writes_and_see_whole_transactions(path: Path) -> None:
    ledger = open_ledger(path, durability="os")
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            for row in ledger.list_executions("s", limit=5).documents:
                found = len(ledger.events(row["id"]))
                if found not in (2, 4) or (row["status"] == "ok" and found != 4):
                    wrong.append((row["status"], found))

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        row = execution("s")
        ledger.begin(row, events(row["id"], 1, 2))
        ledger.finish(row["id"], {"status": "ok"}, events(row["id"], 3, 4))
    stop.set()
    for thread in threads:
        thread.join()
    ledger.close()
    assert wrong == []


def test_the_log_is_emptied_in_the_background(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "CHECKPOINT_BYTES", 100_000)
    monkeypatch.setattr(wal, "LONG_LOG", 50)
    monkeypatch.setattr(wal, "LEAST_PAUSE_S", 0.02)
    database = LedgerDB(path, indexes=INDEXES, durability="os")
    for _ in range(400):
        database.table("x").insert({"text": "x" * 20_000})
        time.sleep(0.002)
    storage = database.storage
    assert isinstance(storage, SQLiteStorage)
    assert storage._checkpoints.done > 3 and storage._checkpoints.problem is None
    assert Path(f"{path}-wal").stat().st_size < 4_000_000 < 400 * 20_000
    assert "ledger-checkpoints" in {thread.name for thread in threading.enumerate()}
    database.close()
    assert "ledger-checkpoints" not in {thread.name for thread in threading.enumerate()}
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()
