"""Owns the names of the ledger's tables and what is found quickly in them; refuses to know how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Index(NamedTuple):
    """Top-level fields by which documents are found without reading all; `unique`: no two with the same values."""

    fields: tuple[str, ...]
    unique: bool = False


TEMPLATES = "templates"
SESSIONS = "sessions"
EXECUTIONS = "executions"
EVENTS = "execution_events"

#: Full, not partial: counting walks them.
INDEXES: Mapping[str, Sequence[Index]] = {
    TEMPLATES: (Index(("id",), unique=True), Index(("name",), unique=True)),
    SESSIONS: (Index(("id",), unique=True), Index(("status",)), Index(("worktree_path",))),
    EXECUTIONS: (Index(("id",), unique=True), Index(("session_id",)), Index(("status",))),
    EVENTS: (Index(("execution_id", "last"), unique=True),),
}
