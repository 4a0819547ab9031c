"""Owns what every engine promises of comms through its port, held over the real engine and the fake alike."""

from __future__ import annotations

from typing import Any

import pytest

from vm_kernel.engine.port import Answered, Conversed, Printed
from vm_kernel.engine.supervisor import Supervisor

from .both import AWAIT
from .driver import Driver

#: What the fake's word `ECHO` stands for.
ECHO = """
var ECHO = (comm, message) => {
  console.log("open " + JSON.stringify(message.data));
  comm.onMessage = (message) => {
    console.log("msg " + JSON.stringify(message.data));
    comm.send(message.data, message);
  };
  comm.onClose = (message) => console.log("close " + JSON.stringify(message.data));
}
"""
NUMBER = 1 << 31


def register(driver: Driver) -> int:
    """The cell that has registered the target `echo`."""
    if isinstance(driver.engine, Supervisor):
        driver.run(ECHO)
    cell = driver.begin('Jupyter.comms.register("echo", ECHO)')
    driver.finish(cell)
    return cell


def message(op: str, data: object, buffers: list[str] | None = None) -> dict[str, Any]:
    return {"op": op, "comm_id": "c", "target_name": "echo", "data": data, "metadata": {}, "buffers": buffers or []}


def hear(driver: Driver, cell: int, number: int, content: dict[str, Any]) -> list[Any]:
    """What the engine reports for one message, from `taken` to its answer."""
    since = len(driver.reports)
    driver.engine.comm(number, cell, content)
    driver.until(lambda: Answered(number, {}) in driver.reports[since:])
    return driver.reports[since:]


def test_a_cell_tells_which_target_it_answers(driver: Driver) -> None:
    cell = register(driver)
    told = [report for report in driver.reports if isinstance(report, Conversed)]
    assert told == [Conversed(cell, "register", {"target_name": "echo"})]


def test_what_a_cell_opens_is_told_with_its_data(driver: Driver) -> None:
    cell = driver.begin('Jupyter.comms.open("front", {"a": 1})')
    driver.finish(cell)
    told = next(report for report in driver.reports if isinstance(report, Conversed))
    assert (told.cell, told.op, told.buffers) == (cell, "open", ())
    assert told.content.pop("comm_id")
    assert told.content == {"target_name": "front", "data": {"a": 1}, "metadata": {}}


def test_a_message_is_handled_between_taken_and_answered_and_belongs_to_the_cell(driver: Driver) -> None:
    cell = register(driver)
    driver.run("1 + 1")
    opened = hear(driver, cell, NUMBER, message("open", [1]))
    taken = Conversed(cell, "taken", {"request": NUMBER})
    assert opened == [taken, Printed(cell, "log", "open [1]"), Answered(NUMBER, {})]
    taken, printed, echoed, answered = hear(driver, cell, NUMBER + 1, message("msg", 5, ["AAEC", ""]))
    assert taken == Conversed(cell, "taken", {"request": NUMBER + 1})
    assert printed == Printed(cell, "log", "msg 5")
    assert echoed == Conversed(cell, "msg", {"comm_id": "c", "data": 5, "metadata": {}}, (b"\0\1\2", b""))
    assert answered == Answered(NUMBER + 1, {})
    closed = hear(driver, cell, NUMBER + 2, message("close", 6))
    assert closed[1] == Printed(cell, "log", "close 6")


def test_a_message_is_handled_while_a_cell_awaits(driver: Driver) -> None:
    cell = register(driver)
    driver.begin(AWAIT)
    assert Printed(cell, "log", "open 1") in hear(driver, cell, NUMBER, message("open", 1))


@pytest.mark.parametrize("op", ["msg", "close"])
def test_a_message_for_nobody_is_answered_all_the_same(open_engine: Any, op: str) -> None:
    driver = open_engine()
    driver.run("1")
    reports = hear(driver, 1, NUMBER, message(op, 1))
    assert reports[-1] == Answered(NUMBER, {})
