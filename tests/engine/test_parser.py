"""The parser's lane: what a text turns out to need is loaded once, and what cannot be loaded is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vm_kernel.cells import bundle
from vm_kernel.engine.parser import LOAD, Parser
from vm_kernel.engine.v8.library import EXCEPTION, STRING, TERMINATED, UNDEFINED


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
