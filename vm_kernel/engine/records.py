"""Owns reading the engine's records into reports; refuses to trust them: every length and every JSON is checked.

A record is `<u8 kind><u8 flags><2 unused><u32 id><u32 length>` and UTF-8 text, padded to 4 bytes; its other half is
cells/js/session/bridge.js, the kinds are cells/js/session/kinds.js.
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Union

from ..outcomes import Completed, JavaScriptError, Outcome, Raised, Value
from .frames import ANSWER as ANSWER_FRAME
from .frames import MAX_BYTES, MORE, RECORD, BadFrame
from .port import Answered, Asked, Cleared, Conversed, Displayed, Printed, Wanted

LEVELS = {1: "log", 2: "info", 3: "debug", 4: "warn", 5: "error", 6: "trace", 7: "dir", 8: "table", 9: "system"}
DISPLAY, CLEAR, ASK, OUTCOME, TEXT, ANSWER, COMM, FETCH = 32, 33, 34, 35, 36, 37, 38, 39


class Verdict(NamedTuple):
    """What the cell itself says of its end; it counts once the engine says that the cell is over."""

    cell: int
    outcome: Outcome


@dataclass(frozen=True)
class TooLong:
    """One text of `cell` is longer than `Reader.longest_bytes`; what came of it so far is dropped."""

    cell: int


Item = Union[Printed, Displayed, Cleared, Asked, Wanted, Answered, Conversed, Verdict, TooLong]


class Reader:
    """Records in, reports out; keeps the beginnings of texts that come in pieces.

    longest_bytes: of a text that is neither console output (that one is handed on piece by piece) nor an answer.
    """

    def __init__(self, longest_bytes: int = 256 << 20) -> None:
        self.longest_bytes = longest_bytes
        self._pieces: list[str] = []
        self._pieces_of = (0, 0)  # their kind and id
        self._pieces_bytes = 0
        self._open: Printed | None = None
        self._text: dict[int, str] = {}

    def read(self, data: bytes) -> Iterator[Item]:
        """Raises BadFrame for what bridge.js does not write."""
        at, end = 0, len(data)
        while at < end:
            if end - at < RECORD.size:
                raise BadFrame("record header cut off")
            kind, flags, number, length = RECORD.unpack_from(data, at)
            at += RECORD.size
            if length > end - at:
                raise BadFrame("record cut off")
            text = str(data[at : at + length], "utf-8", "replace")
            at += (length + 3) & ~3
            level = LEVELS.get(kind)
            if level is not None:
                printed = Printed(number, level, text, not flags & MORE)
                self._open = None if printed.last else printed
                yield printed
            elif (item := self._collect(kind, bool(flags & MORE), number, text, length)) is not None:
                yield item

    def read_long(
        self, kind: int, number: int, data: bytes
    ) -> Iterator[Item]:
        """A record whose text came whole beside the ring."""
        text = str(data, "utf-8", "replace")
        level = LEVELS.get(kind)
        if level is not None:
            yield Printed(number, level, text)
        elif (item := self._collect(kind, False, number, text, len(data))) is not None:
            yield item

    def close(self) -> Iterator[Printed]:
        """The end of a console text whose last piece will never come."""
        if self._open is not None:
            yield Printed(self._open.cell, self._open.level, "", True)
        self._open = None
        self._pieces, self._pieces_bytes = [], 0
        self._text.clear()

    def _collect(self, kind: int, more: bool, number: int, text: str, length: int) -> Item | None:
        if self._pieces_of != (kind, number):  # what came before of another was stopped over its text
            self._pieces_of, self._pieces, self._pieces_bytes = (kind, number), [], 0
        self._pieces_bytes += length
        if self._pieces_bytes > (MAX_BYTES[ANSWER_FRAME] if kind == ANSWER else self.longest_bytes):
            self._pieces = []
            if kind == ANSWER:  # of no cell, and every request gets one
                return None if more else Answered(number, {})
            if not more:
                self._pieces_bytes = 0
            return TooLong(number)
        if more:
            self._pieces.append(text)
            return None
        if self._pieces:
            text = "".join((*self._pieces, text))
            self._pieces = []
        self._pieces_bytes = 0
        return self._whole(kind, number, text)

    def _whole(self, kind: int, number: int, whole: str) -> Item | None:
        if kind == TEXT:
            self._text[number] = whole
            return None
        if kind == OUTCOME:
            return Verdict(number, _outcome(_object(whole), self._text.pop(number, "")))
        if kind == DISPLAY:
            return Displayed(number, _object(whole))
        if kind == CLEAR:
            return Cleared(number, whole == "true")
        if kind == ASK:
            asked = _object(whole)
            return Asked(number, str(asked.get("prompt", "")), asked.get("password") is True)
        if kind == ANSWER:
            return Answered(number, _object(whole))
        if kind == COMM:
            return _conversed(number, _object(whole))
        if kind == FETCH:
            question = _object(whole)
            if type(question.get("number")) is not int or not 0 < question["number"] < 1 << 31:
                raise BadFrame("question without its number")
            return Wanted(number, question["number"], question)
        raise BadFrame(f"record of kind {kind}")


_decode = json.JSONDecoder().decode


def _object(text: str) -> dict[str, Any]:
    try:
        value = _decode(text)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"record without JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadFrame("record without a JSON object")
    if "\\ud" in text or "\\uD" in text:  # half a character cannot be stored or sent: U+FFFD, as in console texts
        whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        value = json.loads(whole)
    result: dict[str, Any] = value
    return result


def _conversed(cell: int, content: dict[str, Any]) -> Conversed:
    try:
        buffers = tuple(a2b_base64(each) for each in content.pop("buffers", ()))
    except (TypeError, ValueError):  # binascii.Error is one
        raise BadFrame("comm message with buffers that are not base64") from None
    return Conversed(cell, str(content.pop("op", "")), content, buffers)


def answer_content(text: str) -> dict[str, Any]:
    """The content of an ANSWER frame, which carries its JSON as it is."""
    return _object(text)


def _outcome(head: dict[str, Any], text: str) -> Outcome:
    if head.get("status") == "error":
        return Raised(_error(head))
    expressions = _expressions(head["expressions"]) if "expressions" in head else None
    if "type" not in head:
        return Completed(None, expressions)
    kind = str(head["type"])
    if head.get("plain") is True:  # a string between its quotes: it was sent once
        preview, text = text, f"'{text}'"
    else:
        preview = text if head.get("preview") is None else str(head["preview"])
    form = head["json"] if isinstance(head.get("json"), str) else None
    return Completed(_with_bundle(Value(kind, text, preview, form), head), expressions)


def _with_bundle(value: Value, given: dict[str, Any]) -> Value:
    """The value with `mime` and `metadata` of its head, if there are any; a text/plain of theirs is its text."""
    mime, metadata = given.get("mime"), given.get("metadata")
    if not isinstance(mime, dict) or not mime:
        return value
    text = mime.pop("text/plain", None)
    text = text if isinstance(text, str) else value.text
    return replace(value, text=text, mime=mime, metadata=metadata if isinstance(metadata, dict) else {})


def _error(given: dict[str, Any]) -> JavaScriptError:
    lines = given.get("traceback")
    return JavaScriptError(
        name=str(given.get("name", "Error")),
        message=str(given.get("message", "")),
        traceback=tuple(str(line) for line in lines) if isinstance(lines, list) else (),
        stack=str(given.get("stack", "")),
    )


def _expressions(given: object) -> dict[str, Value | JavaScriptError]:
    found: dict[str, Value | JavaScriptError] = {}
    for name, each in given.items() if isinstance(given, dict) else ():
        if not isinstance(each, dict):
            raise BadFrame("expression without its outcome")
        if "type" not in each:
            found[name] = _error(each)
        else:
            text = str(each.get("text", ""))
            found[name] = _with_bundle(Value(str(each["type"]), text, text), each)
    return found
