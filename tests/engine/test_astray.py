"""Owns the proof that code which V8 runs by itself, between tasks, is settled, shown and ended like all other."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import time
from pathlib import Path

import pytest

from vm_kernel.engine.port import Finished, Lost, Printed, Ready, TurnStopped
from vm_kernel.limits import Limits
from vm_kernel.outcomes import Completed, CpuExceeded, EngineDied, Interrupted, OutOfMemory, Stopped, TimedOut

from .both import settle
from .conftest import Open
from .driver import NO_LIMITS, Driver

pytestmark = pytest.mark.alone

SOON = "Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, {ms}).value"
MODULE = "new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])"
BLOCK = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)"
WALL = Limits(0, 300, 0, 0, 0)
KILL_S = 1.5  # from the stop to the end of the engine
SEEN_S = 1.0  # until code of no task is seen: 100 ms of processor time, ten times over


def soon(ms: int = 10) -> str:
    return SOON.format(ms=ms)


def text_of(finished: Finished) -> str:
    outcome = finished.outcome
    return outcome.value.text if isinstance(outcome, Completed) and outcome.value else str(outcome)


def stopped(driver: Driver, cell: int, timeout_s: float) -> Stopped:
    """The end of what the cell left behind, and of its engine with it; the next one works."""
    since = len(driver.reports)
    report = driver.wait_for(TurnStopped, timeout_s, since)
    assert report.cell == cell and report.outcome.lost and "lost" in report.outcome.message, report
    driver.wait_for(Ready, since=since)
    assert [r for r in driver.reports[since:] if isinstance(r, Lost)], driver.reports[since:]
    assert text_of(driver.run("1 + 1")) == "2"
    outcome: Stopped = report.outcome
    return outcome


# -- what is awaited and what is left behind


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (f"await {soon()}", "'timed-out'"),
        (f"await {soon()}; await {soon()}; 7", "7"),
        (f"(await WebAssembly.compile({MODULE})) instanceof WebAssembly.Module", "true"),
        (f"Object.keys(await WebAssembly.instantiate({MODULE})).join()", "'module,instance'"),
        ("await WebAssembly.compile(new Uint8Array(3)).catch((error) => error.name)", "'CompileError'"),
        (f"await new Promise((done) => {soon()}.then(() => setTimeout(done, 5, 'timer')))", "'timer'"),
    ],
)
def test_a_cell_that_awaits_what_v8_settles_by_itself_ends(shared: Driver, code: str, value: str) -> None:
    assert text_of(shared.run(code, timeout_s=5)) == value


def test_none_of_many_such_awaits_is_missed(shared: Driver) -> None:
    """They settle at any moment of the end of their cell's task."""
    for number in range(300):
        assert text_of(shared.run(f"await {soon(number % 3)}", timeout_s=5)) == "'timed-out'", number
        assert text_of(shared.run(f"typeof await WebAssembly.compile({MODULE})", timeout_s=5)) == "'object'", number


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("{soon}.then(() => console.log('late'))", "late"),
        ("{soon}.then(() => setTimeout(() => console.log('later'), 5))", "later"),
        ("{soon}.then(() => { throw new Error('on purpose') })", "on purpose"),
        ("{soon}.then(() => { for (let i = 0; i < 20000; i++) console.log(i) })", "19999"),
    ],
)
def test_a_reaction_after_its_cell_is_shown_without_another_cell(shared: Driver, code: str, shown: str) -> None:
    cell = shared.run(code.replace("{soon}", soon(30)) + "; 1").cell
    shared.until(lambda: [line for line in shared.text(cell) if shown in line], 5)


@pytest.mark.parametrize("lines", range(6_000, 30_000, 2_000))
def test_what_a_kernel_that_was_away_for_a_while_had_no_room_for_comes_when_it_is_back(shared: Driver, lines: int) -> None:
    """The ring still holds the last of it when the code is over, and nothing else wakes the engine."""
    flood = f"for (let i = 1; i <= {lines}; i++) console.log(i)"
    for start in (f"{soon(30)}.then(() => {{ {flood} }})", f"setTimeout(() => {{ {flood} }}, 30)"):
        cell = shared.run(f"{start}; 1").cell
        time.sleep(0.15)
        shared.until(lambda cell=cell: shared.text(cell)[-1:] == [str(lines)], 5)
        assert len(shared.text(cell)) == lines


