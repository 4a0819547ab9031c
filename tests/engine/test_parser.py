"""The parser's lane: what a text needs is loaded once, what cannot be is told, and no text keeps it for ever."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vm_kernel.cells import bundle
from vm_kernel.engine.parser import LOAD, Parser
from vm_kernel.engine.port import Answered, Wanted
from vm_kernel.engine.supervisor import Supervisor
from vm_kernel.engine.v8.library import EXCEPTION, STRING, TERMINATED, UNDEFINED
from vm_kernel.limits import Limits
from vm_kernel.outcomes import Completed, Interrupted, TimedOut

from .both import of, settle, value_of
from .driver import NO_LIMITS, Driver


def nested(levels: int) -> str:
    """Every `<T,>(` may begin an arrow function or a comparison, so that each doubles the parser's work."""
    return "<T,>(a = " * levels + "1" + ") => 1" * levels + "\n"


ENDLESS = nested(24)
#: What a text may keep the parser, and what a busy machine adds.
SOON_S = 5.0


class Posted(Parser):
    """Keeps what would go to V8, with what is to be called at its end."""

    def __init__(self) -> None:
        self.posts: list[tuple[int, bytes, Any]] = []

    def _post(self, operation: int, message: bytes, done: Any) -> None:
        self.posts.append((operation, message, done))


@pytest.fixture
def asked() -> tuple[Posted, list[tuple[int, str]]]:
    """A lane that has been told that a text needs the script, and what the asker is told."""
    lane, told = Posted(), list[tuple[int, str]]()
    lane.submit(1, b'"code"', lambda kind, text: told.append((kind, text)))
    lane.posts.pop()[2](STRING, '{"needs":"typescript"}')
    return lane, told


def test_the_question_is_put_again_when_the_script_is_there(asked: tuple[Posted, list[tuple[int, str]]]) -> None:
    lane, told = asked
    operation, script, loaded = lane.posts.pop()
    assert (operation, script[:12]) == (LOAD, b'"use strict"')
    loaded(UNDEFINED, "")
    operation, message, done = lane.posts.pop()
    assert (operation, message) == (1, b'"code"')
    done(STRING, '{"ok":true}')
    assert told == [(STRING, '{"ok":true}')]


def test_a_load_that_is_stopped_ends_the_question(asked: tuple[Posted, list[tuple[int, str]]]) -> None:
    lane, told = asked
    lane.posts.pop()[2](TERMINATED, "")
    assert told == [(TERMINATED, "")] and not lane.posts


def test_a_script_that_is_not_there_is_an_error_that_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "ASSETS", str(tmp_path))
    lane, told = Posted(), list[tuple[int, str]]()
    lane.submit(1, b'"code"', lambda kind, text: told.append((kind, text)))
    lane.posts.pop()[2](STRING, '{"needs":"typescript"}')
    [(kind, words)] = told
    assert kind == EXCEPTION and "typescript.js cannot be read" in words and not lane.posts


# -- texts that keep it


@pytest.fixture
def typescript() -> Iterator[Driver]:
    driver = Driver(lambda sink: Supervisor(512, sink, language="typescript"), NO_LIMITS)
    assert value_of(driver.run("const kept: number = 1; kept")).text == "1"
    yield driver
    assert driver.engine.generation == 1, "the engine was ended for it"
    driver.close()


@pytest.mark.parametrize(("method", "cursor"), [("is_complete", ()), ("complete", (5,)), ("inspect", (5, 0))])
def test_an_inquiry_that_keeps_the_parser_is_answered(typescript: Driver, method: str, cursor: tuple[int, ...]) -> None:
    started = time.monotonic()
    content = typescript.ask(method, ENDLESS, *cursor)
    assert time.monotonic() - started < SOON_S
    assert content == {} or method != "is_complete", content
    assert value_of(typescript.run("kept")).text == "1"


@pytest.mark.parametrize("inquiries", [1, 5])
def test_a_cell_goes_before_inquiries_that_keep_the_parser(typescript: Driver, inquiries: int) -> None:
    for number in range(inquiries):
        typescript.engine.is_complete(number + 1, ENDLESS)
    settle(typescript, 0.3)
    finished = typescript.run("kept as number", Limits(0, 1000, 0, 0, 0), SOON_S)
    assert value_of(finished).text == "1"
    typescript.until(lambda: len(of(typescript, Answered)) == inquiries)


def test_a_parse_that_was_ended_costs_the_next_text_nothing(typescript: Driver) -> None:
    """The end may come just when the parser is through, and would hit what it is given next."""
    for number in range(40):
        typescript.engine.is_complete(number + 1, nested(13) + nested(8) * (number % 8))  # some 70 to 130 ms
        settle(typescript, 0.05)
        assert value_of(typescript.run(f"const x{number}: number = {number}; x{number}")).text == str(number)
    assert len(of(typescript, Answered)) == 40


@pytest.mark.parametrize("limited", [True, False], ids=["wall", "interrupt"])
def test_a_cell_that_keeps_the_parser_is_stopped_and_the_next_one_runs(typescript: Driver, limited: bool) -> None:
    cell = typescript.begin(ENDLESS, Limits(0, 300 if limited else 0, 0, 0, 0))
    settle(typescript, 0.2)
    if not limited:
        typescript.engine.stop(Interrupted("stopped"))
    assert isinstance(typescript.finish(cell, SOON_S).outcome, TimedOut if limited else Interrupted)
    assert value_of(typescript.run("kept as number", timeout_s=SOON_S)).text == "1"


@pytest.mark.parametrize("late", [True, False], ids=["parsed for nobody", "stopped while it is parsed"])
def test_the_text_of_a_file_that_nobody_waits_for_does_not_keep_the_parser(engine: Driver, late: bool) -> None:
    cell = engine.begin('require("./long.js")')
    wanted = engine.wait_for(Wanted)
    if late:
        engine.engine.stop(Interrupted("stopped"), cell)
        engine.finish(cell)
    text = "a = [" * 400 + "]" * 400 + ";" + "b = (1 + 2) * [3, 4][0];\n" * 1_000_000
    source = json.dumps({"text": text, "format": "commonjs"})
    engine.engine.supply(wanted.number, {"path": "long.js", "filename": "/tree/long.js", "format": "commonjs"}, source)
    started = time.monotonic()
    settle(engine, 0.5)
    if not late:
        engine.engine.stop(Interrupted("stopped"), cell)
        assert isinstance(engine.finish(cell).outcome, Interrupted)
    assert isinstance(engine.run("new Date() - 0").outcome, Completed)
    assert time.monotonic() - started < SOON_S
    assert engine.engine.generation == 1
