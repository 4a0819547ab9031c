"""Owns a V8 process for tests of JavaScript parts: JSON lines in, JSON lines out; refuses to know what they test."""

from __future__ import annotations

import importlib.util
import json
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Isolate:
    """One child process with V8 in it; a script that does not end is killed with it after `timeout_s`."""

    def __init__(self, timeout_s: float = 60) -> None:
        self._timeout_s = timeout_s
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cells.isolate"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def evaluate(self, context: str, source: str) -> Any:
        """The JSON value that `source` gives as a string, in the context of that name, made at its first use."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([context, source]).encode() + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], self._timeout_s)
        if not ready:
            self._process.kill()
            raise AssertionError(f"no answer after {self._timeout_s} s: {source[-300:]}")
        line = self._process.stdout.readline()
        assert line, f"V8 died in: {source[-300:]}"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return json.loads(answer["value"]) if answer["value"] is not None else None

    def call(self, context: str, function: str, *arguments: object) -> Any:
        """`function(...arguments)`, arguments and result as JSON."""
        passed = ",".join(json.dumps(argument) for argument in arguments)
        return self.evaluate(context, f"__stringify({function}({passed}))\n//# sourceURL=vm:test")

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def serve() -> None:
    """The child's side."""
    import os

    from vm_kernel.engine.v8 import library
    from vm_kernel.engine.v8.context import Context

    spec = importlib.util.find_spec("py_mini_racer")
    assert spec and spec.submodule_search_locations
    library.load(next(iter(spec.submodule_search_locations)))
    contexts: dict[str, Context] = {}
    for line in sys.stdin:
        name, source = json.loads(line)
        if name not in contexts:
            contexts[name] = Context(lambda: None)
            contexts[name].eval("globalThis.__stringify = JSON.stringify; 0")
        try:
            answer: dict[str, object] = {"value": contexts[name].eval(source)}
        except library.EngineUnavailable as error:
            answer = {"error": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    os._exit(0)  # V8's threads must not meet a dying interpreter


if __name__ == "__main__":
    serve()
