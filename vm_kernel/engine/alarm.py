"""Owns a wake-up for every so much processor time that the engine process uses; refuses to know what it is good for.

An engine that does nothing is not woken: the interval timer runs on the process's own clock (ITIMER_PROF).
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` itself loads enum and a dozen more modules
import os

#: What comes through the pipe; its other writers write other bytes.
USED = 1
INTERVAL_S = 0.1


def keep_from_threads() -> None:
    """Before any other thread is started: they inherit that the signal is not for them. It must reach `poll`."""
    if hasattr(_signal, "setitimer"):
        _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGPROF})


def ring(pipe: int) -> None:
    """From now on a byte USED comes through `pipe` for each INTERVAL_S of processor time. Main thread only."""
    if not hasattr(_signal, "setitimer"):  # Windows
        return
    used = bytes((USED,))
    _signal.signal(_signal.SIGPROF, lambda number, frame: os.write(pipe, used))
    _signal.setitimer(_signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {_signal.SIGPROF})
