"""Owns jupyter_client's clients connected to one session's kernel; refuses to know who told the connection.

Imported only when somebody wants one: jupyter_client is heavy beside a REST client.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.client import KernelClient

from .remote import ApiError
from .shapes import Connection

Kind = TypeVar("Kind", bound=KernelClient)

#: Of a told connection, what jupyter_client does not know.
NOT_JUPYTERS = ("session_id", "connection_file")


def blocking(told: Connection, timeout_s: float) -> BlockingKernelClient:
    """A client whose channels are open and hear the kernel. Raises: ApiError when it does not answer in time."""
    client = _connected(BlockingKernelClient(), told)
    with _closed_unless_ready(client, told):
        client.wait_for_ready(timeout=timeout_s)
    return client


async def asynchronous(told: Connection, timeout_s: float) -> AsyncKernelClient:
    """As `blocking`, for an event loop."""
    client = _connected(AsyncKernelClient(), told)
    with _closed_unless_ready(client, told):
        await client.wait_for_ready(timeout=timeout_s)
    return client


def _connected(client: Kind, told: Connection) -> Kind:
    info: Any = {name: value for name, value in told.items() if name not in NOT_JUPYTERS}
    client.load_connection_info(info)
    client.start_channels()
    return client


@contextmanager
def _closed_unless_ready(client: KernelClient, told: Connection) -> Iterator[None]:
    """Closes the channels of a client that is not to be had, as of one whose wait is interrupted or cancelled."""
    try:
        yield
    except RuntimeError as error:
        client.stop_channels()
        text = f"the kernel of session {told['session_id']} does not answer: {error}"
        raise ApiError(0, "TIMED_OUT", text) from None
    except BaseException:
        client.stop_channels()
        raise
