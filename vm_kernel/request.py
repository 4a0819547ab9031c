"""Owns the checking of what clients ask for; refuses to do any of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from .ids import is_uuid


class Refusal(Exception):
    """A request that gets an error reply: `name` and the text are its `ename` and `evalue`."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


def text(content: dict[str, Any], name: str) -> str:
    """The text field `name`, or a Refusal."""
    value = content.get(name)
    if not isinstance(value, str):
        raise Refusal("InvalidRequest", f"content.{name} must be text")
    return value


def flag(content: dict[str, Any], name: str, default: bool) -> bool:
    """The field `name` as true or false, or a Refusal."""
    value = content.get(name, default)
    if not isinstance(value, bool):
        raise Refusal("InvalidRequest", f"content.{name} must be true or false")
    return value


def cursor(content: dict[str, Any], code: str) -> int:
    """`cursor_pos` in code points within `code`; its end when absent."""
    value = content.get("cursor_pos")
    if value is None:
        return len(code)
    if type(value) is not int:
        raise Refusal("InvalidRequest", "content.cursor_pos must be a whole number")
    return min(max(value, 0), len(code))


def detail(content: dict[str, Any]) -> int:
    """`detail_level` of an inspect_request: 0 or 1."""
    value = content.get("detail_level", 0)
    if value not in (0, 1):
        raise Refusal("InvalidRequest", "content.detail_level must be 0 or 1")
    return int(value)


@dataclass(frozen=True)
class Planned:
    """`metadata.vm` of an execute_request (design 7.7). kind: `repl` or `run_file`, which has `path` and `args`.

    stdin: lines for `prompt()`, one after the other, in place of a client that could be asked.
    """

    execution_id: str | None = None
    kind: str = "repl"
    path: str = ""
    args: Any = None
    env: dict[str, Any] | None = None
    actor: dict[str, Any] | None = None
    stdin: tuple[str, ...] = ()
    refuse_if_busy: bool = False

    @property
    def metadata(self) -> dict[str, object]:
        """For the recorder: what was given."""
        given: dict[str, object] = {}
        if self.kind == "run_file":
            given["path"] = self.path
            given["args"] = {} if self.args is None else self.args
        if self.env is not None:
            given["env"] = self.env
        if self.actor is not None:
            given["actor"] = self.actor
        return given


class Execute(NamedTuple):
    """An execute_request, checked. planned: its `metadata.vm`; None when it has none. expressions: None for none."""

    code: str
    silent: bool
    store_history: bool
    allow_stdin: bool
    stop_on_error: bool
    planned: Planned | None = None
    expressions: dict[str, str] | None = None


def execute(content: dict[str, Any], metadata: dict[str, Any]) -> Execute:
    """The execute_request in a message; a Refusal with the first thing that is wrong."""
    expressions = content.get("user_expressions") or None
    if expressions is not None and not (
        isinstance(expressions, dict) and all(isinstance(code, str) for code in expressions.values())
    ):
        raise Refusal("InvalidRequest", "content.user_expressions must be an object with texts")
    silent = flag(content, "silent", False)
    vm = metadata.get("vm")
    return Execute(
        code=text(content, "code"),
        silent=silent,
        store_history=flag(content, "store_history", True) and not silent,
        allow_stdin=flag(content, "allow_stdin", True),
        stop_on_error=flag(content, "stop_on_error", True),
        planned=None if vm is None else _planned(_object("vm", vm)),
        expressions=expressions,
    )


def _planned(vm: dict[str, Any]) -> Planned:
    """Unknown keys and wrong values are refused, never ignored."""
    for key, value in vm.items():
        if key == "execution_id":
            if not is_uuid(value):
                raise Refusal("InvalidRequest", "metadata.vm.execution_id must be a UUID in lower case")
        elif key == "kind":
            if value not in ("repl", "run_file"):
                raise Refusal("InvalidRequest", 'metadata.vm.kind must be "repl" or "run_file"')
        elif key == "path":
            if not isinstance(value, str) or not value:
                raise Refusal("InvalidRequest", "metadata.vm.path must be text and not empty")
        elif key == "stdin":
            if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
                raise Refusal("InvalidRequest", "metadata.vm.stdin must be a list of lines")
        elif key in ("env", "actor"):
            _object(f"vm.{key}", value)
        elif key == "if_busy":
            if value != "refuse":
                raise Refusal("InvalidRequest", 'metadata.vm.if_busy must be "refuse" or absent')
        elif key != "args":
            raise Refusal("InvalidRequest", f"metadata.vm.{key[:64]} is not known")
    kind = vm.get("kind", "repl")
    if kind == "run_file" and "path" not in vm:
        raise Refusal("InvalidRequest", "metadata.vm.path is missing: a run_file has one")
    for key in ("path", "args"):
        if kind == "repl" and key in vm:
            raise Refusal("InvalidRequest", f"metadata.vm.{key} is for kind run_file")
    return Planned(
        execution_id=vm.get("execution_id"),
        kind=kind,
        path=vm.get("path", ""),
        args=vm.get("args"),
        env=vm.get("env"),
        actor=vm.get("actor"),
        stdin=tuple(vm.get("stdin", ())),
        refuse_if_busy="if_busy" in vm,
    )


def owner(metadata: dict[str, Any]) -> dict[str, Any] | None:
    """`metadata.vm.owner` of a kernel_info_request: the process that adopts the session; None when there is none."""
    vm = _only(metadata, "owner")
    if vm is None:
        return None
    given = _object("vm.owner", vm.get("owner"))
    types = {name: type(value) for name, value in given.items()}
    if types != {"boot_id": str, "pid": int, "start_time": int}:
        raise Refusal("InvalidRequest", "metadata.vm.owner must be {boot_id, pid, start_time}")
    return given


def kept(metadata: dict[str, Any]) -> str | None:
    """`metadata.vm.keep_process` of a shutdown_request: why the session is over while its process stays; None: both."""
    vm = _only(metadata, "keep_process")
    return None if vm is None else text(vm, "keep_process")[:1000]


def interrupted(metadata: dict[str, Any]) -> str | None:
    """`metadata.vm.execution_id` of an interrupt_request: the one execution it is meant for; None: whatever runs."""
    vm = _only(metadata, "execution_id")
    if vm is None:
        return None
    execution_id = vm.get("execution_id")
    if not isinstance(execution_id, str) or not is_uuid(execution_id):
        raise Refusal("InvalidRequest", "metadata.vm.execution_id must be a UUID in lower case")
    return execution_id


def _only(metadata: dict[str, Any], name: str) -> dict[str, Any] | None:
    """`metadata.vm` where nothing but `name` may stand in it."""
    if metadata.get("vm") is None:
        return None
    vm = _object("vm", metadata["vm"])
    for key in vm:
        if key != name:
            raise Refusal("InvalidRequest", f"metadata.vm.{key[:64]} is not known")
    return vm


def _object(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refusal("InvalidRequest", f"metadata.{name} must be an object")
    return value
