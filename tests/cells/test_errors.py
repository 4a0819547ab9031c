"""How errors read: places in terms of cells, exact columns, causes, thrown values."""

from __future__ import annotations

import pytest

from tests.engine.driver import Driver
from vm_kernel.engine.supervisor import Supervisor
from vm_kernel.outcomes import Completed

from .conftest import Cells, load

TABLES = load("errors.json")

#: A cell's text with the place marked by `|` (taken out before the run), and what the error's message holds.
PLACES = TABLES["places"]


@pytest.mark.parametrize(("marked", "message"), PLACES, ids=[row[0] for row in PLACES])
def test_place_is_that_of_the_source(cells: Cells, marked: str, message: str) -> None:
    if marked in ("|null.x", "null|.x"):
        marked = "null.|x"  # V8 points at the property
    before, after = marked.split("|")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    ended = cells.run(before + after)
    assert ended["status"] == "error"
    assert message in ended["message"]
    place, text, caret = ended["traceback"][:3]
    assert place == f"cell [1]:{line}:{column}"
    assert text == (before + after).split("\n")[line - 1]
    assert caret == "".join("\t" if char == "\t" else " " for char in text[: column - 1]) + "^"
    assert f"cell [1]:{line}:{column}" in ended["stack"]
    assert not any("vm:" in row or "<anonymous>:" in row for row in ended["traceback"]), ended["traceback"]


def test_stack_names_functions_and_cells(cells: Cells) -> None:
    cells.run("function f() {\n  throw new TypeError('boom')\n}")
    ended = cells.run("f()")
    assert (ended["name"], ended["message"]) == ("TypeError", "boom")
    assert ended["stack"] == "TypeError: boom\n    at f (cell [1]:2:9)\n    at cell [2]:1:1"
    assert ended["traceback"] == [
        "cell [1]:2:9",
        "  throw new TypeError('boom')",
        "        ^",
        "",
        "TypeError: boom",
        "    at f (cell [1]:2:9)",
        "    at cell [2]:1:1",
    ]


def test_async_frames_are_named(cells: Cells) -> None:
    ended = cells.run("async function g() { await 0; throw new Error('ag') }\nawait g()")
    assert ended["stack"] == "Error: ag\n    at g (cell [1]:1:37)\n    at async cell [1]:2:1"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("throw 'text'", "'text'"),
        ("throw {a: 1}", "{ a: 1 }"),
        ("throw null", "null"),
        ("throw undefined", "undefined"),
        ("throw Symbol('s')", "Symbol(s)"),
        ("throw 5n", "5n"),
        ("throw ''", "''"),
    ],
)
def test_thrown_values_that_are_no_errors(cells: Cells, source: str, message: str) -> None:
    ended = cells.run(source)
    assert (ended["name"], ended["message"], ended["traceback"]) == ("Uncaught", message, [f"Uncaught {message}"])


def test_causes_and_collected_errors_are_shown(cells: Cells) -> None:
    ended = cells.run("throw new Error('outer', {cause: new TypeError('inner')})")
    text = "\n".join(ended["traceback"])
    assert "[cause]: TypeError: inner\n      at cell [1]:1:34" in text
    ended = cells.run("throw new AggregateError([new Error('x1'), 5], 'all')")
    text = "\n".join(ended["traceback"])
    assert "AggregateError: all" in text and "Error: x1" in text and "[errors]" in text


def test_properties_of_errors_are_shown(cells: Cells) -> None:
    ended = cells.run("throw Object.assign(new Error('m'), {code: 'E5'})")
    assert "  code: 'E5'" in ended["traceback"]


def test_syntax_error_has_place_line_and_caret(cells: Cells) -> None:
    ended = cells.run("1\nlet a = ;")
    assert ended["traceback"] == ["cell [1]:2:9", "let a = ;", "        ^", "", "SyntaxError: Unexpected token ';'"]
    assert ended["stack"] == "SyntaxError: Unexpected token ';'\n    at cell [1]:2:9"


def test_a_long_line_is_shown_around_the_place(cells: Cells) -> None:
    ended = cells.run("x=1;" * 500 + "nope;" + "y=2;" * 500)
    place, text, caret = ended["traceback"][:3]
    assert place == "cell [1]:1:2001"
    assert len(text) <= 301
    assert text[len(caret) - 1 :].startswith("nope;")


def test_an_errors_own_getters_are_not_run(cells: Cells) -> None:
    cells.run(
        "var hits = 0; class G extends Error { get name() { hits++; return 'G' } get message() { hits++; return 'm' } }"
    )
    ended = cells.run("throw new G")
    assert ended["name"] == "G"
    assert cells.value("hits") == "0"


