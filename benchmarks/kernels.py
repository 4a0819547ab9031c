"""Owns the order of the measures, their bars and the table in RESULTS.md; refuses to know how they are taken.

Usage: python benchmarks/kernels.py [--rounds N] [--only STAGE] [--peer NAME] [--print]. Every kernel takes
its turn in every round, so that a busy machine is busy for all. Exits with 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import measures
import peers
import results as results_file
from client import Silent
from measures import Figures
from peers import LARGE, LINES, Peer


@dataclass(frozen=True)
class Row:
    """One line of the table. Bar: our figure is at most `factor` (times that of `against`, if any)."""

    name: str
    what: str
    unit: str
    summary: Callable[[list[float]], float]
    factor: float | None = None
    against: str | None = None
    source: str = ""

    @property
    def bar(self) -> str:
        if self.factor is None:
            return "-"
        return (
            f"<= {self.factor:g} {self.unit}"
            if self.against is None
            else f"<= {self.factor:g} of {self.against}"
        )


def p99(values: list[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 99 // 100) - 1)]


ROWS = (
    Row("info", "start to kernel_info_reply", "ms", statistics.median),
    Row("first", "start to the first `1+1` answered and idle", "ms", statistics.median, 0.8, "deno"),
    Row("pss", "memory idle after `1+1`, PSS of the process tree", "MiB", statistics.median, 0.6, "deno"),
    Row("one", f"`1+1`, {measures.CELLS} one by one, p50", "ms", statistics.median, 0.6, "deno"),
    Row("one p99", f"`1+1`, {measures.CELLS} one by one, p99", "ms", p99, 0.5, "deno", source="one"),
    Row("burst", f"`1+1`, {measures.CELLS} at once, to the last idle", "ms", statistics.median),
    Row("flood", f"{LINES:,} lines printed, all by the idle", "ms", statistics.median, 0.5, "ipykernel"),
    Row(
        "print",
        f"{LARGE >> 20} MiB printed in one call, whole by the idle",
        "ms",
        statistics.median,
        1,
        "ipykernel",
    ),
    Row("return", f"{LARGE >> 20} MiB as result, whole by the idle", "ms", statistics.median, 1, "ipykernel"),
    Row("compute", "sieve to 5e6 and n-body of 500,000 steps", "ms", statistics.median, 1.15, "node"),
    Row("loop", "interrupt of `while (true) {}`, p50", "ms", statistics.median, 5),
    Row("await", "interrupt of a pending `await`, p50", "ms", statistics.median, 5),
)


@dataclass(frozen=True)
class Stage:
    """One measure and the rows it fills, so many rounds."""

    name: str
    rows: tuple[str, ...]
    measure: Callable[..., None]
    rounds: int


STAGES = (
    Stage("start", ("info", "first", "pss"), measures.start, 7),
    Stage("round trips", ("one", "burst"), measures.round_trips, 2),
    Stage("flood", ("flood",), measures.flood, 3),
    Stage("large texts", ("print", "return"), measures.large, 3),
    Stage("compute", ("compute",), measures.compute, 5),
    Stage("interrupt of a loop", ("loop",), measures.interrupts("loop"), 1),
    Stage("interrupt of an await", ("await",), measures.interrupts("await"), 1),
)

Results = dict[tuple[str, str], Figures]


def take(kernels: list[Peer], stages: list[Stage], rounds: int | None) -> Results:
    """Runs the stages, the kernels in turn; a kernel that falls silent loses the figure, not the run."""
    results: Results = {}
    node = peers.node()
    for stage in stages:
        for turn in range(rounds or stage.rounds):
            order = kernels[turn % len(kernels) :] + kernels[: turn % len(kernels)]
            for peer in order:
                if stage.name == "compute" and peer.name == "ipykernel" and turn:
                    continue  # seconds each, and no bar looks at it
                figures = [results.setdefault((row, peer.name), Figures()) for row in stage.rows]
                print(f"{stage.name}, round {turn + 1}: {peer.name}", end=" ", flush=True)
                began = time.perf_counter()
                try:
                    stage.measure(peer, *figures)
                except Silent as silence:
                    for each in figures:
                        each.losses.append(str(silence))
                print(f"({time.perf_counter() - began:.1f} s)", flush=True)
            if stage.name == "compute" and node:
                results.setdefault(("compute", "node"), Figures()).values.append(
                    peers.compute_in_node(node[0])
                )
    return results


def figure(row: Row, results: Results, peer: str) -> float | None:
    figures = results.get((row.source or row.name, peer))
    return row.summary(figures.values) if figures and figures.values else None


def verdict(row: Row, results: Results) -> str:
    """pass or FAIL with the ratio; a loss of ours is a failure whatever the time was."""
    mine = results.get((row.source or row.name, "vm_kernel"), Figures())
    if mine.losses:
        return "FAIL: " + mine.losses[0]
    if row.factor is None:
        return "-"
    figures = figure(row, results, "vm_kernel")
    other = 1.0 if row.against is None else figure(row, results, row.against)
    if figures is None or other is None:
        return "not measured"
    ratio = f" ({figures / other:.2f})" if row.against else ""
    return ("pass" if figures <= row.factor * other else "FAIL") + ratio


def cell_text(row: Row, results: Results, peer: str) -> str:
    figures = results.get((row.source or row.name, peer))
    if figures is None:
        return ""
    value = figure(row, results, peer)
    digits = 2 if value is not None and value < 10 else 1 if value is not None and value < 100 else 0
    text = "never" if value is None else f"{value:.{digits}f}"
    if value is not None and 1 < len(figures.values) <= 20:
        text += f" [{min(figures.values):.{digits}f}..{max(figures.values):.{digits}f}]"
    if figures.losses:
        text += f"; **{figures.losses[0]}**"
    return text


def table(results: Results, rows: list[Row], names: list[str], head: str) -> str:
    """The Markdown of RESULTS.md."""
    lines = [head, "", f"| measure | unit | {' | '.join(names)} | bar | |", f"|{' --- |' * (len(names) + 4)}"]
    for row in rows:
        texts = [cell_text(row, results, name) for name in names]
        lines.append(
            f"| {row.what} | {row.unit} | {' | '.join(texts)} | {row.bar} | {verdict(row, results)} |"
        )
    return "\n".join(lines) + "\n"


def heading(kernels: list[Peer], load: float) -> str:
    node = peers.node()
    versions = [f"{peer.name} {peer.version}" for peer in kernels] + ([f"node {node[1]}"] if node else [])
    return "\n".join(
        (
            "# Measured beside other kernels",
            "",
            f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, command `make bench`; {', '.join(versions)}; "
            f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
            f"{os.cpu_count()} shared cores, load {load:.1f} at the start.",
            "",
            "Median [min..max], kernels in turn in every round, one raw ZeroMQ client over TCP for all. "
            "A cell is answered when its reply, its result and its idle are there.",
            "What is bold was lost; with a loss of ours no bar is passed. Deno runs with "
            "the `interrupt_mode: message` that its kernelspec lacks; ipykernel runs the programs in Python.",
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures this kernel beside Deno's and ipykernel.")
    parser.add_argument("--rounds", type=int, help="rounds of every stage (default: each has its own number)")
    parser.add_argument(
        "--only", action="append", metavar="STAGE", help=f"one of {', '.join(s.name for s in STAGES)}"
    )
    parser.add_argument(
        "--peer", action="append", metavar="NAME", help="vm_kernel, deno or ipykernel; all by default"
    )
    parser.add_argument("--print", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    kernels = [peer for peer in (peers.ours(), peers.deno(), peers.ipykernel()) if peer is not None]
    kernels = [peer for peer in kernels if not options.peer or peer.name in options.peer]
    stages = [stage for stage in STAGES if not options.only or stage.name in options.only]
    if not kernels or not stages:
        parser.error("nothing to measure: --only and --peer leave nothing over")
    load = os.getloadavg()[0]
    began = time.perf_counter()
    results = take(kernels, stages, options.rounds)
    rows = [row for row in ROWS if any((row.source or row.name) in stage.rows for stage in stages)]
    names = [peer.name for peer in kernels] + (["node"] if ("compute", "node") in results else [])
    text = table(results, rows, names, heading(kernels, load))
    print(f"\n{text}\n{time.perf_counter() - began:.0f} s")
    whole = stages == list(STAGES) and len(kernels) == 3 and options.rounds is None
    if whole and not options.print:
        results_file.write_section(text)
    return int(any(verdict(row, results).startswith(("FAIL", "not")) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
