"""Owns the kernel's log: one bounded line on stderr each; refuses to know code, keys and who reads it."""

from __future__ import annotations

import select
import sys

MAX_CHARACTERS = 1024


def log(text: str) -> None:
    """Writes one line, control characters escaped, cut at 1 kB; never blocks and never fails.

    A pipe that reports room has room for 4096 bytes, so a line that fits in them cannot block (pipe(7),
    PIPE_BUF).
    """
    line = text.encode("ascii", "backslashreplace").decode("ascii")
    if not line.isprintable():
        line = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)
    if len(line) > MAX_CHARACTERS:
        line = line[: MAX_CHARACTERS - 3] + "..."
    try:
        if _has_room():
            sys.stderr.write(f"vm_kernel: {line}\n")
            sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass


def _has_room() -> bool:
    try:
        descriptor = sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        return True
    return bool(select.select((), (descriptor,), (), 0)[1])
