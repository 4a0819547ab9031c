"""Several processes and their deaths, against an oracle that holds what was acknowledged: nothing is lost or half."""

from __future__ import annotations

import bisect
import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vm_gateway.ledger import upkeep
from vm_gateway.ledger.port import LedgerUnavailable
from vm_gateway.ledger.tiny import TinyLedger, open_ledger

from .samples import execution, seqs, template
from .session import Session

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS = [10, pytest.param(200, marks=pytest.mark.full)]


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program with pipes; dead when the block ends."""
    # Without a buffer: `communicate` would not see what a `readline` before it has read ahead.
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


# -- kill -9 -------------------------------------------------------------------------------------------------


class Oracle:
    """Holds the executions that writers were told are stored, and looks whether they are."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, int] = {}
        self.faults: list[str] = []

    def hear(self, output: bytes) -> None:
        for line in output.split(b"\n")[:-1]:
            if b" " in line:
                execution_id, last = line.decode().split()
                self.acknowledged[execution_id] = int(last)

    def look(self, ledger: TinyLedger) -> None:
        """After a repair: every acknowledged execution whole, every other one ended and without gaps."""
        rows = {row["id"]: row for row in ledger.database.table("executions", cache_size=0)}
        for execution_id, last in self.acknowledged.items():
            row = rows.get(execution_id)
            if row is None:
                self.faults.append(f"{execution_id} is lost")
            elif row["status"] != "ok" or seqs(ledger.events(execution_id)) != list(range(1, last + 1)):
                self.faults.append(f"{execution_id} was acknowledged with {last} events and is {row['status']}")
        for execution_id, row in rows.items():
            found = seqs(ledger.events(execution_id)) if execution_id not in self.acknowledged else [1]
            if row["status"] not in ("ok", "error") or found != list(range(1, len(found) + 1)) or not found:
                self.faults.append(f"{execution_id} is {row['status']} with events {found[:3]}..{found[-3:]}")


@pytest.mark.parametrize("rounds", ROUNDS)
def test_writers_killed_at_any_moment_lose_nothing_that_was_acknowledged(path: Path, rounds: int) -> None:
    pick, oracle = random.Random(7), Oracle()
    for number in range(rounds):
        with (
            program("-m", "tests.ledger.session", str(path), str(2 * number)) as one,
            program("-m", "tests.ledger.session", str(path), str(2 * number + 1)) as other,
        ):
            for writer in (one, other):
                assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
            time.sleep(pick.uniform(0.005, 0.25))
            for writer in (one, other):
                writer.send_signal(signal.SIGKILL)
            for writer in (one, other):
                output, errors = writer.communicate()
                assert not errors, errors
                oracle.hear(output)
        began = time.monotonic()
        ledger = open_ledger(path)
        ledger.close_rows_of_dead_owners()
        took = time.monotonic() - began
        if number % 20 == 19 or number == rounds - 1:
            oracle.look(ledger)
            assert upkeep.check(ledger.database.storage) == []
        assert ledger.stats()["executions"]["running"] == 0
        ledger.close()
        assert took < 5, f"round {number}: {took:.1f} s to open and repair"
        assert not oracle.faults, f"round {number}: {oracle.faults[:5]} of {len(oracle.faults)}"
    assert len(oracle.acknowledged) > rounds * 5, "the writers hardly wrote"


# -- a torn log ----------------------------------------------------------------------------------------------

