"""Owns a ledger that cannot be written: disk full, locked by a stranger; asserts contract 18.6, REST and Jupyter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ...rest.running import PATIENCE_S, Home, Running, is_alive, wait_until
from . import processes
from .disks import NarrowFiles, SmallDisk, narrow_files, small_disk

Disk = SmallDisk | NarrowFiles
#: What a writer waits for others before it gives up.
WAIT_S = 10.0


@pytest.fixture(params=[small_disk, narrow_files], ids=["tmpfs", "file size"])
def disk(request: pytest.FixtureRequest, home: Home) -> Iterator[Disk]:
    with request.param(home) as disk:
        yield disk


JUPYTER = """
import json, sys
from jupyter_client.blocking.client import BlockingKernelClient
client = BlockingKernelClient(connection_file=sys.argv[1])
client.load_connection_file()
client.start_channels(iopub=False, stdin=False, hb=False, control=False)
reply = client.execute(sys.argv[2], reply=True, timeout=25)
print(json.dumps(reply['content']))
client.stop_channels()
"""


def over_jupyter(home: Home, session_id: str, code: str) -> dict[str, Any]:
    """The execute_reply of a Jupyter client that came to the session by its connection file."""
    command = [sys.executable, "-W", "ignore", "-c", JUPYTER, str(home.runtime / f"kernel-{session_id}.json"), code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    reply: dict[str, Any] = json.loads(done.stdout)
    return reply


def refused(answer: dict[str, Any], *words: str) -> None:
    """It names the ledger's trouble and what to do."""
    assert answer["error"]["code"] == "LEDGER_UNAVAILABLE"
    for word in words:
        assert word in answer["error"]["message"]


def whole(gateway: Running, records: list[dict[str, Any]]) -> None:
    """Every acknowledged execution is stored as it was answered, with its events."""
    for record in records:
        assert gateway.ask("GET", f"/executions/{record['id']}", 200) == record
        events = gateway.events(record["id"])
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert len(events) == record["metrics"]["events"]


@pytest.mark.covers("rule ledger failure")
def test_a_full_disk_refuses_cells_over_rest_and_jupyter_and_loses_nothing(home: Home, disk: Disk) -> None:
    gateway = Running(home)
    session = gateway.session()["id"]
    before = [gateway.repl(session, f"var kept = {number}; console.log(kept); kept") for number in range(5)]
    disk.fill()
    refused(gateway.repl(session, "kept = 'changed'", 503), *disk.words)
    refused(gateway.repl(session, "kept = 'changed'", 503, wait=False), *disk.words)
    reply = over_jupyter(home, session, "kept = 'changed'")
    assert (reply["status"], reply["ename"]) == ("error", "LedgerUnavailable")
    assert disk.words[-1] in reply["evalue"]
    refused(gateway.template("never", 503), *disk.words)
    assert gateway.ask("GET", "/health", 200) == {"status": "ok"}
    whole(gateway, before)
    disk.free()
    after = gateway.repl(session, "kept")
    assert after["result"]["json"] == 4, "a cell ran without a record"
    assert len(gateway.ask("GET", f"/executions?session_id={session}", 200)) == 6
    assert over_jupyter(home, session, "kept = 5")["status"] == "ok"
    whole(gateway, [*before, after])
    gateway.template("now")
    pid = gateway.pid_of(session)
    gateway.end(signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid))
    with Running(home) as second:
        whole(second, [*before, after])
        assert len(second.ask("GET", f"/executions?session_id={session}", 200)) == 7


@pytest.mark.covers("rule ledger failure")
def test_a_session_cannot_be_made_on_a_full_disk_and_leaves_nothing(home: Home, disk: Disk) -> None:
    with Running(home) as gateway:
        template = gateway.template()["id"]
        disk.fill()
        refused(gateway.session(template, 503), *disk.words)
        others = [each for each in processes.of(home) if each.pid != gateway.process.pid]
        assert not others, processes.described(others)
        disk.free()
        assert gateway.session(template)["status"] == "ready"


@pytest.mark.covers("rule ledger failure")
def test_a_disk_that_gets_full_under_a_printing_cell_stops_it_and_its_record_ends(home: Home, disk: Disk) -> None:
    def refuses() -> bool:
        body = {"session_id": session, "input": "1"}
        return gateway.http.post("/executions/repl", json=body).status_code == 503

    with Running(home) as gateway:
        template = gateway.limited(wall_ms=0, cpu_ms=0, max_events=0, max_output_kb=0)
        session = gateway.session(template)["id"]
        code = "for (let i = 0; ; i++) { console.log(i, 'x'.repeat(200)); await new Promise((r) => setTimeout(r, 5)); }"
        running = gateway.repl(session, code, 202, wait=False)["id"]
        wait_until(lambda: len(gateway.events(running)) > 20, what="some lines")
        disk.fill()
        # Only a session that takes cells has stopped the one that ran; while it is full it takes none.
        wait_until(refuses, what="the end of the cell that cannot be recorded")
        disk.free()
        assert gateway.repl(session, "'works'")["result"]["json"] == "works"
        record = wait_until(
            lambda: [r for r in [gateway.ask("GET", f"/executions/{running}", 200)] if r["status"] != "running"],
            what="the end of the record",
        )[0]
        assert record["status"] in ("error", "cancelled"), record
        assert "ledger" in record["error"]["message"], record
        events = gateway.events(running)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        lines = [event["payload"]["text"] for event in events if event["type"] == "console"]
        assert [int(line.split()[0]) for line in lines] == list(range(len(lines)))


