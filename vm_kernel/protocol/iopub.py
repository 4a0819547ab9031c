"""Owns what waits to be published and in which order; refuses to know sockets, engines and what the messages
say.

A socket that drops silently loses the final `idle`, and clients hang; a socket that blocks lets one sleeping
client hang everybody. So the queue is here, sends never block, and what is given up is given up here, on
purpose and said once:

- stream text of the same cell and name is joined: the first piece goes at once, what follows at most `JOIN_S`
  later;
- what comes before the first subscriber waits for it, so that nobody's first cell stays without its `idle`; when it
  does not come, what follows is not even signed;
- nothing is dropped while subscribers read; over `MAX_BYTES` the engine is held back instead (`congested`);
- a subscriber that has not read for `STUCK_S` costs the stream text, with one notice, until the queue is
  empty;
- one that still has not read for `ABANDON_S` is passed over, so that the others get everything again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ..events import timestamp
from .wire import EMPTY, Wire, encode

MAX_BYTES = 64 * 1024 * 1024
JOIN_S = 0.015
JOIN_CHARACTERS = 64 * 1024
#: A socket tells of room in lumps of 500 messages (half of a subscriber's RCVHWM), so this is 50 messages per second.
STUCK_S = 10.0
ABANDON_S = 15.0
#: A blocked queue is tried again after `SOON_S` if something had just gone out, else ever later up to `RETRY_S`;
#: ten times that once nothing has for a second.
SOON_S = 0.001
RETRY_S = 0.005
#: Messages sent past an abandoned subscriber before the others get time to read.
PASS_OVER = 64
MAX_TOPIC_BYTES = 1024
#: A client's channels connect on their own, each tried again every 100 ms until the kernel is up: requests may come
#: before its subscription does. So long after the first one the client is taken to listen to nothing.
FIRST_SUBSCRIBER_S = 2.0

NOTICE = f"[output left out: a connected client has not read for {STUCK_S:.0f} s]\n"


class Outlet(Protocol):
    """The publishing socket."""

    def __call__(self, frames: list[bytes], pass_over: bool) -> bool:
        """False when a subscriber has no room and nothing was sent; `pass_over`: the others get it anyway."""


class _Item:
    """A message that waits. Its header is written and it is signed when it is sent, after the code has been started."""

    __slots__ = ("buffers", "content", "date", "frames", "metadata", "parent", "size", "stream", "topic")

    def __init__(
        self,
        topic: str,
        content: bytes,
        parent: bytes,
        frames: list[bytes] | None = None,
        metadata: bytes = EMPTY,
        buffers: Sequence[bytes] = (),
    ) -> None:
        self.topic = topic
        self.content = content
        self.parent = parent
        self.date = timestamp() if frames is None else ""
        self.frames = frames
        self.metadata = metadata
        self.buffers = buffers
        self.size = len(content) + len(parent) + sum(map(len, buffers))
        self.stream = topic.startswith("stream.")


class IOPub:
    """The outgoing queue of one kernel; `clock` in seconds, for tests. listening: whether anybody has ever been."""

    def __init__(
        self,
        wire: Wire,
        outlet: Outlet,
        clock: Callable[[], float] = time.monotonic,
        listening: Callable[[], bool] = lambda: True,
    ) -> None:
        self._wire = wire
        self._outlet = outlet
        self._clock = clock
        self._listening = listening
        self._queue: deque[_Item] = deque()
        self._unsigned: deque[_Item] = deque()
        self._bytes = 0
        self._text: list[str] = []
        self._text_characters = 0
        self._text_parent = EMPTY
        self._text_name = ""
        self._text_due = 0.0
        self._last_text = 0.0
        self._blocked_since: float | None = None
        self._retry_s = SOON_S
        self._dropping = False
        self._abandoned = False
        self._awaiting = False  # the first subscriber
        self._awaiting_until: float | None = None
        self.subscriptions = 0

    def await_subscriber(self) -> None:
        """Keeps what requests cause until somebody subscribes, or for `FIRST_SUBSCRIBER_S` after the first of them."""
        self._awaiting = True

    def _await_no_longer(self) -> None:
        self._awaiting, self._awaiting_until = False, None

    def stream(self, parent: bytes, name: str, text: str) -> None:
        """Publishes `text` on `stdout` or `stderr`, joined with what came just before."""
        if self._dropping:
            return
        if self._text and (parent is not self._text_parent or name != self._text_name):
            self._seal()
        if not self._text:
            self._text_parent, self._text_name = parent, name
            self._text_due = max(self._clock(), self._last_text + JOIN_S)
        self._text.append(text)
        self._text_characters += len(text)
        if self._text_characters >= JOIN_CHARACTERS:
            self._seal()

    def stream_line(self, parent: bytes, name: str, escaped: bytes) -> None:
        """`stream` of a long line: `escaped` is its text as JSON, without quotation marks and newline."""
        if self._dropping:
            return
        self._seal()
        self._last_text = self._clock()
        head = b'{"name":"%s","text":"' % name.encode()
        self._stream(name, b"".join((head, escaped, b'\\n"}')), parent)

    def publish(
        self,
        msg_type: str,
        content: dict[str, Any] | bytes,
        parent: bytes = EMPTY,
        metadata: bytes = EMPTY,
        buffers: Sequence[bytes] = (),
    ) -> None:
        """Publishes any other message, after all stream text that came before it; `content` may be JSON already."""
        if self._text:
            self._seal()
        encoded = content if isinstance(content, bytes) else encode(content)
        self._append(_Item(msg_type, encoded, parent, None, metadata, buffers))

    def publish_frames(self, msg_type: str, frames: list[bytes]) -> None:
        """`publish` of a message that is signed already."""
        if self._text:
            self._seal()
        self._append(_Item(msg_type, frames[-1], frames[-3], frames))

    def welcome(self, topic: bytes) -> None:
        """`iopub_welcome` to a new subscriber (JEP 65), before all that waits; its topic is the subscription."""
        self._await_no_longer()
        if len(topic) <= MAX_TOPIC_BYTES:
            content = encode({"subscription": topic.decode("utf-8", "replace")})
            frames = self._wire.write("iopub_welcome", content, EMPTY, [topic])[1]
            if not self._outlet(frames, False) and not self.congested:
                self._append(_Item("iopub_welcome", content, EMPTY, frames))

    @property
    def congested(self) -> bool:
        """True while more waits than is good: whoever makes output should be held back."""
        return self._bytes + self._text_characters > MAX_BYTES

    @property
    def empty(self) -> bool:
        return not self._queue and not self._text

    def deadline(self) -> float | None:
        """When `send` has something to do again, on the clock; None: not before the next message."""
        if self._awaiting_until is not None:
            return self._awaiting_until
        if self._queue:
            now = self._clock()
            if self._blocked_since is None and not self._abandoned:
                return now
            waited = now - self._blocked_since if self._blocked_since is not None else 0.0
            return now + (self._retry_s if waited < 1.0 else 10 * RETRY_S)
        return self._text_due if self._text else None

    def send(self) -> None:
        """Sends what can be sent now; never blocks."""
        if self._awaiting_until is not None:
            if self._clock() < self._awaiting_until and not self.congested:
                return
            self._await_no_longer()
        if not self.empty and not self._listening():
            self._forget()
            return
        if self._text and self._clock() >= self._text_due:
            self._seal()
        while self._unsigned:  # all first: what goes out together wakes its readers once
            self._sign(self._unsigned.popleft())
        passed_over = sent = 0
        while self._queue:
            item = self._queue[0]
            frames = item.frames or self._sign(item)
            if self._outlet(frames, False):
                self._blocked_since = None
                self._abandoned = False
                sent += 1
            elif self._abandoned and passed_over < PASS_OVER:
                self._outlet(frames, True)
                passed_over += 1
            else:
                self._retry_s = SOON_S if sent else min(2 * self._retry_s, RETRY_S)
                self._blocked()
                if self._queue and self._queue[0] is item:
                    return
                continue
            self._queue.popleft()
            self._bytes -= item.size
        self._dropping = False

    def drain(self, within_s: float) -> None:
        """Sends until nothing waits, at most for `within_s` seconds; for the end of a session."""
        self._text_due = 0.0
        self._await_no_longer()
        until = self._clock() + within_s
        self.send()
        while self._queue and self._clock() < until:
            time.sleep(RETRY_S)
            self.send()

    def _blocked(self) -> None:
        now = self._clock()
        if self._blocked_since is None:
            self._blocked_since = now
        waited = now - self._blocked_since
        if waited >= STUCK_S and not self._dropping and not self._abandoned:
            self._drop_streams()
        if waited >= ABANDON_S and (self.subscriptions > 1 or self.congested):
            self._abandoned = True

    def _drop_streams(self) -> None:
        """Leaves one notice where the first stream message was; everything else keeps its order."""
        self._seal()
        kept: deque[_Item] = deque()
        noticed = False
        for item in self._queue:
            if not item.stream:
                kept.append(item)
            elif not noticed:
                noticed = True
                notice = _Item("stream.stderr", encode({"name": "stderr", "text": NOTICE}), item.parent)
                notice.stream = False  # it stays
                kept.append(notice)
        self._queue = kept
        self._bytes = sum(item.size for item in kept)
        self._dropping = noticed

    def _forget(self) -> None:
        """Nobody hears what waits."""
        self._text, self._text_characters, self._bytes = [], 0, 0
        self._queue.clear()
        self._unsigned.clear()
        self._blocked_since, self._dropping, self._abandoned = None, False, False

    def _seal(self) -> None:
        """Makes a message of the joined text."""
        if not self._text:
            return
        content = encode({"name": self._text_name, "text": "".join(self._text)})
        self._text = []
        self._text_characters = 0
        self._last_text = self._clock()
        self._stream(self._text_name, content, self._text_parent)

    def _stream(self, name: str, content: bytes, parent: bytes) -> None:
        self._append(_Item(f"stream.{name}", content, parent))

    def _append(self, item: _Item) -> None:
        if self._awaiting and self._awaiting_until is None and item.parent is not EMPTY:
            self._awaiting_until = self._clock() + FIRST_SUBSCRIBER_S
        self._queue.append(item)
        self._bytes += item.size
        if item.frames is None:
            self._unsigned.append(item)

    def _sign(self, item: _Item) -> list[bytes]:
        if item.frames is None:
            msg_type = item.topic.partition(".")[0]
            _, item.frames = self._wire.write(
                msg_type, item.content, item.parent, [item.topic.encode()], item.metadata, item.date
            )
            item.frames += item.buffers
        return item.frames