UNFINISHED = """
import os, sys
from vm_gateway.ledger.tiny import open_ledger
from tests.ledger.samples import events, execution
path = sys.argv[1]
ledger = open_ledger(path, durability="os")
ledger.database.storage.checkpoint()
for number in range(60):
    row = execution("s")
    ledger.begin(row, events(row["id"], 1, 1))
    ledger.finish(row["id"], {"status": "ok"}, events(row["id"], 2, 1 + number % 40, "x" * number * 9))
    print(row["id"], os.stat(path + "-wal").st_size, flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("rounds", [30, pytest.param(300, marks=pytest.mark.full)])
def test_a_log_torn_at_any_byte_gives_an_exact_prefix(path: Path, tmp_path: Path, rounds: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNFINISHED, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    commits = [(line.split()[0], int(line.split()[1])) for line in done.stdout.splitlines()]
    ends = [end for _, end in commits]
    pick = random.Random(3)
    for number in range(rounds):
        torn = tmp_path / "torn"
        torn.mkdir()
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{path}{suffix}", torn / f"ledger{suffix}")
        (torn / "ledger-lock").touch()
        at = pick.randrange(ends[-1])
        with open(torn / "ledger-wal", "r+b") as log:
            kind = pick.choice(("cut", "overwritten", "zeroed"))
            if kind == "cut":
                log.truncate(at)
            else:
                log.seek(at)
                old = log.read(pick.choice((1, 100, 5000)))
                log.seek(at)
                log.write(bytes(byte ^ 0xA5 for byte in old) if kind == "overwritten" else bytes(len(old)))
                if kind == "zeroed" and not any(old):
                    at = ends[-1]  # nothing has changed
        ledger = open_ledger(torn / "ledger")
        whole = [row["id"] for row in ledger.list_executions("s").documents[::-1] if row["status"] == "ok"]
        expected = [execution_id for execution_id, _ in commits[: bisect.bisect_right(ends, at)]]
        case = f"round {number}: {kind} at byte {at} of {ends[-1]}"
        assert whole[: len(expected)] == expected, (
            f"{case}: {len(expected)} whole commits before it, {len(whole)} found"
        )
        assert whole == [execution_id for execution_id, _ in commits[: len(whole)]], f"{case}: not a prefix"
        for position, execution_id in enumerate(whole):
            assert seqs(ledger.events(execution_id)) == list(range(1, max(2, 2 + position % 40)))
        ledger.put_template(template("a"))
        assert upkeep.check(ledger.database.storage) == [], case
        ledger.close()
        shutil.rmtree(torn)


# -- a full disk ---------------------------------------------------------------------------------------------

FULL_DISK = """
import os, resource, signal, sys
from vm_gateway.ledger.tiny import open_ledger
from tests.ledger.session import Session
from vm_kernel.outcomes import Completed
folder, how = sys.argv[1:]
filler = os.path.join(folder, "filler")
if how == "limit":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
else:
    with open(filler, "wb") as file:
        file.write(bytes(600_000))
ledger = open_ledger(os.path.join(folder, "ledger"))
session = Session(ledger)
stored, problem = [], None
while problem is None and len(stored) < 1000:
    problem = session.begin()
    if problem is None:
        session.print(40, "x" * 200)
        problem = session.finish()
    if problem is None:
        stored.append((session.execution_id, session.seq))
print(len(stored), problem)
owed = session.execution_id
if how == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
else:
    os.unlink(filler)
for execution_id, seq in stored:
    assert len(ledger.events(execution_id)) == seq, "an acknowledged event is lost"
    assert ledger.get_execution(execution_id)["status"] == "ok"
print("again", session.run(3))
row = ledger.get_execution(owed)
assert row is None or row["status"] == "ok", row
session.recorder.close()
ledger.close()
ledger = open_ledger(os.path.join(folder, "ledger"))
from vm_gateway.ledger import upkeep
assert upkeep.check(ledger.database.storage) == []
print("whole", len(ledger.list_executions(session.id).documents) >= len(stored) + 1)
ledger.close()
"""


def full_disk(command: list[str]) -> list[str]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    return done.stdout.splitlines()


def test_a_file_that_may_not_grow_is_an_answer_and_the_ledger_goes_on_afterwards(tmp_path: Path) -> None:
    first, again, whole = full_disk([sys.executable, "-c", FULL_DISK, str(tmp_path), "limit"])
    stored, problem = first.split(" ", 1)
    assert int(stored) > 3 and "the ledger" in problem and "try again" in problem, first
    assert (again, whole) == ("again None", "whole True")


def test_a_full_disk_is_an_answer_and_the_ledger_goes_on_when_there_is_room(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=1500k none "$1" && shift && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh", str(tmp_path)]
    try:
        can = subprocess.run([*command, "true"], capture_output=True, text=True, timeout=20)
    except FileNotFoundError:
        pytest.skip("no unshare on this machine")
    if can.returncode:
        pytest.skip(f"no private file system here: {can.stderr.strip()}")
    first, again, whole = full_disk([*command, sys.executable, "-c", FULL_DISK, str(tmp_path), "tmpfs"])
    stored, problem = first.split(" ", 1)
    assert int(stored) > 3 and "disk" in problem and "full" in problem and "room" in problem, first
    assert (again, whole) == ("again None", "whole True")
    assert not any(tmp_path.iterdir()), "the file system was the test's own"


# -- locked by another process -------------------------------------------------------------------------------

HOLD = """
import fcntl, os, sys
lock = os.open(sys.argv[1], os.O_RDWR)
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_ledger_that_another_process_keeps_locked_names_it_and_goes_on_when_it_is_free(path: Path) -> None:
    ledger = open_ledger(path, wait_s=0.3)
    row = template("a")
    ledger.put_template(row)
    session = Session(ledger)
    with program("-c", HOLD, f"{path}-lock") as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        began = time.monotonic()
        with pytest.raises(LedgerUnavailable, match=f"process {holder.pid} .*try again"):
            ledger.put_template(template("b"))
        assert 0.25 < time.monotonic() - began < 3
        assert ledger.get_template(row["id"]) == row, "reading takes no lock"
        problem = session.run()
        assert problem is not None and f"process {holder.pid}" in problem
    ledger.put_template(template("b"))
    assert session.run() is None
    session.recorder.close()
    ledger.close()


