"""Owns when a session ends by itself: idle, old, or left alone; refuses to know how it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import owner as owners
from .log import log
from .plan import SessionPlan

CHECK_S = 1.0

After = Callable[[float, Callable[[], None]], None]


class Lifetime:
    """Watches from `start` on.

    after: calls back in so many seconds. busy: whether a cell runs or waits. end: called once with the reason.
    """

    def __init__(
        self,
        plan: SessionPlan,
        after: After,
        busy: Callable[[], bool],
        end: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._after = after
        self._busy = busy
        self._end = end
        self._clock = clock
        self._owner: dict[str, Any] | None = plan.owner
        self._alone_since: float | None = None
        self._used = clock()
        self._born = clock()
        self._over = False

    def start(self) -> None:
        """The session is ready; its time begins."""
        self._used = self._born = self._clock()
        if self._owner is not None:
            self._watch_owner()
        if self._plan.idle_timeout_s:
            self._watch_use()
        if self._plan.max_age_s:
            reason = f"closed by max_age_s: the session was {self._plan.max_age_s} s old"
            self._after(self._plan.max_age_s, lambda: self._finish(reason))

    def use(self) -> None:
        """A cell has come or ended."""
        self._used = self._clock()

    def adopt(self, owner: dict[str, Any]) -> bool:
        """The session is that process's own from now on; False when no such process lives."""
        if not owners.is_alive(owner):
            return False
        if owner != self._owner:
            log(f"the session was adopted by process {owner.get('pid')}")
        self._owner, self._alone_since = owner, None
        return True

    @property
    def adoptable(self) -> bool:
        """Whether it belongs to a gateway; a session that a Jupyter client started ends with that client."""
        return self._owner is not None

    def _watch_owner(self) -> None:
        assert self._owner is not None
        now = self._clock()
        if owners.is_alive(self._owner):
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
            log(f"the gateway of this session is gone; it waits {self._plan.orphan_grace_s} s for another")
        if self._alone_since is not None and now - self._alone_since >= self._plan.orphan_grace_s:
            self._finish(f"closed by orphan_grace_s: its gateway was gone for {self._plan.orphan_grace_s} s")
        else:
            self._after(CHECK_S, self._watch_owner)

    def _watch_use(self) -> None:
        if self._busy():
            self.use()
        left = self._used + self._plan.idle_timeout_s - self._clock()
        if left <= 0:
            self._finish(f"closed by idle_timeout_s: nothing ran for {self._plan.idle_timeout_s} s")
        else:
            self._after(left, self._watch_use)

    def _finish(self, reason: str) -> None:
        if not self._over:
            self._over = True
            self._end(reason)
