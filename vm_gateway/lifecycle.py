"""Owns what a session or an execution may become next, one table each; refuses to know who moves it and why."""

from __future__ import annotations

#: Contract section 5; `crashed -> starting` is a restart, as is `ready -> starting`.
SESSION: dict[str, frozenset[str]] = {
    "starting": frozenset(("ready", "crashed", "closed")),
    "ready": frozenset(("starting", "crashed", "closed")),
    "crashed": frozenset(("starting", "closed")),
    "closed": frozenset(),
}
#: Contract section 6: whatever ended stays as it is.
EXECUTION: dict[str, frozenset[str]] = {
    "running": frozenset(("ok", "error", "timeout", "cancelled")),
    "ok": frozenset(),
    "error": frozenset(),
    "timeout": frozenset(),
    "cancelled": frozenset(),
}
TABLES = {"session": SESSION, "execution": EXECUTION}

#: Statuses of sessions that have, or should have, a process.
LIVE = ("starting", "ready")


class IllegalMove(Exception):
    """A state that cannot follow the other; a fault of ours."""


def move(kind: str, before: str, after: str) -> str:
    """`after`, when it may follow `before`. kind: `session` or `execution`. Raises: IllegalMove."""
    if after not in TABLES[kind].get(before, frozenset()):
        raise IllegalMove(f"a {kind} cannot go from {before} to {after}")
    return after


def before(kind: str, after: str) -> tuple[str, ...]:
    """The statuses from which `after` can be reached: what a row must have for that move."""
    return tuple(state for state, nexts in TABLES[kind].items() if after in nexts)
