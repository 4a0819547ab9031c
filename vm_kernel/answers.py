"""Owns the answers that need no engine; refuses to know queues and running code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .desk import NO_SUBSHELLS, REPLIES, Request
from .history import History
from .log import log
from .protocol import messages
from .protocol.channels import Channels
from .request import Refusal

if TYPE_CHECKING:
    from .usage import Meter


class Answers:
    """What the kernel knows of itself: its kind, its history, its ports."""

    def __init__(self, history: History, channels: Channels, language: str) -> None:
        self._language = language
        self._history = history
        self._channels = channels
        self._meter: Meter | None = None

    def reply(self, request: Request) -> dict[str, Any] | None:
        """The content of the reply; None for types that have none, unknown ones with one line in the log.

        Raises Refusal for a request that is not well-formed.
        """
        msg_type, content = request.message.msg_type, request.message.content
        if msg_type == "kernel_info_request":
            return messages.kernel_info(self._language)
        if msg_type == "history_request":
            try:
                return messages.history_reply(self._history.answer(content))
            except ValueError as error:
                raise Refusal("InvalidRequest", str(error)) from None
        if msg_type == "connect_request":
            return {"status": "ok", **self._channels.ports}
        if msg_type == "usage_request":
            return self._usage()
        if msg_type == "debug_request":
            return messages.debug_refused(content)
        if msg_type == "list_subshell_request":
            return messages.no_subshells()
        if msg_type in ("create_subshell_request", "delete_subshell_request"):
            raise Refusal("SubshellsNotSupported", NO_SUBSHELLS)
        if msg_type not in REPLIES:
            log(f"{request.channel}: unknown message type {msg_type[:100]}")
        return None

    def _usage(self) -> dict[str, Any]:
        if self._meter is None:
            from .usage import Meter  # most sessions are never asked

            self._meter = Meter()
        return messages.usage_reply(self._meter.look())
