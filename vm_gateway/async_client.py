"""Owns the REST API for programs with an event loop: every method of `Client` as a coroutine; refuses to know routes.

    async with AsyncClient() as client:
        session = await client.create_session(template_id, "ws-1", "none", "/a/worktree")
        results = await asyncio.gather(*(client.repl(session["id"], code) for session, code in work))

Each call runs in a thread with a connection of its own, so any number may be under way, `at_once` of them at the same
time. A call that is cancelled is no longer waited for; what it asked the gateway to do goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from . import shapes
from .client import TIMEOUT_S, Client

if TYPE_CHECKING:
    from jupyter_client.asynchronous.client import AsyncKernelClient

Result = TypeVar("Result")


class AsyncClient:
    """One gateway; `async with` closes its connections. Arguments as of `Client`. Every method may raise `ApiError`."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float | None = None,
        agent: str = "vm-gateway-client",
        at_once: int = 32,
    ) -> None:
        def make() -> Client:
            return Client(url, token, timeout_s=timeout_s, agent=agent)

        self._make = make
        self._idle = [make()]
        self._url = self._idle[0].url
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="vm-gateway-client")

    @property
    def url(self) -> str:
        return self._url

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Returns when every call that is under way has ended."""
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        for client in self._idle:
            client.close()

    # Gateway

    async def health(self) -> dict[str, Any]:
        return await self._ask(lambda client: client.health())

    async def summary(self) -> shapes.Summary:
        return await self._ask(lambda client: client.summary())

    # Templates

    async def create_template(
        self, name: str, engine: str | None = None, settings: Mapping[str, Any] | None = None
    ) -> shapes.Template:
        return await self._ask(lambda client: client.create_template(name, engine, settings))

    async def templates(self) -> list[shapes.Template]:
        return await self._ask(lambda client: client.templates())

    async def template(self, template_id: str) -> shapes.TemplateDetail:
        return await self._ask(lambda client: client.template(template_id))

    async def change_template(self, template_id: str, changes: Mapping[str, Any]) -> Any:
        return await self._ask(lambda client: client.change_template(template_id, changes))

    async def delete_template(self, template_id: str) -> None:
        await self._ask(lambda client: client.delete_template(template_id))

    async def add_module(self, template_id: str, name: str) -> None:
        await self._ask(lambda client: client.add_module(template_id, name))

    async def modules(self, template_id: str) -> list[str]:
        return await self._ask(lambda client: client.modules(template_id))

    async def remove_module(self, template_id: str, name: str) -> None:
        await self._ask(lambda client: client.remove_module(template_id, name))

    async def add_library(self, template_id: str, name: str) -> None:
        await self._ask(lambda client: client.add_library(template_id, name))

    async def libraries(self, template_id: str) -> list[str]:
        return await self._ask(lambda client: client.libraries(template_id))

    async def remove_library(self, template_id: str, name: str) -> None:
        await self._ask(lambda client: client.remove_library(template_id, name))

    async def add_capability(
        self, template_id: str, kind: str, name: str, config: Any = None, enabled: bool = True
    ) -> shapes.Capability:
        return await self._ask(lambda client: client.add_capability(template_id, kind, name, config, enabled))

    async def capabilities(self, template_id: str) -> list[shapes.Capability]:
        return await self._ask(lambda client: client.capabilities(template_id))

    async def remove_capability(self, template_id: str, capability_id: str) -> None:
        await self._ask(lambda client: client.remove_capability(template_id, capability_id))

    async def add_startup_file(
        self, template_id: str, path: str, order_index: int = 0, mode: str = "eval"
    ) -> shapes.StartupFile:
        return await self._ask(lambda client: client.add_startup_file(template_id, path, order_index, mode))

    async def startup_files(self, template_id: str) -> list[shapes.StartupFile]:
        return await self._ask(lambda client: client.startup_files(template_id))

    async def remove_startup_file(self, template_id: str, startup_file_id: str) -> None:
        await self._ask(lambda client: client.remove_startup_file(template_id, startup_file_id))

    # Sessions

    async def create_session(
        self, template_id: str, workspace_id: str, base_commit_oid: str, worktree_path: str
    ) -> shapes.Session:
        return await self._ask(
            lambda client: client.create_session(template_id, workspace_id, base_commit_oid, worktree_path)
        )

    async def sessions(self, status: str | None = None) -> list[shapes.Session]:
        return await self._ask(lambda client: client.sessions(status))

    async def session(self, session_id: str) -> shapes.Session:
        return await self._ask(lambda client: client.session(session_id))

    async def close_session(self, session_id: str) -> shapes.Session:
        return await self._ask(lambda client: client.close_session(session_id))

    async def restart_session(self, session_id: str) -> shapes.Session:
        return await self._ask(lambda client: client.restart_session(session_id))

    async def connection(self, session_id: str) -> shapes.Connection:
        return await self._ask(lambda client: client.connection(session_id))

    async def jupyter_client(self, session_id: str, timeout_s: float = TIMEOUT_S) -> AsyncKernelClient:
        told = await self.connection(session_id)
        from .kernel_clients import asynchronous

        return await asynchronous(told, timeout_s)

    # Executions

    async def repl(
        self, session_id: str, code: str, wait: bool = True, stdin: Sequence[str] | None = None
    ) -> shapes.Execution:
        return await self._ask(lambda client: client.repl(session_id, code, wait, stdin))

    async def run_file(
        self,
        session_id: str,
        path: str,
        args: Mapping[str, Any] | None = None,
        env: Mapping[str, Any] | None = None,
        wait: bool = True,
        stdin: Sequence[str] | None = None,
    ) -> shapes.Execution:
        return await self._ask(lambda client: client.run_file(session_id, path, args, env, wait, stdin))

    async def executions(self, session_id: str, limit: int | None = None) -> list[shapes.Execution]:
        return await self._ask(lambda client: client.executions(session_id, limit))

    async def execution(self, execution_id: str) -> shapes.Execution:
        return await self._ask(lambda client: client.execution(execution_id))

    async def events(self, execution_id: str, after_seq: int = 0) -> list[shapes.Event]:
        return await self._ask(lambda client: client.events(execution_id, after_seq))

    async def source(self, execution_id: str) -> shapes.Source:
        return await self._ask(lambda client: client.source(execution_id))

    async def cancel(self, execution_id: str) -> shapes.Execution:
        return await self._ask(lambda client: client.cancel(execution_id))

    async def _ask(self, what: Callable[[Client], Result]) -> Result:
        """Asks it of a client that nobody else uses meanwhile."""

        def work() -> Result:
            try:
                client = self._idle.pop()
            except IndexError:
                client = self._make()
            try:
                return what(client)
            finally:
                self._idle.append(client)

        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
