"""Owns a session's kernel from its start to its last reply, over jupyter_client; refuses to know templates and rows.

Every session is a real kernel process. Its connection file lies in Jupyter's runtime folder, its sockets in a short
folder of our own (design 7.10), and beside them a note with which the next gateway adopts it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from hmac import compare_digest
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.session import DELIM, Session

from . import notes
from .processes import Process

#: What a kernel gets to answer a question on its control channel; it does so while a cell runs.
CONTROL_S = 10.0
#: What a kernel gets to end by itself once it was asked.
ENDS_WITHIN_S = 5.0

#: ZeroMQ's own numbers for what a socket is ready for.
POLLIN, POLLOUT = 1, 2

Content = dict[str, Any]


class KernelGone(Exception):
    """The process ended, or does not answer; the text says how."""


class Kernel:
    """A kernel that runs and answers. `process.ended` tells of its death; `forget` removes its files."""

    def __init__(self, process: Process, client: BlockingKernelClient, note: notes.Note) -> None:
        self.process = process
        self.note = note
        self._client = client
        self._waiting: dict[str, asyncio.Future[Content]] = {}
        self._channels = {
            "shell": Channel(client.shell_channel, self._read),
            "control": Channel(client.control_channel, self._read),
        }
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

    async def end_session(self, reason: str, restart: bool) -> None:
        """Ends what a Jupyter client's kernel runs, while its process stays; restart: and begins anew.

        Raises: KernelGone, also when it refuses.
        """
        content, metadata = {"restart": restart}, {"vm": {"keep_process": reason}}
        reply = await self._ask("control", "shutdown_request", content, metadata, CONTROL_S)
        if reply["content"].get("status") != "ok":
            raise KernelGone(f"it refused: {reply['content'].get('evalue')}")

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
        """Removes the files of a kernel that has ended; of a guest only the connection to it."""
        for channel in self._channels.values():
            channel.close()
        self._give_up("the gateway has let go of the session's process")
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
            self._channels[channel].send(self._client.session.serialize(message))
            return await (reply if patience_s is None else asyncio.wait_for(reply, patience_s))
        except asyncio.TimeoutError:
            raise KernelGone(f"the session's process did not answer within {patience_s:.0f} s") from None
        finally:
            self._waiting.pop(msg_id, None)

    def _read(self, frames: list[bytes]) -> None:
        try:
            message = understood(self._client.session, frames)
        except (ValueError, TypeError, KeyError):
            return  # not signed with our key, or no message at all
        reply = self._waiting.get(str(message["parent_header"].get("msg_id")))
        if reply is not None and not reply.done():
            reply.set_result(message)

    def _gone(self, ended: asyncio.Future[str]) -> None:
        # A reply may lie in the socket behind the news of the end.
        asyncio.get_running_loop().call_later(0.05, self._give_up, ended.result())

    def _give_up(self, how: str) -> None:
        for reply in list(self._waiting.values()):
            if not reply.done():
                reply.set_exception(KernelGone(how))


class Channel:
    """One channel of a client on the event loop: its socket tells by a descriptor that it has something to tell.

    jupyter_client's own asyncio channels make a future and several callbacks for each message. The descriptor speaks
    only when something changes, and sending may use its word up: so after each the socket itself is asked.
    """

    def __init__(self, channel: Any, read: Callable[[list[bytes]], None]) -> None:
        self._channel = channel
        self._socket = channel.socket
        self._read = read
        self._descriptor: int = self._socket.FD
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._loop.add_reader(self._descriptor, self._look)
        self._loop.call_soon(self._look)

    def send(self, frames: list[bytes]) -> None:
        """Raises: KernelGone when so many messages wait that no more are taken."""
        if self._closed or not self._socket.EVENTS & POLLOUT:
            raise KernelGone("the session's process takes no more messages")
        self._socket.send_multipart(frames)
        if self._socket.EVENTS & POLLIN:
            self._loop.call_soon(self._look)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._descriptor)
            self._channel.stop()

    def _look(self) -> None:
        while not self._closed and self._socket.EVENTS & POLLIN:
            self._read(self._socket.recv_multipart())


class Clients:
    """Makes clients that share one zmq context, so that many sessions do not mean many threads."""

    def __init__(self) -> None:
        self._first = BlockingKernelClient()

    def connect(self, connection_file: str) -> BlockingKernelClient:
        """A client with its shell and control channels open. Raises: OSError, ValueError for a bad file."""
        client = BlockingKernelClient(context=self._first.context, connection_file=connection_file)
        client.load_connection_file()
        client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=True)
        return client


def understood(session: Session, frames: list[bytes]) -> Content:
    """A message as `Session.deserialize` gives it, but for dates, which stay text, and old versions of the protocol.

    Raises: ValueError, TypeError, KeyError when it is none, or not signed with the session's key.
    """
    start = frames.index(DELIM) + 1
    signature, *parts = frames[start : start + 5]
    if len(parts) < 4 or not compare_digest(signature, session.sign(parts)):
        raise ValueError("not a message of this session")
    _, parent_header, metadata, content = map(session.unpack, parts)
    return {"parent_header": parent_header, "metadata": metadata, "content": content}


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
