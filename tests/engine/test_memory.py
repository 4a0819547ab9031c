"""Owns the proof that memory limits hold and spare what is below them; resident memory is sampled here, from outside."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vm_kernel.engine.port import Finished, Lost, Ready, TurnStopped
from vm_kernel.limits import Limits
from vm_kernel.outcomes import Completed, OutOfMemory

from .conftest import Open
from .driver import Driver

BOMBS = json.loads((Path(__file__).parent.parent / "memory_bombs.json").read_text("utf-8"))
MEM_MB = 128
CEILING_MB = 2 * MEM_MB + 100  # above the idle engine; the promise of the memory limit
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
LIMITS = Limits(0, 0, MEM_MB, 0, 0)

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc"),
]


def resident_mb(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE_BYTES / (1 << 20)
    except (OSError, IndexError):
        return 0.0


@contextmanager
def highest(pid: int) -> Iterator[list[float]]:
    """Samples every 2 ms in a thread of its own; `[0]` is the highest."""
    seen, over = [0.0], threading.Event()

    def sample() -> None:
        while not over.wait(0.002):
            seen[0] = max(seen[0], resident_mb(pid))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def pid_of(driver: Driver) -> int:
    ready = [report for report in driver.reports if isinstance(report, Ready)]
    return ready[-1].pid


def text_of(finished: Finished) -> str:
    outcome = finished.outcome
    return outcome.value.text if isinstance(outcome, Completed) and outcome.value else str(outcome)


def explode(driver: Driver, code: str, timeout_s: float = 40) -> tuple[Finished, float, bool]:
    """(end, highest resident memory above idle in MB, state kept) of one bomb."""
    driver.wait_for(Ready)
    driver.run("globalThis.state = 42")
    pid = pid_of(driver)
    idle_mb = resident_mb(pid)
    generation = driver.engine.generation
    with highest(pid) as seen:
        finished = driver.run(code, LIMITS, timeout_s)
    if finished.outcome.lost:
        driver.until(lambda: driver.engine.generation > generation)
    kept = text_of(driver.run("typeof state === 'undefined' ? 'lost' : state")) == "42"
    return finished, seen[0] - idle_mb, kept


@pytest.mark.slow
def test_eleven_bombs_end_as_out_of_memory_and_ten_keep_state(open_engine: Open) -> None:
    failures, lost, figures = [], [], []
    assert len(BOMBS) == 11
    for bomb in BOMBS:
        driver = open_engine(MEM_MB)
        try:
            finished, peak_mb, kept = explode(driver, bomb["code"])
        except AssertionError as error:
            failures.append(f"{bomb['name']}: {str(error)[:300]}")
            driver.close()
            continue
        figures.append(f"{bomb['name']}: {finished.wall_ms} ms, {peak_mb:.0f} MB above idle, {'kept' if kept else 'LOST'}")
        if not kept:
            lost.append(bomb["name"])
        if not isinstance(finished.outcome, OutOfMemory):
            failures.append(f"{bomb['name']}: ended as {finished.outcome}")
        elif "mem_mb" not in finished.outcome.message or str(MEM_MB) not in finished.outcome.message:
            failures.append(f"{bomb['name']}: message without the limit: {finished.outcome.message!r}")
        elif finished.outcome.lost is kept:
            failures.append(f"{bomb['name']}: lost={finished.outcome.lost} but state {'kept' if kept else 'lost'}")
        if peak_mb > CEILING_MB:
            failures.append(f"{bomb['name']}: {peak_mb:.0f} MB above idle, allowed are {CEILING_MB}")
        after = driver.run("console.log('alive'); 1 + 1", LIMITS)
        if text_of(after) != "2" or driver.text(after.cell) != ["alive"]:
            failures.append(f"{bomb['name']}: the next cell ended as {after.outcome}")
        driver.close()
    print("\n".join(figures))
    assert not failures, "\n" + "\n".join(failures + figures)
    assert len(lost) <= 1, (lost, figures)


@pytest.mark.slow
def test_bombs_one_after_the_other_in_one_engine_end_alike(open_engine: Open) -> None:
    driver = open_engine(MEM_MB)
    for bomb in BOMBS[:7]:
        finished = driver.run(bomb["code"], LIMITS, 40)
        assert isinstance(finished.outcome, OutOfMemory), (bomb["name"], finished)
        if finished.outcome.lost:
            driver.wait_for(Ready, since=driver.reports.index(finished))
        assert text_of(driver.run("1 + 1", LIMITS)) == "2", bomb["name"]


@pytest.mark.parametrize(
    "fill",
    ["a.push(new Array(1000).fill(1.5))", "a.push(new Uint8Array(1 << 20).fill(7))", "a.push({ s: 'k' + a.length })"],
)
def test_a_variable_that_holds_the_bomb_can_be_set_to_null(open_engine: Open, fill: str) -> None:
    driver = open_engine(MEM_MB)
    driver.run("var state = 42; var a = []", LIMITS)
    first = driver.run(f"while (true) {fill}", LIMITS, 40)
    assert isinstance(first.outcome, OutOfMemory) and not first.outcome.lost, first
    assert text_of(driver.run("a = null", LIMITS)) == "null"
    assert text_of(driver.run("state", LIMITS)) == "42"
    again = "(() => { let a = []; for (let i = 0; i < 60; i++) a.push(new Uint8Array(1 << 20).fill(1)); return a.length })()"
    assert text_of(driver.run(again, LIMITS, 40)) == "60"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("(() => { let a = []; for (let i = 0; i < 1e6; i++) a.push({ i, s: 'x' + i }); return a.length })()", "1000000"),
        ("(() => { let a = []; for (let i = 0; i < 6; i++) a.push(new Uint8Array(16 << 20).fill(1)); return a.length })()", "6"),
        ("'x'.repeat(5e7).split('').length", "50000000"),
        ("(() => { let n = 0; for (let i = 0; i < 3e7; i++) n += { i }.i & 1; return n })()", "15000000"),
        ("(() => { let n = 0; for (let i = 0; i < 3000; i++) n += new Uint8Array(1 << 20).length; return n })()", "3145728000"),
    ],
    ids=["a million objects", "96 MB of buffers", "split", "garbage of objects", "garbage of 3 GB of buffers"],
)
def test_what_stays_below_the_limit_is_not_stopped(open_engine: Open, code: str, value: str) -> None:
    mem_mb = 512 if "split" in code else MEM_MB
    driver = open_engine(mem_mb)
    assert text_of(driver.run(code, Limits(0, 0, mem_mb, 0, 0), 60)) == value


def test_garbage_of_earlier_cells_ends_no_cell_that_stays_below_the_limit(open_engine: Open) -> None:
    driver, limits = open_engine(64), Limits(0, 0, 64, 0, 0)
    for _ in range(6):
        for code in (
            "(() => { let a = []; for (let i = 0; i < 55; i++) a.push(new Array(1e5).fill(0.5)); return a.length })()",
            "for (let i = 0; i < 2e5; i++) await null; 55",
            "let last; for (let i = 0; i < 2e6; i++) last = { i }; 55",
        ):
            assert text_of(driver.run(code, limits)) == "55", code


def test_a_bomb_in_a_timer_between_cells_is_stopped_and_state_kept(open_engine: Open) -> None:
    driver = open_engine(MEM_MB)
    driver.run("var state = 42; setTimeout(() => { let a = []; while (true) a.push(new Array(1000).fill(1.5)) }, 20)", LIMITS)
    stopped = driver.wait_for(TurnStopped, 40)
    assert isinstance(stopped.outcome, OutOfMemory), stopped
    assert stopped.cell == 1
    assert text_of(driver.run("state", LIMITS)) == "42"


def test_a_bomb_of_many_short_turns_is_stopped_and_state_kept(open_engine: Open) -> None:
    driver = open_engine(128)
    timer = driver.run("var kept = 42, held = []; setInterval(() => held.push(new Uint8Array(1e6).fill(1)), 1); 0").cell
    stopped = driver.wait_for(TurnStopped)
    assert stopped.cell == timer and isinstance(stopped.outcome, OutOfMemory), stopped
    assert not [report for report in driver.reports if isinstance(report, Lost)]
    assert text_of(driver.run("held = null; kept")) == "42"


def test_a_bomb_of_microtasks_is_stopped(open_engine: Open) -> None:
    driver = open_engine(MEM_MB)
    code = "globalThis.state = 42; let a = []; const more = () => { a.push(new Array(1000).fill(1)); queueMicrotask(more); queueMicrotask(() => {}) }; more()"
    assert isinstance(driver.run(code, LIMITS, 40).outcome, OutOfMemory)
    assert text_of(driver.run("1 + 1", LIMITS)) == "2"


def test_a_value_that_is_too_large_to_render_is_stopped_or_shown(open_engine: Open) -> None:
    driver = open_engine(MEM_MB)
    finished = driver.run("'x'.repeat(2 ** 29 - 25)", LIMITS, 40)
    assert isinstance(finished.outcome, OutOfMemory) or finished.outcome.status == "ok", finished
    if finished.outcome.status != "ok" and finished.outcome.lost:
        driver.wait_for(Ready, since=driver.reports.index(finished))
    assert text_of(driver.run("1 + 1", LIMITS)) == "2"


def test_an_abort_inside_v8_is_an_outcome_with_its_reason(open_engine: Open) -> None:
    """`invalid table size`: V8 ends its process, Node dies of it too."""
    driver = open_engine(2048)
    finished = driver.run("'a'.repeat(2 ** 28).split('')", timeout_s=60)
    assert finished.outcome.status == "error", finished
    assert finished.outcome.lost and "lost" in finished.outcome.message, finished
    lost = driver.wait_for(Lost)
    assert lost.generation == 1 and lost.reason
    assert driver.wait_for(Ready, since=driver.reports.index(lost)).generation == 2
    assert text_of(driver.run("1 + 1")) == "2"


def test_mem_mb_0_sets_no_limit(open_engine: Open) -> None:
    driver = open_engine(0)
    code = "(() => { let a = []; for (let i = 0; i < 40; i++) a.push(new Uint8Array(16 << 20).fill(1)); return a.length })()"
    assert text_of(driver.run(code, Limits(0, 0, 0, 0, 0), 60)) == "40"


@pytest.mark.full
def test_mem_mb_2048_allows_one_and_a_half_gigabytes_of_objects(open_engine: Open) -> None:
    driver = open_engine(2048)
    code = "var a = []; for (let i = 0; i < 190; i++) a.push(new Array(1 << 20).fill({}).map((x, k) => k + 0.5)); a.length"
    finished = driver.run(code, Limits(0, 0, 2048, 0, 0), 120)
    assert text_of(finished) == "190", finished
    assert resident_mb(pid_of(driver)) > 1400


def test_peak_mem_mb_of_a_cell_is_near_what_it_used(open_engine: Open) -> None:
    driver = open_engine(512)
    small = driver.run("1 + 1")
    big = driver.run("(() => new Uint8Array(200 << 20).fill(1).length)()")
    assert small.peak_mem_mb < 30, small
    assert 190 <= big.peak_mem_mb <= 300, big
