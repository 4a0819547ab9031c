"""Expressions that are evaluated with the end of a cell, over the real engine and, where it can, the fake one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from vm_kernel.engine.port import Finished
from vm_kernel.limits import Limits
from vm_kernel.outcomes import Completed, Interrupted, JavaScriptError, Raised, TimedOut, Value

from .conftest import Open
from .driver import Driver


def run(driver: Driver, code: str, expressions: Mapping[str, str], limits: Limits | None = None) -> Finished:
    return driver.finish(driver.begin(code, limits, expressions))


def came(finished: Finished) -> dict[str, Value | JavaScriptError]:
    assert isinstance(finished.outcome, Completed), finished
    assert finished.outcome.expressions is not None, finished
    return dict(finished.outcome.expressions)


def text_of(of: Value | JavaScriptError) -> str:
    assert isinstance(of, Value), of
    return of.text


def test_each_is_a_value_or_an_error_and_the_cell_is_completed(driver: Driver) -> None:
    found = came(run(driver, "var x = 2", {"sum": "1 + 2", "of the cell": "x", "": '"text"', "none": "nobody"}))
    assert list(found) == ["sum", "of the cell", "", "none"]
    assert [text_of(found[name]) for name in ("sum", "of the cell", "")] == ["3", "2", "'text'"]
    error = found["none"]
    assert isinstance(error, JavaScriptError)
    assert (error.name, error.message) == ("ReferenceError", "nobody is not defined")
    assert any("nobody" in line for line in error.traceback)


@pytest.mark.parametrize("code", ["1 + 1", '"text"', "undefined", "var kept = 1", ""])
def test_the_value_of_the_cell_is_what_it_is_without_them(driver: Driver, code: str) -> None:
    alone = driver.run(code).outcome
    with_them = run(driver, code, {"n": "1 + 1"}).outcome
    assert isinstance(alone, Completed) and isinstance(with_them, Completed)
    assert alone.value == with_them.value and alone.expressions is None


def test_none_is_evaluated_after_an_error(driver: Driver) -> None:
    assert isinstance(run(driver, 'throw new Error("boom")', {"n": "1 + 1"}).outcome, Raised)
    assert isinstance(run(driver, "let = ;", {"n": "1 + 1"}).outcome, Raised)


def test_no_expressions_are_not_nothing_at_all(driver: Driver) -> None:
    assert came(run(driver, "1 + 1", {})) == {}


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("{a: 1}", "{ a: 1 }"),
        ("(1, 2)", "2"),
        ("1 // a comment", "1"),
        ("undefined", "undefined"),
        ("null", "null"),
        ("Promise.resolve(1)", "Promise { 1 }"),
        ("function f() {}", "[Function: f]"),
        ("'\\ud83d\\ude00'", "'\N{GRINNING FACE}'"),
        ("[1, , { a: 1n }]", "[ 1, <1 empty item>, { a: 1n } ]"),
    ],
)
def test_any_expression_is_shown_as_a_cell_shows_it(shared: Driver, code: str, text: str) -> None:
    assert text_of(came(run(shared, "0", {"it": code}))["it"]) == text


@pytest.mark.parametrize("code", ["", "let x = 1", "1;", "await 1", "1 +", "throw 1"])
def test_what_is_no_expression_is_a_syntax_error_of_its_own(shared: Driver, code: str) -> None:
    found = came(run(shared, "'kept'", {"bad": code, "good": "1 + 1"}))
    assert isinstance(bad := found["bad"], JavaScriptError) and bad.name == "SyntaxError", bad
    assert text_of(found["good"]) == "2"


def test_a_place_in_an_expression_counts_its_own_columns(shared: Driver) -> None:
    found = came(run(shared, "0", {"a": "1", "b": "  null.x"}))
    assert isinstance(error := found["b"], JavaScriptError)
    assert error.traceback[:3] == ("expression [2]:1:8", "  null.x", "       ^")


def test_they_run_after_an_awaited_cell(shared: Driver) -> None:
    found = came(run(shared, "var late = await new Promise(done => setTimeout(done, 10, 'there'))", {"it": "late"}))
    assert text_of(found["it"]) == "'there'"


def test_what_they_print_belongs_to_the_cell(shared: Driver) -> None:
    expressions = {"it": "console.log('expression')", "later": "queueMicrotask(() => console.log('job'))"}
    finished = run(shared, "console.log('cell')", expressions)
    assert shared.text(finished.cell) == ["cell", "expression", "job"]


def test_one_that_loops_is_stopped_by_the_limit_of_the_cell(shared: Driver) -> None:
    limits = Limits(0, 200, 0, 0, 0)
    for code in ("1 + 1", "await new Promise(done => setTimeout(done, 10))"):
        outcome = run(shared, code, {"loop": "(() => { while (true) {} })()"}, limits).outcome
        assert isinstance(outcome, TimedOut) and not outcome.lost
    assert text_of(came(run(shared, "0", {"next": "6 * 7"}))["next"]) == "42"


def test_one_that_loops_is_stopped_by_an_interrupt(shared: Driver) -> None:
    cell = shared.begin("console.log('runs')", None, {"loop": "(() => { while (true) {} })()"})
    shared.until(lambda: shared.text(cell))
    shared.engine.stop(Interrupted("stopped"))
    assert shared.finish(cell).outcome == Interrupted("stopped")


def test_hostile_changes_of_built_ins_reach_none_of_it(open_engine: Open) -> None:
    driver = open_engine()
    driver.run(
        "JSON.stringify = () => { throw 1 }; Reflect.ownKeys = () => { throw 2 }; globalThis.eval = () => 'evil';"
        "Object.prototype.expressions = { evil: 'x' }; Array.prototype.push = () => { throw 3 }; 0"
    )
    assert driver.run("1").outcome == Completed(Value("number", "1", "1", "1"))
    found = came(run(driver, "0", {"n": "1 + 1", "bad": "null.x"}))
    assert text_of(found["n"]) == "2" and isinstance(found["bad"], JavaScriptError)
