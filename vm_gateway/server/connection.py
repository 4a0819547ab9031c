"""Owns how the bytes of an answer leave, in one piece, and how long those of a request's head may take; refuses to know
what they mean.

uvicorn writes head and body apart, and each write would be a system call here and a wake-up of the client; and it waits
for ever for a head that does not end.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from vm_kernel.ids import uuid7

from ..errors import GatewayError
from .answers import refusal

#: From the connection, or the first byte of a later request, to the end of the head (contract 13).
HEAD_ARRIVES_WITHIN_S = 5.0


class Joined:
    """A transport that sends in one piece what is written in one turn of the loop; all else is the transport's."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not data:
            return
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():
            self._transport.write(b"".join(pieces))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


# uvicorn chooses the class when it is imported, and the two that there are declare other transports.
class Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's HTTP protocol over such a transport."""

    _patience: asyncio.TimerHandle | None = None

    # Needed with one of the two, see above.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override, unused-ignore]
        super().connection_made(cast(asyncio.Transport, Joined(transport, self.loop)))
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before or self.transport.get_protocol() is not self:  # a websocket's from now on
            self._stop_waiting()
        elif self._patience is None and (before is None or before.response_complete):
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP gets the envelope too."""
        error = GatewayError("INVALID_REQUEST", f"This is no HTTP/1.1 request: {msg}")
        head = f"HTTP/1.1 400 Bad Request\r\nX-Request-Id: {uuid7()}\r\nConnection: close\r\n".encode("ascii")
        answer = refusal(error)
        fields = b"".join(b"%b: %b\r\n" % field for field in answer.raw_headers)
        self.transport.write(head + fields + b"\r\n" + bytes(answer.body))
        self.transport.close()

    def _wait_for_head(self) -> None:
        self._patience = self.loop.call_later(HEAD_ARRIVES_WITHIN_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
