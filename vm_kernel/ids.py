"""Owns the making and the checking of execution ids; refuses to know what they name."""

from __future__ import annotations

import os
import time


def uuid7() -> str:
    """A UUID of version 7 (RFC 9562): sorted by time, to a quarter of a microsecond, then random."""
    milliseconds, rest_ns = divmod(time.time_ns(), 1_000_000)
    fraction = rest_ns * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    number = milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | random
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_uuid(text: object) -> bool:
    """Whether `text` is a UUID of any version in its 8-4-4-4-12 form, in lower case."""
    if not isinstance(text, str) or len(text) != 36:
        return False
    groups = text.split("-")
    return [len(group) for group in groups] == [8, 4, 4, 4, 12] and set("".join(groups)) <= set("0123456789abcdef")
