"""A stop that comes while V8 tells of a rejection is not lost: V8 is asked once for each task, so it must be heard."""

from __future__ import annotations

import time

from vm_kernel.outcomes import Interrupted

from .driver import Driver

LOOPS = (
    "(async () => { for (;;) try { await Promise.reject(1) } catch {} })()",
    "(async () => { for (;;) { const late = Promise.reject(1); await 0; late.catch(() => {}) } })()",
)
ROUNDS = 30  # of a hundred stops, three to ten were lost


def test_loops_of_rejections_are_stopped_every_time_and_keep_the_state(shared: Driver) -> None:
    shared.run("var kept = 42")
    lost = []
    for number in range(ROUNDS):
        cell = shared.begin(LOOPS[number % 2])
        end = time.monotonic() + 0.05
        while (left := end - time.monotonic()) > 0:
            shared.pump(left)
        shared.engine.stop(Interrupted("stopped"))
        outcome = shared.finish(cell).outcome
        if outcome != Interrupted("stopped"):
            lost.append((number, outcome))
    assert not lost, f"of {ROUNDS} stops {len(lost)} were lost, the first: {lost[0]}"
    assert "42" in str(shared.run("kept").outcome)
