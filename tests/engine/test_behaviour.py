"""Owns what every engine promises of cells and output through its port, held over the real engine and the fake alike."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import pytest

from vm_kernel.engine.port import Cleared, Displayed, Finished, Lost, Printed, Ready
from vm_kernel.outcomes import Completed, Interrupted, Raised, Value

from .both import LOOP, of, settle, value_of
from .driver import Driver

# -- start and generation


def test_start_is_followed_by_one_ready_of_generation_1_with_a_pid(driver: Driver) -> None:
    ready = driver.wait_for(Ready)
    settle(driver, 0.05)
    assert of(driver, Ready) == [ready]
    assert ready.generation == driver.engine.generation == 1
    assert ready.pid > 1


def test_generation_is_1_before_ready_too(driver: Driver) -> None:
    assert driver.engine.generation == 1


def test_renew_is_followed_by_lost_asked_for_and_ready_of_the_next_generation(driver: Driver) -> None:
    driver.run("let kept = 1")
    for generation in range(1, 6):  # more often than an engine may be lost within a minute
        mark = len(driver.reports)
        driver.engine.renew()
        ready = driver.wait_for(Ready, since=mark)
        [lost] = [report for report in driver.reports[mark:] if isinstance(report, Lost)]
        assert (lost.generation, lost.asked, lost.final) == (generation, True, False)
        assert ready.generation == driver.engine.generation == generation + 1
    assert isinstance(driver.run("kept").outcome, Raised), "the variable is there still"
    assert value_of(driver.run("1 + 1")).text == "2"


def test_evaluate_right_after_renew_runs_in_the_next_engine(driver: Driver) -> None:
    driver.run("let kept = 1")
    driver.engine.renew()
    assert isinstance(driver.run("kept").outcome, Raised)


def test_renew_before_ready_gives_one_engine(driver: Driver) -> None:
    driver.engine.renew()
    assert value_of(driver.run("1 + 1")).text == "2"
    assert driver.engine.generation == 2


def test_renew_after_close_in_the_midst_of_a_cell_gives_an_engine_that_knows_nothing_of_it(driver: Driver) -> None:
    driver.run("var kept = 1")
    driver.begin(LOOP)
    settle(driver, 0.05)
    driver.engine.close()
    mark = len(driver.reports)
    driver.engine.renew()
    assert driver.wait_for(Ready, since=mark).generation == driver.engine.generation == 2
    assert isinstance(driver.run("kept").outcome, Raised)
    assert value_of(driver.run("1 + 1")).text == "2"
    assert len(of(driver, Finished)) == 3, driver.reports


def test_evaluate_before_ready_runs_once_the_engine_is_up(driver: Driver) -> None:
    cell = driver.begin("1 + 1")
    assert value_of(driver.finish(cell)).text == "2"
    assert isinstance(driver.reports[0], Ready), driver.reports


def test_stop_before_ready_ends_the_waiting_cell_and_the_next_runs(driver: Driver) -> None:
    cell = driver.begin(LOOP)
    driver.engine.stop(Interrupted("stopped"))
    assert driver.finish(cell).outcome == Interrupted("stopped")
    assert value_of(driver.run("2 + 2")).text == "4"


def test_questions_before_ready_are_answered(driver: Driver) -> None:
    assert driver.ask("is_complete", "1 + 1")["status"] == "complete"


# -- cells


def test_every_cell_ends_exactly_once_and_in_order(driver: Driver) -> None:
    for number in range(1, 6):
        driver.run(f"{number} + 0")
    assert [report.cell for report in of(driver, Finished)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1 + 1", Value("number", "2", "2", "2")),
        ('"text"', Value("string", "'text'", "text")),
        ("true", Value("boolean", "true", "true", "true")),
        ("null", Value("null", "null", "null", "null")),
    ],
)
def test_last_value_is_reported_as_text_preview_and_json(driver: Driver, code: str, value: Value) -> None:
    assert value_of(driver.run(code)) == value


@pytest.mark.parametrize("code", ["undefined", "var x = 2", "", "   \n "])
def test_nothing_to_show_is_completed_without_a_value(driver: Driver, code: str) -> None:
    assert driver.run(code).outcome == Completed(None)


def test_variables_live_on_between_cells_and_may_be_declared_again(driver: Driver) -> None:
    driver.run("const x = 2")
    assert value_of(driver.run("x")).text == "2"
    driver.run("const x = 3")
    assert value_of(driver.run("x")).text == "3"


def test_a_thrown_error_is_a_result_with_name_message_traceback_and_stack(driver: Driver) -> None:
    outcome = driver.run('throw new TypeError("boom")').outcome
    assert isinstance(outcome, Raised), outcome
    assert (outcome.error.name, outcome.error.message) == ("TypeError", "boom")
    assert any("TypeError: boom" in line for line in outcome.error.traceback), outcome.error
    assert outcome.error.stack.startswith("TypeError: boom"), outcome.error
    assert value_of(driver.run("1 + 1")).text == "2"


def test_an_unknown_name_is_a_reference_error(driver: Driver) -> None:
    outcome = driver.run("nobody").outcome
    assert isinstance(outcome, Raised), outcome
    assert (outcome.error.name, outcome.error.message) == ("ReferenceError", "nobody is not defined")


def test_a_broken_text_is_a_syntax_error(driver: Driver) -> None:
    outcome = driver.run("1 +").outcome
    assert isinstance(outcome, Raised) and outcome.error.name == "SyntaxError", outcome


# -- output


def test_all_output_comes_before_finished_and_in_order(driver: Driver) -> None:
    finished = driver.run("for (let i = 0; i < 3000; i++) console.log(i)")
    assert driver.text(finished.cell) == [str(number) for number in range(3000)]
    printed = [at for at, report in enumerate(driver.reports) if isinstance(report, Printed)]
    assert max(printed) < driver.reports.index(finished)


@pytest.mark.parametrize("level", ["log", "info", "debug", "warn", "error"])
def test_a_console_call_is_one_printed_of_its_level(driver: Driver, level: str) -> None:
    cell = driver.run(f'console.{level}("a", 1)').cell
    assert of(driver, Printed) == [Printed(cell, level, "a 1")]


def test_a_line_comes_while_the_cell_goes_on(driver: Driver) -> None:
    cell = driver.begin(f'console.log("first")\n{LOOP}')
    driver.wait_for(Printed)
    assert not of(driver, Finished)
    driver.engine.stop(Interrupted("stopped"))
    driver.finish(cell)


def test_output_of_a_cell_that_throws_is_kept(driver: Driver) -> None:
    finished = driver.run('console.log("before"); throw new Error("boom")')
    assert isinstance(finished.outcome, Raised)
    assert driver.text(finished.cell) == ["before"]


def test_display_carries_the_content_of_a_display_message(driver: Driver) -> None:
    code = 'display({"text/plain": "x"}, {raw: true, display_id: "d", update: true})'
    cell = driver.run(code).cell
    [shown] = of(driver, Displayed)
    assert isinstance(shown, Displayed) and shown.cell == cell
    assert shown.content["data"] == {"text/plain": "x"} and shown.content["metadata"] == {}
    assert shown.content["transient"] == {"display_id": "d"} and shown.content["update"] is True


@pytest.mark.parametrize(("code", "wait"), [("clearOutput()", False), ("clearOutput(true)", True)])
def test_clear_output_is_reported_with_wait(driver: Driver, code: str, wait: bool) -> None:
    cell = driver.run(code).cell
    assert of(driver, Cleared) == [Cleared(cell, wait)]


def test_console_display_and_clear_keep_their_order(driver: Driver) -> None:
    driver.run('console.log("a"); display({"text/plain": "x"}, {raw: true}); console.log("b"); clearOutput()')
    kinds = [type(report) for report in driver.reports if not isinstance(report, Ready)]
    assert kinds == [Printed, Displayed, Printed, Cleared, Finished]
