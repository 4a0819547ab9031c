"""Owns that bytes from an engine that lies end in BadFrame or EngineDied, never in a hang or a huge allocation."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from vm_kernel.engine import frames, runs, supervisor
from vm_kernel.engine.frames import BadFrame, Decoder
from vm_kernel.engine.port import Finished, Lost, Ready
from vm_kernel.engine.process import EngineProcess
from vm_kernel.engine.supervisor import Supervisor
from vm_kernel.outcomes import EngineDied, Interrupted

from .both import settle
from .driver import Driver

KINDS = (frames.READY, frames.RECORDS, frames.DONE, frames.TURN, frames.ANSWER, frames.FATAL)


def test_frames_arrive_whole_whatever_the_pieces() -> None:
    chance = random.Random(1)
    sent = [(chance.choice(KINDS), chance.randrange(1 << 32), bytes(chance.randrange(17))) for _ in range(500)]
    data = b"".join(frames.encode(*frame) for frame in sent)
    decoder, got, at = Decoder(KINDS), [], 0
    while at < len(data):
        size = chance.randrange(1, 40)
        got += decoder.feed(data[at : at + size])
        at += size
    assert got == sent


@pytest.mark.parametrize("kind", [0, 1, 2, 5, 64, 71, 255])
def test_a_kind_that_may_not_arrive_here_is_a_bad_frame(kind: int) -> None:
    with pytest.raises(BadFrame, match=f"kind {kind}"):
        Decoder(KINDS).feed(frames.HEADER.pack(0, kind, 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("over", [1, 1 << 16, (1 << 32) - 1])
def test_an_oversized_length_is_refused_before_its_bytes_come(kind: int, over: int) -> None:
    length = min(frames.MAX_BYTES[kind] + over, (1 << 32) - 1)
    with pytest.raises(BadFrame, match=str(length)):
        Decoder(KINDS).feed(frames.HEADER.pack(length, kind, 1))


def test_random_bytes_end_in_bad_frame_and_never_in_another_error() -> None:
    chance = random.Random(2)
    refused = 0
    tracemalloc.start()
    for _ in range(3000):
        decoder = Decoder(KINDS)
        try:
            for _ in range(4):
                decoder.feed(chance.randbytes(chance.randrange(200)))
        except BadFrame:
            refused += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > 2900
    assert peak < 8 << 20, peak


# -- a supervisor whose child lies

LIAR = """
import os, sys, time
pipe = int(sys.argv[1])
exec(sys.argv[2])
"""
READY = "os.write(pipe, {!r})".format(frames.encode(frames.READY, 0, b""))


class Liar(EngineProcess):
    """An engine process that runs a few lines of Python in place of V8."""

    script = ""

    def __init__(self, mem_mb: int, hidden: str = "") -> None:
        super().__init__(mem_mb)  # for its descriptors, clocks and reaping
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.pipe)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.set_inheritable(True)
        self.pid = os.posix_spawn(
            sys.executable, [sys.executable, "-S", "-c", LIAR, str(theirs.fileno()), self.script], {"PATH": os.defpath},
        )
        theirs.close()
        self.pipe = ours.detach()


@pytest.fixture
def lie(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    drivers: list[Driver] = []

    def start(script: str) -> Driver:
        monkeypatch.setattr(Liar, "script", script)
        monkeypatch.setattr(supervisor, "EngineProcess", Liar)
        drivers.append(Driver(lambda sink: Supervisor(128, sink)))
        monkeypatch.setattr(supervisor, "EngineProcess", EngineProcess)  # the next engine is an honest one
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.close()


def frame(kind: int, number: int, payload: bytes) -> str:
    return f"os.write(pipe, {frames.encode(kind, number, payload)!r})"


def record(kind: int, number: int, text: bytes, flags: int = 0, length: int | None = None) -> bytes:
    size = len(text) if length is None else length
    return struct.pack("<BBxxII", kind, flags, number, size) + text + bytes(-len(text) % 4)


GARBAGE = {
    "random bytes": f"{READY}; os.write(pipe, {random.Random(3).randbytes(4000)!r}); time.sleep(30)",
    "zeros": f"{READY}; os.write(pipe, bytes(100000)); time.sleep(30)",
    "text": f"{READY}; os.write(pipe, b'Traceback (most recent call last): ...'); time.sleep(30)",
    "a frame of 4 GB": f"{READY}; os.write(pipe, {frames.HEADER.pack((1 << 32) - 1, frames.RECORDS, 0)!r}); time.sleep(30)",
    "a request": f"{READY}; {frame(frames.EVALUATE, 1, b'{}')}; time.sleep(30)",
    "the end of a cell that nobody started": f"{READY}; {frame(frames.DONE, 99, bytes(5))}; time.sleep(30)",
    "a short end": f"{READY}; {frame(frames.DONE, 1, b'')}; time.sleep(30)",
    "an end without an outcome": f"{READY}; os.read(pipe, 9999); {frame(frames.DONE, 1, bytes(5))}; time.sleep(30)",
    "an end of an unknown kind": f"{READY}; os.read(pipe, 9999); {frame(frames.DONE, 1, bytes([77, 0, 0, 0, 0]))}; time.sleep(30)",
    "an answer that nobody asked for": f"{READY}; {frame(frames.ANSWER, 5, b'{}')}; time.sleep(30)",
    "an answer record that nobody asked for": f"{READY}; {frame(frames.RECORDS, 0, record(37, 5, b'{}'))}; time.sleep(30)",
    "a record cut off": f"{READY}; {frame(frames.RECORDS, 0, record(1, 1, b'abc', length=4000))}; time.sleep(30)",
    "half a record header": f"{READY}; {frame(frames.RECORDS, 0, b'abc')}; time.sleep(30)",
    "a record of an unknown kind": f"{READY}; {frame(frames.RECORDS, 0, record(200, 1, b'{}'))}; time.sleep(30)",
    "an outcome without JSON": f"{READY}; {frame(frames.RECORDS, 0, record(35, 1, b'nonsense'))}; time.sleep(30)",
    "a display without an object": f"{READY}; {frame(frames.RECORDS, 0, record(32, 1, b'[1]'))}; time.sleep(30)",
    "deep JSON": f"{READY}; {frame(frames.RECORDS, 0, record(32, 1, b'[' * 100_000))}; time.sleep(30)",
    "a short turn": f"{READY}; {frame(frames.TURN, 1, b'')}; time.sleep(30)",
    "a turn of an unknown kind": f"{READY}; {frame(frames.TURN, 1, bytes([9, 9]))}; time.sleep(30)",
    "a turn that was stopped for no reason": f"{READY}; {frame(frames.TURN, 1, bytes([2, 0]))}; time.sleep(30)",
    "ready twice": f"{READY}; {READY}; time.sleep(30)",
    "nothing and an end": "pass",
    "an exit after ready": f"{READY}; os._exit(7)",
    "a closed pipe and a living process": f"{READY}; os.close(pipe); time.sleep(30)",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_a_child_that_lies_is_ended_and_the_next_engine_works(lie: Any, name: str) -> None:
    driver = lie(GARBAGE[name])
    cell = driver.begin("1 + 1")
    started = time.monotonic()
    finished = driver.finish(cell, 10)
    assert time.monotonic() - started < 5, name
    if not any(isinstance(report, Ready) and report.generation == 1 for report in driver.reports):
        assert finished.outcome.status == "ok", finished  # it was ended before it was ready: the next one ran the cell
    else:
        assert isinstance(finished.outcome, EngineDied) and finished.outcome.lost, finished
        assert "lost" in finished.outcome.message
    driver.wait_for(Lost)
    after: Finished = driver.run("2 + 2")
    assert after.outcome.status == "ok", after
    assert driver.engine.generation == 2


def test_no_liar_is_left_running(lie: Any) -> None:
    driver = lie(GARBAGE["zeros"])
    cell = driver.begin("1 + 1")
    driver.finish(cell, 10)
    driver.close()
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=False).stdout
    assert "bytes(100000)" not in listing


# -- three losses


def lose(driver: Driver) -> Finished:
    """One cell whose engine ends by itself: V8 aborts on this one."""
    cell = driver.begin("while (true) {}")
    driver.pump(0.05)
    ready = [report for report in driver.reports if isinstance(report, Ready)][-1]
    os.kill(ready.pid, signal.SIGSEGV)
    return driver.finish(cell)


def test_three_losses_within_a_minute_refuse_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs.Losses, "WINDOW_S", 4.0)  # of 60, which the next test holds
    driver = Driver(lambda sink: Supervisor(128, sink))
    try:
        for generation in (1, 2, 3):
            driver.until(lambda count=generation: sum(isinstance(r, Ready) for r in driver.reports) == count)
            finished = lose(driver)
            assert isinstance(finished.outcome, EngineDied) and "SIGSEGV" in finished.outcome.message, finished
        refused = driver.run("1 + 1")
        assert isinstance(refused.outcome, EngineDied) and "3 times" in refused.outcome.message, refused
        assert "try again in" in refused.outcome.message
        assert driver.ask("is_complete", "1 + 1") == {}
        time.sleep(4.1)
        assert driver.run("1 + 1").outcome.status == "ok"
        assert driver.engine.generation == 4
    finally:
        driver.close()


def test_the_window_of_losses_is_three_within_a_minute() -> None:
    losses = runs.Losses()
    assert losses.WINDOW_S == 60 and losses.MANY == 3


def test_kills_that_somebody_asked_for_do_not_count_as_losses() -> None:
    driver = Driver(lambda sink: Supervisor(512, sink))
    try:
        for _ in range(4):
            driver.run("1")
            cell = driver.begin("new Array(2 ** 31).indexOf(5)")
            settle(driver, 0.3)
            driver.engine.stop(Interrupted("stopped"))
            finished = driver.finish(cell)
            assert isinstance(finished.outcome, Interrupted) and finished.outcome.lost, finished
        assert driver.run("1 + 1").outcome.status == "ok"
    finally:
        driver.close()
