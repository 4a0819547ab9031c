"""Owns the REST API for programs that wait, and its public names; refuses to know routes, and what a gateway does.

    client = Client()                                # the user's own gateway; the token is found by itself
    template = client.create_template("small", settings={"limits": {"wall_ms": 1000}})
    session = client.create_session(template["id"], "ws-1", "deadbeef", "/a/worktree")
    client.repl(session["id"], "1 + 1")["result"]["preview"]

Ids are UUIDs as text. Every method may raise `ApiError`; a JavaScript error is a result, not an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .remote import DEFAULT_URL, TIMEOUT_S, ApiError, Remote, Result, Steps
from .routes import Routes
from .transport import Connection

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

    from .async_client import AsyncClient

__all__ = ("DEFAULT_URL", "ApiError", "AsyncClient", "Client")


class Client(Routes):
    """One gateway, for one thread; `with` closes its connection. The methods are those of `Routes`.

    url: default $VM_GATEWAY_URL, else port 3210 on this machine. token: default $VM_GATEWAY_TOKEN, else the file of the
    user's own gateway, which is read again where that was started again; "" sends none. timeout_s: for each answer;
    None: 30, but without an end where JavaScript runs: there the limits of the template end it. Raises: ApiError.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float | None = None,
        agent: str = "vm-gateway-client",
    ) -> None:
        remote = Remote(url, token, timeout_s, agent)
        self._connection = Connection(remote)
        self._url = remote.url

    @property
    def url(self) -> str:
        return self._url

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def jupyter_client(self, session_id: str, timeout_s: float = TIMEOUT_S) -> BlockingKernelClient:
        """A client of the session's kernel whose channels are open; `stop_channels` ends it, not the session."""
        told = self.connection(session_id)
        from .kernel_clients import blocking  # heavy

        return blocking(told, timeout_s)

    def _perform(self, steps: Steps[Result]) -> Result:
        return self._connection.perform(steps)


def __getattr__(name: str) -> Any:
    """`AsyncClient`, whose imports only those pay who use it."""
    if name == "AsyncClient":
        from .async_client import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
