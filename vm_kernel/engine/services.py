"""Owns what JavaScript can have of the engine process itself, at once: late scripts, random bytes, a clock; refuses to
know what for.

Called on V8's thread while JavaScript stands still; nothing here may raise or touch the isolate.
"""

from __future__ import annotations

import os
import time

from ..cells import bundle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# host operations: cells/js/session/bridge.js
SCRIPT, RANDOM, CLOCK = 6, 7, 8
MOST_RANDOM_BYTES = 1 << 16


def services() -> dict[int, Callable[[int], bytes]]:
    """Host operation and what answers it: one number in, bytes out."""
    start = time.monotonic_ns()
    return {
        SCRIPT: late_script,
        RANDOM: lambda count: os.urandom(min(max(count, 0), MOST_RANDOM_BYTES)),
        CLOCK: lambda _: (time.monotonic_ns() - start).to_bytes(8, "little"),
    }


def late_script(number: int) -> bytes:
    """ASCII; empty where there is no such script."""
    try:
        return bundle.read(bundle.LATE[number]).encode("ascii", "replace")
    except (IndexError, bundle.AssetMissing):
        return b""
