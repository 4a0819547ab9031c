"""Owns what rows look like from outside: the JSON of contract 4.1, 5 and 6; refuses to know where rows come from.

A row is a plain dict of the ledger. What a row has for our own use (`owner`, `plan`) never leaves by these functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .capabilities import shortcoming

Row = Mapping[str, Any]
View = dict[str, Any]

_SESSION = ("id", "vm_id", "workspace_id", "base_commit_oid", "worktree_path", "status", "created_at")
_SESSION_WHEN_SET = ("closed_at", "last_error", "runtime_meta", "notebook", "restarted_from")
_EXECUTION = ("id", "session_id", "kind", "status", "started_at")
_EXECUTION_WHEN_SET = ("ended_at", "result", "error", "actor", "engine_generation", "execution_count")


def template(row: Row) -> View:
    """Of one template; `description` only when there is one."""
    view = {name: row[name] for name in ("id", "name", "engine", "is_active")}
    view["exposed_modules"] = list(row["exposed_modules"])
    view["libraries"] = list(row["libraries"])
    if row.get("description"):
        view["description"] = row["description"]
    return {**view, "created_at": row["created_at"], "updated_at": row["updated_at"]}


def detail(row: Row) -> View:
    """Of one template with all that belongs to it."""
    return {
        "template": template(row),
        "settings": {"vm_id": row["id"], **row["settings"]},
        "capabilities": [capability(row, each) for each in row["capabilities"]],
        "startup_files": startup_files(row),
    }


def capability(row: Row, each: Row) -> View:
    """Of one capability; `reason` says why it is not `effective` (contract 18.2)."""
    view = {
        "id": each["id"],
        "vm_id": row["id"],
        "kind": each["kind"],
        "name": each["name"],
        "enabled": each["enabled"],
        "config": each["config"],
    }
    reason = shortcoming(each["kind"], each["name"], each["enabled"], each["config"])
    return {**view, "effective": not reason, **({"reason": reason} if reason else {})}


def startup_file(row: Row, each: Row) -> View:
    return {
        "id": each["id"],
        "vm_id": row["id"],
        "path": each["path"],
        "order_index": each["order_index"],
        "mode": each["mode"],
    }


def startup_files(row: Row) -> list[View]:
    """In the order in which they run: by `order_index`, then as they were added."""
    return [startup_file(row, each) for each in sorted(row["startup_files"], key=lambda each: int(each["order_index"]))]


def session(row: Row) -> View:
    """Of one session; what comes after the times and states only when set."""
    view = {name: row[name] for name in _SESSION}
    return view | {name: row[name] for name in _SESSION_WHEN_SET if row.get(name)}


def source(row: Row) -> View:
    """Of the very text that an execution ran; `text` is absent where an older record has none."""
    view = {"execution_id": row["id"], "kind": row["kind"]}
    view |= {"path": row["path"]} if "path" in row else {}
    text = row.get("input", row.get("source"))
    return view if text is None else {**view, "text": text}


def execution(row: Row) -> View:
    """Of one execution; what is not known yet is left out."""
    view = {name: row[name] for name in _EXECUTION[:3]}
    view |= {name: row[name] for name in ("input", "path") if name in row}
    view |= {"args": row.get("args", []), "env": row.get("env", {})}
    view |= {name: row[name] for name in _EXECUTION[3:]}
    view |= {name: row[name] for name in _EXECUTION_WHEN_SET if name in row}
    return view | {"metrics": row.get("metrics", {})}
