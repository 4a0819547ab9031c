"""Owns the checking of what clients ask for; refuses to do any of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
class Execute:
    """An execute_request, checked; `execution_id`, `refuse_if_busy`: of `metadata.vm` (design 7.7)."""

    code: str
    silent: bool
    store_history: bool
    allow_stdin: bool
    stop_on_error: bool
    execution_id: str | None = None
    refuse_if_busy: bool = False


def execute(content: dict[str, Any], metadata: dict[str, Any]) -> Execute:
    """The execute_request in a message; a Refusal with the first thing that is wrong."""
    expressions = content.get("user_expressions", {})
    if expressions is not None and not isinstance(expressions, dict):
        raise Refusal("InvalidRequest", "content.user_expressions must be an object")
    silent = flag(content, "silent", False)
    vm = _vm(metadata.get("vm"))
    return Execute(
        code=text(content, "code"),
        silent=silent,
        store_history=flag(content, "store_history", True) and not silent,
        allow_stdin=flag(content, "allow_stdin", True),
        stop_on_error=flag(content, "stop_on_error", True),
        execution_id=vm.get("execution_id"),
        refuse_if_busy="if_busy" in vm,
    )


def _vm(vm: object) -> dict[str, Any]:
    """`metadata.vm`: unknown keys and wrong values are refused, never ignored."""
    if vm is None:
        return {}
    if not isinstance(vm, dict):
        raise Refusal("InvalidRequest", "metadata.vm must be an object")
    for key, value in vm.items():
        if key == "execution_id":
            if not is_uuid(value):
                raise Refusal("InvalidRequest", "metadata.vm.execution_id must be a UUID in lower case")
        elif key == "if_busy":
            if value != "refuse":
                raise Refusal("InvalidRequest", 'metadata.vm.if_busy must be "refuse" or absent')
        else:
            raise Refusal("InvalidRequest", f"metadata.vm.{key[:64]} is not known")
    return vm
