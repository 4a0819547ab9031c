"""Owns thirty idle sessions of one gateway: each starts, answers, keeps its variables and is gone at the end."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import psutil
import pytest

from ...rest.running import Home, Running
from . import processes

SESSIONS = 30


def memory_mib(pid: int) -> float:
    """Proportional set size of a session's kernel and of all below it."""
    total = 0
    for each in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        lines = Path(f"/proc/{each.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


@pytest.mark.full
@pytest.mark.slow
def test_thirty_idle_sessions_start_answer_and_leave_nothing(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with Running(home) as gateway:
        template = gateway.template()["id"]
        sessions, start_ms = [], []
        for _ in range(SESSIONS):
            began = time.monotonic()
            sessions.append(gateway.session(template)["id"])
            start_ms.append((time.monotonic() - began) * 1000)
        for number, each in enumerate(sessions):
            gateway.repl(each, f"var mine = {number}")
        time.sleep(3)
        weights = [memory_mib(gateway.pid_of(each)) for each in sessions]
        for number, each in enumerate(sessions):
            assert gateway.repl(each, "mine")["result"]["json"] == number, "a session has another's variables"
        assert gateway.ask("GET", "/runtime/summary", 200)["active_session_ids"] == sorted(sessions)
        descriptors = psutil.Process(gateway.process.pid).num_fds()
        assert gateway.end() == 0
    assert not processes.of(home), processes.described(processes.of(home))
    with capsys.disabled():
        print(
            f"\n{SESSIONS} idle sessions: start p50 {statistics.median(start_ms):.0f} ms "
            f"[{min(start_ms):.0f}..{max(start_ms):.0f}]; memory p50 {statistics.median(weights):.1f} MiB "
            f"[{min(weights):.1f}..{max(weights):.1f}], all {sum(weights):.0f} MiB; "
            f"{descriptors} descriptors of the gateway"
        )
        print("start ms: " + " ".join(f"{value:.0f}" for value in start_ms))
        print("memory MiB: " + " ".join(f"{value:.1f}" for value in weights))
