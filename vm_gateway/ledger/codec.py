"""Owns how a document becomes text and which of its values an index can hold; refuses to know SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isnan
from typing import Any, Union

#: What SQLite compares as Python does.
Scalar = Union[str, int, float]

_LARGEST = 1 << 63
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":")).encode


def encode(document: Mapping[str, Any] | list[Any]) -> str:
    """The document as JSON text that SQLite can hold: NaN as `NaN`, lone surrogates and NUL escaped, any integer.

    Raises: TypeError for what JSON cannot say, ValueError for what is nested too deeply.
    """
    try:
        text = _encode(document)
    except RecursionError:
        raise ValueError("the document is nested too deeply to be stored") from None
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return _encode_ascii(document)
    return text


def holdable(texts: str) -> str:
    """JSON strings between commas, as SQLite can hold them."""
    return texts if _encodable(texts) else _encode_ascii(json.loads(f"[{texts}]"))[1:-1]


def decode(text: str) -> dict[str, Any]:
    """The document that `encode` made the text of."""
    document: dict[str, Any] = json.loads(text)
    return document


def column(value: object) -> Scalar | None:
    """What stands in an index column for a field of a document; None for what only the document itself can tell.

    An integer beyond 64 bits stands as an infinity: on the right side of every number that a query may compare with.
    """
    if isinstance(value, str):
        return str.__str__(value) if _encodable(value) else None
    if isinstance(value, int):
        if -_LARGEST <= value < _LARGEST:
            return value + 0
        return float("inf") if value > 0 else float("-inf")
    if isinstance(value, float):
        return None if isnan(value) else float(value)
    return None


def comparable(value: object) -> bool:
    """Whether `column == value` in SQL finds every document that `document[field] == value` finds in Python."""
    if type(value) is str:
        return _encodable(value)
    if type(value) is int or type(value) is bool or type(value) is float:
        return -_LARGEST < value < _LARGEST
    return False


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
