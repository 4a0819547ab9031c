"""Owns what a session knows of engines that it lost: whom it tells, what it refuses cells with; refuses to know
engines.
"""

from __future__ import annotations

from .outcomes import VARIABLES_LOST


class Losses:
    """Told of every loss and of every engine that came up; asked before each cell runs."""

    def __init__(self) -> None:
        #: Why no cell runs any more; empty while they do.
        self.final = ""
        #: Why none runs for now.
        self.held = ""
        self._ran = False
        self._lost = False
        self._renewed = False
        self._told = ""

    def ran(self) -> None:
        """A cell has run, so there may be variables to lose."""
        self._ran = True

    def lose(self, reason: str, final: bool) -> None:
        """An engine is gone. final: and no other will come."""
        self._lost = self._lost or self._ran
        if final:
            self.final = f"{reason}; restart the kernel to go on"

    def hold(self, reason: str) -> None:
        """No cell runs for now: what has to run before them could not. Empty: they do again."""
        self.held = reason

    def restart(self) -> None:
        """Somebody else than its client begins the session anew: what kept cells from running does no longer."""
        self.lose("", final=False)
        self.final = self.held = ""

    def told(self, session: str) -> None:
        """The client session that lost its cell with the engine has read so in the cell's own error."""
        self._told = session

    def renew(self) -> None:
        """An engine is up."""
        self._renewed = self._renewed or self._lost
        self._lost = False

    def notice(self, session: str) -> str:
        """What the cell of `session` that runs now must be told before its output; empty for nothing. Once."""
        if not self._renewed:
            return ""
        told, self._renewed, self._told = self._told, False, ""
        return "" if told == session else VARIABLES_LOST
