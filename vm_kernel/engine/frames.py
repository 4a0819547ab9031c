"""Owns the bytes between kernel and engine process, without doing any input or output; refuses to know what they mean.

A frame is `<u32 payload length><u8 kind><u32 number>` and the payload. The number is a cell or a request. Both sides
import this file, so it imports next to nothing.
"""

from __future__ import annotations

from struct import Struct

HEADER = Struct("<IBI")

# kernel to engine; payloads are ASCII JSON, of EVALUATE two lines: the members of
# the cell's message beside its parse (`"name":...`), and the code
EVALUATE, IS_COMPLETE, COMPLETE, INSPECT, STOP, INPUT, TAKEN, COMM = 1, 2, 3, 4, 5, 6, 7, 8
# engine to kernel
READY, RECORDS, DONE, TURN, ANSWER, FATAL, TEXT, SPENT = 65, 66, 67, 68, 69, 70, 71, 72

TO_ENGINE = (EVALUATE, IS_COMPLETE, COMPLETE, INSPECT, STOP, INPUT, TAKEN, COMM)
TO_KERNEL = (READY, RECORDS, DONE, TURN, ANSWER, FATAL, TEXT, SPENT)

#: Of V8's words on a task that failed in our own code.
WORDS_BYTES = 300

#: Longest payload by kind: the length is checked before anything is allocated for it.
MAX_BYTES = {
    EVALUATE: 64 << 20,
    IS_COMPLETE: 64 << 20,
    COMPLETE: 64 << 20,
    INSPECT: 64 << 20,
    STOP: 1,
    INPUT: 64 << 20,
    TAKEN: 0,
    COMM: 128 << 20,
    READY: 4096,
    RECORDS: 1 << 20,
    DONE: 5 + WORDS_BYTES,
    TURN: 16,
    ANSWER: 4 << 20,
    FATAL: 4096,
    TEXT: 9,
    SPENT: 4,
}

# Payload of TEXT: a record's kind and the length of its text, which lies at the start of the file that both sides
# share. The kernel answers TAKEN, and only then is the file used again.
LONG_TEXT = Struct("<BQ")
LONGEST_TEXT_BYTES = 192 << 20

# A record, many of them in one RECORDS frame, and the flag that its text goes on in the next one of its kind and id.
RECORD = Struct("<BBxxII")
MORE = 1

# First byte of DONE: how the task ended; what the cell itself said stands in its OUTCOME record.
OK, BROKEN, TERMINATED, OUT_OF_MEMORY = 0, 1, 2, 3


# Payload of TURN: a state, and how it was stopped, or, of one that has begun, TERMINATED: it is what the last STOP was
# for. Then the cell that had begun before it and is awaited, or 0: a cell that was sent waits until the turn is over.
TURN_ENDED, TURN_BEGUN, TURN_STOPPED = 0, 1, 2
TURN_STATE = Struct("<BBI")

# Payload of SPENT: processor time in microseconds that was used while the cell was awaited, and is not its own.
SPENT_US = Struct("<I")

# Payload of STOP: nothing, or this where a clock of the cell has run out. A cell that waits for a turn is not stopped
# for that: the clock was the turn's, of which the kernel had not heard.
CLOCK = b"\1"


class BadFrame(Exception):
    """The other side sent what this format does not allow."""


def encode(kind: int, number: int, payload: bytes = b"") -> bytes:
    return HEADER.pack(len(payload), kind, number) + payload


def long_text(payload: bytes) -> tuple[int, int]:
    """Kind and length of the text that a TEXT frame announces. Raises BadFrame."""
    if len(payload) != LONG_TEXT.size:
        raise BadFrame("text without its length")
    kind, length = LONG_TEXT.unpack(payload)
    if length > LONGEST_TEXT_BYTES:
        raise BadFrame(f"text of {length} bytes")
    return kind, length


def turn(payload: bytes) -> tuple[int, int, int]:
    """State, status and awaited cell that a TURN frame tells. Raises BadFrame."""
    if len(payload) != TURN_STATE.size or payload[0] > TURN_STOPPED or payload[:2] == bytes((TURN_STOPPED, OK)):
        raise BadFrame("turn without its state")
    state, status, cell = TURN_STATE.unpack(payload)
    return state, status, cell


def spent_s(payload: bytes) -> float:
    """What a SPENT frame tells. Raises BadFrame."""
    if len(payload) != SPENT_US.size:
        raise BadFrame("time without its figure")
    return float(SPENT_US.unpack(payload)[0]) / 1e6


class Decoder:
    """Bytes in, frames out. `kinds`: those that may arrive on this side."""

    def __init__(self, kinds: tuple[int, ...]) -> None:
        self._kinds = frozenset(kinds)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """The complete frames so far as (kind, number, payload). Raises BadFrame; the decoder is useless afterwards."""
        buffer = self._buffer
        buffer += data
        frames, at, size = [], 0, HEADER.size
        while len(buffer) - at >= size:
            length, kind, number = HEADER.unpack_from(buffer, at)
            if kind not in self._kinds:
                raise BadFrame(f"frame of kind {kind}")
            if length > MAX_BYTES[kind]:
                raise BadFrame(f"frame of kind {kind} announces {length} bytes")
            if len(buffer) - at - size < length:
                break
            frames.append((kind, number, bytes(buffer[at + size : at + size + length])))
            at += size + length
        if at:
            del buffer[:at]
        return frames
