"""Owns the REST API as methods, one for each route; refuses to know how an answer is shown, and what a gateway does.

    client = Client()                                # the user's own gateway; the token is found by itself
    template = client.create_template("small", settings={"limits": {"wall_ms": 1000}})
    session = client.create_session(template["id"], "ws-1", "deadbeef", "/a/worktree")
    client.repl(session["id"], "1 + 1")["result"]["preview"]

Ids are UUIDs as text. Every method may raise `ApiError`; a JavaScript error is a result, not an error. Routes: contract
sections 3 and 18.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from . import shapes
from .transport import DEFAULT_URL, ApiError, Connection

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

    from .async_client import AsyncClient

__all__ = ("DEFAULT_URL", "ApiError", "AsyncClient", "Client")

#: Seconds for an answer that needs no JavaScript to run.
TIMEOUT_S = 30.0


class Client:
    """One gateway, for one thread; `with` closes its connection.

    url: default $VM_GATEWAY_URL, else port 3210 on this machine. token: default $VM_GATEWAY_TOKEN, else the file of the
    user's own gateway. timeout_s: for each answer; None: 30, but without an end where JavaScript runs: there the limits
    of the template end it. Raises: ApiError.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float | None = None,
        agent: str = "vm-gateway-client",
    ) -> None:
        self._connection = Connection(url, token, agent)
        self._timeout_s = timeout_s

    @property
    def url(self) -> str:
        return self._connection.url

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    # Gateway

    def health(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self._get("health"))

    def summary(self) -> shapes.Summary:
        return cast("shapes.Summary", self._get("runtime", "summary"))

    # Templates

    def create_template(
        self, name: str, engine: str | None = None, settings: Mapping[str, Any] | None = None
    ) -> shapes.Template:
        """engine: the gateway's default; settings: merged over the defaults (contract 18.1)."""
        body = {"name": name, "engine": engine, "settings": settings}
        return cast("shapes.Template", self._post(("templates",), _given(body)))

    def templates(self) -> list[shapes.Template]:
        """All of them, newest first."""
        return self._list(("templates",))

    def template(self, template_id: str) -> shapes.TemplateDetail:
        return cast("shapes.TemplateDetail", self._get("templates", template_id))

    def change_template(self, template_id: str, changes: Mapping[str, Any]) -> Any:
        """changes: `name`, `description`, `is_active`, `settings`; what is not named stays (contract 18.1)."""
        return self._call("PATCH", ("templates", template_id), changes)

    def delete_template(self, template_id: str) -> None:
        self._call("DELETE", ("templates", template_id))

    def add_module(self, template_id: str, name: str) -> None:
        self._post(("templates", template_id, "modules"), {"name": name})

    def modules(self, template_id: str) -> list[str]:
        return self._list(("templates", template_id, "modules"))

    def remove_module(self, template_id: str, name: str) -> None:
        self._call("DELETE", ("templates", template_id, "modules", name))

    def add_library(self, template_id: str, name: str) -> None:
        self._post(("templates", template_id, "libraries"), {"name": name})

    def libraries(self, template_id: str) -> list[str]:
        return self._list(("templates", template_id, "libraries"))

    def remove_library(self, template_id: str, name: str) -> None:
        self._call("DELETE", ("templates", template_id, "libraries", name))

    def add_capability(
        self, template_id: str, kind: str, name: str, config: Any = None, enabled: bool = True
    ) -> shapes.Capability:
        """config: any JSON, `{}` when None. What has an effect: contract 18.2."""
        body = {"kind": kind, "name": name, "enabled": enabled, "config": {} if config is None else config}
        return cast("shapes.Capability", self._post(("templates", template_id, "capabilities"), body))

    def capabilities(self, template_id: str) -> list[shapes.Capability]:
        return self._list(("templates", template_id, "capabilities"))

    def remove_capability(self, template_id: str, capability_id: str) -> None:
        self._call("DELETE", ("templates", template_id, "capabilities", capability_id))

    def add_startup_file(
        self, template_id: str, path: str, order_index: int = 0, mode: str = "eval"
    ) -> shapes.StartupFile:
        body = {"path": path, "order_index": order_index, "mode": mode}
        return cast("shapes.StartupFile", self._post(("templates", template_id, "startup-files"), body))

    def startup_files(self, template_id: str) -> list[shapes.StartupFile]:
        """In the order in which they run."""
        return self._list(("templates", template_id, "startup-files"))

    def remove_startup_file(self, template_id: str, startup_file_id: str) -> None:
        self._call("DELETE", ("templates", template_id, "startup-files", startup_file_id))

    # Sessions

    def create_session(
        self, template_id: str, workspace_id: str, base_commit_oid: str, worktree_path: str
    ) -> shapes.Session:
        """Returns when its startup files have run."""
        body = {
            "template_id": template_id,
            "workspace_id": workspace_id,
            "base_commit_oid": base_commit_oid,
            "worktree_path": worktree_path,
        }
        return cast("shapes.Session", self._run(("sessions",), body))

    def sessions(self, status: str | None = None) -> list[shapes.Session]:
        """All of them, newest first. status: `starting`, `ready`, `crashed` or `closed`."""
        return self._list(("sessions",), {"status": status or None})

    def session(self, session_id: str) -> shapes.Session:
        return cast("shapes.Session", self._get("sessions", session_id))

    def close_session(self, session_id: str) -> shapes.Session:
        return cast("shapes.Session", self._post(("sessions", session_id, "close"), {}))

    def restart_session(self, session_id: str) -> shapes.Session:
        """A fresh runtime under the same id; variables are lost."""
        return cast("shapes.Session", self._run(("sessions", session_id, "restart"), {}))

    def connection(self, session_id: str) -> shapes.Connection:
        """What a program on the gateway's machine needs to speak to the session's kernel; told to no other."""
        return cast("shapes.Connection", self._get("sessions", session_id, "connection"))

    def jupyter_client(self, session_id: str, timeout_s: float = TIMEOUT_S) -> BlockingKernelClient:
        """A client of the session's kernel whose channels are open; `stop_channels` ends it, not the session."""
        told = self.connection(session_id)
        from .kernel_clients import blocking  # heavy

        return blocking(told, timeout_s)

    # Executions

    def repl(
        self, session_id: str, code: str, wait: bool = True, stdin: Sequence[str] | None = None
    ) -> shapes.Execution:
        """wait: False returns the record while it is still `running`. stdin: lines for `prompt()`."""
        body = _given({"session_id": session_id, "input": code, "stdin": stdin})
        return cast("shapes.Execution", self._run(("executions", "repl"), body, wait))

    def run_file(
        self,
        session_id: str,
        path: str,
        args: Mapping[str, Any] | None = None,
        env: Mapping[str, Any] | None = None,
        wait: bool = True,
        stdin: Sequence[str] | None = None,
    ) -> shapes.Execution:
        """path: inside the worktree. args: the global `__ARGS__` of the run. env: recorded only. stdin: as `repl`."""
        body = _given({"session_id": session_id, "path": path, "args": args, "env": env, "stdin": stdin})
        return cast("shapes.Execution", self._run(("executions", "run-file"), body, wait))

    def executions(self, session_id: str, limit: int | None = None) -> list[shapes.Execution]:
        """The newest `limit`, newest first; None: all of them."""
        return self._list(("executions",), {"session_id": session_id}, limit)

    def execution(self, execution_id: str) -> shapes.Execution:
        return cast("shapes.Execution", self._get("executions", execution_id))

    def events(self, execution_id: str, after_seq: int = 0) -> list[shapes.Event]:
        """Those with a higher `seq`, ascending; the highest one is the next call's `after_seq`."""
        return self._list(("executions", execution_id, "events"), {"after_seq": after_seq or None})

    def source(self, execution_id: str) -> shapes.Source:
        """The very text that it ran, of a file too."""
        return cast("shapes.Source", self._get("executions", execution_id, "source"))

    def cancel(self, execution_id: str) -> shapes.Execution:
        return cast("shapes.Execution", self._run(("executions", execution_id, "cancel"), {}))

    def _call(
        self,
        method: str,
        path: Sequence[str],
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        timeout_s = TIMEOUT_S if self._timeout_s is None else self._timeout_s
        return self._connection.request(method, tuple(path), body, query, timeout_s).body

    def _get(self, *path: str) -> Any:
        return self._call("GET", path)

    def _post(self, path: Sequence[str], body: Mapping[str, Any]) -> Any:
        return self._call("POST", path, body)

    def _run(self, path: Sequence[str], body: Mapping[str, Any], wait: bool = True) -> Any:
        """A POST that answers when JavaScript has ended."""
        query = None if wait else {"wait": "false"}
        return self._connection.request("POST", tuple(path), body, query, self._timeout_s).body

    def _list(self, path: Sequence[str], query: Mapping[str, Any] | None = None, limit: int | None = None) -> list[Any]:
        """Page after page until `limit` or the end; `null` is an empty page (contract section 2)."""
        found: list[Any] = []
        cursor = None
        timeout_s = TIMEOUT_S if self._timeout_s is None else self._timeout_s
        while True:
            asked = {**(query or {}), "limit": limit and limit - len(found), "cursor": cursor}
            answer = self._connection.request("GET", tuple(path), None, asked, timeout_s)
            found += answer.body or []
            cursor = answer.cursor
            if cursor is None or (limit is not None and len(found) >= limit):
                return found if limit is None else found[: max(limit, 0)]


def __getattr__(name: str) -> Any:
    """`AsyncClient`, whose imports only those pay who use it."""
    if name == "AsyncClient":
        from .async_client import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    """`body` without what is None: left out, the gateway's own default holds."""
    return {name: value for name, value in body.items() if value is not None}
