"""Owns timers, microtasks and rejections: order, delays, whose output it is, and that errors in them are seen."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import time

import pytest

from vm_kernel.engine.port import Finished, Printed
from vm_kernel.limits import Limits
from vm_kernel.outcomes import Completed, Interrupted, Raised, TimedOut

from .both import settle
from .conftest import Open
from .driver import Driver


def text_of(finished: Finished) -> str:
    outcome = finished.outcome
    return outcome.value.text if isinstance(outcome, Completed) and outcome.value else str(outcome)


def lines(driver: Driver, code: str, wait_ms: int = 60) -> list[str]:
    """What the cell prints when it waits so long at its end."""
    return driver.text(driver.run(f"{code};\nawait new Promise((done) => setTimeout(done, {wait_ms}))").cell)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("setTimeout(() => console.log('b'), 20); setTimeout(() => console.log('a'), 10)", "a b"),
        ("for (const x of 'abc') setTimeout(() => console.log(x), 10)", "a b c"),
        ("setTimeout(() => console.log('b'), 5); setTimeout(() => console.log('a'), 0)", "a b"),
        ("setTimeout(() => console.log('t'), 0); queueMicrotask(() => console.log('q')); Promise.resolve().then(() => console.log('p')); console.log('s')", "s q p t"),
        ("setTimeout(() => { console.log(1); queueMicrotask(() => console.log(2)) }, 5); setTimeout(() => console.log(3), 5)", "1 2 3"),
        ("setTimeout((a, b, c) => console.log(a, b, c), 1, 1, 'x')", "1 x undefined"),
        ("const id = setTimeout(() => console.log('no'), 5); clearTimeout(id); console.log('yes')", "yes"),
        ("let n = 0; const id = setInterval(() => { console.log(++n); if (n === 3) clearInterval(id) }, 5)", "1 2 3"),
        ("const id = setInterval(() => console.log('no'), 5); clearTimeout(id); console.log('yes')", "yes"),
        ("setTimeout(() => setTimeout(() => setTimeout(() => console.log('deep'), 1), 1), 1)", "deep"),
        ("setImmediate((x) => console.log(x), 'now'); console.log('first')", "first now"),
        ("const id = setImmediate(() => console.log('no')); clearImmediate(id); console.log('yes')", "yes"),
        ("for (const d of [undefined, null, -5, NaN, 'x', {}, Infinity, 2 ** 31]) setTimeout(() => console.log(String(d)), d)", "undefined null -5 NaN x [object Object] Infinity 2147483648"),
        ("setTimeout(() => console.log('b'), '15'); setTimeout(() => console.log('a'), '5')", "a b"),
        ("for (const x of [undefined, null, 0, -1, 'x', {}, NaN, 1e9, Symbol()]) { clearTimeout(x); clearInterval(x); clearImmediate(x) } console.log('ok')", "ok"),
        ("queueMicrotask(() => { queueMicrotask(() => console.log(2)); console.log(1) }); Promise.resolve().then(() => console.log('p'))", "1 p 2"),
        ("(async () => { console.log(1); await 0; console.log(3) })(); console.log(2)", "1 2 3"),
        ("const a = setTimeout(() => { clearTimeout(b); console.log('a') }, 5); const b = setTimeout(() => console.log('b'), 6)", "a"),
        ("let again = 0; setTimeout(function f() { console.log(again); if (++again < 3) setTimeout(f, 1) }, 1)", "0 1 2"),
    ],
)
def test_order_arguments_and_clearing(shared: Driver, code: str, expected: str) -> None:
    assert " ".join(lines(shared, code)) == expected


@pytest.mark.parametrize("name", ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"])
@pytest.mark.parametrize("callback", ["", "5", "'code()'", "null", "{}"])
def test_a_callback_that_is_none_is_a_type_error(shared: Driver, name: str, callback: str) -> None:
    outcome = shared.run(f"{name}({callback})").outcome
    assert isinstance(outcome, Raised) and outcome.error.name == "TypeError", outcome
    assert "callback" in outcome.error.message


def test_delays_are_kept(shared: Driver) -> None:
    code = "const started = Date.now(); for (const ms of [50, 100, 200]) setTimeout(() => console.log(Date.now() - started - ms), ms)"
    late = [int(line) for line in lines(shared, code, 350)]
    print("ms late:", late)
    assert all(-1 <= ms <= 50 for ms in late), late


def test_an_interval_keeps_its_pace(shared: Driver) -> None:
    code = "const started = Date.now(); let n = 0; const id = setInterval(() => { if (++n === 10) { clearInterval(id); console.log(Date.now() - started) } }, 30)"
    [total] = lines(shared, code, 450)
    assert 295 <= int(total) <= 400, total


# -- between cells


def test_timers_run_between_cells_without_anybody_asking(open_engine: Open) -> None:
    driver = open_engine()
    cell = driver.run("let n = 0; setInterval(() => console.log(++n), 30)").cell
    settle(driver, 0.4)
    assert len(driver.text(cell)) >= 8, driver.text(cell)


def test_late_output_keeps_its_cell_in_timers_promises_and_nested_timers(open_engine: Open) -> None:
    driver = open_engine()
    first = driver.run("setTimeout(() => { console.log('t'); Promise.resolve().then(() => console.log('p')); setTimeout(() => console.log('n'), 30) }, 60)").cell
    second = driver.run("(async () => { await new Promise((done) => setTimeout(done, 70)); console.log('a') })(); undefined").cell
    third = driver.run("await new Promise((done) => setTimeout(done, 200)); console.log('mine')").cell
    assert driver.text(first) == ["t", "p", "n"]
    assert driver.text(second) == ["a"]
    assert driver.text(third) == ["mine"]


def test_a_timer_of_an_older_cell_does_not_end_the_cell_that_waits(open_engine: Open) -> None:
    driver = open_engine()
    driver.run("setInterval(() => {}, 1)")
    assert text_of(driver.run("await new Promise((done) => setTimeout(() => done(5), 100))")) == "5"


def test_a_timer_can_settle_what_another_cell_awaits(open_engine: Open) -> None:
    driver = open_engine()
    driver.run("var release; var gate = new Promise((done) => { release = done }); setTimeout(() => release(7), 60)")
    assert text_of(driver.run("await gate")) == "7"


def test_variables_that_a_timer_changes_are_seen_by_the_next_cell(open_engine: Open) -> None:
    driver = open_engine()
    driver.run("var n = 0; setTimeout(() => { n = 42 }, 20)")
    settle(driver, 0.15)
    assert text_of(driver.run("n")) == "42"


# -- errors


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("setTimeout(() => { throw new TypeError('boom') }, 5)", "TypeError: boom"),
        ("setTimeout(() => { throw 'text' }, 5)", "text"),
        ("setInterval(() => { throw new RangeError('once') }, 1e6); setImmediate(() => { throw new RangeError('boom') })", "RangeError: boom"),
        ("queueMicrotask(() => { throw new TypeError('boom') })", "TypeError: boom"),
        ("Promise.reject(new TypeError('boom')); undefined", "TypeError: boom"),
        ("(async () => { throw new TypeError('boom') })(); undefined", "TypeError: boom"),
        ("setTimeout(() => Promise.reject(new TypeError('boom')), 5)", "TypeError: boom"),
        ("setTimeout(async () => { await 1; throw new TypeError('boom') }, 5)", "TypeError: boom"),
        ("Promise.resolve().then(() => { throw new TypeError('boom') }); undefined", "TypeError: boom"),
        ("Promise.reject(5); undefined", "5"),
    ],
)
def test_errors_that_nobody_waits_for_are_on_that_cells_stderr(open_engine: Open, code: str, shown: str) -> None:
    driver = open_engine()
    finished = driver.run(code)
    assert not isinstance(finished.outcome, Raised), finished
    settle(driver, 0.15)
    errors = driver.text(finished.cell, "error")
    assert len(errors) == 1 and shown in errors[0] and "Uncaught" in errors[0], errors
    assert "vm:" not in errors[0]
    assert text_of(driver.run("1 + 1")) == "2"


def test_an_error_in_a_timer_does_not_stop_the_others(open_engine: Open) -> None:
    driver = open_engine()
    cell = driver.run("setTimeout(() => { throw 1 }, 5); setTimeout(() => console.log('after'), 10)").cell
    driver.until(lambda: driver.text(cell, "log") == ["after"], 3)


@pytest.mark.parametrize(
    "code",
    [
        "const p = Promise.reject(1); p.catch(() => {}); undefined",
        "const p = Promise.reject(1); queueMicrotask(() => p.catch(() => {})); undefined",
        "const p = Promise.reject(1); Promise.resolve().then(() => 0).then(() => p.catch(() => {})); undefined",
        "Promise.allSettled([Promise.reject(1)]); undefined",
        "try { await Promise.reject(1) } catch {}",
        "Promise.reject(1).finally(() => {}).catch(() => {}); undefined",
        "new Promise((done) => { done(); throw 1 }); undefined",
    ],
)
def test_a_rejection_that_is_handled_in_the_same_turn_is_not_shown(open_engine: Open, code: str) -> None:
    driver = open_engine()
    cell = driver.run(code).cell
    settle(driver, 0.05)
    assert driver.text(cell) == []


def test_the_cells_own_error_is_not_shown_twice(open_engine: Open) -> None:
    driver = open_engine()
    finished = driver.run("await Promise.reject(new Error('boom'))")
    assert isinstance(finished.outcome, Raised)
    settle(driver, 0.05)
    assert driver.text(finished.cell) == []


def test_a_thousand_rejections_are_a_few_lines(open_engine: Open) -> None:
    driver = open_engine()
    cell = driver.run("for (let i = 0; i < 1000; i++) Promise.reject(i); undefined").cell
    settle(driver, 0.05)
    errors = driver.text(cell, "error")
    assert 2 <= len(errors) <= 30, len(errors)
    assert "980" in errors[-1], errors[-1]


def test_a_rejection_keeps_its_cell(open_engine: Open) -> None:
    driver = open_engine()
    first = driver.run("setTimeout(() => { Promise.reject(new Error('mine')) }, 40)").cell
    second = driver.run("await new Promise((done) => setTimeout(done, 100))").cell
    assert "mine" in driver.text(first, "error")[0] and driver.text(second) == []


# -- stop and many


def test_stopping_a_cell_cancels_its_timers_and_no_others(open_engine: Open) -> None:
    driver = open_engine()
    other = driver.run("setInterval(() => console.log('other'), 20)").cell
    cell = driver.begin("setInterval(() => console.log('mine'), 20); await new Promise(() => {})")
    driver.until(lambda: len(driver.text(cell)) >= 2)
    driver.engine.stop(Interrupted("stopped"), cell)
    driver.finish(cell)
    since = len(driver.reports)
    settle(driver, 0.15)
    assert {report.cell for report in driver.reports[since:] if isinstance(report, Printed)} == {other}


@pytest.mark.parametrize("code", ["await new Promise(() => {})", "for (;;);"], ids=["awaits", "computes"])
def test_a_stop_of_an_older_cell_cancels_its_timers_while_another_runs(open_engine: Open, code: str) -> None:
    driver = open_engine()
    older = driver.run("var n = 0; setInterval(() => n++, 5); 0").cell
    cell = driver.begin(code)
    settle(driver, 0.2)
    driver.engine.stop(Interrupted("stopped"), older)
    settle(driver, 0.1)
    driver.engine.stop(Interrupted("stopped"), cell)
    assert driver.finish(cell).outcome == Interrupted("stopped")
    before = text_of(driver.run("n"))
    settle(driver, 0.1)
    assert text_of(driver.run("n")) == before


def test_a_cell_that_timed_out_leaves_no_timers(open_engine: Open) -> None:
    driver = open_engine()
    finished = driver.run("setInterval(() => console.log('mine'), 20); while (true) {}", Limits(0, 100, 0, 0, 0))
    assert isinstance(finished.outcome, TimedOut)
    since = len(driver.reports)
    settle(driver, 0.15)
    assert driver.reports[since:] == []


def test_stop_of_an_interval_storm_between_cells(open_engine: Open) -> None:
    driver = open_engine()
    cell = driver.run("setInterval(() => { const end = Date.now() + 50; while (Date.now() < end); console.log('x') }, 0)").cell
    settle(driver, 0.2)
    driver.engine.stop(Interrupted("stopped"), cell)
    settle(driver, 0.2)
    since = len(driver.reports)
    settle(driver, 0.15)
    assert driver.reports[since:] == []


def test_ten_thousand_timers_run_in_order(open_engine: Open) -> None:
    driver = open_engine()
    code = "let seen = []; for (let i = 0; i < 10000; i++) setTimeout((n) => seen.push(n), 10000 - i > 5000 ? 5 : 6, i); await new Promise((done) => setTimeout(done, 50)); while (seen.length < 10000) await new Promise((done) => setTimeout(done, 20)); seen.every((n, i) => n === i)"
    started = time.monotonic()
    assert text_of(driver.run(code, timeout_s=30)) == "true"
    took_s = time.monotonic() - started
    print(f"10,000 timers: {took_s:.2f} s")
    assert took_s < 10


@pytest.mark.slow
def test_a_hundred_thousand_timers_of_two_cells_are_made_and_cancelled(open_engine: Open) -> None:
    driver = open_engine()
    driver.run("for (let i = 0; i < 50000; i++) setTimeout(() => {}, 1e8 + 2 * i)", timeout_s=30)
    cell = driver.begin("for (let i = 0; i < 50000; i++) setTimeout(() => {}, 2e8 + i); await new Promise(() => {})")
    settle(driver, 1.0)
    started = time.monotonic()
    driver.engine.stop(Interrupted("stopped"), cell)
    driver.finish(cell)
    assert text_of(driver.run("1 + 1", timeout_s=30)) == "2"
    assert time.monotonic() - started < 1


@pytest.mark.slow
def test_cancelling_mixed_timers_of_two_cells_does_not_take_long(open_engine: Open) -> None:
    """Timers of both cells lie mixed: removing them one by one from one list would be quadratic."""
    driver = open_engine()
    driver.run("globalThis.due = Date.now() + 1e8; globalThis.add = (f) => { for (let i = 0; i < 40000; i++) setTimeout(f, 1e8 + 10 * i) }; add(() => {})", timeout_s=60)
    cell = driver.begin("add(() => {}); await new Promise(() => {})")
    settle(driver, 5.0)
    started = time.monotonic()
    driver.engine.stop(Interrupted("stopped"), cell)
    driver.finish(cell)
    assert text_of(driver.run("1 + 1", timeout_s=30)) == "2"
    assert time.monotonic() - started < 1


def test_an_interval_that_prints_a_lot_does_not_fill_the_engines_memory(open_engine: Open) -> None:
    """Back pressure holds between turns too, not only within one."""
    driver = open_engine()
    pid = next(report.pid for report in [driver.run("1"), *driver.reports] if hasattr(report, "pid"))
    cell = driver.begin("const s = 'x'.repeat(10000); setInterval(() => { for (let i = 0; i < 100; i++) console.log(s) }, 0); await new Promise(() => {})")

    def resident_mb() -> int:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * 4096 >> 20

    before = resident_mb()
    time.sleep(2)  # a kernel that is busy elsewhere
    grown_mb = resident_mb() - before
    driver.engine.stop(Interrupted("stopped"))
    assert driver.finish(cell).outcome == Interrupted("stopped")
    assert grown_mb < 30, grown_mb
