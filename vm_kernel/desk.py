"""Owns the way of a request from its frames to its idle: reading, busy, reply, idle; refuses to know what is
asked.

`busy` and `idle` are published here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .log import log
from .protocol import messages
from .protocol.channels import Channels
from .protocol.wire import EMPTY, Malformed, Message, Refused, encode
from .request import Refusal

#: Request types and the types of their replies.
REPLIES = {
    f"{name}_request": f"{name}_reply"
    for name in (
        "comm_info",
        "complete",
        "connect",
        "create_subshell",
        "debug",
        "delete_subshell",
        "execute",
        "history",
        "inspect",
        "interrupt",
        "is_complete",
        "kernel_info",
        "list_subshell",
        "shutdown",
        "usage",
    )
}
NO_SUBSHELLS = "this kernel has no subshells; everything but cells is answered while a cell runs"
#: Types that get no reply.
ONE_WAY = frozenset(("comm_open", "comm_msg", "comm_close"))


class Request:
    """A message that is owed busy, an answer if its type has one, and idle; and where it came in."""

    __slots__ = ("channel", "message")

    def __init__(self, channel: str, message: Message) -> None:
        self.channel = channel
        self.message = message


class Desk:
    """Takes requests and answers them. `flush` sends all that must reach clients before a reply does."""

    def __init__(self, channels: Channels, flush: Callable[[], None]) -> None:
        self._channels = channels
        self._wire = channels.wire
        self._iopub = channels.iopub
        self._flush = flush

    def read(self, channel: str, frames: list[bytes]) -> Request | None:
        """The request in the frames; None when it was dropped or refused, with one line in the log."""
        try:
            request = Request(channel, self._wire.read(frames))
            if request.message.header.get("subshell_id") is None:
                return request
            self.busy(request)
            self.refuse(request, Refusal("SubshellNotFound", NO_SUBSHELLS))
        except Refused as error:
            log(f"{channel}: a message was dropped: {error}")
        except Malformed as error:
            log(f"{channel}: a message was refused: {error}")
            request = Request(channel, error.message)
            self.busy(request)
            self.refuse(request, Refusal("InvalidMessage", str(error)))
        return None

    def busy(self, request: Request) -> None:
        """Called once for each request, before anything else of it is published."""
        self._iopub.publish("status", messages.BUSY, request.message.header_bytes)

    def answer(self, request: Request, reply: dict[str, Any] | bytes | None, metadata: bytes = EMPTY) -> None:
        """All that belongs to the request, then the reply (None: its type has none; bytes: encoded), then idle."""
        message = request.message
        reply_type = REPLIES.get(message.msg_type)
        frames: list[bytes] = []
        # Made beforehand: what is sent together wakes the sending thread and the client once.
        if reply is not None and reply_type is not None:
            content = reply if isinstance(reply, bytes) else encode(reply)
            _, frames = self._wire.write(reply_type, content, message.header_bytes, message.identities, metadata)
        _, idle = self._wire.write("status", messages.IDLE, message.header_bytes, [b"status"])
        self._flush()
        if frames:
            self._channels.send(request.channel, frames)
        self._iopub.publish_frames("status", idle)
        self._iopub.send()

    def refuse(self, request: Request, refusal: Refusal, execution_count: int = 0) -> None:
        """Answers with an error; `execution_count` is for execute requests, which must have one."""
        reply = messages.error_reply(refusal.name, str(refusal))
        if request.message.msg_type == "execute_request":
            reply = messages.execute_error(reply, execution_count)
            # Front ends show what is published, no reply; a program that sends `metadata.vm` reads it.
            if request.message.content.get("silent") is not True and "vm" not in request.message.metadata:
                error = messages.error_fields(refusal.name, str(refusal))
                self._iopub.publish("error", error, request.message.header_bytes)
        self.answer(request, reply)

    def ask(self, request: Request, channel: str, msg_type: str, content: dict[str, Any]) -> bool:
        """Sends a message of ours to the client of `request` alone; False when it has no such channel."""
        self._flush()
        message = request.message
        _, frames = self._wire.write(msg_type, encode(content), message.header_bytes, message.identities)
        return self._channels.send(channel, frames)
