"""Owns the one line of input that a cell can wait for; refuses to know who runs the cell."""

from __future__ import annotations

from .desk import Desk, Request
from .execution import Execution
from .log import log
from .protocol import messages
from .protocol.channels import STDIN


class Prompt:
    """Asks the client that runs the cell and takes an answer from nobody else."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._open: tuple[Request, Execution, bool] | None = None

    def ask(self, request: Request, execution: Execution, text: str, password: bool) -> None:
        """Sends an input_request to the client of `request`, unless that breaks a limit of the execution."""
        if execution.asks(text, password):
            self._open = (request, execution, password)
            self._desk.ask(request, STDIN, "input_request", messages.input_request(text, password))

    def hear(self, reply: Request) -> str | None:
        """The line in an input_reply; None when it was dropped, with one line in the log."""
        message = reply.message
        value = message.content.get("value")
        if message.msg_type != "input_reply":
            log(f"stdin: unknown message type {message.msg_type[:100]}")
        elif self._open is None or self._open[0].message.identities != message.identities:
            log("stdin: an input_reply was dropped: nobody waits for it")
        elif not isinstance(value, str):
            log("stdin: an input_reply was dropped: content.value must be text")
        else:
            _, execution, password = self._open
            self._open = None
            execution.hears(value, password)
            return value
        return None

    def withdraw(self) -> None:
        """The cell is over: what is still typed belongs to nothing."""
        self._open = None
