"""Owns the bytes of a Jupyter message: signing, checking, parsing; refuses to know sockets and what messages
mean.

Wire protocol of the Jupyter messaging specification 5.5: identities, delimiter, signature, header, parent
header, metadata, content, buffers. The signature covers the exact bytes of the four JSON frames, so a
request's header is kept as it came and sent again as the parent header of everything that answers it.
"""

from __future__ import annotations

import hmac
import json
import os
from collections import deque
from collections.abc import Callable, Sequence
from hashlib import sha256
from json import encoder
from typing import Any

from ..events import timestamp

DELIMITER = b"<IDS|MSG>"
VERSION = "5.5"
EMPTY = b"{}"

#: Signatures remembered against replays, as many as jupyter_client remembers.
REMEMBERED_SIGNATURES = 65_536
#: A header travels with every answer, so a large one is not an honest one.
MAX_HEADER_BYTES = 16 * 1024
#: The JSON frames of one message together.
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
#: From this length on texts are escaped by other means.
LONG_CHARACTERS = 256 * 1024
#: A request's identities: one from its ROUTER socket, more when it came through proxies.
MAX_IDENTITIES = 16


class Refused(Exception):
    """Frames that nobody can be answered about: not signed by a key holder, or without a readable header."""


class Malformed(Exception):
    """A signed message with a readable header and an unreadable rest: its sender gets an error."""

    def __init__(self, reason: str, message: Message) -> None:
        super().__init__(reason)
        self.message = message


class Message:
    """One message that was verified. `header_bytes` is the header as it came, for use as a parent header."""

    __slots__ = ("buffers", "content", "header", "header_bytes", "identities", "metadata")

    def __init__(self, identities: list[bytes], header_bytes: bytes, header: dict[str, Any]) -> None:
        self.identities = identities
        self.header_bytes = header_bytes
        self.header = header
        self.metadata: dict[str, Any] = {}
        self.content: dict[str, Any] = {}
        self.buffers: list[bytes] = []

    @property
    def msg_type(self) -> str:
        return str(self.header["msg_type"])

    @property
    def session(self) -> str:
        """The id of the client's session, empty when the header has none."""
        session = self.header.get("session", "")
        return session if isinstance(session, str) else ""


def _refuse_constant(token: str) -> Any:
    raise ValueError(f"{token} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
_decode = _decoder.decode
#: What is in it, without the two searches for blanks around a value: (value, end), or StopIteration.
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined]  # not in typeshed


def _make_encode(ascii_only: bool) -> Callable[[Any], str]:
    """Compact JSON without NaN. The C encoder is made once; `JSONEncoder.encode` makes one for each call."""
    plain = json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False, separators=(",", ":"))
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:  # not CPython
        return plain.encode
    quote = encoder.encode_basestring_ascii if ascii_only else encoder.encode_basestring
    chunks = make(None, plain.default, quote, None, ":", ",", False, False, False)
    return lambda value: "".join(chunks(value, 0))


_encode = _make_encode(ascii_only=False)
_encode_ascii = _make_encode(ascii_only=True)


