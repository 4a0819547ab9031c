"""Owns the clients that keep sessions busy over REST and tell the oracle what was acknowledged; refuses to judge it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import httpx

from ...rest.running import ROOT, TOKEN
from . import cells

#: Cells take a tenth of this even on a busy machine.
ANSWER_S = 12.0


class Oracle:
    """The oracle's process; a context manager."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.gateway.oracle"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def acknowledged(self, answer: Mapping[str, Any], code: str) -> None:
        self._send({"acknowledged": answer, "code": code})

    def ask(self, question: str, **about: Any) -> Any:
        """`{"problems", "acknowledged", "records"}`; the question is `round` or `end`."""
        self._send({question: about})
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the oracle has died"
        return json.loads(line)

    def _send(self, said: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(json.dumps(said) + "\n")
            self._process.stdin.flush()

    def __enter__(self) -> Oracle:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(10)


class Load:
    """One client per session, from `start` to `stop`. `origin` may change meanwhile: the gateway has.

    surprises: answers that no client should get, whoever was killed.
    """

    def __init__(self, oracle: Oracle, seed: str) -> None:
        self.origin = ""
        self.surprises: list[str] = []
        self._oracle = oracle
        self._seed = seed
        self._numbers = 0
        self._going = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, sessions: list[str]) -> None:
        self._going.set()
        self._threads = [threading.Thread(target=self._run, args=(each,)) for each in sessions]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns when every client has the answer to its last request, or knows that there will be none."""
        self._going.clear()
        for thread in self._threads:
            thread.join()

    def _run(self, session_id: str) -> None:
        self._numbers += 1
        name = f"{self._seed}-{self._numbers}"
        chance = random.Random(name)
        number = 0
        with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=ANSWER_S) as http:
            while self._going.is_set():
                number += 1
                cell = cells.draw(chance, f"{name}-{number}")
                try:
                    if not self._post(http, session_id, cell, wait=chance.random() < 0.6):
                        return
                except httpx.TimeoutException:
                    self.surprises.append(f"no answer within {ANSWER_S} s to {cell} in {session_id}")
                    return
                except httpx.TransportError:
                    time.sleep(0.02)  # nobody serves at the moment
                time.sleep(chance.uniform(0, 0.01))

    def _post(self, http: httpx.Client, session_id: str, cell: cells.Cell, wait: bool) -> bool:
        """Whether the session goes on taking cells."""
        body = {"session_id": session_id, "input": cell.code}
        query = "" if wait else "?wait=false"
        answer = http.post(f"{self.origin}/api/v1/executions/repl{query}", json=body)
        if answer.status_code == (201 if wait else 202):
            self._oracle.acknowledged(answer.json(), cell.code)
            if not wait:
                self._follow(http, answer.json()["id"], cell)
            return True
        code = answer.json()["error"]["code"]
        if code == "SESSION_BUSY":
            time.sleep(0.01)  # an answer was lost, its cell runs on
            return True
        if code != "SESSION_NOT_READY":
            self.surprises.append(f"{answer.status_code} for a cell of {session_id}: {answer.text}")
        return False

    def _follow(self, http: httpx.Client, execution_id: str, cell: cells.Cell) -> None:
        while self._going.is_set():
            try:
                answer = http.get(f"{self.origin}/api/v1/executions/{execution_id}")
            except httpx.TransportError:
                time.sleep(0.02)
                continue
            if answer.status_code != 200:
                self.surprises.append(f"{answer.status_code} for an acknowledged execution: {answer.text}")
                return
            if answer.json()["status"] != "running":
                self._oracle.acknowledged(answer.json(), cell.code)
                return
            time.sleep(0.01)
