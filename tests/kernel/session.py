"""Owns a kernel over the fake engine on a thread, and a client of it on real sockets; asserts nothing."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from dataclasses import dataclass, field
from typing import Any

import zmq
from jupyter_client.session import Session as JupyterSession

from vm_kernel.engine.fake import FakeEngine
from vm_kernel.kernel import Kernel
from vm_kernel.limits import NOTEBOOK, Limits
from vm_kernel.plan import SessionPlan
from vm_kernel.protocol.channels import Channels
from vm_kernel.protocol.connection import read_connection
from vm_kernel.readiness import Readiness
from vm_kernel.recorder import Recorder

KEY = b"a key of the tests"
PATIENCE_S = 10.0

Message = dict[str, Any]


@dataclass
class Heard:
    """What a client got for one request: the reply, and what was published with its header as the parent."""

    reply: Message
    published: list[Message] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [message["msg_type"] for message in self.published]

    @property
    def states(self) -> list[str]:
        return [m["content"]["execution_state"] for m in self.published if m["msg_type"] == "status"]

    def contents(self, msg_type: str) -> list[Message]:
        return [message["content"] for message in self.published if message["msg_type"] == msg_type]

    def text(self, name: str = "stdout") -> str:
        return "".join(content["text"] for content in self.contents("stream") if content["name"] == name)


class Client:
    """One Jupyter client: jupyter_client's own `Session` makes and checks the messages."""

    def __init__(self, connection: dict[str, Any], key: bytes = KEY, subscribe: bool = True) -> None:
        self.connection = connection
        self.session = JupyterSession(key=key)
        self._published: dict[str, list[Message]] = {}
        self._replies: dict[str, Message] = {}
        self.context = zmq.Context()
        self.sockets = {name: self.connect(zmq.DEALER, name) for name in ("shell", "control", "stdin")}
        if subscribe:
            self.sockets["iopub"] = self.connect(zmq.SUB, "iopub")
            self.welcome = self.get("iopub")

    def connect(self, kind: int, channel: str) -> zmq.Socket[bytes]:
        socket = self.context.socket(kind)
        socket.linger = 0
        if kind == zmq.DEALER:
            socket.identity = self.session.bsession
        else:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(endpoint(self.connection, channel))
        return socket

    def send(
        self, msg_type: str, content: Any = None, channel: str = "shell", metadata: Any = None, buffers: Any = None
    ) -> str:
        """Sends a request; its msg_id."""
        message = self.session.msg(msg_type, content or {}, metadata=metadata)
        self.session.send(self.sockets[channel], message, buffers=buffers)
        return str(message["header"]["msg_id"])

    def get(self, channel: str, timeout_s: float = PATIENCE_S) -> Message:
        """The next message on `channel`, its signature checked; TimeoutError when none comes."""
        socket = self.sockets[channel]
        if not socket.poll(int(timeout_s * 1000)):
            raise TimeoutError(f"nothing came on {channel} within {timeout_s} s")
        _, frames = self.session.feed_identities(socket.recv_multipart())
        return self.session.deserialize(frames)

    def quiet(self, channel: str, for_s: float = 0.1) -> bool:
        """Whether nothing comes on `channel` for a while."""
        return not self.sockets[channel].poll(int(for_s * 1000))

    def hear(self, msg_id: str, channel: str = "shell", timeout_s: float = PATIENCE_S) -> Heard:
        """The reply to `msg_id` and all published for it up to its idle; what is for others is kept."""
        published = self.hear_idle(msg_id, timeout_s)
        while msg_id not in self._replies:
            reply = self.get(channel, timeout_s)
            self._replies[reply["parent_header"]["msg_id"]] = reply
        return Heard(self._replies.pop(msg_id), published)

    def hear_idle(self, msg_id: str, timeout_s: float = PATIENCE_S) -> list[Message]:
        while not any(m["content"].get("execution_state") == "idle" for m in self._published.get(msg_id, ())):
            self._hear_one(timeout_s)
        return self._published.pop(msg_id)

    def hear_type(self, msg_type: str, timeout_s: float = PATIENCE_S) -> Message:
        """The next published message of this type; it and those before it stay to be heard by `hear`."""
        while (message := self._hear_one(timeout_s))["msg_type"] != msg_type:
            pass
        return message

    def _hear_one(self, timeout_s: float) -> Message:
        message = self.get("iopub", timeout_s)
        self._published.setdefault(message["parent_header"].get("msg_id", ""), []).append(message)
        return message

    def ask(self, msg_type: str, content: Any = None, channel: str = "shell") -> Heard:
        return self.hear(self.send(msg_type, content, channel), channel)

    def start(self, code: str, metadata: Any = None, **content: Any) -> str:
        """Sends an execute_request; its msg_id."""
        return self.send("execute_request", {"code": code, "allow_stdin": False, **content}, metadata=metadata)

    def run(self, code: str, metadata: Any = None, **content: Any) -> Heard:
        return self.hear(self.start(code, metadata, **content))

    def close(self) -> None:
        self.context.destroy(linger=0)


def endpoint(connection: dict[str, Any], channel: str) -> str:
    port = connection[f"{channel}_port"]
    separator = ":" if connection["transport"] == "tcp" else "-"
    return f"{connection['transport']}://{connection['ip']}{separator}{port}"


class Session:
    """A kernel that runs; a context manager. Sockets are ipc in a folder of their own."""

    def __init__(
        self,
        limits: Limits = NOTEBOOK,
        recorder: Recorder | None = None,
        key: bytes = KEY,
        ready: bool = True,
        engine: type[FakeEngine] = FakeEngine,
        plan: SessionPlan | None = None,
    ) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="vmk")
        self.connection: dict[str, Any] = {
            "transport": "ipc",
            "ip": os.path.join(self.folder.name, "s"),
            "key": key.decode(),
            "signature_scheme": "hmac-sha256",
            "kernel_name": "javascript-vm",
            **{f"{name}_port": at for at, name in enumerate(("shell", "control", "stdin", "iopub", "hb"), 1)},
        }
        self.file = os.path.join(self.folder.name, "connection.json")
        with open(self.file, "w") as file:
            json.dump(self.connection, file)
        self.engine = engine(lambda report: self.kernel.on_report(report))
        self.channels = Channels(read_connection(self.file))
        self.kernel = Kernel(self.channels, self.engine, limits, recorder, plan=plan)
        self.said: list[Readiness] = []
        self.changes: list[tuple[str, str]] = []
        self.kernel.session.ready = self.said.append
        self.kernel.session.changed = lambda status, reason: self.changes.append((status, reason))
        if ready:
            self.engine.start()
        self._thread = threading.Thread(target=self.kernel.run, name="kernel")
        self._clients: list[Client] = []
        self._key = key

    def __enter__(self) -> Session:
        self._thread.start()
        return self

    def client(self, **options: Any) -> Client:
        client = Client(self.connection, self._key, **options)
        self._clients.append(client)
        return client

    def ended(self, within_s: float = PATIENCE_S) -> bool:
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            client = self.client(subscribe=False)
            client.send("shutdown_request", {"restart": False}, "control")
        ended = self.ended()
        for client in self._clients:
            client.close()
        self.folder.cleanup()
        assert ended, "the kernel did not end after a shutdown_request"