def test_a_reaction_that_computes_for_a_while_is_let_be(open_engine: Open) -> None:
    driver = open_engine()
    driver.run(f"globalThis.state = 42; {soon()}.then(() => {{ const end = Date.now() + 600; while (Date.now() < end); console.log('done') }}); 1")
    time.sleep(0.3)
    assert text_of(driver.run("state")) == "42"
    assert driver.text(1) == ["done"]
    assert driver.engine.generation == 1
    assert not [report for report in driver.reports if isinstance(report, TurnStopped)]


# -- what never ends


@pytest.mark.parametrize(
    ("start", "limits", "kind"),
    [
        (f"{soon()}.then(() => {{ for (;;); }})", WALL, TimedOut),
        (f"{soon()}.then(() => {{ for (;;); }})", Limits(300, 0, 0, 0, 0), CpuExceeded),
        (f"{soon()}.then(() => {{ for (;;) console.log('x'.repeat(1000)) }})", WALL, TimedOut),
        (f"WebAssembly.compile({MODULE}).then(() => {{ for (;;); }})", WALL, TimedOut),
        ("globalThis.registry = new FinalizationRegistry(() => { for (;;); }); (() => { for (let i = 0; i < 100; i++) registry.register({ i }, i) })(); for (let i = 0; i < 3000; i++) new Array(1e4).fill(i)", Limits(0, 2000, 0, 0, 0), TimedOut),
    ],
    ids=["wall", "processor", "printing", "WebAssembly", "finalizer"],
)
def test_a_reaction_that_never_ends_breaks_its_cells_limits(open_engine: Open, start: str, limits: Limits, kind: type) -> None:
    driver = open_engine()
    cell = driver.run(f"{start}; 1", limits).cell
    assert isinstance(stopped(driver, cell, SEEN_S + 2.0 + KILL_S), kind)


def test_a_reaction_that_takes_all_memory_is_ended_for_that(open_engine: Open) -> None:
    driver = open_engine(64)
    cell = driver.run(f"{soon(50)}.then(() => {{ const all = []; for (;;) all.push(new Uint8Array(1e6).fill(1)) }}); 1").cell
    assert isinstance(stopped(driver, cell, 10), OutOfMemory)


@pytest.mark.parametrize("code", ["for (;;);", BLOCK], ids=["computing", "blocked"])
def test_a_reaction_that_never_ends_is_ended_by_an_interrupt(open_engine: Open, code: str) -> None:
    driver = open_engine()
    cell = driver.run(f"{soon()}.then(() => {{ {code} }}); 1").cell
    settle(driver, 0.4)
    asked = time.monotonic()
    driver.engine.stop(Interrupted("stopped"))
    outcome = stopped(driver, cell, KILL_S)
    assert isinstance(outcome, Interrupted) and time.monotonic() - asked < KILL_S + 2, outcome


def test_a_cell_behind_it_is_told_that_it_never_began(open_engine: Open) -> None:
    driver = open_engine()
    first = driver.run(f"{soon()}.then(() => {{ for (;;); }}); 1", Limits(0, 900, 0, 0, 0)).cell
    settle(driver, 0.5)
    finished = driver.run("console.log('ran'); 2", Limits(0, 100, 0, 0, 0))
    assert isinstance(finished.outcome, EngineDied) and "before this cell began" in finished.outcome.message, finished
    assert driver.text(finished.cell) == []
    ended = driver.wait_for(TurnStopped)
    assert ended.cell == first and isinstance(ended.outcome, TimedOut), ended
    assert text_of(driver.run("1 + 1")) == "2"


def test_an_interrupt_with_a_cell_behind_it_ends_both(open_engine: Open) -> None:
    driver = open_engine()
    first = driver.run(f"{soon()}.then(() => {{ for (;;); }}); 1").cell
    settle(driver, 0.5)
    cell = driver.begin("2")
    settle(driver, 0.1)
    driver.engine.stop(Interrupted("stopped"))
    assert isinstance(driver.finish(cell, KILL_S).outcome, Interrupted)
    assert isinstance(stopped(driver, first, KILL_S), Interrupted)


