"""Owns the finished record of an execution as its asker gets it (contract section 6); refuses to know ledgers."""

from __future__ import annotations

from typing import Any

from .outcomes import Completed
from .payloads import error_of, exception_payload, result_of, value_payload
from .recorder import Ended, Started

Record = dict[str, Any]


def record(session_id: str, started: Started, ended: Ended, final: Record | None = None) -> Record:
    """final: the payload of its value or error, if that has been made already."""
    given = started.metadata
    view: Record = {"id": started.execution_id, "session_id": session_id, "kind": started.kind}
    if started.kind == "repl":
        view["input"] = started.code
    else:
        view["path"] = given.get("path", "")
    outcome, usage = ended.outcome, ended.usage
    view |= {
        "args": given.get("args", [] if started.kind == "repl" else {}),
        "env": given.get("env", {}),
        "status": outcome.status,
        "started_at": started.started_at,
        "ended_at": ended.ended_at,
    }
    if isinstance(outcome, Completed):
        view["result"] = result_of(final or value_payload(outcome.value))
    else:
        view["error"] = error_of(final or exception_payload(outcome))
    view["metrics"] = {
        "cpu_ms": usage.cpu_ms,
        "wall_ms": usage.wall_ms,
        "peak_mem_mb": usage.peak_mem_mb,
        "events": usage.events,
        "output_bytes": usage.output_bytes,
    }
    view["actor"] = given.get("actor") or {"surface": "kernel", "client_session": started.client_session}
    view["engine_generation"] = ended.engine_generation or started.engine_generation
    view["execution_count"] = started.execution_count
    return view
