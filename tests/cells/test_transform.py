"""Cells as people write them: what they show, what they declare, what is refused and where."""

from __future__ import annotations

import pytest

from .conftest import Cells, load
from .isolate import Isolate

TABLES = load("transform.json")

#: Cells of one session in order, and the text of the last one's value; None: nothing is shown.
SHOWN = TABLES["shown"]


@pytest.mark.parametrize(("sources", "shown"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN])
def test_cell_shows(cells: Cells, sources: list[str], shown: str | None) -> None:
    for source in sources[:-1]:
        ended = cells.run(source)
        assert ended["status"] == "ok", (source, ended)
    assert cells.value(sources[-1]) == shown


#: A text, and name, message, line, column of its refusal.
REFUSED = TABLES["refused"]


@pytest.mark.parametrize(("source", "message", "line", "column"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_cell_says_why_and_where(isolate: Isolate, source: str, message: str, line: int, column: int) -> None:
    refused = isolate.call("parser", "parser.transform", source, "cell [1]")
    assert not refused["ok"]
    error = refused["error"]
    assert error["name"] == "SyntaxError"
    assert (error["line"], error["column"]) == (line, column), error
    assert message in error["message"]


def test_nesting_that_overflows_the_parser_is_an_error_of_the_cell(isolate: Isolate) -> None:
    refused = isolate.call("parser", "parser.transform", "[" * 200_000, "cell [1]")
    assert refused["error"]["message"] == "the cell is nested too deeply to be parsed"
    assert isolate.call("parser", "parser.transform", "1", "cell [2]")["ok"]


def test_bindings_before_a_throw_live_on(cells: Cells) -> None:
    assert cells.run("const a = 1; let b = 2; throw new Error('boom'); const c = 3")["status"] == "error"
    assert cells.value("[a, b, c]") == "[ 1, 2, undefined ]"
    assert cells.run("const d = await 4; throw new Error('boom')")["status"] == "error"
    assert cells.value("d") == "4"


def test_const_that_failed_can_be_declared_again(cells: Cells) -> None:
    assert cells.run("const z = (() => { throw new Error('no') })()")["status"] == "error"
    assert cells.value("const z = 5; z") == "5"


@pytest.mark.parametrize("source", [row[1][-1] for row in SHOWN if row[1][-1].strip()])
def test_lines_of_the_source_are_kept(isolate: Isolate, source: str) -> None:
    done = isolate.call("parser", "parser.transform", source, "cell [1]")
    lines = source.splitlines()
    # The wrapper may only add one line, behind the source's last.
    assert len(done["code"].splitlines()) - len(lines) in (0, 1), done["code"]
    if done["declare"]:
        assert done["declare"].split("\n;var ")[0].count("\n") <= source.count("\n")


def test_a_cell_that_the_user_names_keeps_its_own_name(cells: Cells) -> None:
    ended = cells.run("//# sourceURL=evil.js\nawait 0; null.x\n//# sourceURL=evil2.js")
    assert "cell [1]:2:15" in ended["stack"]
