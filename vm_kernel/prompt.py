"""Owns the lines of input that a cell can wait for; refuses to know who runs the cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .desk import Desk, Request
from .execution import Execution
from .log import log
from .protocol import messages
from .protocol.channels import STDIN

#: A client that has just connected may have its stdin channel a moment later than its shell channel.
TRIES = 20
BETWEEN_TRIES_S = 0.05


class Prepared:
    """Lines that came with the request, given to the cell one after the other; then there is no one to ask.

    give: `Engine.answer`.
    """

    def __init__(self, lines: Sequence[str], execution: Execution, give: Callable[[str | None], None]) -> None:
        self._lines = iter(lines)
        self._execution = execution
        self._give = give

    def ask(self, text: str, password: bool) -> None:
        line = next(self._lines, None)
        if self._execution.asks(text, password):
            if line is not None:
                self._execution.hears(line, password)
            self._give(line)


class _Open:
    """What is asked. `password`: the answer is masked on record."""

    __slots__ = ("execution", "password", "request", "text")

    def __init__(self, request: Request, execution: Execution, text: str, password: bool) -> None:
        self.request = request
        self.execution = execution
        self.text = text
        self.password = password


class Prompt:
    """Asks the client that runs the cell and takes an answer from nobody else.

    after: calls back in so many seconds. unheard: called when the client has no stdin channel to be asked on.
    """

    def __init__(
        self, desk: Desk, after: Callable[[float, Callable[[], None]], None], unheard: Callable[[], None]
    ) -> None:
        self._desk = desk
        self._after = after
        self._unheard = unheard
        self._open: _Open | None = None

    def ask(self, request: Request, execution: Execution, text: str, password: bool) -> None:
        """Sends an input_request to the client of `request`, unless that breaks a limit of the execution."""
        if execution.asks(text, password):
            self._open = _Open(request, execution, text, password)
            self._send(self._open, TRIES)

    def _send(self, asked: _Open, tries: int) -> None:
        if asked is not self._open or asked.execution.finished:
            return
        content = messages.input_request(asked.text, asked.password)
        if self._desk.ask(asked.request, STDIN, "input_request", content):
            return
        if tries > 1:
            self._after(BETWEEN_TRIES_S, lambda: self._send(asked, tries - 1))
            return
        log("stdin: a cell asks for input, and its client has no stdin channel")
        self._open = None
        self._unheard()

    def hear(self, reply: Request) -> str | None:
        """The line in an input_reply; None when it was dropped, with one line in the log."""
        message = reply.message
        value = message.content.get("value")
        asked = self._open
        if message.msg_type != "input_reply":
            log(f"stdin: unknown message type {message.msg_type[:100]}")
        elif asked is None or asked.execution.finished or asked.request.message.identities != message.identities:
            log("stdin: an input_reply was dropped: nobody waits for it")
        elif not isinstance(value, str):
            log("stdin: an input_reply was dropped: content.value must be text")
        else:
            self._open = None
            asked.execution.hears(value, asked.password)
            return value
        return None
