"""Owns the engine's side of the pipe and what JavaScript sends through it; refuses to know what the frames mean."""

from __future__ import annotations

import os

from . import frames
from .lane import DRAIN, TEXT_ID, TEXT_KIND, Lane

# Above this the ring is not drained, so JavaScript waits: back pressure. What is on its way when a flood is stopped
# must be read before the cell ends, so ring, this and the socket's buffer are kept small (docs/decisions.md).
OUTGOING_BYTES = 1 << 16


class Pipe:
    """Frames in and out without ever blocking. The process ends when the kernel's end is closed."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.outgoing = bytearray()
        self._buffer = memoryview(bytearray(1 << 18))  # to allocate it for each read takes 11 us
        self._decoder = frames.Decoder(frames.TO_ENGINE)

    @property
    def full(self) -> bool:
        return len(self.outgoing) >= OUTGOING_BYTES

    def read(self) -> list[tuple[int, int, bytes]]:
        """The frames that have come whole."""
        try:
            data = bytes(self._buffer[: os.readv(self.descriptor, (self._buffer,))])
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            os._exit(0)  # the kernel is gone; V8's threads are not asked
        return self._decoder.feed(data)

    def send(self, kind: int, number: int, payload: bytes) -> None:
        self.outgoing += frames.encode(kind, number, payload)

    def write(self) -> None:
        """What can be sent now."""
        while self.outgoing:
            try:
                sent = os.write(self.descriptor, memoryview(self.outgoing)[: 1 << 18])
            except BlockingIOError:
                return
            except OSError:
                os._exit(0)
            del self.outgoing[:sent]

    def carry(self, lane: Lane, final: bool = False) -> None:
        """Records from the ring to the pipe; `final`: all of them, whatever is still waiting to be sent."""
        if self.full and not final:
            return
        data = lane.drain()
        if data:
            self.send(frames.RECORDS, 0, data)
        if lane.waiting == DRAIN:
            lane.release()
        elif length := lane.take_text():  # one turn of the pipe instead of a hundred
            payload = frames.LONG_TEXT.pack(lane.header[TEXT_KIND], length)
            self.send(frames.TEXT, lane.header[TEXT_ID], payload)
