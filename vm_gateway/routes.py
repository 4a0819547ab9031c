"""Owns the methods that every client of the REST API has, one for each route: what it asks, what comes of the answer;
refuses to know whether the client waits or awaits.

A method is written once, as the steps of a conversation (`remote.Steps`); each kind of client makes its own of it.
Routes: contract sections 3 and 18.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, overload

from . import shapes
from .remote import Request, Result, Steps

Given = ParamSpec("Given")


class Blocking(Protocol):
    """A client whose methods wait."""

    def _perform(self, steps: Steps[Result]) -> Result: ...


class Awaited(Protocol):
    """A client whose methods are coroutines."""

    async def _perform(self, steps: Steps[Result]) -> Result: ...


class route(Generic[Given, Result]):
    """Says that a function's steps are a method; what it is then depends on the client."""

    def __init__(self, build: Callable[Concatenate[Any, Given], Steps[Result]]) -> None:
        build.__annotations__["return"] = build.__annotations__["return"][len("Steps[") : -1]  # as `help` shows it
        self.build = build

    @overload
    def __get__(self, client: Blocking, kind: type) -> Callable[Given, Result]: ...

    @overload
    def __get__(self, client: Awaited, kind: type) -> Callable[Given, Coroutine[Any, Any, Result]]: ...

    def __get__(self, client: Any, kind: type) -> Any:
        """For the types alone: a client's own class has a function under the name."""
        raise NotImplementedError

    def waiting(self) -> Callable[..., Result]:
        build = self.build

        @wraps(build)
        def method(client: Blocking, *given: Given.args, **named: Given.kwargs) -> Result:
            return client._perform(build(client, *given, **named))

        return method

    def awaiting(self) -> Callable[..., Coroutine[Any, Any, Result]]:
        build = self.build

        @wraps(build)
        async def method(client: Awaited, *given: Given.args, **named: Given.kwargs) -> Result:
            return await client._perform(build(client, *given, **named))

        return method


