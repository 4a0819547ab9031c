"""Owns the five sockets of a kernel and the one wait over them; refuses to know what the messages mean."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import zmq
from zmq.backend import Socket as _Backend

from ..log import log
from .connection import Connection
from .iopub import IOPub
from .wire import Wire

#: A larger frame ends its peer's connection before it is stored.
MAX_FRAME_BYTES = 128 * 1024 * 1024
#: Messages that wait in the socket for one subscriber; what is more waits in `IOPub`, where it is counted in
#: bytes.
SUBSCRIBER_MESSAGES = 256
#: Messages read from one channel before the others get their turn.
AT_ONCE = 64
#: What a subscriber may send: subscriptions, nothing else.
MAX_SUBSCRIPTION_BYTES = 64 * 1024
LINGER_MS = 1000
#: Contents of this size are handed to libzmq, not copied; a thread of pyzmq's then frees them.
LARGE_BYTES = 1024 * 1024
#: While a publish follows the last within this time libzmq lets no new subscriber in (it looks at its mailbox once
#: in 3 million ticks of the clock).
SUBSCRIPTIONS_S = 0.0003

# Plain numbers and the methods below pyzmq's wrappers: a cell takes 35 frames, and the wrappers double what each costs.
_NOBLOCK, _MORE, _POLLIN, _POLLOUT = int(zmq.NOBLOCK), int(zmq.SNDMORE), int(zmq.POLLIN), int(zmq.POLLOUT)
_EVENTS = int(zmq.EVENTS)
_send: Callable[..., Any] = _Backend.send
_receive: Callable[..., Any] = _Backend.recv
_get: Callable[[Any, int], Any] = _Backend.get

CONTROL, STDIN, SHELL = "control", "stdin", "shell"


class BindError(Exception):
    """A socket of the connection file cannot be bound; the text names the address and the reason."""


class Channels:
    """Binds every socket of `connection` at once; `BindError` when one cannot be bound.

    Requests come by `receive` and are answered by `send`; published messages go through `iopub`.
    """

    def __init__(self, connection: Connection) -> None:
        self.wire = Wire(connection.key)
        if not connection.key:
            log("the connection file has no key: messages are not signed, who reaches its ports can run code")
        self._connection = connection
        self._context = zmq.Context()
        self._routers: dict[str, zmq.Socket[bytes]] = {}
        self._files: list[tuple[str, int, int]] = []
        try:
            for name, port in (
                (SHELL, connection.shell_port),
                (CONTROL, connection.control_port),
                (STDIN, connection.stdin_port),
            ):
                router = self._socket(zmq.ROUTER)
                # A client that comes back with its identity replaces its old connection.
                router.setsockopt(zmq.ROUTER_HANDOVER, 1)
                router.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME_BYTES)
                # A ROUTER at its mark drops replies in silence.
                router.setsockopt(zmq.SNDHWM, 0)
                if name == STDIN:  # a client without its stdin channel must be known as such
                    router.setsockopt(zmq.ROUTER_MANDATORY, 1)
                self._bind(router, port)
                self._routers[name] = router
            self._xpub = self._socket(zmq.XPUB)
            # Every subscriber gets its welcome, not only the first of a topic, and each is counted out again.
            self._xpub.setsockopt(zmq.XPUB_VERBOSER, 1)
            self._xpub.setsockopt(zmq.XPUB_NODROP, 1)
            self._xpub.setsockopt(zmq.SNDHWM, SUBSCRIBER_MESSAGES)
            self._xpub.setsockopt(zmq.MAXMSGSIZE, MAX_SUBSCRIPTION_BYTES)
            self._bind(self._xpub, connection.iopub_port)
            heartbeat = self._socket(zmq.ROUTER)
            self._bind(heartbeat, connection.hb_port)
        except BaseException:
            self._context.destroy(linger=0)
            self._remove_files()
            raise
        self._reading = False
        self._subscriptions_read = 0.0
        self._subscribed = False  # ever: whoever reaches the port could cancel what others subscribed to, in the count
        self.iopub = IOPub(self.wire, self._publish, listening=self._listening)
        self.iopub.await_subscriber()
        self._sockets: list[tuple[Any, int]] = [
            (socket, _POLLIN) for socket in (*self._routers.values(), self._xpub)
        ]
        self._arrived: set[Any] = set()
        threading.Thread(target=_echo, args=(heartbeat,), name="heartbeat", daemon=True).start()

    @property
    def ports(self) -> dict[str, int]:
        """The ports as in a connect_reply."""
        names = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
        return {name: getattr(self._connection, name) for name in names}

    def wait(self, timeout_s: float | None, readable: Iterable[int] = (), writable: Iterable[int] = ()) -> set[int]:
        """Waits for a socket or a plain descriptor, at most `timeout_s`; the descriptors that are ready."""
        # zmq_poll gives -1 for no limit and whole milliseconds, rounded up so that a deadline has passed on
        # return.
        timeout_ms = -1 if timeout_s is None else max(0, int(timeout_s * 1000 + 0.999))
        watched = self._sockets.copy()
        for descriptor in readable:
            watched.append((descriptor, _POLLIN))
        for descriptor in writable:
            watched.append((descriptor, _POLLOUT))
        ready = {entry for entry, _ in zmq.zmq_poll(watched, timeout_ms)}
        self._arrived = ready
        if self._xpub in ready:
            self._read_subscriptions()
        return ready

    def listen(self, channel: str, on: bool) -> None:
        """Whether messages on `channel` are waited for and received; they are kept meanwhile."""
        entry = (self._routers[channel], _POLLIN)
        if on and entry not in self._sockets:
            self._sockets.insert(0, entry)
        elif not on and entry in self._sockets:
            self._sockets.remove(entry)

    def receive(self, channel: str) -> Iterator[list[bytes]]:
        """The messages that had arrived on `channel` at the last `wait`, as frames, at most `AT_ONCE`."""
        router = self._routers[channel]
        if router not in self._arrived:
            return
        for _ in range(AT_ONCE):
            frame = _receive(router, _NOBLOCK, False)
            frames = [frame.bytes]
            while frame.more:
                frame = _receive(router, _NOBLOCK, False)
                frames.append(frame.bytes)
            yield frames
            if not _get(router, _EVENTS) & _POLLIN:
                return

    def send(self, channel: str, frames: list[bytes]) -> bool:
        """Sends to the client that `frames` begin with. One that has gone is no error; on stdin it is False."""
        try:
            _send_all(self._routers[channel], frames)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise
            return False
        return True

    def close(self) -> None:
        """Closes everything; what was sent gets `LINGER_MS` to arrive."""
        for router in self._routers.values():
            router.close(LINGER_MS)
        self._xpub.close(LINGER_MS)
        self._context.term()
        self._remove_files()

    def _listening(self) -> bool:
        if time.monotonic() - self._subscriptions_read > SUBSCRIPTIONS_S:
            self._read_subscriptions()
        return self._subscribed

    def _publish(self, frames: list[bytes], pass_over: bool) -> bool:
        self._listening()  # a subscriber that is there now must not hear this before its welcome
        try:
            if pass_over:
                self._xpub.setsockopt(zmq.XPUB_NODROP, 0)
            _send_all(self._xpub, frames)
            return True
        except zmq.Again:
            return False
        finally:
            if pass_over:
                self._xpub.setsockopt(zmq.XPUB_NODROP, 1)

    def _read_subscriptions(self) -> None:
        if self._reading:  # a welcome is on its way out
            return
        self._reading = True
        for _ in range(AT_ONCE):
            if not _get(self._xpub, _EVENTS) & _POLLIN:
                break
            frame = _receive(self._xpub, _NOBLOCK)
            if frame[:1] == b"\x01":
                self._subscribed = True
                self.iopub.subscriptions += 1
                self.iopub.welcome(frame[1:])
            elif frame[:1] == b"\x00":
                self.iopub.subscriptions -= 1
        self._reading = False
        self._subscriptions_read = time.monotonic()

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.linger = LINGER_MS
        if self._connection.curve_secretkey:  # libzmq then turns away whoever does not know the public key
            try:
                socket.curve_secretkey = self._connection.curve_secretkey
                socket.curve_publickey = self._connection.curve_publickey
            except zmq.ZMQError:
                raise BindError("the connection file's CurveZMQ keys are no keys, or libzmq has no CURVE") from None
            socket.curve_server = True
        return socket

    def _bind(self, socket: zmq.Socket[bytes], port: int) -> None:
        endpoint = self._connection.endpoint(port)
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            reason = f"cannot bind {endpoint}: {error.strerror}; start the kernel again on other ports"
            raise BindError(reason) from None
        if endpoint.startswith("ipc://"):
            path = endpoint[len("ipc://") :]
            try:
                made = os.stat(path)
            except OSError:  # "@name" is no file
                return
            self._files.append((path, made.st_dev, made.st_ino))

    def _remove_files(self) -> None:
        """libzmq leaves the files of its ipc sockets; those that are not ours any more stay."""
        for path, device, inode in self._files:
            try:
                now = os.stat(path)
                if (now.st_dev, now.st_ino) == (device, inode):
                    os.unlink(path)
            except OSError:
                pass
        self._files.clear()


def _send_all(socket: zmq.Socket[bytes], frames: list[bytes]) -> None:
    for frame in frames[:-1]:
        _send(socket, frame, _MORE | _NOBLOCK)
    _send(socket, frames[-1], _NOBLOCK, len(frames[-1]) < LARGE_BYTES)


def _echo(socket: zmq.Socket[bytes]) -> None:
    """The heartbeat: sends every frame back, in C, until the context ends."""
    try:
        zmq.proxy(socket, socket)
    except zmq.ZMQError:
        pass
    socket.close(0)