def encode(value: Any) -> bytes:
    """Compact JSON in UTF-8; lone surrogates, which UTF-8 cannot hold, as escapes. ValueError for NaN."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        return _encode_ascii(value).encode()


PIECE_CHARACTERS = 128 * 1024
#: What JSON escapes and how, the backslash before the others put more of them in.
_ESCAPES = [("\\", "\\\\")] + [
    (character, encoder.encode_basestring(character)[1:-1]) for character in ['"', *map(chr, range(32))]
]


def escape(text: str) -> bytes:
    """A text as JSON in UTF-8, without its quotation marks; 10 MB take 6 ms where `encode` takes 29."""
    if len(text) <= LONG_CHARACTERS:
        return quote(text)[1:-1]
    parts = []
    try:
        for start in range(0, len(text), PIECE_CHARACTERS):  # a piece stays in the cache for all that is looked for
            piece = text[start : start + PIECE_CHARACTERS]
            for character, instead in _ESCAPES:  # looking for a character is ten times as fast as looking at all
                if character in piece:
                    piece = piece.replace(character, instead)
            parts.append(piece.encode())
    except UnicodeEncodeError:
        return encoder.encode_basestring_ascii(text)[1:-1].encode()
    return b"".join(parts)


def quote(text: str) -> bytes:
    """A text as JSON in UTF-8."""
    if len(text) > LONG_CHARACTERS:
        return b'"%s"' % escape(text)
    try:
        return encoder.encode_basestring(text).encode()
    except UnicodeEncodeError:
        return encoder.encode_basestring_ascii(text).encode()


def decode_object(frame: bytes) -> dict[str, Any]:
    """The JSON object in a frame; ValueError with a reason for everything else, however deep or strange."""
    if frame == EMPTY:
        return {}
    try:
        text = frame.decode()
        try:
            value, end = _scan(text, 0)
        except StopIteration:
            end = -1
        if end != len(text):  # blanks around it, or no JSON
            value = _decode(text)
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg} at {error.pos})") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _signer(key: bytes) -> Callable[[Sequence[bytes]], bytes]:
    """HMAC-SHA256 of frames one after the other, in hex; the key is worked in once (RFC 2104, section 4), which halves
    what a short message takes.
    """
    if not key:
        return lambda frames: b""
    block = (key if len(key) <= 64 else sha256(key).digest()).ljust(64, b"\0")
    begun = sha256(bytes(byte ^ 0x36 for byte in block))
    closing = sha256(bytes(byte ^ 0x5C for byte in block))

    copy_begun, copy_closing, join = begun.copy, closing.copy, b"".join

    def sign(frames: Sequence[bytes]) -> bytes:
        inner, outer = copy_begun(), copy_closing()
        if len(frames[-1]) < LONG_CHARACTERS:
            inner.update(join(frames))  # one call for the four
        else:
            for frame in frames:
                inner.update(frame)
        outer.update(inner.digest())
        return outer.hexdigest().encode()

    return sign


class Wire:
    """Reads and writes the frames of one kernel.

    key: the secret of the connection file; empty: nothing is signed or checked, as the protocol allows.
    """

    def __init__(self, key: bytes) -> None:
        self._sign = _signer(key)
        self._signed = bool(key)
        self.session = os.urandom(16).hex()
        self._count = 0
        self._seen: set[bytes] = set()
        self._order: deque[bytes] = deque()

    def read(self, frames: list[bytes]) -> Message:
        """A message from its frames. Raises Refused when it must be dropped, Malformed when answered."""
        try:
            cut = frames.index(DELIMITER, 0, MAX_IDENTITIES + 1)
        except ValueError:
            raise Refused("no delimiter") from None
        if len(frames) < cut + 6:
            raise Refused(f"truncated: {len(frames) - cut - 1} frames after the delimiter, 5 needed")
        signature = frames[cut + 1]
        signed = frames[cut + 2 : cut + 6]
        if self._signed:
            self._check(signature, signed)
        header_bytes, parent, metadata, content = signed
        message = Message(frames[:cut], header_bytes, _read_header(header_bytes))
        message.buffers = frames[cut + 6 :]
        size = sum(map(len, signed))
        if size > MAX_MESSAGE_BYTES:
            raise Malformed(f"message of {size} bytes, at most {MAX_MESSAGE_BYTES} are read", message)
        part = "parent_header"
        try:
            if parent != EMPTY:
                decode_object(parent)
            part = "metadata"
            if metadata != EMPTY:
                message.metadata = decode_object(metadata)
            part = "content"
            message.content = decode_object(content)
        except ValueError as error:
            raise Malformed(f"{part}: {error}", message) from None
        return message

    def _check(self, signature: bytes, signed: list[bytes]) -> None:
        if not signature:
            raise Refused("not signed")
        expected = self._sign(signed)
        if not hmac.compare_digest(expected, signature):
            raise Refused("wrong signature")
        if expected in self._seen:
            raise Refused("replayed: this signature was seen before")
        if len(self._order) >= REMEMBERED_SIGNATURES:
            self._seen.discard(self._order.popleft())
        self._seen.add(expected)
        self._order.append(expected)

    def write(
        self,
        msg_type: str,
        content: bytes,
        parent: bytes = EMPTY,
        identities: list[bytes] | None = None,
        metadata: bytes = EMPTY,
        date: str = "",
    ) -> tuple[str, list[bytes]]:
        """The id and the signed frames of a new message; `content`, `parent`, `metadata` are JSON already.

        date: when it was made, as `events.timestamp` tells it; empty: now.
        """
        self._count += 1
        msg_id = f"{self.session}_{self._count}"
        header = (
            f'{{"msg_id":"{msg_id}","msg_type":"{msg_type}","username":"kernel","session":"{self.session}",'
            f'"date":"{date or timestamp()}","version":"{VERSION}"}}'
        ).encode()
        signature = self._sign((header, parent, metadata, content))
        return msg_id, [*(identities or ()), DELIMITER, signature, header, parent, metadata, content]


def _read_header(frame: bytes) -> dict[str, Any]:
    if len(frame) > MAX_HEADER_BYTES:
        raise Refused(f"header of {len(frame)} bytes, at most {MAX_HEADER_BYTES} are read")
    try:
        header = decode_object(frame)
    except ValueError as error:
        raise Refused(f"header: {error}") from None
    for name in ("msg_id", "msg_type"):
        if not isinstance(header.get(name), str):
            raise Refused(f"header without a text {name}")
    return header
