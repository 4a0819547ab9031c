"""Owns what every engine promises of input, questions, stops, timers, limits and its loop, real engine and fake alike."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import select
import time

import pytest

from vm_kernel.engine.port import Answered, Asked, Finished, Printed, Ready, TurnStopped
from vm_kernel.limits import Limits
from vm_kernel.outcomes import Interrupted, OutputExceeded, TimedOut

from .both import AWAIT, LOOP, of, settle, value_of
from .driver import NO_LIMITS, Driver

# -- input


@pytest.mark.parametrize(
    ("code", "prompt", "password"),
    [('prompt("who? ")', "who? ", False), ("prompt()", "", False)],
)
def test_prompt_asks_and_gives_the_answer_to_the_cell(driver: Driver, code: str, prompt: str, password: bool) -> None:
    cell = driver.begin(code)
    assert driver.wait_for(Asked) == Asked(cell, prompt, password)
    settle(driver, 0.05)
    assert not of(driver, Finished), "the cell did not wait"
    driver.engine.answer('J\u00e9r\u00f4me "\U0001f600"')
    assert value_of(driver.finish(cell)).preview == 'J\u00e9r\u00f4me "\U0001f600"'


def test_two_prompts_in_a_cell_get_their_own_answers(driver: Driver) -> None:
    cell = driver.begin('prompt("a"); prompt("b")')
    driver.wait_for(Asked)
    driver.engine.answer("first")
    driver.until(lambda: len(of(driver, Asked)) == 2)
    driver.engine.answer("second")
    assert value_of(driver.finish(cell)).preview == "second"


def test_stop_ends_a_cell_that_waits_for_input(driver: Driver) -> None:
    cell = driver.begin('prompt("who? ")')
    driver.wait_for(Asked)
    driver.engine.stop(Interrupted("stopped"))
    assert driver.finish(cell).outcome == Interrupted("stopped")
    driver.engine.answer("too late")
    assert value_of(driver.run("1 + 1")).text == "2"


def test_an_answer_that_nobody_waits_for_does_nothing(driver: Driver) -> None:
    driver.wait_for(Ready)
    driver.engine.answer("x")
    assert value_of(driver.run("1 + 1")).text == "2"
    cell = driver.begin('prompt("who? ")')
    driver.wait_for(Asked)
    settle(driver, 0.05)
    assert not of(driver, Finished)[1:], "an old answer was taken for the new question"
    driver.engine.answer("y")
    assert value_of(driver.finish(cell)).preview == "y"


# -- questions


@pytest.mark.parametrize("busy", ["", LOOP, AWAIT])
def test_questions_are_answered_once_each_idle_and_mid_cell(driver: Driver, busy: str) -> None:
    driver.run("var horse = 1")
    cell = driver.begin(busy) if busy else 0
    if busy:
        settle(driver)
    driver.engine.is_complete(1, "1 + 1")
    driver.engine.is_complete(2, "f(")
    driver.engine.complete(3, "hors", 4)
    driver.engine.inspect(4, "horse", 5, 0)
    driver.until(lambda: len(of(driver, Answered)) >= 4)
    settle(driver, 0.05)
    answers = {report.request: report.content for report in of(driver, Answered)}
    assert len(of(driver, Answered)) == 4, driver.reports
    assert answers[1]["status"] == "complete"
    assert answers[2]["status"] == "incomplete" and set(answers[2]["indent"]) <= {" "}
    assert set(answers[3]) >= {"matches", "cursor_start", "cursor_end", "metadata"}
    assert (answers[3]["cursor_start"], answers[3]["cursor_end"]) == (0, 4)
    assert set(answers[4]) >= {"found", "data", "metadata"} or busy == LOOP, answers[4]
    if not busy:
        assert "horse" in answers[3]["matches"] and answers[4]["found"] is True
    else:
        assert not [report for report in of(driver, Finished) if report.cell == cell]
        driver.engine.stop(Interrupted("stopped"))
        driver.finish(cell)


def test_cursor_counts_code_points_and_not_utf_16_units(driver: Driver) -> None:
    driver.run("var horse = 1")
    code = '"\U0001f600\U0001f600"; hors'
    content = driver.ask("complete", code, len(code))
    assert (content["cursor_start"], content["cursor_end"]) == (len(code) - 4, len(code))
    assert "horse" in content["matches"]


# -- stop


@pytest.mark.parametrize("code", [LOOP, AWAIT, "for(;;){}"])
def test_stop_ends_the_running_cell_with_its_reason_and_keeps_variables(driver: Driver, code: str) -> None:
    driver.run("var x = 2")
    cell = driver.begin(code)
    settle(driver)
    driver.engine.stop(Interrupted("because"))
    finished = driver.finish(cell)
    assert finished.outcome == Interrupted("because")
    assert value_of(driver.run("x")).text == "2"
    assert driver.engine.generation == 1


def test_the_first_reason_to_stop_counts(driver: Driver) -> None:
    cell = driver.begin(LOOP)
    settle(driver)
    driver.engine.stop(OutputExceeded("first"))
    driver.engine.stop(Interrupted("second"))
    assert driver.finish(cell).outcome == OutputExceeded("first")


def test_stop_of_another_cell_has_no_effect(driver: Driver) -> None:
    first = driver.run("1 + 1").cell
    cell = driver.begin(LOOP)
    settle(driver)
    driver.engine.stop(Interrupted("not you"), first)
    driver.engine.stop(Interrupted("nor you"), cell + 7)
    settle(driver)
    assert len(of(driver, Finished)) == 1
    driver.engine.stop(Interrupted("you"), cell)
    assert driver.finish(cell).outcome == Interrupted("you")


@pytest.mark.parametrize("cell", [None, 1, 99])
def test_stop_when_nothing_runs_has_no_effect_on_what_follows(driver: Driver, cell: int | None) -> None:
    driver.run("var x = 2")
    driver.engine.stop(Interrupted("nothing"), cell)
    settle(driver, 0.05)
    assert value_of(driver.run("x")).text == "2"
    assert len(of(driver, Finished)) == 2 and not of(driver, TurnStopped)


def test_a_printing_loop_is_stopped_and_its_lines_are_whole_and_first(driver: Driver) -> None:
    cell = driver.begin("for (let i = 0; i < 100000000; i++) console.log(i)")
    driver.until(lambda: len(of(driver, Printed)) > 100)
    driver.engine.stop(Interrupted("enough"))
    finished = driver.finish(cell)
    assert finished.outcome == Interrupted("enough")
    lines = driver.text(cell)
    assert lines == [str(number) for number in range(len(lines))]
    count = len(driver.reports)
    settle(driver, 0.05)
    assert driver.reports[count:] == [], "output after the end of a stopped cell"


# -- timers


def test_a_timer_prints_between_cells_with_its_own_cell(driver: Driver) -> None:
    cell = driver.run('setTimeout(() => console.log("late"), 50)').cell
    assert driver.text(cell) == []
    driver.until(lambda: driver.text(cell) == ["late"])
    assert driver.reports.index(of(driver, Printed)[0]) > driver.reports.index(of(driver, Finished)[0])


def test_a_timer_prints_while_a_later_cell_waits(driver: Driver) -> None:
    first = driver.run('setTimeout(() => console.log("late"), 50)').cell
    cell = driver.begin(AWAIT)
    driver.until(lambda: driver.text(first) == ["late"])
    assert driver.text(cell) == []
    driver.engine.stop(Interrupted("stopped"))
    driver.finish(cell)


def test_an_interval_comes_again_until_its_cell_is_stopped(driver: Driver) -> None:
    cell = driver.run('setInterval(() => console.log("tick"), 20)').cell
    driver.until(lambda: len(driver.text(cell)) >= 3)


def test_stop_of_a_finished_cell_cancels_its_timers_and_no_others(driver: Driver) -> None:
    other = driver.run('setInterval(() => console.log("other"), 20)').cell
    cell = driver.run('setInterval(() => console.log("mine"), 20)').cell
    driver.until(lambda: driver.text(cell))
    driver.engine.stop(OutputExceeded("enough"), cell)
    settle(driver)
    since = len(driver.reports)
    settle(driver, 0.15)
    assert {report.cell for report in driver.reports[since:]} == {other}


def test_a_looping_timer_between_cells_is_stopped_with_turn_stopped(driver: Driver) -> None:
    cell = driver.run("setTimeout(() => { while(true){} }, 30)").cell
    settle(driver, 0.25)
    driver.engine.stop(Interrupted("late"))
    assert driver.wait_for(TurnStopped) == TurnStopped(cell, Interrupted("late"))
    assert value_of(driver.run("1 + 1")).text == "2"


# -- limits


@pytest.mark.parametrize("code", [LOOP, AWAIT])
def test_wall_ms_ends_a_cell_with_timed_out(driver: Driver, code: str) -> None:
    started = time.monotonic()
    outcome = driver.run(code, Limits(0, 300, 0, 0, 0)).outcome
    assert isinstance(outcome, TimedOut) and "wall_ms" in outcome.message and "300" in outcome.message, outcome
    assert 0.3 <= time.monotonic() - started < 3
    assert value_of(driver.run("1 + 1")).text == "2"


def test_limits_of_zero_never_end_a_cell(driver: Driver) -> None:
    cell = driver.begin(LOOP, NO_LIMITS)
    settle(driver, 0.5)
    assert not of(driver, Finished)
    driver.engine.stop(Interrupted("stopped"))
    driver.finish(cell)


# -- the loop's side


def test_an_idle_engine_needs_no_pump_and_wants_no_write(driver: Driver) -> None:
    driver.run("1 + 1")
    settle(driver, 0.05)
    assert driver.engine.deadline() is None
    assert driver.engine.wants_write() is False


def test_nothing_is_reported_but_from_pump(driver: Driver) -> None:
    driver.wait_for(Ready)
    count = len(driver.reports)
    driver.engine.evaluate(77, "cell", "1 + 1", NO_LIMITS)
    driver.engine.is_complete(1, "1")
    time.sleep(0.1)
    assert driver.reports[count:] == []


def test_waiting_on_fileno_and_deadline_alone_is_enough(driver: Driver) -> None:
    driver.wait_for(Ready)
    cell = driver.begin('console.log("x"); 5')
    end = time.monotonic() + 5
    while not of(driver, Finished):
        assert time.monotonic() < end, driver.reports
        descriptor, deadline = driver.engine.fileno(), driver.engine.deadline()
        assert descriptor is not None
        wait_s = 2.0 if deadline is None else max(0.0, deadline - time.monotonic())
        ready = select.select([descriptor], [descriptor] if driver.engine.wants_write() else [], [], wait_s)
        assert any(ready) or deadline is not None, "neither readable nor a deadline"
        driver.engine.pump()
    assert value_of(driver.finish(cell)).text == "5"


def test_a_pump_too_many_does_nothing(driver: Driver) -> None:
    driver.run("1 + 1")
    count = len(driver.reports)
    for _ in range(100):
        driver.engine.pump()
    assert driver.reports[count:] == []


def test_evaluate_while_a_cell_runs_is_refused(driver: Driver) -> None:
    driver.wait_for(Ready)
    cell = driver.begin(LOOP)
    with pytest.raises(AssertionError):
        driver.begin("1 + 1")
    driver.engine.stop(Interrupted("stopped"))
    driver.finish(cell)


@pytest.mark.parametrize("code", ["", LOOP, AWAIT, 'prompt("x")'])
def test_close_ends_everything_at_once_without_a_report(driver: Driver, code: str) -> None:
    driver.wait_for(Ready)
    if code:
        driver.begin(code)
        settle(driver, 0.05)
    count = len(driver.reports)
    started = time.monotonic()
    driver.engine.close()
    assert time.monotonic() - started < 1
    assert driver.engine.fileno() is None and driver.engine.deadline() is None
    assert not driver.engine.wants_write()
    assert driver.reports[count:] == []
    driver.engine.close()


def test_close_before_ready(driver: Driver) -> None:
    driver.engine.close()
    assert driver.reports == []
