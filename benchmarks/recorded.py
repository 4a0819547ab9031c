"""Owns the recorded kernel's bars beside kernels that record nothing, and that all of it is in the ledger; refuses to
know how a measure is taken.

Usage: python benchmarks/recorded.py [--rounds N] [--print]. Exits with 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from contextlib import closing
from dataclasses import replace

import kernels
import measures
import peers
import results as results_file
from kernels import Row, Stage
from peers import LINES

from vm_gateway.ledger.tiny import open_ledger
from vm_kernel import install

#: `first`, `one` and `flood` have bars of their own: no other kernel writes anything down.
ROWS = (
    Row("info", "start to kernel_info_reply", "ms", statistics.median),
    Row("first", "start to the first `1+1` answered and idle", "ms", statistics.median, 0.8, "deno"),
    Row("pss", "memory idle after `1+1`, PSS of the process tree", "MiB", statistics.median),
    Row("one", f"`1+1`, {measures.CELLS} one by one, p50", "ms", statistics.median, 1.0, "deno"),
    Row("one p99", f"`1+1`, {measures.CELLS} one by one, p99", "ms", kernels.p99, source="one"),
    Row("burst", f"`1+1`, {measures.CELLS} at once, to the last idle", "ms", statistics.median),
    Row("flood", f"{LINES:,} lines printed, all by the idle", "ms", statistics.median, 0.6, "ipykernel"),
)
STAGES = [stage for stage in kernels.STAGES if stage.name in ("start", "round trips", "flood")]


def recorded(ledger: str) -> peers.Peer:
    """This project's kernel as `vm-gateway kernelspec install` has it started."""
    words = ("--template", "notebook", "--mem-mb", "2048", "--ledger", ledger, "-f", "{connection_file}")
    return replace(peers.ours(), argv=(*install.running("vm_gateway.launch"), *words))


def lost(ledger: str, stages: list[Stage], rounds: int | None) -> str:
    """What should be in the ledger and is not; empty when all is."""
    turns = {stage.name: rounds or stage.rounds for stage in stages}
    cells = turns["start"] + turns["round trips"] * 2 * measures.CELLS + 2 * turns["flood"]
    with closing(open_ledger(ledger, read_only=True)) as opened:
        sessions = [row["id"] for row in opened.list_sessions().documents]
        found = [row for session in sessions for row in opened.list_executions(session).documents]
        ended = [row for row in found if row["status"] == "ok"]
        floods = [row["id"] for row in ended if "for (let i" in row["input"]]
        lines = sum(1 for each in floods for event in opened.events(each) if event["type"] == "console")
    if len(ended) < cells or len(ended) != len(found):
        return f"{len(ended):,} of {len(found):,} cells on record ended well, and at least {cells:,} ran"
    if lines != len(floods) * LINES or len(floods) != turns["flood"]:
        return f"{lines:,} lines of {len(floods)} floods on record"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures the recorded kernel beside others that record nothing.")
    parser.add_argument("--rounds", type=int, help="rounds of every stage (default: each has its own number)")
    parser.add_argument("--print", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="recorded-")
    try:
        os.environ["JUPYTER_RUNTIME_DIR"] = os.path.join(folder, "run")
        ledger = os.path.join(folder, "bench.ledger")
        ours = recorded(ledger)
        measures.start(ours, *(measures.Figures() for _ in range(3)))  # makes the ledger and its templates
        bare = replace(peers.ours(), name="not recorded")
        beside = [peer for peer in (ours, bare, peers.deno(), peers.ipykernel()) if peer is not None]
        load = os.getloadavg()[0]
        results = kernels.take(beside, STAGES, options.rounds)
        if problem := lost(ledger, STAGES, options.rounds):
            results["flood", "vm_kernel"].losses.append(problem)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    head = kernels.heading(beside, load).splitlines()
    head[0] = "# The recorded kernel beside kernels that record nothing"
    head[2] = head[2].replace("`make bench`", "`python benchmarks/recorded.py`")
    head[-2:] = [
        "As above. vm_kernel is started as its recorded kernelspec has it: template `notebook`, each cell and line in",
        "one ledger, durable before it is answered; a line that is not there afterwards counts as lost.",
    ]
    text = kernels.table(results, list(ROWS), [peer.name for peer in beside], "\n".join(head))
    print(f"\n{text}")
    if not options.print and options.rounds is None and len(beside) == 4:
        results_file.write_section(text)
    return int(any(kernels.verdict(row, results).startswith(("FAIL", "not")) for row in ROWS))


if __name__ == "__main__":
    sys.exit(main())
