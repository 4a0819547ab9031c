"""Owns a session's kernel from its start to its last reply, over jupyter_client; refuses to know templates and rows.

Every session is a real kernel process. Its connection file lies in Jupyter's runtime folder, its sockets in a short
folder of our own (design 7.10), and beside them a note with which the next gateway adopts it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient

from . import notes
from .processes import Process

#: What a kernel gets to answer a question on its control channel; it does so while a cell runs.
CONTROL_S = 10.0
#: What a kernel gets to end by itself once it was asked.
ENDS_WITHIN_S = 5.0

Content = dict[str, Any]


class KernelGone(Exception):
    """The process ended, or does not answer; the text says how."""


class Kernel:
    """A kernel that runs and answers. `process.ended` tells of its death; `forget` removes its files."""

    def __init__(self, process: Process, client: AsyncKernelClient, note: notes.Note) -> None:
        self.process = process
        self.note = note
        self._client = client
        self._waiting: dict[str, asyncio.Future[Content]] = {}
        self._readers = [
            asyncio.ensure_future(self._read(channel.socket))
            for channel in (client.shell_channel, client.control_channel)
        ]
        process.ended.add_done_callback(self._gone)

    # -- what it is asked --------------------------------------------------------------------------------

    async def execute(self, code: str, vm: dict[str, Any]) -> Content:
        """Runs `code`; its execute_reply. vm: `metadata.vm` of design 7.7. Raises: KernelGone."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        return await self._ask("shell", "execute_request", content, {"vm": vm})

    async def interrupt(self, execution_id: str) -> None:
        """Stops that execution; nothing when another one runs by now. Raises: KernelGone."""
        await self._ask("control", "interrupt_request", {}, {"vm": {"execution_id": execution_id}}, CONTROL_S)

    async def adopt(self, owner: dict[str, Any]) -> Content:
        """Makes `owner` the process that this kernel serves; gives its kernel_info_reply. Raises: KernelGone."""
        return await self._ask("control", "kernel_info_request", {}, {"vm": {"owner": owner}}, CONTROL_S)

    async def shutdown(self) -> None:
        """Ends the kernel, politely as long as it listens; a running cell is recorded as cancelled by it."""
        patience_s = ENDS_WITHIN_S
        try:
            await self._ask("control", "shutdown_request", {"restart": False}, None, ENDS_WITHIN_S)
        except KernelGone:
            patience_s = 0.2  # it does not listen, or is gone
        await self.process.end(patience_s)
        self.forget()

    def forget(self) -> None:
        """Removes the files of a kernel that has ended."""
        for reader in self._readers:
            reader.cancel()
        for channel in (self._client.shell_channel, self._client.control_channel):
            channel.stop()
        notes.remove(self.note)

    # -- inside ------------------------------------------------------------------------------------------

    async def _ask(
        self, channel: str, msg_type: str, content: Content, metadata: Content | None, patience_s: float | None = None
    ) -> Content:
        if self.process.ended.done():
            raise KernelGone(self.process.ended.result())
        message = self._client.session.msg(msg_type, content, metadata=metadata)
        msg_id = message["header"]["msg_id"]
        reply: asyncio.Future[Content] = asyncio.get_running_loop().create_future()
        self._waiting[msg_id] = reply
        try:
            self._send(channel, message)
            return await (reply if patience_s is None else asyncio.wait_for(reply, patience_s))
        except asyncio.TimeoutError:
            raise KernelGone(f"the session's process did not answer within {patience_s:.0f} s") from None
        finally:
            self._waiting.pop(msg_id, None)

    def _send(self, channel: str, message: Content) -> None:
        """By the asyncio socket itself: `channel.send` goes around it, and can swallow the news of a reply."""
        socket = (self._client.shell_channel if channel == "shell" else self._client.control_channel).socket
        sending = asyncio.ensure_future(socket.send_multipart(self._client.session.serialize(message)))
        sending.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _read(self, socket: Any) -> None:
        session = self._client.session
        while True:
            frames = await socket.recv_multipart()
            try:
                message = session.deserialize(session.feed_identities(frames)[1])
            except (ValueError, TypeError, KeyError):
                continue  # not signed with our key, or no message at all
            reply = self._waiting.get(message["parent_header"].get("msg_id", ""))
            if reply is not None and not reply.done():
                reply.set_result(message)

    def _gone(self, ended: asyncio.Future[str]) -> None:
        # A reply may lie in the socket behind the news of the end.
        asyncio.get_running_loop().call_later(0.05, self._give_up, ended.result())

    def _give_up(self, how: str) -> None:
        for reply in list(self._waiting.values()):
            if not reply.done():
                reply.set_exception(KernelGone(how))


class Clients:
    """Makes clients that share one zmq context, so that many sessions do not mean many threads."""

    def __init__(self) -> None:
        self._first = AsyncKernelClient()

    def connect(self, connection_file: str) -> AsyncKernelClient:
        """A client with its shell and control channels open. Raises: OSError, ValueError for a bad file."""
        client = AsyncKernelClient(context=self._first.context, connection_file=connection_file)
        client.load_connection_file()
        client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=True)
        return client


def new_key() -> bytes:
    """The HMAC key of one kernel, 256 bits."""
    return secrets.token_hex(32).encode("ascii")


def kernel_environment() -> dict[str, str]:
    """The gateway's environment without what a session must not know or would take for its own."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("VM_GATEWAY_TOKEN", "JPY_PARENT_PID", "PYTHONSTARTUP")
    }
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.basename(home) not in ("site-packages", "dist-packages"):
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (home, environment.get("PYTHONPATH"))))
    return environment
