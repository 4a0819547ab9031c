"""Owns what clients ask the engine while they write code; refuses to know how it finds the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from . import request as asks
from .desk import Desk, Request
from .protocol import messages

TYPES = frozenset(("is_complete_request", "complete_request", "inspect_request"))


class Knowing(Protocol):
    """The part of an engine that answers questions, each with a number that comes back with the answer."""

    def is_complete(self, request: int, code: str) -> None: ...

    def complete(self, request: int, code: str, cursor: int) -> None: ...

    def inspect(self, request: int, code: str, cursor: int, detail: int) -> None: ...


class Questions:
    """The open questions, also while a cell runs; without an engine they get their empty answers."""

    def __init__(self, desk: Desk, engine: Knowing, root: str, denied: Sequence[str]) -> None:
        """root, denied: of the worktree whose paths are completed."""
        self._worktree = root, denied
        self._desk = desk
        self._engine = engine
        self._asked = 0
        self._open: dict[int, tuple[Request, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {}

    def ask(self, request: Request) -> None:
        """Passes the request on to the engine; a Refusal when it is not well-formed."""
        content = request.message.content
        code = asks.text(content, "code")
        cursor = asks.cursor(content, code)
        detail = asks.detail(content)
        number = self._asked = self._asked + 1
        if request.message.msg_type == "is_complete_request":
            self._open[number] = (request, messages.is_complete_reply)
            self._engine.is_complete(number, code)
        elif request.message.msg_type == "complete_request" and (found := self._path_at(code, cursor)) is not None:
            self._desk.answer(request, messages.complete_reply(cursor, found))
        elif request.message.msg_type == "complete_request":
            self._open[number] = (request, partial(messages.complete_reply, cursor))
            self._engine.complete(number, code, cursor)
        else:
            self._open[number] = (request, messages.inspect_reply)
            self._engine.inspect(number, code, cursor, detail)

    def _path_at(self, code: str, cursor: int) -> dict[str, Any] | None:
        """The matches for a file's path that is being typed; None where none is."""
        line = code[code.rfind("\n", 0, cursor) + 1 : cursor]
        if "%run" not in line and "import" not in line and "require" not in line and "from" not in line:
            return None
        from .paths import completed

        return completed(code, cursor, *self._worktree)

    def answered(self, number: int, content: Mapping[str, Any]) -> None:
        """The engine's answer; one to a question that is no longer open is passed over."""
        if number in self._open:
            request, shape = self._open.pop(number)
            self._desk.answer(request, shape(content))

    def give_up(self) -> None:
        """No engine will answer what is open now."""
        questions, self._open = self._open, {}
        for request, shape in questions.values():
            self._desk.answer(request, shape({}))
