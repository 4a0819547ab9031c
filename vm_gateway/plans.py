"""Owns how a template becomes what a session's process is told; refuses to start any process.

A session keeps what its template was when it was made: its row holds that snapshot, and a restart uses it again.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from vm_kernel.limits import Limits
from vm_kernel.plan import SessionPlan, StartupFile

from .ledger.port import Document


def snapshot(template: Mapping[str, Any]) -> Document:
    """What of a template holds for a session as long as it lives."""
    ordered = sorted(template["startup_files"], key=lambda each: int(each["order_index"]))
    return copy.deepcopy(
        {
            "settings": template["settings"],
            "startup_files": [{"path": each["path"], "order_index": each["order_index"]} for each in ordered],
            "exposed_modules": template["exposed_modules"],
            "libraries": template["libraries"],
            "capabilities": template["capabilities"],
            "engine": template["engine"],
        }
    )


def runtime_meta(
    pid: int,
    limits: Mapping[str, int],
    on_engine_loss: str,
    engine: str,
    containment: str,
    language: str = "",
    generation: int = 1,
) -> Document:
    """What a session's row says of its process once it is ready.

    language: of its cells, where it is not JavaScript. generation: of its first engine.
    """
    meta: Document = {"pid": pid, "limits": dict(limits), "engine_generation": generation}
    meta["on_engine_loss"] = on_engine_loss
    said = {"engine": engine, "containment": containment, "language": language}
    return meta | {name: word for name, word in said.items() if word}


def plan_of(
    session: Mapping[str, Any],
    owner: Mapping[str, Any] | None,
    denied: Sequence[str],
    orphan_grace_s: int = 0,
    generation_offset: int = 0,
) -> SessionPlan:
    """The plan for a session's process.

    owner: the gateway that starts it; None where a Jupyter client does. denied, generation_offset: see `SessionPlan`.
    """
    kept = session["snapshot"]
    settings = kept["settings"]
    runtime, life = settings["runtime"], settings["session"]
    return SessionPlan(
        session_id=session["id"],
        template_id=session["vm_id"],
        workspace_id=session["workspace_id"],
        worktree_path=session["worktree_path"],
        denied=tuple(denied),
        limits=Limits(**settings["limits"]),
        startup_files=tuple(StartupFile(each["path"], each["order_index"]) for each in kept["startup_files"]),
        libraries=(),
        resolver=settings["resolver"],
        console=runtime["console"],
        esm=runtime["esm"],
        strict=runtime["strict"],
        on_engine_loss=runtime["on_engine_loss"],
        idle_timeout_s=life["idle_timeout_s"],
        max_age_s=life["max_age_s"],
        require_ledger=life["require_ledger"],
        require_containment=life["require_containment"],
        orphan_grace_s=orphan_grace_s,
        owner=None if owner is None else dict(owner),
        generation_offset=generation_offset,
    )
