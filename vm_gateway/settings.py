"""Owns a template's settings: their keys, types, defaults and how a change is merged; refuses to know who obeys them.

Source: contract 4.2, 4.3 and 18.1. Nothing inside settings may be null: a limit is a number or is left out.
"""

from __future__ import annotations

import copy
from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from .errors import GatewayError

#: Larger numbers are no limit any more and would overflow what enforces them.
LARGEST = 2**31 - 1
Count = Union[Annotated[int, Meta(ge=0, le=LARGEST)], UnsetType]
Flag = Union[bool, UnsetType]
Words = Union[Annotated[list[Annotated[str, Meta(max_length=255)]], Meta(max_length=64)], UnsetType]


class Limits(Struct, forbid_unknown_fields=True):
    cpu_ms: Count = UNSET
    wall_ms: Count = UNSET
    mem_mb: Count = UNSET
    max_events: Count = UNSET
    max_output_kb: Count = UNSET


class Resolver(Struct, forbid_unknown_fields=True):
    roots: Words = UNSET
    extensions: Words = UNSET
    allow_absolute_repo_imports: Flag = UNSET


class Runtime(Struct, forbid_unknown_fields=True):
    esm: Flag = UNSET
    strict: Flag = UNSET
    console: Flag = UNSET
    on_engine_loss: Union[Literal["crash", "fresh"], UnsetType] = UNSET


class Session(Struct, forbid_unknown_fields=True):
    idle_timeout_s: Count = UNSET
    max_age_s: Count = UNSET
    require_ledger: Flag = UNSET
    require_containment: Flag = UNSET


class Settings(Struct, forbid_unknown_fields=True):
    """What a request may say about settings; every key may be left out."""

    limits: Union[Limits, UnsetType] = UNSET
    resolver: Union[Resolver, UnsetType] = UNSET
    runtime: Union[Runtime, UnsetType] = UNSET
    session: Union[Session, UnsetType] = UNSET


#: What a template has when its creator said nothing.
DEFAULTS: dict[str, dict[str, Any]] = {
    "limits": {"cpu_ms": 2000, "wall_ms": 5000, "mem_mb": 128, "max_events": 50000, "max_output_kb": 256},
    "resolver": {"roots": ["."], "extensions": [".js", ".mjs"], "allow_absolute_repo_imports": True},
    "runtime": {"esm": True, "strict": True, "console": True, "on_engine_loss": "crash"},
    "session": {"idle_timeout_s": 0, "max_age_s": 0, "require_ledger": True, "require_containment": False},
}
#: The fixed template for people at notebooks.
NOTEBOOK: dict[str, dict[str, Any]] = {
    "limits": {"cpu_ms": 0, "wall_ms": 0, "mem_mb": 2048, "max_events": 0, "max_output_kb": 65536},
    "resolver": DEFAULTS["resolver"],
    "runtime": {"esm": True, "strict": True, "console": True, "on_engine_loss": "fresh"},
    "session": {"idle_timeout_s": 0, "max_age_s": 0, "require_ledger": False, "require_containment": False},
}


def merged(settings: dict[str, dict[str, Any]], change: Settings | None) -> dict[str, dict[str, Any]]:
    """New settings: those keys replaced that `change` names. Raises: VALIDATION_ERROR, nothing changed then."""
    result = copy.deepcopy(settings)
    if change is None:
        return result
    for section, values in msgspec.to_builtins(change).items():
        result[section].update(values)
    _check_resolver(result["resolver"])
    return result


def _check_resolver(resolver: dict[str, Any]) -> None:
    for root in resolver["roots"]:
        if not root or root.startswith("/") or ".." in root.split("/") or "\0" in root:
            raise GatewayError("VALIDATION_ERROR", f"settings.resolver.roots: {root!r} is no folder of the worktree")
    for extension in resolver["extensions"]:
        if not extension.startswith(".") or "/" in extension or "\0" in extension:
            raise GatewayError("VALIDATION_ERROR", f"settings.resolver.extensions: {extension!r} must be like '.js'")
