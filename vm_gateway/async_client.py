"""Owns the REST API for programs with an event loop: the methods of `Client` as coroutines; refuses to know routes.

    async with AsyncClient() as client:
        session = await client.create_session(template_id, "ws-1", "none", "/a/worktree")
        results = await asyncio.gather(*(client.repl(session["id"], code) for session, code in work))

Any number of calls may be under way. A call that is cancelled is no longer waited for; what it asked the gateway to do
goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .async_transport import Connections
from .remote import TIMEOUT_S, Remote, Result, Steps
from .routes import Routes

if TYPE_CHECKING:
    from jupyter_client.asynchronous.client import AsyncKernelClient


class AsyncClient(Routes, awaited=True):
    """One gateway; `async with` closes its connections. Arguments as of `Client`. Every method may raise `ApiError`.

    at_once: so many calls that run JavaScript are under way at the same time, and as many others; further ones wait
    their turn.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float | None = None,
        agent: str = "vm-gateway-client",
        at_once: int = 32,
    ) -> None:
        remote = Remote(url, token, timeout_s, agent)
        self._connections = Connections(remote, at_once)
        self._url = remote.url

    @property
    def url(self) -> str:
        return self._url

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """At once: calls that are under way raise `ApiError`, and what they asked the gateway to do goes on."""
        await self._connections.close()

    async def jupyter_client(self, session_id: str, timeout_s: float = TIMEOUT_S) -> AsyncKernelClient:
        """A client of the session's kernel whose channels are open; `stop_channels` ends it, not the session."""
        told = await self.connection(session_id)
        from .kernel_clients import asynchronous  # heavy

        return await asynchronous(told, timeout_s)

    async def _perform(self, steps: Steps[Result]) -> Result:
        return await self._connections.perform(steps)
