"""Owns what one measure does to a live kernel and what it calls a loss; refuses to know bars and tables."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from client import Kernel, Message, Silent, pss_mb
from peers import LARGE, LINES, Peer

#: Cells of a round-trip measure, and stops of an interrupt measure.
CELLS = 500
STOPS = 12
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Figures:
    """Values of one measure for one peer, and every loss seen on the way: with one, no bar is passed."""

    values: list[float] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass
class Cell:
    """What a client has of one execute_request when it has both the reply and the idle status."""

    ms: float = 0.0
    printed: str = ""
    result: str | None = None
    error: str = ""
    status: str = ""


def collect(kernel: Kernel, request: str, sent: float, timeout_s: float = 60) -> Cell:
    """Reads until `request` is replied to and idle; what comes later is not in it. Raises: Silent."""
    cell, parts = Cell(), []
    replied = idle = False
    deadline = time.perf_counter() + timeout_s
    while not (replied and idle):
        message = kernel.receive(deadline - time.perf_counter())
        if message is None:
            missing = " and ".join(word for word, seen in (("reply", replied), ("idle", idle)) if not seen)
            raise Silent(f"no {missing} in {timeout_s:g} s")
        if message.parent != request:
            continue
        cell.ms = (message.at - sent) * 1000
        if message.type == "stream":
            parts.append(message.content["text"])
        elif message.type == "execute_result":
            cell.result = text_of(message)
        elif message.type == "error":
            cell.error = message.content["ename"]
        elif message.channel == "shell":
            replied, cell.status = True, message.content["status"]
        elif message.type == "status":
            idle = message.content["execution_state"] == "idle"
    cell.printed = "".join(parts)
    return cell


def text_of(message: Message) -> str:
    """The plain text of an execute_result, without colours."""
    return _ANSI.sub("", message.content["data"]["text/plain"])


def run(kernel: Kernel, code: str, timeout_s: float = 60) -> Cell:
    """One cell, from sending it to its reply and idle. Raises: Silent."""
    sent = time.perf_counter()
    return collect(kernel, kernel.execute(code), sent, timeout_s)


def later(kernel: Kernel, request: str | None, quiet_s: float, limit_s: float) -> list[Message]:
    """What comes after the idle, until nothing has come for `quiet_s`, at most `limit_s`."""
    found, deadline = [], time.perf_counter() + limit_s
    while time.perf_counter() < deadline:
        message = kernel.receive(quiet_s)
        if message is None:
            break
        if request is None or message.parent == request:
            found.append(message)
    return found


def wait_for_result(kernel: Kernel, request: str, timeout_s: float) -> float | None:
    """When the result of a cell came that was idle without it, None if it did not come."""
    deadline = time.perf_counter() + timeout_s
    while (message := kernel.receive(deadline - time.perf_counter())) is not None:
        if message.parent == request and message.type == "execute_result":
            return message.at
    return None


def start(peer: Peer, info: Figures, first: Figures, memory: Figures) -> None:
    """Start to kernel_info_reply and to the first answered `1+1`; then the idle memory."""
    with Kernel(list(peer.argv)) as kernel:
        info.values.append(kernel.wait_until_ready())
        request = kernel.execute("1+1")
        at = time.perf_counter()
        if collect(kernel, request, at).result is None and wait_for_result(kernel, request, 2) is None:
            first.losses.append("no result")
        first.values.append((time.perf_counter() - kernel.started) * 1000)
        time.sleep(0.3)
        memory.values.append(pss_mb(kernel.process.pid))


def round_trips(peer: Peer, one: Figures, burst: Figures) -> None:
    """`1+1` one after the other, then as many at once."""
    with Kernel(list(peer.argv)) as kernel:
        kernel.wait_until_ready()
        run(kernel, "1+1")
        late = 0
        for _ in range(CELLS):
            sent = time.perf_counter()
            request = kernel.execute("1+1")
            cell = collect(kernel, request, sent)
            if cell.error:
                raise Silent(f"1+1 was answered with {cell.error}")
            if cell.result is None:
                late += 1
                found = wait_for_result(kernel, request, 2)
                cell.ms = (found - sent) * 1000 if found else float("inf")
            one.values.append(cell.ms)
        if late:
            one.losses.append(f"{late} of {CELLS} results not there by the idle")
        later(kernel, None, 0.3, 2)
        sent = time.perf_counter()
        left = {kernel.execute("1+1"): {"reply", "idle", "result"} for _ in range(CELLS)}
        end = sent
        while left and (message := kernel.receive(5)) is not None:
            end = message.at
            parts = left.get(message.parent, set())
            idle = message.type == "status" and message.content["execution_state"] == "idle"
            parts.discard("result" if message.type == "execute_result" else "idle" if idle else "")
            if message.channel == "shell":
                parts.discard("reply")
            if not parts:
                left.pop(message.parent, None)
        burst.values.append((end - sent) * 1000)
        if left:
            burst.losses.append(f"{len(left)} of {CELLS} never whole")


def flood(peer: Peer, figures: Figures) -> None:
    """Many lines: every one, in order, before the idle."""
    with Kernel(list(peer.argv)) as kernel:
        kernel.wait_until_ready()
        run(kernel, "1+1")
        sent = time.perf_counter()
        request = kernel.execute(peer.cells["flood"])
        cell = collect(kernel, request, sent)
        figures.values.append(cell.ms)
        expected = "".join(f"line {n}\n" for n in range(LINES))
        if cell.printed != expected:
            after = "".join(m.content["text"] for m in later(kernel, request, 1, 8) if m.type == "stream")
            by_idle, all_in_all = cell.printed.count("\n"), (cell.printed + after).count("\n")
            figures.losses.append(f"{by_idle:,} lines by the idle, {all_in_all:,} in all")


def large(peer: Peer, printed: Figures, returned: Figures) -> None:
    """A text of 10 MiB, printed and as a result, each whole and before the idle."""
    with Kernel(list(peer.argv)) as kernel:
        kernel.wait_until_ready()
        run(kernel, "1+1")
        cell = run(kernel, peer.cells["return"])
        returned.values.append(cell.ms)
        # A result is shown as the language shows a string: in quotes.
        if cell.result is None or cell.result.strip("'\"") != "x" * LARGE:
            returned.losses.append(f"{len(cell.result or ''):,} characters by the idle")
        cell = run(kernel, peer.cells["print"])
        printed.values.append(cell.ms)
        if cell.printed != "x" * LARGE + "\n":
            printed.losses.append(f"{len(cell.printed):,} characters by the idle")


def compute(peer: Peer, figures: Figures) -> None:
    """The computation in a kernel just started; the program takes the time itself, as it does in Node."""
    with Kernel(list(peer.argv)) as kernel:
        kernel.wait_until_ready()
        sent = time.perf_counter()
        request = kernel.execute(peer.cells["compute"])
        cell = collect(kernel, request, sent)
        result = cell.result
        if result is None:
            result = next(
                (text_of(m) for m in later(kernel, request, 0.5, 2) if m.type == "execute_result"), None
            )
        if result is None:
            raise Silent(f"no result; {cell.error or cell.status}")
        figures.values.append(float(result))


def interrupts(what: str) -> Callable[[Peer, Figures], None]:
    """The measure that stops cell `what` again and again; a lost variable is a loss."""

    def measure(peer: Peer, figures: Figures) -> None:
        with Kernel(list(peer.argv)) as kernel:
            kernel.wait_until_ready()
            run(kernel, peer.cells["keep"])
            for _ in range(STOPS):
                request = kernel.execute(peer.cells[what])
                later(kernel, request, 0.15, 1)
                sent = time.perf_counter()
                if peer.interrupt == "signal":
                    os.killpg(kernel.process.pid, signal.SIGINT)
                else:
                    kernel.send("control", "interrupt_request", {})
                try:
                    cell = collect(kernel, request, sent, 3)
                except Silent as silence:
                    figures.losses.append(f"not stopped: {silence}")
                    return
                if cell.status != "error":
                    figures.losses.append(f"the stopped cell was answered {cell.status!r}")
                figures.values.append(cell.ms)
                if run(kernel, peer.cells["kept"], 10).result != "42":
                    figures.losses.append("state lost")
                    return

    return measure
