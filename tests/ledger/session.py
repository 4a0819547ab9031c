"""Owns one session process's use of the recorder: a loop around its descriptor; run as a program, a writer to kill.

Program: session.py LEDGER SEED. Writes executions for ever and prints `id last_seq` of each that was acknowledged.
"""

from __future__ import annotations

import os
import random
import select
import sys
import time
from collections.abc import Callable
from typing import Any

from vm_gateway.ledger.port import Ledger
from vm_gateway.ledger.recorder import LedgerRecorder
from vm_kernel.events import Event, timestamp
from vm_kernel.ids import uuid7
from vm_kernel.outcomes import Completed, Outcome, Value
from vm_kernel.recorder import Ended, Started, Usage

NOTHING = "no answer"


class Session:
    """Drives a recorder as the kernel does; `lost` are the calls of `on_lost`."""

    def __init__(self, ledger: Ledger, session_id: str = "", **options: Any) -> None:
        self.id = session_id or uuid7()
        self.lost: list[tuple[str, str]] = []
        options.setdefault("on_lost", lambda execution_id, reason: self.lost.append((execution_id, reason)))
        self.recorder = LedgerRecorder(ledger, self.id, **options)
        self._seq = 0
        self.execution_id = ""

    def wait(self, call: Callable[[Callable[[str | None], None]], None], timeout_s: float = 20) -> str | None:
        """What `then` was called with."""
        answer: list[str | None] = []
        call(answer.append)
        deadline = time.monotonic() + timeout_s
        while not answer and time.monotonic() < deadline:
            self.turn(0.05)
        return answer[0] if answer else NOTHING

    def turn(self, wait_s: float) -> None:
        """One turn of the loop."""
        descriptor = self.recorder.fileno()
        assert descriptor is not None
        if select.select([descriptor], [], [], wait_s)[0]:
            self.recorder.dispatch()

    def begin(self, code: str = "1+1", kind: str = "repl", **fields: Any) -> str | None:
        self.execution_id, self._seq = uuid7(), 0
        started = Started(self.execution_id, kind, code, timestamp(), 1, client_session="c", **fields)
        problem = self.wait(lambda then: self.recorder.begin(started, then))
        if problem is None and kind == "repl":
            self.emit("input_echo", {"text": code})
        return problem

    def emit(self, type_: str, payload: dict[str, Any], late: bool = False) -> None:
        self._seq += 1
        self.recorder.append([Event(self.execution_id, self._seq, type_, payload, timestamp(), late)])

    def print(self, lines: int, text: str = "line") -> None:
        for number in range(lines):
            self.emit("console", {"level": "log", "text": f"{text} {number}"})

    def finish(self, outcome: Outcome | None = None) -> str | None:
        if outcome is None:
            self.emit("value", {"type": "number", "preview": "2", "json": 2})
        ended = Ended(
            self.execution_id,
            outcome or Completed(Value("number", "2", "2", "2")),
            timestamp(),
            Usage(1, 2, 3, self._seq, 5),
        )
        return self.wait(lambda then: self.recorder.finish(ended, then))

    def run(self, lines: int = 0) -> str | None:
        """One whole execution; what went wrong."""
        problem = self.begin()
        if problem is None:
            self.print(lines)
            problem = self.finish()
        return problem

    @property
    def seq(self) -> int:
        return self._seq


def main() -> None:
    from vm_gateway.ledger.tiny import open_ledger

    ledger = open_ledger(sys.argv[1], durability="os")
    pick = random.Random(int(sys.argv[2]))
    session = Session(ledger)
    os.write(1, b"ready\n")
    while True:
        problem = session.run(pick.choice((0, 1, 20, 300)))
        if problem is not None:
            os.write(2, problem.encode())
            sys.exit(1)
        os.write(1, f"{session.execution_id} {session.seq}\n".encode())


if __name__ == "__main__":
    main()
