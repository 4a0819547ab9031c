"""Owns the proof that no cell pays for another's turn, whenever the two meet."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import time

import pytest

from vm_kernel.engine.port import Asked, Printed, TurnStopped
from vm_kernel.limits import Limits
from vm_kernel.outcomes import Completed, CpuExceeded, TimedOut

from .both import settle
from .conftest import Open
from .driver import NO_LIMITS, Driver

pytestmark = pytest.mark.alone

CPU = Limits(200, 0, 0, 0, 0)
SPIN = "const end = Date.now() + 400; while (Date.now() < end);"
#: From the due time of a turn to the cell; the turn is told of some 5 ms after it has begun.
DELAYS_MS = (-4, -2, -1, 0, 1, 2, 3, 4, 5, 6, 8, 12, 20)


@pytest.mark.parametrize("delay_ms", DELAYS_MS)
def test_a_cell_that_comes_while_anothers_timer_computes_is_not_charged_for_it(shared: Driver, delay_ms: int) -> None:
    timer = shared.run(f"setTimeout(() => {{ {SPIN} console.log('over') }}, 15); 0", NO_LIMITS).cell
    settle(shared, 0.015 + delay_ms / 1000)
    finished = shared.run("'innocent'", CPU)
    assert isinstance(finished.outcome, Completed), finished
    assert finished.cpu_ms < 200, finished
    shared.until(lambda: shared.text(timer) == ["over"])


@pytest.mark.parametrize("delay_ms", DELAYS_MS)
def test_each_is_told_of_its_own_limit_when_both_meet(shared: Driver, delay_ms: int) -> None:
    since = len(shared.reports)
    timer = shared.run("setTimeout(() => { for (;;); }, 15); 0", CPU).cell
    settle(shared, 0.015 + delay_ms / 1000)
    finished = shared.run("'innocent'", CPU)
    assert isinstance(finished.outcome, Completed), finished
    stopped = shared.wait_for(TurnStopped, since=since)
    assert stopped.cell == timer and isinstance(stopped.outcome, CpuExceeded), stopped


def test_an_awaited_cell_is_not_charged_for_the_turn_of_another(shared: Driver) -> None:
    shared.run(f"setTimeout(() => {{ {SPIN} }}, 60); 0", NO_LIMITS)
    finished = shared.run("await new Promise((done) => setTimeout(done, 200)); 'innocent'", CPU)
    assert isinstance(finished.outcome, Completed), finished
    assert finished.cpu_ms < 200, finished


def test_an_awaited_cell_still_pays_for_what_it_computes_itself_after_such_a_turn(shared: Driver) -> None:
    shared.run(f"setTimeout(() => {{ {SPIN} }}, 60); 0", NO_LIMITS)
    finished = shared.run("await new Promise((done) => setTimeout(done, 200)); for (;;);", CPU)
    assert isinstance(finished.outcome, CpuExceeded), finished
    assert 200 <= finished.cpu_ms < 400, finished


def test_a_clock_that_runs_out_before_the_turn_is_told_of_stops_nothing(open_engine: Open) -> None:
    """The kernel holds the cell's clock to be over while the engine's word on the turn is still on its way."""
    driver = open_engine()
    driver.run(f"setTimeout(() => {{ {SPIN} console.log('over') }}, 15); 0", NO_LIMITS)
    time.sleep(0.1)  # nothing is read: the turn has been told, nobody knows
    cell = driver.begin("'innocent'", Limits(1, 1, 0, 0, 0))
    driver.engine.stop(CpuExceeded("stopped: its clock"), cell)
    finished = driver.finish(cell)
    assert isinstance(finished.outcome, Completed), finished
    assert [report for report in driver.reports if isinstance(report, Printed)]


#: A timer that computes for 3 ms every 4 ms: too short to be told of, 2 s of it within 3 s.
DRIP = "let left = {times}; const drip = setInterval(() => {{ const end = performance.now() + 3; while (performance.now() < end); if (--left === 0) clearInterval(drip); }}, 4); 0"


def test_an_awaited_cell_is_not_charged_for_hundreds_of_short_turns_of_another(shared: Driver) -> None:
    shared.run(DRIP.format(times=400), NO_LIMITS)
    finished = shared.run("await new Promise((done) => setTimeout(done, 1500)); 'innocent'", CPU)
    shared.run("clearInterval(drip)")
    assert isinstance(finished.outcome, Completed), finished
    assert finished.cpu_ms < 200, finished


def test_an_awaited_cell_pays_for_its_own_short_turns(shared: Driver) -> None:
    finished = shared.run(DRIP.format(times=400) + "; await new Promise((done) => setTimeout(done, 3000))", CPU)
    assert isinstance(finished.outcome, CpuExceeded), finished


def test_a_cell_behind_hundreds_of_messages_on_comms_is_not_charged_for_them(shared: Driver) -> None:
    """Messages came before the cell, and go before it."""
    cell = shared.run("Jupyter.comms.register('slow', (comm) => { comm.onMessage = () => { const end = performance.now() + 3; while (performance.now() < end); globalThis.heard = (globalThis.heard ?? 0) + 1 } }); 0", NO_LIMITS).cell
    message = {"comm_id": "c", "target_name": "slow", "data": {}, "metadata": {}, "buffers": []}
    shared.ask("comm", cell, {"op": "open", **message})
    for number in range(150):
        shared.engine.comm(2_000_000 + number, cell, {"op": "msg", **message})
    finished = shared.run("heard", Limits(100, 200, 0, 0, 0))
    assert isinstance(finished.outcome, Completed) and finished.outcome.value is not None, finished
    assert finished.outcome.value.text == "150" and finished.cpu_ms < 100, finished


@pytest.mark.parametrize("ours", [True, False], ids=["of the cell itself", "of another"])
@pytest.mark.parametrize("ends", [True, False], ids=["answered in time", "never through"])
def test_a_persons_time_in_a_timer_does_not_count_and_the_clock_goes_on_after_it(shared: Driver, ours: bool, ends: bool) -> None:
    """The question is there before the engine tells of the turn."""
    ask = "setTimeout(() => globalThis.given = prompt('?'), 20)"
    if not ours:
        shared.run(f"{ask}; 0", NO_LIMITS)
    since = len(shared.reports)
    wait = f"await new Promise((done) => {'setTimeout(done, 60)' if ends else '{}'})"
    cell = shared.begin(f"{ask if ours else 0}; {wait}; globalThis.given", Limits(0, 400, 0, 0, 0))
    shared.wait_for(Asked, since=since)
    settle(shared, 0.7)
    shared.engine.answer("here")
    finished = shared.finish(cell, 2.0)
    if ends:
        assert isinstance(finished.outcome, Completed) and finished.outcome.value is not None, finished
        assert finished.outcome.value.text == "'here'" and finished.wall_ms < 400, finished
    else:
        assert isinstance(finished.outcome, TimedOut) and 400 <= finished.wall_ms < 600, finished
