"""Owns one client on raw sockets and what it hears; refuses to know which process answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import zmq
from jupyter_client.session import Session

PATIENCE_S = 20.0

Message = dict[str, Any]


@dataclass
class Heard:
    """The reply to one request, and what was published with its header as parent; `at`: monotonic seconds."""

    reply: Message
    published: list[Message] = field(default_factory=list)

    @property
    def content(self) -> Message:
        return dict(self.reply["content"])

    @property
    def status(self) -> str:
        return str(self.reply["content"]["status"])

    @property
    def types(self) -> list[str]:
        return [message["msg_type"] for message in self.published]

    @property
    def states(self) -> list[str]:
        return [content["execution_state"] for content in self.contents("status")]

    def contents(self, msg_type: str) -> list[Message]:
        return [message["content"] for message in self.published if message["msg_type"] == msg_type]

    def text(self, name: str = "stdout") -> str:
        return "".join(content["text"] for content in self.contents("stream") if content["name"] == name)

    @property
    def value(self) -> str | None:
        results = self.contents("execute_result")
        return results[0]["data"]["text/plain"] if results else None


class Client:
    """A client with sockets of its own; signatures are made and checked by jupyter_client's `Session`."""

    def __init__(self, connection: Message, subscribe: bool = True, connect: bool = True) -> None:
        self.connection = connection
        self.session = Session(key=connection["key"])
        self.context = zmq.Context()
        names = ("shell", "control", "stdin") if connect else ()
        self.sockets = {name: self.connect(zmq.DEALER, name) for name in names}
        self._published: dict[str, list[Message]] = {}
        self._replies: dict[str, Message] = {}
        self._idle: set[str] = set()
        self.strays: list[Message] = []
        if subscribe:
            self.sockets["iopub"] = self.connect(zmq.SUB, "iopub")
            self.welcome = self.get("iopub")

    def connect(self, kind: int, channel: str, **options: int | bytes) -> zmq.Socket[bytes]:
        """A socket of this client's context; `options` by name, as `RCVHWM=1`."""
        connected: zmq.Socket[bytes] = self.context.socket(kind)
        connected.linger = 0
        for name, value in options.items():
            connected.setsockopt(getattr(zmq, name), value)
        if kind == zmq.DEALER:
            connected.identity = self.session.bsession
        elif kind == zmq.SUB:
            connected.setsockopt(zmq.SUBSCRIBE, b"")
        port = self.connection[f"{channel}_port"]
        separator = ":" if self.connection["transport"] == "tcp" else "-"
        connected.connect(f"{self.connection['transport']}://{self.connection['ip']}{separator}{port}")
        return connected

    def send(
        self, msg_type: str, content: Any = None, channel: str = "shell", metadata: Any = None, buffers: Any = None
    ) -> str:
        """Sends a request; its msg_id."""
        message = self.session.msg(msg_type, {} if content is None else content, metadata=metadata)
        self.session.send(self.sockets[channel], message, buffers=buffers)
        return str(message["header"]["msg_id"])

    def start(self, code: str, metadata: Any = None, **content: Any) -> str:
        """Sends an execute_request; its msg_id."""
        return self.send(
            "execute_request", {"code": code, "allow_stdin": False, **content}, metadata=metadata
        )

    def get(self, channel: str, timeout_s: float = PATIENCE_S) -> Message:
        """The next message on `channel`, its signature checked, with the time of its arrival in `at`."""
        if not self.sockets[channel].poll(int(timeout_s * 1000)):
            raise TimeoutError(f"nothing came on {channel} within {timeout_s:.1f} s")
        frames = self.sockets[channel].recv_multipart()
        at, wall = time.monotonic(), time.time()
        _, frames = self.session.feed_identities(frames)
        return {**self.session.deserialize(frames), "at": at, "wall": wall}

    def is_quiet(self, channel: str, for_s: float = 0.1) -> bool:
        return not self.sockets[channel].poll(int(for_s * 1000))

    def reply(self, msg_id: str, channel: str = "shell", timeout_s: float = PATIENCE_S) -> Message:
        """The reply to one request; those to others are kept."""
        until = time.monotonic() + timeout_s
        while msg_id not in self._replies:
            reply = self.get(channel, max(0.0, until - time.monotonic()))
            self._replies[reply["parent_header"]["msg_id"]] = reply
        return self._replies.pop(msg_id)

    def until_idle(self, msg_id: str, timeout_s: float = PATIENCE_S) -> list[Message]:
        """All that was published for a request up to its idle; what is for others is kept."""
        until = time.monotonic() + timeout_s
        while msg_id not in self._idle:
            self._hear(max(0.0, until - time.monotonic()))
        self._idle.discard(msg_id)
        return self._published.pop(msg_id)

    def hear(self, msg_id: str, channel: str = "shell", timeout_s: float = PATIENCE_S) -> Heard:
        """Reply and publications of one request."""
        published = self.until_idle(msg_id, timeout_s)
        return Heard(self.reply(msg_id, channel, timeout_s), published)

    def until(self, msg_type: str, timeout_s: float = PATIENCE_S) -> Message:
        """The next published message of this type; it and all before it stay to be heard."""
        until = time.monotonic() + timeout_s
        while True:
            message = self._hear(max(0.0, until - time.monotonic()))
            if message["msg_type"] == msg_type:
                return message

    def _hear(self, timeout_s: float) -> Message:
        message = self.get("iopub", timeout_s)
        parent = message["parent_header"].get("msg_id")
        if parent is None:
            self.strays.append(message)
        else:
            self._published.setdefault(parent, []).append(message)
            if message["content"].get("execution_state") == "idle":
                self._idle.add(parent)
        return message

    def ask(
        self, msg_type: str, content: Any = None, channel: str = "shell", timeout_s: float = PATIENCE_S
    ) -> Heard:
        return self.hear(self.send(msg_type, content, channel), channel, timeout_s)

    def run(self, code: str, metadata: Any = None, timeout_s: float = PATIENCE_S, **content: Any) -> Heard:
        return self.hear(self.start(code, metadata, **content), "shell", timeout_s)

    def started(self, code: str, **content: Any) -> str:
        """Sends a cell and waits until it says, by a line on stdout, that it runs; its msg_id."""
        msg_id = self.start(f"console.log('runs'); {code}", **content)
        self.until("stream")
        return msg_id

    def close(self) -> None:
        self.context.destroy(linger=0)


def stream_text(messages: Sequence[Message], name: str = "stdout") -> Iterator[str]:
    return (
        m["content"]["text"] for m in messages if m["msg_type"] == "stream" and m["content"]["name"] == name
    )