class Routes:
    """What both kinds of clients are made of. awaited: whether the methods are coroutines."""

    def __init_subclass__(cls, awaited: bool = False, **others: Any) -> None:
        super().__init_subclass__(**others)
        if Routes in cls.__bases__:
            for name, found in vars(Routes).items():
                if isinstance(found, route):
                    setattr(cls, name, found.awaiting() if awaited else found.waiting())

    # Gateway

    @route
    def health(self) -> Steps[dict[str, Any]]:
        return _get("health")

    @route
    def summary(self) -> Steps[shapes.Summary]:
        return _get("runtime", "summary")

    # Templates

    @route
    def create_template(
        self, name: str, engine: str | None = None, settings: Mapping[str, Any] | None = None
    ) -> Steps[shapes.Template]:
        """engine: the gateway's default; settings: merged over the defaults (contract 18.1)."""
        return _post(("templates",), _given({"name": name, "engine": engine, "settings": settings}))

    @route
    def templates(self) -> Steps[list[shapes.Template]]:
        """All of them, newest first."""
        return _list(("templates",))

    @route
    def template(self, template_id: str) -> Steps[shapes.TemplateDetail]:
        return _get("templates", template_id)

    @route
    def change_template(self, template_id: str, changes: Mapping[str, Any]) -> Steps[Any]:
        """changes: `name`, `description`, `is_active`, `settings`; what is not named stays (contract 18.1)."""
        return _one(Request("PATCH", ("templates", template_id), changes))

    @route
    def delete_template(self, template_id: str) -> Steps[None]:
        return _delete("templates", template_id)

    @route
    def add_module(self, template_id: str, name: str) -> Steps[None]:
        return _done(Request("POST", ("templates", template_id, "modules"), {"name": name}))

    @route
    def modules(self, template_id: str) -> Steps[list[str]]:
        return _list(("templates", template_id, "modules"))

    @route
    def remove_module(self, template_id: str, name: str) -> Steps[None]:
        return _delete("templates", template_id, "modules", name)

    @route
    def add_library(self, template_id: str, name: str) -> Steps[None]:
        return _done(Request("POST", ("templates", template_id, "libraries"), {"name": name}))

    @route
    def libraries(self, template_id: str) -> Steps[list[str]]:
        return _list(("templates", template_id, "libraries"))

    @route
    def remove_library(self, template_id: str, name: str) -> Steps[None]:
        return _delete("templates", template_id, "libraries", name)

    @route
    def add_capability(
        self, template_id: str, kind: str, name: str, config: Any = None, enabled: bool = True
    ) -> Steps[shapes.Capability]:
        """config: any JSON, `{}` when None. What has an effect: contract 18.2."""
        body = {"kind": kind, "name": name, "enabled": enabled, "config": {} if config is None else config}
        return _post(("templates", template_id, "capabilities"), body)

    @route
    def capabilities(self, template_id: str) -> Steps[list[shapes.Capability]]:
        return _list(("templates", template_id, "capabilities"))

    @route
    def remove_capability(self, template_id: str, capability_id: str) -> Steps[None]:
        return _delete("templates", template_id, "capabilities", capability_id)

    @route
    def add_startup_file(
        self, template_id: str, path: str, order_index: int = 0, mode: str = "eval"
    ) -> Steps[shapes.StartupFile]:
        body = {"path": path, "order_index": order_index, "mode": mode}
        return _post(("templates", template_id, "startup-files"), body)

    @route
    def startup_files(self, template_id: str) -> Steps[list[shapes.StartupFile]]:
        """In the order in which they run."""
        return _list(("templates", template_id, "startup-files"))

    @route
    def remove_startup_file(self, template_id: str, startup_file_id: str) -> Steps[None]:
        return _delete("templates", template_id, "startup-files", startup_file_id)

    # Sessions

    @route
    def create_session(
        self, template_id: str, workspace_id: str, base_commit_oid: str, worktree_path: str
    ) -> Steps[shapes.Session]:
        """Returns when its startup files have run."""
        body = {
            "template_id": template_id,
            "workspace_id": workspace_id,
            "base_commit_oid": base_commit_oid,
            "worktree_path": worktree_path,
        }
        return _run(("sessions",), body)

    @route
    def sessions(self, status: str | None = None) -> Steps[list[shapes.Session]]:
        """All of them, newest first. status: `starting`, `ready`, `crashed` or `closed`."""
        return _list(("sessions",), {"status": status or None})

    @route
    def session(self, session_id: str) -> Steps[shapes.Session]:
        return _get("sessions", session_id)

    @route
    def close_session(self, session_id: str) -> Steps[shapes.Session]:
        return _post(("sessions", session_id, "close"), {})

    @route
    def restart_session(self, session_id: str) -> Steps[shapes.Session]:
        """A fresh runtime under the same id; variables are lost."""
        return _run(("sessions", session_id, "restart"), {})

    @route
    def connection(self, session_id: str) -> Steps[shapes.Connection]:
        """What a program on the gateway's machine needs to speak to the session's kernel; told to no other."""
        return _get("sessions", session_id, "connection")

    # Executions

    @route
    def repl(
        self, session_id: str, code: str, wait: bool = True, stdin: Sequence[str] | None = None
    ) -> Steps[shapes.Execution]:
        """wait: False returns the record while it is still `running`. stdin: lines for `prompt()`."""
        return _run(("executions", "repl"), _given({"session_id": session_id, "input": code, "stdin": stdin}), wait)

    @route
    def run_file(
        self,
        session_id: str,
        path: str,
        args: Mapping[str, Any] | None = None,
        env: Mapping[str, Any] | None = None,
        wait: bool = True,
        stdin: Sequence[str] | None = None,
    ) -> Steps[shapes.Execution]:
        """path: inside the worktree. args: the global `__ARGS__` of the run. env: recorded only. stdin: as `repl`."""
        body = _given({"session_id": session_id, "path": path, "args": args, "env": env, "stdin": stdin})
        return _run(("executions", "run-file"), body, wait)

    @route
    def executions(self, session_id: str, limit: int | None = None) -> Steps[list[shapes.Execution]]:
        """The newest `limit`, newest first; None: all of them."""
        return _list(("executions",), {"session_id": session_id}, limit)

    @route
    def execution(self, execution_id: str) -> Steps[shapes.Execution]:
        return _get("executions", execution_id)

    @route
    def events(self, execution_id: str, after_seq: int = 0) -> Steps[list[shapes.Event]]:
        """Those with a higher `seq`, ascending; the highest one is the next call's `after_seq`."""
        return _list(("executions", execution_id, "events"), {"after_seq": after_seq or None})

    @route
    def source(self, execution_id: str) -> Steps[shapes.Source]:
        """The very text that it ran, of a file too."""
        return _get("executions", execution_id, "source")

    @route
    def cancel(self, execution_id: str) -> Steps[shapes.Execution]:
        """Returns when it has ended. Waits for no other call of this client."""
        return _one(Request("POST", ("executions", execution_id, "cancel"), {}, patient=True))


def _one(request: Request) -> Steps[Any]:
    return (yield request).body


def _done(request: Request) -> Steps[None]:
    yield request


def _get(*path: str) -> Steps[Any]:
    return _one(Request("GET", path))


def _delete(*path: str) -> Steps[None]:
    return _done(Request("DELETE", path))


def _post(path: tuple[str, ...], body: Mapping[str, Any]) -> Steps[Any]:
    return _one(Request("POST", path, body))


def _run(path: tuple[str, ...], body: Mapping[str, Any], wait: bool = True) -> Steps[Any]:
    """A POST that answers when JavaScript has ended."""
    return _one(Request("POST", path, body, None if wait else {"wait": "false"}, patient=True, queued=wait))


def _list(path: tuple[str, ...], query: Mapping[str, Any] | None = None, limit: int | None = None) -> Steps[list[Any]]:
    """Page after page until `limit` or the end; `null` is an empty page (contract section 2)."""
    found: list[Any] = []
    cursor = None
    while True:
        asked = {**(query or {}), "limit": limit and limit - len(found), "cursor": cursor}
        answer = yield Request("GET", path, None, asked)
        found += answer.body or []
        cursor = answer.cursor
        if cursor is None or (limit is not None and len(found) >= limit):
            return found if limit is None else found[: max(limit, 0)]


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    """`body` without what is None: left out, the gateway's own default holds."""
    return {name: value for name, value in body.items() if value is not None}
