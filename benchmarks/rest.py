"""Owns what a gateway costs over REST, with its bars, and its section of RESULTS.md; refuses to know what it does.

Usage: python benchmarks/rest.py [--only STAGE] [--print]. A real `vm-gateway serve` with a new ledger, real sessions,
one kept connection for each client. Exits with 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import os
import platform
import selectors
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import peers
import results
from served import Gateway, Refused, Wire, child_of, commits, cpu_s, idle_share

from vm_gateway.ledger.tiny import open_ledger

TITLE = "# Executions over REST"
WARM = 100
CELLS = 500
PRINTS = 40
LINES = 200
CLIENTS = 8
CLIENTS_S = 5.0
LONG = 2000
EDGE = 200
COMPUTES = 5
COMPUTE_MS = 60
COUNTED = 50
#: Others share the machine: each stage waits for a quiet moment, so long.
QUIET_SHARE, QUIET_WITHIN_S = 0.9, 60.0


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


def p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]


def milliseconds(times: list[float]) -> str:
    return f"p50 {statistics.median(times):.2f}, p99 {p99(times):.2f} ms"


def timed(wire: Wire, session_id: str, code: str, times: int) -> tuple[list[float], list[str]]:
    """Milliseconds and ids of so many executions, one after the other. Raises: Refused."""
    request = wire.request("POST", "/executions/repl", {"session_id": session_id, "input": code})
    took, ids = [], []
    for _ in range(times):
        began = time.perf_counter()
        wire.send(request)
        status, body = wire.receive()
        took.append((time.perf_counter() - began) * 1000)
        if status != 201 or b'"status":"ok"' not in body:
            raise Refused(f"{status} {body[:300]!r}")
        ids.append(id_of(body))
    return took, ids


def id_of(body: bytes) -> str:
    """Of an execution as it is answered: its first field."""
    return body[7:43].decode()


def round_trips(gateway: Gateway) -> list[Row]:
    """`1+1`, and what it costs whom; then a session that has run it often against itself when it was new."""
    session_id, pid = gateway.session()
    engine = child_of(pid)
    timed(gateway.wire, session_id, "1+1", WARM)
    busy = [cpu_s(each) for each in (gateway.process.pid, pid, engine)]
    took, _ = timed(gateway.wire, session_id, "1+1", CELLS)
    shares = [
        (cpu_s(each) - was) / CELLS * 1000 for each, was in zip((gateway.process.pid, pid, engine), busy, strict=True)
    ]
    log, before = commits(gateway.ledger)
    timed(gateway.wire, session_id, "1+1", COUNTED)
    while (now := commits(gateway.ledger))[0] != log:  # a checkpoint came between
        log, before = now
        timed(gateway.wire, session_id, "1+1", COUNTED)
    written = (now[1] - before) / COUNTED
    syncs = fdatasyncs(gateway, session_id, pid)
    gateway.end(session_id)
    cpu = "gateway {:.2f}, kernel {:.2f}, engine {:.2f} ms".format(*shares)
    return [
        Row(f"`1+1`, {CELLS} one by one", milliseconds(took), "p50 <= 3 ms", statistics.median(took) <= 3),
        Row("processor time of each", cpu),
        Row("transactions of each", f"{written:.2f}", "2", written == 2),
        *(
            []
            if syncs is None
            else [Row("fdatasync of the log for each", f"{syncs:.2f}", "1, and one at a checkpoint", 1 <= syncs < 1.1)]
        ),
    ]


def fdatasyncs(gateway: Gateway, session_id: str, pid: int) -> float | None:
    """Of the kernel process, per execution; None where there is no strace, or it may not look."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    said = gateway.folder / "strace"
    command = [strace, "-f", "-qq", "-y", "-e", "trace=fdatasync,fsync", "-o", str(said), "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        time.sleep(1)
        if tracer.poll() is not None:
            return None
        timed(gateway.wire, session_id, "1+1", COUNTED)
    finally:
        tracer.terminate()
        tracer.communicate()
    # A sync that another thread interrupts is one line more, without a path.
    return sum(b"sync(" in line and b"-wal>" in line for line in said.read_bytes().splitlines()) / COUNTED


def prints(gateway: Gateway) -> list[Row]:
    """A cell that prints, every line of it in the ledger."""
    session_id, _ = gateway.session()
    code = f"for (let i = 0; i < {LINES}; i++) console.log('line', i)"
    timed(gateway.wire, session_id, code, 10)
    took, ids = timed(gateway.wire, session_id, code, PRINTS)
    ledger = open_ledger(gateway.ledger, read_only=True)
    try:
        printed = [[each for each in ledger.events(one) if each["type"] == "console"] for one in ids]
    finally:
        ledger.close()
    gateway.end(session_id)
    lost = sum(LINES - len(each) for each in printed)
    passed = statistics.median(took) <= 15 and not lost
    figure = milliseconds(took) + (f"; {lost} LINES LOST" if lost else f"; {len(ids) * LINES:,} of as many events kept")
    return [Row(f"a cell that prints {LINES} lines, {PRINTS} times", figure, "p50 <= 15 ms", passed)]


def clients(gateway: Gateway) -> list[Row]:
    """Each client its own session, the next cell as soon as the last is answered; all from one loop."""
    sessions = [gateway.session() for _ in range(CLIENTS)]
    wires = [Wire(gateway.port) for _ in sessions]
    requests = {}
    for wire, (session_id, _) in zip(wires, sessions, strict=True):
        timed(wire, session_id, "1+1", WARM // 2)
        requests[wire] = wire.request("POST", "/executions/repl", {"session_id": session_id, "input": "1+1"})
    pids = [gateway.process.pid, *(pid for _, pid in sessions), *(child_of(pid) for _, pid in sessions), os.getpid()]
    busy = [cpu_s(pid) for pid in pids]
    took, ids, sent = [], set(), {}
    with selectors.DefaultSelector() as selector:
        began = time.perf_counter()
        for wire in wires:
            selector.register(wire, selectors.EVENT_READ, wire)
            sent[wire] = time.perf_counter()
            wire.send(requests[wire])
        while sent:
            for key, _ in selector.select():
                wire = key.data
                status, body = wire.receive()
                now = time.perf_counter()
                if status != 201:
                    raise Refused(f"{status} {body[:300]!r}")
                took.append((now - sent.pop(wire)) * 1000)
                ids.add(id_of(body))
                if now - began < CLIENTS_S:
                    sent[wire] = now
                    wire.send(requests[wire])
        seconds = time.perf_counter() - began
    spent = [(cpu_s(pid) - was) / len(took) * 1000 for pid, was in zip(pids, busy, strict=True)]
    ledger = open_ledger(gateway.ledger, read_only=True)
    try:
        kept = sum(1 for one in ids if (ledger.get_execution(one) or {}).get("status") == "ok")
    finally:
        ledger.close()
    for wire in wires:
        wire.close()
    for session_id, _ in sessions:
        gateway.end(session_id)
    rate, lost = len(took) / seconds, len(took) - kept
    count = len(sessions)
    cpu = (
        f"gateway {spent[0]:.2f}, kernels {sum(spent[1 : 1 + count]):.2f}, "
        f"engines {sum(spent[1 + count : -1]):.2f}, these clients {spent[-1]:.2f} ms"
    )
    figure = f"{rate:.0f}/s, {milliseconds(took)}; {kept:,} of {len(took):,} in the ledger"
    return [
        Row(
            f"`1+1` in {count} sessions at once, {CLIENTS_S:.0f} s",
            figure,
            ">= 400/s, none lost",
            rate >= 400 and not lost,
        ),
        Row("processor time of each", cpu),
    ]


def compute(gateway: Gateway) -> list[Row]:
    """The computation, once in each of some sessions that have run a cell, and in Node processes in turn."""
    node, theirs, ours, whole = peers.node(), [], [], []
    body = {"input": peers.JAVASCRIPT["compute"]}
    for _ in range(COMPUTES):
        session_id, _ = gateway.session()
        timed(gateway.wire, session_id, "1+1", 3)
        began = time.perf_counter()
        row = gateway.wire.ask("POST", "/executions/repl", {"session_id": session_id, **body}, 201)
        whole.append((time.perf_counter() - began) * 1000)
        ours.append(float(row["result"]["preview"]))
        gateway.end(session_id)
        if node:
            theirs.append(peers.compute_in_node(node[0]))
    figure = f"p50 {statistics.median(whole):.1f} ms, {statistics.median(ours):.0f} ms of it the program's own"
    if node:
        needs = statistics.median(theirs)
        figure += f"; in node {node[1]} the program needs {needs:.0f} ms"
        figure += ": the bar is out of this machine's reach" if needs > COMPUTE_MS else ""
    what = f"sieve to 5e6 and n-body of 500,000 steps, once in {COMPUTES} sessions"
    return [Row(what, figure, f"<= {COMPUTE_MS} ms", statistics.median(whole) <= COMPUTE_MS)]


def endurance(gateway: Gateway) -> list[Row]:
    session_id, _ = gateway.session()
    timed(gateway.wire, session_id, "1+1", WARM)
    took, _ = timed(gateway.wire, session_id, "1+1", LONG)
    gateway.end(session_id)
    ratio = statistics.median(took[-EDGE:]) / statistics.median(took[:EDGE])
    figure = f"{ratio:.2f}; first {milliseconds(took[:EDGE])}; last {milliseconds(took[-EDGE:])}"
    return [Row(f"last {EDGE} of {LONG:,} in one session against the first {EDGE}", figure, "<= 1.1", ratio <= 1.1)]


STAGES: dict[str, Callable[[Gateway], list[Row]]] = {
    "round-trips": round_trips,
    "prints": prints,
    "clients": clients,
    "compute": compute,
    "endurance": endurance,
}


def wait_for_quiet() -> float:
    """The idle share that was found in the end."""
    deadline = time.monotonic() + QUIET_WITHIN_S
    while (share := idle_share()) < QUIET_SHARE and time.monotonic() < deadline:
        pass
    return share


def section(rows: list[Row], quiet: float) -> str:
    head = (
        f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, command `python benchmarks/rest.py`; Python "
        f"{platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} shared cores, at "
        f"least {quiet:.0%} idle before each stage.\n\n"
        "A real gateway and real sessions, all limits on, each execution durable in the ledger before it is answered; "
        "clients keep their connections and share those cores."
    )
    lines = ["| measure | figure | bar | |", "| --- | --- | --- | --- |", *(row.markdown() for row in rows)]
    return "\n\n".join((TITLE, head, "\n".join(lines))) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures a gateway over REST.")
    parser.add_argument("--only", action="append", choices=STAGES, help="so many stages alone")
    parser.add_argument("--print", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    rows: list[Row] = []
    shares = []
    with Gateway() as gateway:
        for name in options.only or STAGES:
            shares.append(wait_for_quiet())
            print(f"{name} ({shares[-1]:.0%} idle)", flush=True)
            gateway.reconnect()
            found = STAGES[name](gateway)
            print("\n".join(row.markdown() for row in found), flush=True)
            rows += found
    text = section(rows, min(shares))
    if not options.only and not options.print:
        results.write_section(text)
    return int(any(row.passed is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
