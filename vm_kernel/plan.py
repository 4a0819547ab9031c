"""Owns what one session's process is told before it starts; refuses to know who tells it and where it is kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .limits import Limits


class PlanError(ValueError):
    """A plan that cannot be used; the text says which part."""


@dataclass(frozen=True)
class StartupFile:
    """A file of the worktree that runs before the first cell, in the order of `order_index`."""

    path: str
    order_index: int = 0


@dataclass(frozen=True)
class Library:
    """A script that runs before the startup files."""

    name: str
    text: str


@dataclass(frozen=True)
class SessionPlan:
    """One session (design 7.8); handed over by descriptor, never in argv or the environment.

    on_engine_loss: `crash` or `fresh` (contract 18.4). idle_timeout_s, max_age_s: 0 is never.
    denied: files and folders of the gateway that are not to be read, wherever the worktree is.
    owner: `{boot_id, pid, start_time}` of the gateway that started the process; None where a Jupyter client did.
    orphan_grace_s: how long the session outlives a gateway that is gone.
    generation_offset: engines that the session had before this process, so that `engine_generation` tells in the whole
    session whether two executions could share variables.
    """

    session_id: str
    template_id: str = ""
    workspace_id: str = ""
    worktree_path: str = ""
    denied: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    startup_files: tuple[StartupFile, ...] = ()
    libraries: tuple[Library, ...] = ()
    resolver: dict[str, Any] = field(default_factory=dict)
    console: bool = True
    esm: bool = True
    strict: bool = True
    on_engine_loss: str = "crash"
    idle_timeout_s: int = 0
    max_age_s: int = 0
    require_ledger: bool = True
    require_containment: bool = False
    orphan_grace_s: int = 600
    owner: dict[str, Any] | None = None
    generation_offset: int = 0

    def __post_init__(self) -> None:
        if self.on_engine_loss not in ("crash", "fresh"):
            raise PlanError(f"on_engine_loss is {self.on_engine_loss!r}: crash or fresh")
        for name in ("idle_timeout_s", "max_age_s", "orphan_grace_s", "generation_offset"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 0:
                raise PlanError(f"{name} must be a whole number of 0 or more")

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> SessionPlan:
        """Raises PlanError for anything that `to_json` does not write."""
        try:
            values = json.loads(text)
            if not isinstance(values, dict):
                raise PlanError("a plan is a JSON object")
            unknown = values.keys() - {each.name for each in fields(SessionPlan)}
            if unknown:
                raise PlanError(f"unknown in a plan: {', '.join(sorted(unknown))}")
            values["limits"] = Limits(**values.get("limits", {}))
            values["startup_files"] = tuple(StartupFile(**each) for each in values.get("startup_files", ()))
            values["denied"] = tuple(values.get("denied", ()))
            values["libraries"] = tuple(Library(**each) for each in values.get("libraries", ()))
            return SessionPlan(**values)
        except (TypeError, ValueError, RecursionError) as error:
            raise PlanError(f"the session's plan cannot be read: {error}") from None
