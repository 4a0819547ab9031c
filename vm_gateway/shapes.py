"""Owns the types of the JSON that the REST API answers with; refuses to know who makes or reads it.

Names and meaning are those of contract sections 4.1, 5, 6 and 18. Every shape is a plain dict at run time. A class in
two parts has in the second the keys that may be absent (`NotRequired` is newer than Python 3.10).
"""

from __future__ import annotations

from typing import Any, TypedDict


class Template(TypedDict):
    id: str
    name: str
    engine: str
    is_active: bool
    exposed_modules: list[str]
    libraries: list[str]
    created_at: str
    updated_at: str


class Settings(TypedDict):
    """`limits` are integers, 0 switches one off; `session` and the rest as in contract 18.1."""

    vm_id: str
    limits: dict[str, int]
    resolver: dict[str, Any]
    runtime: dict[str, Any]


class _Capability(TypedDict):
    id: str
    vm_id: str
    kind: str
    name: str
    enabled: bool
    config: Any


class Capability(_Capability, total=False):
    """`reason` says why it is not `effective`."""

    effective: bool
    reason: str


class StartupFile(TypedDict):
    id: str
    vm_id: str
    path: str
    order_index: int
    mode: str


class _TemplateDetail(TypedDict):
    template: Template
    capabilities: list[Capability]
    startup_files: list[StartupFile]


class TemplateDetail(_TemplateDetail, total=False):
    settings: Settings


class _Session(TypedDict):
    id: str
    vm_id: str
    workspace_id: str
    base_commit_oid: str
    worktree_path: str
    status: str
    created_at: str


class Session(_Session, total=False):
    """notebook, restarted_from: of a session that a Jupyter client started: its file, and the session before it.

    runtime_meta: among others `limits`, `on_engine_loss`, and `engine_generation`, with which its process began.
    """

    closed_at: str
    last_error: str
    runtime_meta: dict[str, Any]
    notebook: str
    restarted_from: str


class Connection(TypedDict):
    """As in a connection file of Jupyter's; with `ipc`, `ip` is the start of a path and ports are numbers behind it."""

    session_id: str
    connection_file: str
    transport: str
    ip: str
    shell_port: int
    control_port: int
    iopub_port: int
    stdin_port: int
    hb_port: int
    key: str
    signature_scheme: str
    kernel_name: str


class _Execution(TypedDict):
    id: str
    session_id: str
    kind: str
    args: Any
    env: dict[str, Any]
    status: str
    started_at: str
    metrics: dict[str, Any]


class Execution(_Execution, total=False):
    """`result` has `type`, `preview` and perhaps `json`; `error` has `message` and perhaps `stack`.

    actor, engine_generation: contract 18.3.
    """

    input: str
    path: str
    ended_at: str
    result: dict[str, Any]
    error: dict[str, Any]
    actor: dict[str, Any]
    engine_generation: int
    execution_count: int


class _Event(TypedDict):
    execution_id: str
    seq: int
    ts: str
    type: str
    payload: dict[str, Any]


class Event(_Event, total=False):
    """`late`: made by a timer after the execution had ended."""

    late: bool


class _Source(TypedDict):
    execution_id: str
    kind: str


class Source(_Source, total=False):
    """`path`: of a file. `text` is absent where an older record has none."""

    path: str
    text: str


class Summary(TypedDict):
    active_sessions: int
    active_session_ids: list[str]