@pytest.mark.parametrize(
    "hostile",
    [
        "Error.prepareStackTrace = () => { hits++; return 'mine' }",
        "Object.defineProperty(Error, 'prepareStackTrace', {get() { hits++ }, configurable: true})",
        "Error.stackTraceLimit = 'x'",
        "Error.stackTraceLimit = 0",
        "globalThis.Error = undefined",
        "Error.prototype.toString = () => { hits++ }",
        "String.prototype.slice = () => { hits++ }",
        "RegExp.prototype.exec = () => { hits++ }",
        "WeakMap.prototype.get = WeakMap.prototype.set = () => { hits++ }",
    ],
)
def test_errors_read_the_same_after_a_hostile_cell(cells: Cells, hostile: str) -> None:
    cells.run("var hits = 0")
    cells.run(hostile)
    cells.run("hits = 0")
    ended = cells.run("null.x")
    assert (ended["name"], ended["message"]) == ("TypeError", "Cannot read properties of null (reading 'x')")
    assert cells.value("hits") == "0"


def test_a_users_own_formatter_is_honoured_in_user_code(cells: Cells) -> None:
    cells.run("Error.prepareStackTrace = (error, frames) => `mine ${frames.length > 0}`")
    assert cells.value("new Error('q').stack") == "'mine true'"
    assert cells.run("throw new Error('q')")["stack"].startswith("Error: q\n    at cell [3]:1:7")


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "1",
        "{}",
        "{}, 5",
        "null, [null, {}]",
        "new Error('x'), {length: 1e9}",
        "5, [5]",
        "new Proxy({}, {get() { throw 1 }}), [1]",
        "{}, {get length() { throw 1 }}",
    ],
)
def test_our_formatter_survives_garbage(cells: Cells, arguments: str) -> None:
    cells.run("const format = Error.prepareStackTrace")
    assert cells.run(f"typeof format({arguments})")["text"] == "'string'"


def test_endless_recursion_is_an_error_like_any_other(cells: Cells) -> None:
    ended = cells.run("(function r() { r() })()")
    assert (ended["name"], ended["message"]) == ("RangeError", "Maximum call stack size exceeded")
    assert cells.value("1") == "1"


def test_code_from_strings_names_its_cell(cells: Cells) -> None:
    ended = cells.run("eval('throw new Error(1)')")
    assert any("cell [1]" in row for row in ended["traceback"])
    assert not any("%20" in row for row in ended["traceback"]), ended["traceback"]


def test_an_error_that_no_cell_waits_for_reads_like_one_that_ends_a_cell() -> None:
    driver = Driver(lambda sink: Supervisor(512, sink))
    try:
        driver.run("function late() {\n  throw new RangeError('late', {cause: 'why'})\n}")
        for code, prefix in [
            ("setTimeout(late, 0)", "Uncaught"),
            ("queueMicrotask(late)", "Uncaught"),
            ("Promise.resolve().then(late); 0", "Uncaught (in promise)"),
        ]:
            cell = driver.run(code).cell
            lines = driver.until(lambda cell=cell: driver.text(cell, "error"))[0].split("\n")
            head = ["cell [1]:2:9", "  throw new RangeError('late', {cause: 'why'})", "        ^", ""]
            assert lines[:5] == [*head, f"{prefix} RangeError: late"], lines
            assert lines[5] == "    at late (cell [1]:2:9)" or lines[5] == "    at late (cell [1]:2:9) {", lines
            assert "  [cause]: 'why'" in lines and not any("vm:" in line for line in lines), lines
    finally:
        driver.close()


@pytest.mark.parametrize("reset", ["Error.prepareStackTrace = undefined", "delete Error.prepareStackTrace"])
def test_stacks_are_in_terms_of_cells_after_a_users_formatter_is_gone(reset: str) -> None:
    driver = Driver(lambda sink: Supervisor(512, sink))
    try:
        driver.run("Error.prepareStackTrace = () => 'mine'")
        driver.run(reset)
        outcome = driver.run("new Error('q').stack").outcome
        assert isinstance(outcome, Completed) and outcome.value is not None
        assert outcome.value.preview == "Error: q\n    at cell [3]:1:1"
    finally:
        driver.close()


def test_errors_made_without_a_class_are_errors(cells: Cells) -> None:
    cells.run("function Old(message) { this.message = message; Error.captureStackTrace(this, Old) }")
    cells.run("Old.prototype = Object.create(Error.prototype); Old.prototype.name = 'Old'")
    ended = cells.run("throw new Old('as before')")
    assert (ended["name"], ended["message"]) == ("Old", "as before")
    assert ended["traceback"][0] == "cell [3]:1:7"
