"""No question of a client holds the session, ends its engine, stays without an answer or stops a cell."""

from __future__ import annotations

import time

import pytest

from vm_kernel.engine.port import Answered, Lost
from vm_kernel.limits import Limits
from vm_kernel.outcomes import Completed, Interrupted

from .both import of, settle, value_of
from .conftest import Open
from .driver import Driver

#: Ten million names to be looked at, none of which fits: some seconds.
MANY_NAMES = "var many = {}; for (let i = 0; i < 99; i++) many = Object.setPrototypeOf(new Int8Array(100_000), many); 0"


def test_an_answer_longer_than_its_frame_is_empty_and_the_engine_lives(shared: Driver) -> None:
    shared.run("var kept = 42")
    cell = shared.begin("for (;;);")
    settle(shared)
    name = "b" * 3_000_000
    answer = shared.ask("complete", f"var {name} = 1; b", len(name) + 10)
    shared.engine.stop(Interrupted("stopped"), cell)
    assert shared.finish(cell).outcome == Interrupted("stopped")
    assert answer == {}
    assert value_of(shared.run("kept")).text == "42"


def test_names_too_long_to_be_offered_leave_room_for_the_others_within_max_output_kb(shared: Driver) -> None:
    limits = Limits(0, 0, 0, 0, 100)
    shared.run("var named = { short: 1 }; for (let i = 0; i < 200; i++) named['a'.repeat(10_000) + i] = 1; 0", limits)
    assert "short" in shared.ask("complete", "named.", 6)["matches"]


def test_a_cell_behind_an_endless_question_is_run_and_keeps_the_state(shared: Driver) -> None:
    shared.run(f"var kept = 42; {MANY_NAMES}")
    shared.engine.complete(7_000_000, "many.k", 6)
    settle(shared)
    finished = shared.run("kept", Limits(0, 1000, 0, 0, 0))
    assert isinstance(finished.outcome, Completed), finished
    assert value_of(finished).text == "42"
    answers = [report for report in of(shared, Answered) if isinstance(report, Answered)]
    assert [answer.content for answer in answers if answer.request == 7_000_000] == [{}], answers[-3:]


@pytest.mark.parametrize("name", ["big", "list"])
def test_a_look_at_a_value_of_gigabytes_as_text_neither_fills_the_engine_nor_takes_long(
    open_engine: Open, name: str
) -> None:
    driver = open_engine()
    driver.run("var kept = 42; var big = 'x'.repeat(4e8); var list = Array.from({ length: 100 }, () => ({ big })); 0")
    begun = time.monotonic()
    driver.ask("inspect", name, 1, 0)
    assert time.monotonic() - begun < 5.0
    assert not of(driver, Lost)
    assert value_of(driver.run("kept")).text == "42"


def test_a_look_at_long_texts_takes_their_beginnings(shared: Driver) -> None:
    shared.run("var text = 'x'.repeat(1e6); var texts = Array.from({ length: 100 }, () => ({ text })); 0")
    for name in ("text", "texts"):
        shown = shared.ask("inspect", name, 1, 0)["data"]["text/plain"]
        assert "more characters" in shown or "\u2026" in shown, shown[:100]
        assert len(shown) < 25_000


def test_what_v8_runs_by_itself_after_a_stop_holds_one_more_cell_at_most(open_engine: Open) -> None:
    """The stop of the cell behind it must not look done while the context is not free."""
    driver = open_engine()
    driver.run("var words = new Int32Array(new SharedArrayBuffer(4)); 0")
    react = "for (const ms of [50, 80, 110]) Atomics.waitAsync(words, 0, 0, ms).value.then(() => { for (;;); })"
    for code in (f"{react}; for (;;);", "'waits'"):
        cell = driver.begin(code)
        settle(driver, 0.3)
        driver.engine.stop(Interrupted("stopped"), cell)
        assert isinstance(driver.finish(cell).outcome, Interrupted)
    assert value_of(driver.run("1")).text == "1"


def test_a_text_that_a_stop_cut_off_is_no_part_of_the_next_one(open_engine: Open) -> None:
    """Three bytes for each character: a text waits for room in the ring between its two pieces."""
    driver = open_engine()
    driver.run("var kept = 42; setInterval(() => display({ 'text/plain': 'short' }, { raw: true }), 10); 0")
    endless = "for (;;) display({ 'text/plain': '\u20ac'.repeat(40_000) }, { raw: true })"
    for _ in range(6):
        driver.run(f"setTimeout(() => {{ {endless} }}, 1); 0")
        settle(driver)
        driver.engine.stop(Interrupted("stopped"))
        settle(driver)
    assert not of(driver, Lost)
    assert value_of(driver.run("kept")).text == "42"
