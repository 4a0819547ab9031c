"""Owns one kernel process as the gateway sees it: alive, dead, why, and how to end it; refuses to know its messages.

A process is named by number and start time, so that a number used again is never taken for it (design 7.9).
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Any

from .ledger import owners

POLL_S = 0.25


class Process:
    """A process that runs. `ended` gives a sentence about its end; child: None when another gateway started it.

    Made on the event loop, which is told of the end by a pidfd where the system has one.
    """

    def __init__(self, owner: Mapping[str, Any], child: subprocess.Popen[bytes] | None = None) -> None:
        self.owner = dict(owner)
        self.pid = int(owner["pid"])
        self._child = child
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self._pidfd = -1
        self._poll: asyncio.Task[None] | None = None
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            self._poll = self._loop.create_task(self._look())
        else:
            self._loop.add_reader(self._pidfd, self._over)
        if not self.alive():
            self._loop.call_soon(self._over)

    def alive(self) -> bool:
        return not self.ended.done() and owners.is_alive(self.owner)

    def terminate(self) -> None:
        """Asks it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it and all of its group."""
        self._signal(signal.SIGKILL)

    async def wait(self, patience_s: float) -> bool:
        """Whether it ended within `patience_s`."""
        done, _ = await asyncio.wait([self.ended], timeout=patience_s)
        return bool(done)

    async def end(self, patience_s: float) -> None:
        """Waits for it to end by itself, then asks, then kills it."""
        if await self.wait(patience_s):
            return
        self.terminate()
        if not await self.wait(min(patience_s, 2.0)):
            self.kill()
            await self.wait(10.0)

    def _signal(self, number: int) -> None:
        if not self.alive():
            return
        try:
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    async def _look(self) -> None:
        while owners.is_alive(self.owner):
            await asyncio.sleep(POLL_S)
        self._over()

    def _over(self) -> None:
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
        if not self.ended.done():
            self.ended.set_result(self._how())

    def _how(self) -> str:
        code = self._child.wait() if self._child is not None else None
        if code is None:
            return "session process ended"
        if code < 0:
            return f"session process ended: killed by {_name_of(-code)}"
        return "session process ended" if code == 0 else f"session process ended: exit code {code}"


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
