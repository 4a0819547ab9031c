"""Owns answering code that waits for a file which it imports; refuses to know how files are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .engine import port

if TYPE_CHECKING:
    from .imports import Imports
    from .plan import SessionPlan


class Files:
    """plan: of a planned session; without, files lie in the process's own folder and nothing is switched off."""

    def __init__(self, engine: port.Engine, plan: SessionPlan | None) -> None:
        self._engine = engine
        self._plan = plan
        self._imports: Imports | None = None

    def supply(self, wanted: port.Wanted) -> None:
        """At once: the file is read here, and JavaScript stands still."""
        if self._imports is None:  # few sessions import anything
            from .imports import Imports

            plan = self._plan
            if plan is None:
                self._imports = Imports()
            else:
                self._imports = Imports(plan.worktree_path, plan.resolver, plan.esm, plan.denied)
        answer = self._imports.answer(wanted.question)
        self._engine.supply(wanted.number, answer.content, answer.source)