@pytest.mark.covers("rule ledger failure")
def test_without_require_ledger_cells_run_on_a_full_disk_and_are_answered(home: Home) -> None:
    """The answer is then the only record; what was written before stays, what comes after is written again."""
    with narrow_files(home) as disk, Running(home) as gateway:
        session = gateway.session(gateway.template(settings={"session": {"require_ledger": False}})["id"])["id"]
        before = gateway.repl(session, "var n = 1; n")
        disk.fill()
        for expected in (2, 3):
            record = gateway.repl(session, "n += 1; n")
            assert (record["status"], record["result"]["json"]) == ("ok", expected), record
            gateway.ask("GET", f"/executions/{record['id']}", 404)
        later = gateway.repl(session, "n += 1; n", 202, wait=False)
        assert (later["status"], later["result"]["json"]) == ("ok", 4), "without a row the answer is the end"
        reply = over_jupyter(home, session, "n += 1")
        assert reply["status"] == "ok"
        disk.free()
        after = gateway.repl(session, "n")
        assert after["result"]["json"] == 5
        whole(gateway, [before, after])
        assert len(gateway.ask("GET", f"/executions?session_id={session}", 200)) == 2


# -- locked ----------------------------------------------------------------------------------------------

FLOCK = """
import fcntl, sys
lock = open(sys.argv[1] + '-lock', 'r+b')
fcntl.flock(lock, fcntl.LOCK_EX)
print('locked', flush=True)
sys.stdin.read()
"""
TRANSACTION = """
import sqlite3, sys
ledger = sqlite3.connect(sys.argv[1], isolation_level=None)
ledger.execute('BEGIN EXCLUSIVE')
print('locked', flush=True)
sys.stdin.read()
"""


class Stranger:
    """Another process that holds a lock on the ledger from its making to `release`."""

    def __init__(self, program: str, ledger: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, ledger], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "locked\n"

    def release(self) -> None:
        self._process.communicate(timeout=PATIENCE_S)


@pytest.mark.covers("rule ledger failure")
@pytest.mark.parametrize(
    "program",
    [
        pytest.param(FLOCK, id="flock", marks=[pytest.mark.full, pytest.mark.slow]),
        pytest.param(TRANSACTION, id="exclusive transaction", marks=pytest.mark.slow),
    ],
)
def test_a_ledger_that_a_stranger_locks_refuses_after_a_wait_and_loses_nothing(home: Home, program: str) -> None:
    """One session is asked over REST, one over Jupyter, one has a cell that runs when the lock comes; all at once."""
    with Running(home) as gateway:
        rest, jupyter, busy = (gateway.session()["id"] for _ in range(3))
        before = [gateway.repl(each, "var kept = 1; console.log('kept'); kept") for each in (rest, jupyter, busy)]
        slow = gateway.repl(busy, "await new Promise((r) => setTimeout(r, 500)); kept = 2; kept", 202, wait=False)["id"]
        stranger = Stranger(program, str(home.ledger))
        try:
            answers: dict[str, Any] = {}

            def ask(name: str, question: Callable[[], Any]) -> threading.Thread:
                thread = threading.Thread(target=lambda: answers.update({name: question()}))
                thread.start()
                return thread

            began = time.monotonic()
            body = {"session_id": rest, "input": "kept = 9"}
            threads = [
                ask("rest", lambda: gateway.http.post("/executions/repl", json=body)),
                ask("template", lambda: gateway.http.post("/templates", json={"name": "never"})),
                ask("jupyter", lambda: over_jupyter(home, jupyter, "kept = 9")),
            ]
            whole(gateway, before)
            assert gateway.ask("GET", "/health", 200) == {"status": "ok"}
            assert time.monotonic() - began < 2, "reading waited for the lock"
            for thread in threads:
                thread.join(PATIENCE_S)
            took = time.monotonic() - began
            assert took > WAIT_S - 1, f"it was given up after {took:.1f} s"
            assert took < WAIT_S + 8, f"it was given up only after {took:.1f} s"
            for name in ("rest", "template"):
                assert answers[name].status_code == 503, answers[name].text
                refused(answers[name].json(), "locked by")
            assert (answers["jupyter"]["status"], answers["jupyter"]["ename"]) == ("error", "LedgerUnavailable")
        finally:
            stranger.release()
        for each in (rest, jupyter):
            assert gateway.repl(each, "kept")["result"]["json"] == 1, "a cell ran without a record"
        assert gateway.repl(busy, "kept")["result"]["json"] == 2
        record = wait_until(
            lambda: [r for r in [gateway.ask("GET", f"/executions/{slow}", 200)] if r["status"] != "running"],
            what="the end of the record whose end could not be written",
        )[0]
        assert (record["status"], record["result"]["json"]) == ("ok", 2), record
        whole(gateway, [*before, record])
        for each, count in ((rest, 2), (jupyter, 2), (busy, 3)):
            assert len(gateway.ask("GET", f"/executions?session_id={each}", 200)) == count


@pytest.mark.covers("rule ledger failure")
def test_a_short_lock_makes_a_cell_late_and_no_more(home: Home) -> None:
    with Running(home) as gateway:
        session = gateway.session()["id"]
        stranger = Stranger(FLOCK, str(home.ledger))
        threading.Timer(0.7, stranger.release).start()
        began = time.monotonic()
        record = gateway.repl(session, "console.log('late'); 1")
        assert time.monotonic() - began > 0.5
        whole(gateway, [record])
