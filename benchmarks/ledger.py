"""Owns what the ledger costs empty and full, with its bars, and its section of RESULTS.md; refuses to know kernels.

Usage: python benchmarks/ledger.py [--events N] [--print]. An empty and a full ledger take turns in one process, so that
a busy machine is busy for both. Exits with 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import results

from vm_gateway.ledger import owners
from vm_gateway.ledger.tiny import TinyLedger, open_ledger
from vm_kernel.events import Event, timestamp
from vm_kernel.ids import uuid7

TITLE = "# The ledger, empty and full"
#: Events of one execution, as one page.
PAGE = 20
SESSIONS = 100
PAIRS = 1500
READS = 300
WRITERS = 8
WRITERS_S = 3.0


@dataclass(frozen=True)
class Row:
    """One line of the table; `passed` is None where there is no bar."""

    what: str
    figure: str
    bar: str = "-"
    passed: bool | None = None

    def markdown(self) -> str:
        verdict = "-" if self.passed is None else "pass" if self.passed else "FAIL"
        return f"| {self.what} | {self.figure} | {self.bar} | {verdict} |"


def execute(ledger: TinyLedger, session_id: str) -> str:
    """One execution as a session writes it: begin, then its events and its end; about 4 kB."""
    now, execution_id = timestamp(), uuid7()
    row = {"id": execution_id, "session_id": session_id, "kind": "repl", "input": "work()", "args": [], "env": {}}
    row |= {"status": "running", "started_at": now, "metrics": {}, "owner": OWNER}
    text = "GET /api/v1/items/%d 200 application/json 1834 bytes in 12 ms, cache miss, user 8271"
    events = [
        Event(execution_id, seq, "console", {"level": "log", "text": text % seq}, now) for seq in range(1, PAGE + 1)
    ]
    with ledger.batch(durable=False):
        ledger.begin(row, events[:1])
    fields = {"status": "ok", "ended_at": now, "result": {"type": "number", "preview": "2", "json": 2}, "owner": None}
    ledger.finish(execution_id, fields, events[1:])
    return execution_id


OWNER = owners.owner()


def fill(path: Path, events: int) -> list[str]:
    """A ledger with that many events; some of its executions."""
    ledger = open_ledger(path, durability="os")
    some = []
    for start in range(0, events // PAGE, 500):
        with ledger.batch():
            for number in range(start, min(start + 500, events // PAGE)):
                execution_id = execute(ledger, f"s{number % SESSIONS}")
                if number % 97 == 0:
                    some.append(execution_id)
    ledger.database.storage.checkpoint()
    ledger.close()
    return some


def milliseconds(values: list[float]) -> str:
    return f"p50 {statistics.median(values):.2f}, p99 {sorted(values)[len(values) * 99 // 100]:.2f} ms"


def inserts(empty: Path, full: Path) -> Row:
    """Durable executions into both in turn."""
    ledgers = [open_ledger(empty), open_ledger(full)]
    times: list[list[float]] = [[], []]
    for pair in range(PAIRS):
        for which in (0, 1) if pair % 2 else (1, 0):
            began = time.perf_counter()
            execute(ledgers[which], f"s{pair % SESSIONS}")
            times[which].append((time.perf_counter() - began) * 1000)
    for ledger in ledgers:
        ledger.close()
    ratio = statistics.median(times[1]) / statistics.median(times[0])
    trimmed = [statistics.mean(sorted(each)[: PAIRS * 95 // 100]) for each in times]
    figure = (
        f"{ratio:.2f} of medians, {trimmed[1] / trimmed[0]:.2f} of means without the slowest 5 %; "
        f"empty {milliseconds(times[0])}; full {milliseconds(times[1])}"
    )
    return Row("a durable execution in the full ledger against the empty one", figure, "<= 1.1", ratio <= 1.1)


CHILD = """
import json, random, sys, time
began = time.perf_counter()
from vm_gateway.ledger.tiny import open_ledger
path, wanted = sys.argv[1], json.loads(sys.stdin.read())
imported = time.perf_counter()
ledger = open_ledger(path)
assert ledger.get_execution(wanted[0])
opened = (time.perf_counter() - imported) * 1000

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

before = resident_mb()
pick = random.Random(1)
after, listing, one = [], [], []
for number in range(READS):
    execution_id = pick.choice(wanted)
    for times, call in (
        (after, lambda: ledger.events(execution_id, 15)),
        (listing, lambda: ledger.list_executions("s%d" % (number % 100), limit=50)),
        (one, lambda: ledger.get_execution(execution_id)),
    ):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
