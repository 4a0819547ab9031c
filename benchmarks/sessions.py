"""Owns what many idle sessions of one gateway cost, memory and start, and its section of RESULTS.md; no bars.

Usage: python benchmarks/sessions.py [--sessions N] [--print]. Exits with 1 when a session fails or something is left.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone

import results
from client import pss_mb, tree
from served import Gateway

TITLE = "# Many idle sessions"
SESSIONS = 30
#: How long they idle before they are weighed.
SETTLE_S = 3.0
#: CPU that all of them use is measured over this.
IDLE_S = 5.0


@dataclass
class Figures:
    """One value a session, in the order of their start: ms from POST to 201, MiB, ms of a first and a second cell."""

    start_ms: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    second_ms: list[float] = field(default_factory=list)
    gateway_mib: float = 0.0
    cpu_percent: float = 0.0
    stop_s: float = 0.0
    failures: list[str] = field(default_factory=list)


def cpu_s(pids: list[int]) -> float:
    """What these processes have used so far, user and system."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            ticks += sum(int(each) for each in file.read().rpartition(")")[2].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def run_cell(gateway: Gateway, session_id: str, figures: Figures) -> float:
    """ms of `1+1`, from POST to 201."""
    began = time.perf_counter()
    record = gateway.wire.ask("POST", "/executions/repl", {"session_id": session_id, "input": "1+1"}, 201)
    took = (time.perf_counter() - began) * 1000
    if record["status"] != "ok" or record["result"]["json"] != 2:
        figures.failures.append(f"1+1 in {session_id}: {record}")
    return took


def stop(gateway: Gateway) -> float:
    """Ends it and its sessions; the seconds that took."""
    began = time.perf_counter()
    gateway.process.terminate()
    gateway.process.wait(60)
    return time.perf_counter() - began


def measure(count: int) -> Figures:
    """Starts so many one after the other, runs a cell in each, weighs them idle, runs another, stops."""
    figures = Figures()
    with Gateway() as gateway:
        sessions: dict[str, int] = {}
        for _ in range(count):
            began = time.perf_counter()
            session_id, pid = gateway.session()
            figures.start_ms.append((time.perf_counter() - began) * 1000)
            sessions[session_id] = pid
        figures.first_ms = [run_cell(gateway, each, figures) for each in sessions]
        time.sleep(SETTLE_S)
        pids = [gateway.process.pid, *[each for pid in sessions.values() for each in tree(pid)]]
        before = cpu_s(pids)
        time.sleep(IDLE_S)
        figures.cpu_percent = (cpu_s(pids) - before) / IDLE_S * 100
        figures.memory_mib = [pss_mb(pid) for pid in sessions.values()]
        figures.gateway_mib = pss_mb(gateway.process.pid) - sum(figures.memory_mib)
        gateway.reconnect()
        figures.second_ms = [run_cell(gateway, each, figures) for each in sessions]
        for each in sessions:
            row = gateway.wire.ask("GET", f"/sessions/{each}")
            if row["status"] != "ready":
                figures.failures.append(f"session {each} is {row['status']}: {row.get('last_error')}")
        figures.stop_s = stop(gateway)
        figures.failures += [f"process {pid} is left" for pid in pids if is_there(pid)]
    return figures


def described(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}..{max(values):.{digits}f}]"


def section(count: int, figures: Figures, load: float) -> str:
    head = (
        f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, command `python benchmarks/sessions.py`; Python "
        f"{platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} shared cores, load "
        f"{load:.1f} at the start.\n\n"
        f"{count} sessions of one gateway, started one after the other, each idle after `1+1`; median [min..max]. "
        "Memory is the proportional set size of a session's kernel and engine: pages that sessions share count once."
    )
    last = slice(-min(5, count), None)
    rows = [
        ("start of a session, POST to 201", "ms", described(figures.start_ms, 0)),
        (f"the last {len(figures.start_ms[last])} of them", "ms", described(figures.start_ms[last], 0)),
        ("first `1+1` in each, over REST", "ms", described(figures.first_ms, 1)),
        ("`1+1` in each after all were idle", "ms", described(figures.second_ms, 1)),
        ("memory of an idle session", "MiB", described(figures.memory_mib, 1)),
        (f"memory of all {count}", "MiB", f"{sum(figures.memory_mib):.0f}"),
        ("memory of the gateway", "MiB", f"{figures.gateway_mib:.1f}"),
        ("CPU of gateway, kernels and engines while all are idle", "% of a core", f"{figures.cpu_percent:.1f}"),
        ("SIGTERM of the gateway until all are gone", "s", f"{figures.stop_s:.2f}"),
        ("failures", "", str(len(figures.failures))),
    ]
    lines = ["| measure | unit | figure |", "| --- | --- | --- |", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n\n".join((TITLE, head, "\n".join(lines))) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures many idle sessions.")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--print", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    figures = measure(options.sessions)
    text = section(options.sessions, figures, load)
    print(text)
    for failure in figures.failures:
        print(failure, file=sys.stderr)
    if options.sessions == SESSIONS and not options.print and not figures.failures:
        results.write_section(text)
    return int(bool(figures.failures))


if __name__ == "__main__":
    sys.exit(main())
