"""The loop's promises to an engine, with an engine that only remembers when it was called."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from vm_kernel.engine import port
from vm_kernel.loop import HELD_BACK_S, Loop
from vm_kernel.recorder import NoRecorder

from .session import Session


class Engine:
    """Names a deadline 5 ms from whenever it is asked, as one does that measures by a tick."""

    def __init__(self) -> None:
        self.pumped: list[float] = []
        self.read: list[bool] = []

    def fileno(self) -> int | None:
        return 99

    def wants_write(self) -> bool:
        return False

    def deadline(self) -> float | None:
        return time.monotonic() + 0.005

    def pump(self, read: bool = True) -> None:
        self.pumped.append(time.monotonic())
        self.read.append(read)


class Channels:
    """Sockets on which a message arrives every 2 ms, whose subscribers are slow when `congested`."""

    def __init__(self) -> None:
        self.iopub = self
        self.congested = False
        self.read: set[int] = set()

    def deadline(self) -> float | None:
        return None

    def wait(self, timeout_s: float | None, readable: Iterable[int], writable: Iterable[int]) -> set[int]:
        self.read |= set(readable)
        time.sleep(0.002 if timeout_s is None else min(0.002, timeout_s))
        return set()

    def receive(self, channel: str) -> Iterator[list[bytes]]:
        yield [b"message"]


def turns(channels: Channels, for_s: float) -> Engine:
    engine = Engine()
    sockets: Any = channels
    loop = Loop(sockets, engine, NoRecorder(), None)
    until = time.monotonic() + for_s
    while time.monotonic() < until:
        loop.turn(lambda channel, frames: None, lambda: None)
    return engine


def test_messages_do_not_put_off_the_engines_deadline() -> None:
    engine = turns(Channels(), 0.3)
    assert len(engine.pumped) >= 15, "an engine that ticks every 5 ms was starved by messages every 2 ms"


def test_an_engine_that_is_held_back_is_not_read_but_still_served_in_time() -> None:
    channels = Channels()
    channels.congested = True
    engine = turns(channels, 0.4)
    assert 99 not in channels.read and not any(engine.read)
    gaps = [b - a for a, b in zip(engine.pumped, engine.pumped[1:], strict=False)]
    assert len(gaps) >= 4 and min(gaps) >= HELD_BACK_S * 0.9


def test_timers_fire_in_order_once_and_not_early() -> None:
    sockets: Any = Channels()
    loop = Loop(sockets, Engine(), NoRecorder(), None)
    fired: list[tuple[str, float]] = []
    began = time.monotonic()

    def fire(name: str) -> None:
        fired.append((name, time.monotonic() - began))

    loop.after(0.05, lambda: fire("second"))
    loop.after(0.02, lambda: (fire("first"), loop.after(0.05, lambda: fire("third")))[0])
    while time.monotonic() - began < 0.15:
        loop.turn(lambda channel, frames: None, lambda: None)
    assert [name for name, _ in fired] == ["first", "second", "third"]
    assert all(0 <= at - due < 0.04 for (_, at), due in zip(fired, (0.02, 0.05, 0.07), strict=True)), fired


def test_a_cell_that_waits_for_an_engine_which_is_lost_keeps_its_output() -> None:
    with Session(ready=False) as session:
        client = session.client()
        msg_id = client.start('console.log("seen")')
        client.hear_type("execute_input")
        session.engine._tell(port.Lost(1, "the engine ended while it started"))
        session.engine.start()
        heard = client.hear(msg_id)
    assert heard.text() == "seen\n"
    assert heard.reply["content"]["status"] == "ok"
