"""What both engines promise about files that code imports: asked for by number, waited for, given up when stopped."""

from __future__ import annotations

from typing import Any

from vm_kernel.engine.port import Printed, Wanted
from vm_kernel.outcomes import Completed, Interrupted, Raised

from .both import of, settle, value_of
from .driver import Driver

STOPPED = Interrupted("stopped")


def json_file(text: str) -> dict[str, Any]:
    return {
        "path": "x.json", "filename": "/tree/x.json", "format": "json", "esm": True, "text": text, "place": [1, 1],
    }  # fmt: skip


def test_a_cell_that_imports_says_what_and_waits(driver: Driver) -> None:
    cell = driver.begin('console.log("before"); require("./x.json")')
    wanted = driver.wait_for(Wanted)
    assert (wanted.cell, wanted.question["specifier"], wanted.question["by"]) == (cell, "./x.json", "require")
    assert wanted.question["number"] == wanted.number
    assert [report.text for report in of(driver, Printed)] == ["before"]
    settle(driver)
    assert not driver._finished, "it went on without its file"
    driver.engine.supply(wanted.number, json_file('"text \\u00e9"'))
    assert value_of(driver.finish(cell)).preview == "text \u00e9"


def test_a_problem_is_an_error_of_the_cell(driver: Driver) -> None:
    cell = driver.begin('require("./gone.json")')
    wanted = driver.wait_for(Wanted)
    driver.engine.supply(wanted.number, {"problem": "Invalid module: nothing there", "code": "MODULE_NOT_FOUND"})
    outcome = driver.finish(cell).outcome
    assert isinstance(outcome, Raised)
    assert (outcome.error.name, outcome.error.message) == ("Error", "Invalid module: nothing there")
    assert isinstance(driver.run("1").outcome, Completed)


def test_stop_ends_a_cell_that_waits_for_a_file(driver: Driver) -> None:
    cell = driver.begin('require("./x.json")')
    wanted = driver.wait_for(Wanted)
    driver.engine.stop(STOPPED, cell)
    assert driver.finish(cell).outcome == STOPPED
    driver.engine.supply(wanted.number, json_file("1"))  # late, for nobody
    assert value_of(driver.run("2")).preview == "2"
