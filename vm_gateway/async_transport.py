"""Owns the way of requests to a gateway and back on an event loop; refuses to know what they ask.

No threads: a request that is cancelled closes its connection and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import time
from typing import NamedTuple

from .remote import REUSE_S, ApiError, Received, Remote, Result, Sent, Steps

#: Longest head of an answer.
HEAD_BYTES = 64 * 1024


class Stream(NamedTuple):
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used_at: float

    @property
    def usable(self) -> bool:
        ended = self.reader.at_eof() or self.writer.is_closing()
        return not ended and time.monotonic() - self.used_at <= REUSE_S

    def drop(self) -> None:
        """At once; nothing that is on its way is waited for."""
        self.writer.transport.abort()


class Connections:
    """Requests to one gateway, `at_once` of those that run JavaScript at the same time and as many of the others."""

    def __init__(self, remote: Remote, at_once: int) -> None:
        self._remote = remote
        self._at_once = at_once
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle: list[Stream] = []
        self._under_way: set[asyncio.Task[Received]] = set()
        self._turns: dict[bool, asyncio.Semaphore] = {}

    def _settle(self) -> None:
        """All this belongs to the loop on which it is used; a program may have one after another."""
        if self._loop is asyncio.get_running_loop():
            return
        self._loop = asyncio.get_running_loop()
        self._idle = []
        self._under_way = set()
        self._turns = {queued: asyncio.Semaphore(self._at_once) for queued in (False, True)}

    async def perform(self, steps: Steps[Result]) -> Result:
        """Takes them through. Raises: ApiError."""
        self._settle()
        talk = self._remote.converse(steps)
        try:
            sent = next(talk)
            while True:
                async with self._turns[sent.queued]:
                    received = await self._exchange(sent)
                sent = talk.send(received)
        except StopIteration as end:
            result: Result = end.value
            return result

    async def close(self) -> None:
        """Calls that are under way end with an error; what they asked for goes on."""
        self._settle()
        self._closed = True
        for task in self._under_way:
            task.cancel()
        while self._idle:
            self._idle.pop().drop()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await asyncio.sleep(0)  # dropped sockets are closed in the loop's next turn

    async def _exchange(self, sent: Sent) -> Received:
        """Not `asyncio.wait_for`, which before Python 3.12 can take a cancellation for itself."""
        if self._closed:
            raise _closed()
        task = asyncio.ensure_future(self._carry(sent))
        self._under_way.add(task)
        try:
            await asyncio.wait((task,), timeout=sent.timeout_s)
            if not task.done():
                raise self._remote.trouble(TimeoutError(), sent.timeout_s)
            if task.cancelled():
                raise _closed()
            return task.result()
        finally:
            self._under_way.discard(task)
            if not task.cancel() and not task.cancelled():
                task.exception()  # it is known now, and no warning is due

    async def _carry(self, sent: Sent) -> Received:
        stream = None
        try:
            stream = self._kept() or await self._open()
            stream.writer.writelines(self._wire(sent))
            await stream.writer.drain()
            received, last = await _read(stream.reader, sent.method)
        except BaseException as error:
            if stream is not None:
                stream.drop()  # half an answer may be on its way
            if isinstance(error, (OSError, http.client.HTTPException)):
                raise self._remote.trouble(error, sent.timeout_s) from None
            raise
        if last or self._closed:
            stream.drop()
        else:
            self._idle.append(stream._replace(used_at=time.monotonic()))
        return received

    def _kept(self) -> Stream | None:
        while self._idle:
            stream = self._idle.pop()
            if stream.usable:
                return stream
            stream.drop()
        return None

    async def _open(self) -> Stream:
        remote = self._remote
        port = remote.port or (443 if remote.secure else 80)
        reader, writer = await asyncio.open_connection(
            remote.host, port, limit=HEAD_BYTES, ssl=True if remote.secure else None
        )
        return Stream(reader, writer, time.monotonic())

    def _wire(self, sent: Sent) -> list[bytes]:
        host = self._remote.host.encode("idna").decode("ascii")
        host = f"[{host}]" if ":" in host else host
        port = "" if self._remote.port is None else f":{self._remote.port}"
        data = sent.data or b""
        headers = {"Host": f"{host}{port}", "Accept-Encoding": "identity", **sent.headers}
        if sent.data is not None or sent.method == "POST":
            headers["Content-Length"] = str(len(data))
        lines = [f"{sent.method} {sent.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return ["\r\n".join((*lines, "", "")).encode("latin-1"), data]


class _Head:
    """The head of an answer, in the place of the socket from which `http.client` would read it."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._head)


async def _read(reader: asyncio.StreamReader, method: str) -> tuple[Received, bool]:
    """An answer, and whether it is the connection's last. Raises: OSError, HTTPException."""
    try:
        found = _Head(await reader.readuntil(b"\r\n\r\n"))
        head = http.client.HTTPResponse(found, method=method)  # type: ignore[arg-type]  # it only makes a file of it
        head.begin()
        if head.chunked:
            content = await _chunks(reader)
        elif head.length is not None:
            content = await reader.readexactly(head.length)
        else:
            content = await reader.read()
    except asyncio.IncompleteReadError as error:
        raise _cut(error.partial) from None
    except asyncio.LimitOverrunError as error:
        raise http.client.LineTooLong(str(error)) from None
    return Received(head.status, head.headers, content), bool(head.will_close)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = []
    while True:
        size = (await reader.readuntil(b"\r\n")).partition(b";")[0].strip()
        try:
            length = int(size, 16)
        except ValueError:
            raise http.client.IncompleteRead(size) from None
        if length <= 0:
            break
        found.append(await reader.readexactly(length))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers say nothing to us
    return b"".join(found)


def _cut(partial: bytes) -> http.client.HTTPException:
    if partial:
        return http.client.IncompleteRead(partial)
    return http.client.RemoteDisconnected("closed")


def _closed() -> ApiError:
    return ApiError(
        0,
        "CLIENT_CLOSED",
        "this client is closed: make another AsyncClient, and close it (or leave its `async with`) after its last call",
    )