def test_an_interrupt_of_a_cell_behind_a_blocked_reaction_takes_the_engine_along(open_engine: Open) -> None:
    """It uses no processor time, so nothing is seen of it before the cell."""
    driver = open_engine()
    driver.run(f"{soon()}.then(() => {BLOCK}); 1")
    time.sleep(0.3)
    cell = driver.begin("2")
    settle(driver, 0.1)
    driver.engine.stop(Interrupted("stopped"))
    outcome = driver.finish(cell, 0.3 + KILL_S).outcome
    assert isinstance(outcome, Interrupted) and outcome.lost, outcome
    assert text_of(driver.run("1 + 1")) == "2"


@pytest.mark.parametrize(("code", "limits"), [
    (BLOCK, Limits(0, 300, 0, 0, 0)),
    ("(() => { for (;;); })()", Limits(0, 300, 0, 0, 0)),
    ("(() => { for (;;); })()", Limits(300, 0, 0, 0, 0)),
], ids=["blocked", "wall", "processor"])  # fmt: skip
def test_a_cell_sent_before_such_a_reaction_was_seen_is_not_blamed_for_it(open_engine: Open, code: str, limits: Limits) -> None:
    driver = open_engine()
    first = driver.run(f"{soon()}.then(() => {code}); 1", limits).cell
    time.sleep(0.04)  # it runs, and has not used enough to be seen
    finished = driver.run("console.log('ran'); 2", Limits(100, 100, 0, 0, 0))
    assert isinstance(finished.outcome, EngineDied) and "before this cell began" in finished.outcome.message, finished
    assert driver.text(finished.cell) == []
    ended = driver.wait_for(TurnStopped)
    assert ended.cell == first and isinstance(ended.outcome, (TimedOut, CpuExceeded)), ended
    assert text_of(driver.run("1 + 1")) == "2"


def test_a_cell_behind_such_a_reaction_that_ends_is_not_charged_for_it(open_engine: Open) -> None:
    driver = open_engine()
    first = driver.run(f"{soon()}.then(() => {{ const end = Date.now() + 400; while (Date.now() < end); console.log('over') }}); 1").cell
    time.sleep(0.04)
    finished = driver.run("2", Limits(150, 150, 0, 0, 0))
    assert text_of(finished) == "2", finished
    assert finished.cpu_ms < 100 and finished.wall_ms < 100, finished
    assert driver.text(first) == ["over"]


def test_a_stop_while_a_question_is_answered_costs_no_awaited_cell_its_engine(open_engine: Open) -> None:
    driver = open_engine()
    driver.run("globalThis.state = 42")
    for number in range(100):
        cell = driver.begin("await new Promise(() => {})")
        settle(driver, 0.005)
        driver.engine.complete(10_000 + number, "globalThis.", 11)
        if number % 2:
            settle(driver, 0.001)
        driver.engine.stop(Interrupted("stopped"))
        assert driver.finish(cell).outcome == Interrupted("stopped"), number
    assert text_of(driver.run("state")) == "42"


# -- what it costs


def wakes(pid: int) -> int:
    """How often the engine's main thread has been woken."""
    words = Path(f"/proc/{pid}/task/{pid}/status").read_text().split()
    return int(words[words.index("voluntary_ctxt_switches:") + 1])


@pytest.mark.parametrize("code", ["1", f"{soon()}.then(() => 1); 1"])
def test_an_engine_with_nothing_to_do_is_not_woken(open_engine: Open, code: str) -> None:
    driver = open_engine(limits=NO_LIMITS)
    driver.run(code)
    settle(driver, 1.0)  # collectors and compilers have their say
    ready = next(report for report in driver.reports if isinstance(report, Ready))
    before = wakes(ready.pid)
    settle(driver, 2.0)
    assert wakes(ready.pid) - before <= 2
    assert not [report for report in driver.reports if isinstance(report, Printed)]