start = time.perf_counter()
count = sum(1 for _ in ledger.database.table("execution_events", cache_size=0))
scan = time.perf_counter() - start
start = time.perf_counter()
ledger.stats()
stats = (time.perf_counter() - start) * 1000
print(json.dumps([opened, after, listing, one, count, scan, stats, resident_mb() - before]))
ledger.close()
"""


def read(path: Path, wanted: list[str]) -> list[object]:
    """What a fresh process measures."""
    command = [sys.executable, "-c", CHILD.replace("READS", str(READS)), str(path)]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(wanted), capture_output=True, text=True, check=True)
    found: list[object] = json.loads(done.stdout)
    return found


WRITER = """
import json, sys, time
from tests.ledger.session import Session
from vm_gateway.ledger.tiny import open_ledger
ledger = open_ledger(sys.argv[1])
session = Session(ledger)
session.run()
print("ready", flush=True)
sys.stdin.readline()
times, end = [], time.perf_counter() + float(sys.argv[2])
while time.perf_counter() < end:
    began = time.perf_counter()
    assert session.run(3) is None
    times.append((time.perf_counter() - began) * 1000)
session.recorder.close()
ledger.close()
print(json.dumps(times))
"""


def writers(path: Path, count: int) -> Row:
    """So many session processes, each with its recorder, as fast as they can."""
    command = [sys.executable, "-c", WRITER, str(path), str(WRITERS_S)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    times: list[float] = []
    try:
        for process in processes:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for process in processes:
            times += json.loads(process.communicate(timeout=60)[0])
    finally:
        for process in processes:
            process.kill()
            process.wait()
    rate = len(times) / WRITERS_S
    return Row(
        f"durable executions of {count} session process{'es' if count > 1 else ''} on one ledger",
        f"{rate:.0f}/s, {milliseconds(times)}",
    )


def measure(events: int, folder: Path) -> list[Row]:
    small, full = folder / "small", folder / "full"
    some = fill(small, events // 20)
    began = time.perf_counter()
    many = fill(full, events)
    filled = time.perf_counter() - began
    few_figures, figures = read(small, some), read(full, many)
    opened, after, listing, one, pages, scan, stats, grown = figures
    grown_small = few_figures[7]
    assert isinstance(after, list) and isinstance(listing, list) and isinstance(one, list)
    assert isinstance(opened, float) and isinstance(stats, float) and isinstance(scan, float)
    assert isinstance(grown, float) and isinstance(grown_small, float)
    size = sum(each.stat().st_size for each in folder.glob("full*")) / events
    return [
        Row(
            f"{events:,} events in {events // PAGE:,} executions", f"{filled:.1f} s to write, {size:.0f} bytes an event"
        ),
        inserts(folder / "empty", full),
        Row("open and first row, full", f"{opened:.1f} ms", "< 1 s", opened < 1000),
        Row("events after N, full", milliseconds(after), "p50 < 1 ms", statistics.median(after) < 1),
        Row("newest 50 of a session, full", milliseconds(listing)),
        Row("one execution by its id, full", milliseconds(one)),
        Row("counts per status, full", f"{stats:.1f} ms"),
        Row(
            f"memory that {READS} such reads and a scan of all {pages:,} pages add",
            f"{grown:.1f} MB ({scan:.1f} s); with a twentieth of the events {grown_small:.1f} MB",
            "+ 8 MB",
            grown <= grown_small + 8,
        ),
        writers(full, 1),
        writers(full, WRITERS),
    ]


def section(rows: list[Row], load: float) -> str:
    head = (
        f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, command `python benchmarks/ledger.py`; SQLite "
        f"{sqlite3.sqlite_version}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} shared cores, load {load:.1f} at the start.\n\n"
        f"An execution is a row, {PAGE} events and two transactions; durable: synced before it counts."
    )
    lines = ["| measure | figure | bar | |", "| --- | --- | --- | --- |", *(row.markdown() for row in rows)]
    return "\n\n".join((TITLE, head, "\n".join(lines))) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures the ledger, empty and full.")
    parser.add_argument("--events", type=int, default=1_000_000, help="in the full ledger")
    parser.add_argument("--print", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="ledger-", dir=ROOT / "benchmarks") as folder:
        rows = measure(options.events, Path(folder))
    text = section(rows, load)
    print(text)
    if options.events == 1_000_000 and not options.print:
        results.write_section(text)
    return int(any(row.passed is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