def test_a_writer_that_waits_for_another_gets_its_turn(path: Path) -> None:
    ledger = open_ledger(path, wait_s=10)
    other = os.open(f"{path}-lock", os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX)
    threading.Timer(0.3, lambda: os.close(other)).start()
    began = time.monotonic()
    ledger.put_template(template("a"))
    assert 0.2 < time.monotonic() - began < 3
    ledger.close()


TRANSACTION = """
import sqlite3, sys
ledger = sqlite3.connect(sys.argv[1], isolation_level=None)
ledger.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()
"""


def test_what_a_write_waits_for_threads_processes_and_sqlite_is_one_wait(path: Path) -> None:
    """Each of three threads gets the lock when the one before it has given up, and must then be out of patience."""
    ledger = open_ledger(path, wait_s=1.0)
    ledger.put_template(template("a"))
    took: list[float] = []

    def write(number: int) -> None:
        began = time.monotonic()
        with pytest.raises(LedgerUnavailable, match="locked"):
            ledger.put_template(template(f"b{number}"))
        took.append(time.monotonic() - began)

    with program("-c", HOLD, f"{path}-lock") as holder, program("-c", TRANSACTION, str(path)) as stranger:
        for process in (holder, stranger):
            assert process.stdout is not None and process.stdout.readline() == b"held\n"
        threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.7)
        holder.kill()  # from now on it is SQLite's lock that they meet
        for thread in threads:
            thread.join()
        assert len(took) == 3 and min(took) > 0.9 and max(took) < 1.5, took
    ledger.put_template(template("b"))
    ledger.close()


def test_an_execution_whose_session_owes_older_ends_waits_for_a_lock_no_longer_than_another(path: Path) -> None:
    ledger = open_ledger(path, wait_s=1.0)
    session = Session(ledger)
    assert session.begin() is None
    with program("-c", TRANSACTION, str(path)) as stranger:
        assert stranger.stdout is not None and stranger.stdout.readline() == b"held\n"
        problem = session.finish()
        assert problem is not None and "locked" in problem
        owed = session.execution_id
        began = time.monotonic()
        problem = session.begin()
        assert problem is not None and "locked" in problem
        assert 0.9 < time.monotonic() - began < 1.5
    assert session.run() is None
    row = ledger.get_execution(owed)
    assert row is not None and row["status"] == "ok"
    session.recorder.close()
    ledger.close()


# -- reading while another process writes --------------------------------------------------------------------


def test_a_process_reads_whole_transactions_while_another_writes(path: Path) -> None:
    ledger = open_ledger(path)
    with program("-m", "tests.ledger.session", str(path), "1") as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
        reads, deadline = 0, time.monotonic() + 1.5
        while time.monotonic() < deadline:
            for row in ledger.database.table("executions", cache_size=0).page(limit=3):
                found = ledger.events(row["id"])
                assert seqs(found) == list(range(1, len(found) + 1)) and found, row
                assert row["status"] == "running" or found[-1]["type"] == "value"
                reads += 1
        assert reads > 50
    ledger.close()


def test_only_the_rows_of_the_killed_session_are_closed(path: Path) -> None:
    ledger = open_ledger(path)
    mine = execution("s")
    ledger.begin(mine)
    code = (
        "import sys, time; from vm_gateway.ledger.tiny import open_ledger; from tests.ledger.session import Session\n"
        "session = Session(open_ledger(sys.argv[1])); session.begin('while (true) {}'); session.print(3)\n"
        "time.sleep(0.3); print(session.execution_id, flush=True); time.sleep(60)"
    )
    with program("-c", code, str(path)) as victim:
        assert victim.stdout is not None
        execution_id = victim.stdout.readline().decode().strip()
        assert ledger.close_rows_of_dead_owners().executions == []
        victim.kill()
        victim.wait()
        assert [row["id"] for row in ledger.close_rows_of_dead_owners().executions] == [execution_id]
    row = ledger.get_execution(execution_id)
    assert row is not None and row["error"]["message"] == "session process ended"
    found = ledger.events(execution_id)
    assert seqs(found) == [1, 2, 3, 4, 5] and found[-1]["type"] == "system"
    assert ledger.get_execution(mine["id"]) == mine
    ledger.close()
