"""Imports under the limits of their cell: what was stopped half way is read again, late answers are nobody's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vm_kernel.engine.port import Printed, Wanted
from vm_kernel.engine.supervisor import Supervisor
from vm_kernel.limits import Limits
from vm_kernel.outcomes import Completed, Interrupted, OutOfMemory, Raised, TimedOut

from ..engine.driver import Driver
from .tree import Tree

STOPPED = Interrupted("stopped")
LIMITED = Limits(0, 300, 0, 0, 0)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    tree = Tree(tmp_path_factory.mktemp("tree"))
    yield tree
    tree.close()


@pytest.fixture
def unanswered() -> Iterator[Driver]:
    """An engine whose questions nobody answers but the test."""
    driver = Driver(lambda sink: Supervisor(512, sink))
    yield driver
    driver.close()


def test_waiting_for_a_file_counts_as_wall_time(unanswered: Driver) -> None:
    ended = unanswered.run("try { require('./x') } catch {} while (true) {}", LIMITED)
    assert isinstance(ended.outcome, TimedOut)
    assert 250 <= ended.wall_ms <= 3000
    assert unanswered.engine.generation == 1


def test_an_answer_to_a_question_that_was_given_up_is_not_taken_for_the_next(unanswered: Driver) -> None:
    cell = unanswered.begin("require('./first.json')")
    first = unanswered.wait_for(Wanted)
    unanswered.engine.stop(STOPPED, cell)
    unanswered.finish(cell)
    cell = unanswered.begin("require('./second.json')")
    second = unanswered.until(lambda: [r for r in unanswered.reports if isinstance(r, Wanted)][1:])[0]
    answer = {"path": "a.json", "filename": "/a.json", "format": "json", "esm": True, "place": [1, 1]}
    unanswered.engine.supply(first.number, {**answer, "text": '"first"'})
    unanswered.engine.answer("a line of input")
    unanswered.engine.supply(second.number, {**answer, "text": '"second"'})
    outcome = unanswered.finish(cell).outcome
    assert isinstance(outcome, Completed) and outcome.value is not None
    assert outcome.value.preview == "second"


def test_an_answer_may_be_there_before_javascript_waits_for_it(unanswered: Driver) -> None:
    slow = "console.log('runs'); const end = Date.now() + 300; while (Date.now() < end) {}"
    cell = unanswered.begin(f"{slow} require('./x.json')")
    unanswered.wait_for(Printed)
    answer = {"path": "a.json", "filename": "/a.json", "format": "json", "esm": True, "place": [1, 1]}
    unanswered.engine.supply(1, {**answer, "text": '"early"'})
    outcome = unanswered.finish(cell).outcome
    assert isinstance(outcome, Completed) and outcome.value is not None
    assert outcome.value.preview == "early"


@pytest.mark.parametrize("how", ["import './{}.mjs'", "require('./{}.mjs')", "await import('./{}.mjs')"])
def test_a_module_that_was_stopped_is_read_again(tree: Tree, how: str) -> None:
    name = f"loop{len(how)}"
    tree.write(f"{name}.mjs", "export const x = 1\nwhile (true) {}\n")
    ended = tree.driver.run(how.format(name), LIMITED)
    assert isinstance(ended.outcome, TimedOut)
    tree.write(f"{name}.mjs", "export const x = 2\n")
    again = tree.driver.run(f"require('./{name}.mjs').x")
    assert isinstance(again.outcome, Completed) and again.outcome.value is not None, again.outcome
    assert again.outcome.value.preview == "2"


def test_a_module_that_awaits_for_ever_is_read_again_after_its_cell_was_stopped(tree: Tree) -> None:
    tree.write("forever.mjs", "export const x = await new Promise(() => {})\n")
    ended = tree.driver.run("import './forever.mjs'", LIMITED)
    assert isinstance(ended.outcome, TimedOut)
    tree.write("forever.mjs", "export const x = 3\n")
    again = tree.driver.run("const {x: late} = await import('./forever.mjs'); late")
    assert isinstance(again.outcome, Completed) and again.outcome.value is not None
    assert again.outcome.value.preview == "3"


def test_a_module_that_fills_the_memory_ends_its_cell_alone(tree: Tree) -> None:
    driver = tree.driver
    tree.write("bomb.mjs", "export const list = []\nwhile (true) list.push(new Array(1000).fill(1.5))\n")
    ended = driver.run("import './bomb.mjs'", timeout_s=60)
    assert isinstance(ended.outcome, OutOfMemory), ended.outcome
    assert isinstance(driver.run("1").outcome, Completed)


def test_a_timer_may_import_between_cells(tree: Tree) -> None:
    tree.write("late.js", "exports.x = 'late'\n")
    cell = tree.driver.begin("setTimeout(() => console.log(require('./late').x), 10); 0")
    tree.driver.finish(cell)
    printed = tree.driver.until(lambda: [r for r in tree.driver.reports if isinstance(r, Printed) and r.cell == cell])
    assert printed[0].text == "late"


def test_a_module_is_asked_for_once(tree: Tree) -> None:
    tree.write("once.mjs", "export default 1\n")
    before = len(tree.asked)
    for _ in range(3):
        tree.driver.run("import o from './once.mjs'; o + (await import('./once.mjs')).default")
    assert [each["specifier"] for each in tree.asked[before:]] == ["./once.mjs"]


def test_a_large_module_and_one_that_is_too_large(tree: Tree) -> None:
    lines = "".join(f"export const x{n} = '\u00e9{n}'\n" for n in range(20_000))
    tree.write("large.mjs", lines)
    ended = tree.driver.run("import {x19999} from './large.mjs'; x19999", timeout_s=60)
    assert isinstance(ended.outcome, Completed) and ended.outcome.value is not None, ended.outcome
    assert ended.outcome.value.preview == "\u00e919999"
    tree.write("larger.js", b"/" * ((8 << 20) + 1))
    refused = tree.driver.run("require('./larger.js')").outcome
    assert isinstance(refused, Raised) and "the file is larger than 8 MB" in refused.error.message


def test_modules_nested_deeper_than_the_stack_are_an_error_of_the_cell(tree: Tree) -> None:
    for number in range(1500):
        tree.write(f"deep/{number}.js", f"module.exports = require('./{number + 1}')\n")
    tree.write("deep/1500.js", "module.exports = 1\n")
    outcome = tree.driver.run("require('./deep/0')", timeout_s=60).outcome
    assert isinstance(outcome, (Raised, Completed))
    assert isinstance(tree.driver.run("1").outcome, Completed)


HOSTILE = [
    "Object.freeze(globalThis)",
    "Object.prototype.problem = 'x'; Object.prototype.refused = true; Object.prototype.get = () => 1",
    "Array.prototype.push = Array.prototype.sort = Function.prototype.call = () => { throw 1 }",
    "Map.prototype.get = Map.prototype.set = String.prototype.slice = JSON.parse = () => { throw 1 }",
    "Error.prepareStackTrace = Error.captureStackTrace = () => { throw 1 }; Error.stackTraceLimit = 0",
    "Promise.prototype.then = () => { throw 1 }; Promise = null",
    "eval = null; Reflect = null; Object.defineProperty = Object.create = () => { throw 1 }",
    "Object.getPrototypeOf(function* () {}.prototype).next = () => { throw 1 }",
    "Object.defineProperty(Object.prototype, '0', {set() { throw 1 }, configurable: true})",
]


@pytest.mark.parametrize("prelude", HOSTILE, ids=range(len(HOSTILE)))
def test_imports_stand_on_the_built_ins_as_they_were_at_the_start(tmp_path: Path, prelude: str) -> None:
    tree = Tree(tmp_path)
    tree.write("a.mjs", "import {b} from './b.mjs'\nimport c from './c.js'\nexport const a = b() + c.c\n")
    tree.write("b.mjs", "export function b() { return 'b' }\n")
    tree.write("c.js", "exports.c = require('./d.json')\n")
    tree.write("d.json", '"d"')
    tree.driver.run(prelude)
    outcome = tree.driver.run("require('./a.mjs').a").outcome
    tree.close()
    assert isinstance(outcome, Completed) and outcome.value is not None, outcome
    assert outcome.value.preview == "bd"
