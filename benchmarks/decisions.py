"""Owns the small measurements that docs/decisions.md cites; refuses to know the kernels of `make bench`.

Usage: python benchmarks/decisions.py [imports | classes | values | abort | parser | typescript] ... (all by default).
Each probe runs in a process of its own, since some end it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = 8

_CLASSES = """
from py_mini_racer import MiniRacer
evaluate = MiniRacer().eval
"""
_LAYER = """
from importlib.util import find_spec
from vm_kernel.engine.v8 import library
from vm_kernel.engine.v8.context import Context
library.load(find_spec("py_mini_racer").submodule_search_locations[0])
evaluate = Context(lambda: None).eval
"""
_MEDIAN = """
import os, statistics, time
def sample():
    started = time.perf_counter(); evaluate("1+1"); return time.perf_counter() - started
for _ in range(200): sample()
print(statistics.median(sample() for _ in range(2000)) * 1e6, flush=True)
os._exit(0)  # V8's threads outlive the interpreter otherwise
"""


def python(code: str, timeout_s: float = 30) -> subprocess.CompletedProcess[str]:
    """Runs `code` in a fresh Python. Raises: subprocess.TimeoutExpired."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s)


def cpu_ms(code: str) -> float:
    """User and system time of a fresh Python that runs `code`, the least of some runs."""
    probe = f"{code}\nimport time; print(time.process_time() * 1000)"
    answers = [python(probe) for _ in range(RUNS)]
    failed = next((answer for answer in answers if answer.returncode), None)
    if failed is not None:
        raise RuntimeError(failed.stderr.strip().splitlines()[-1])
    return min(float(answer.stdout.split()[-1]) for answer in answers)


def imports() -> None:
    """What a process pays, in processor time, before its first message could be read."""
    modules = ("launch", "kernel", "protocol.channels", "engine.supervisor")
    start = "\n".join(f"import vm_kernel.{name}" for name in modules)
    for name, code in (
        ("Python alone", "pass"),
        ("pyzmq", "import zmq"),
        ("this kernel, all of it", start),
        ("asyncio", "import asyncio"),
        ("py_mini_racer, the package", "import py_mini_racer"),
        ("jupyter_client.session", "import jupyter_client.session"),
        ("ipykernel.kernelbase", "import ipykernel.kernelbase"),
    ):
        try:
            print(f"imports: {name}: {cpu_ms(code):.0f} ms of processor time")
        except RuntimeError as error:
            print(f"imports: {name}: not measured ({error})")


def classes() -> None:
    """One `1+1` through the package's class and through the layer of engine/v8."""
    for name, start in (("MiniRacer.eval", _CLASSES), ("the layer in engine/v8", _LAYER)):
        answer = python(start + _MEDIAN)
        if answer.returncode:
            print(f"classes: {name}: not measured ({answer.stderr.strip().splitlines()[-1]})")
        else:
            print(f"classes: {name}: {float(answer.stdout):.0f} us for 1+1, median of 2,000")


def values() -> None:
    """Values that a cell may well have, through the package's class."""
    for value in ("2n ** 70n", "'\\ud800'", "new Date(NaN)", "({a: 1})"):
        code = f"from py_mini_racer import MiniRacer; print(repr(MiniRacer().eval({value!r})))"
        started = time.perf_counter()
        try:
            done = python(code, 5)
            answer = done.stdout.strip() or done.stderr.strip().splitlines()[-1]
            print(f"values: MiniRacer.eval of {value}: {answer} ({time.perf_counter() - started:.1f} s)")
        except subprocess.TimeoutExpired:
            print(f"values: MiniRacer.eval of {value}: no answer in 5 s, the caller waits for ever")


def abort() -> None:
    """What one line does to the process that V8 lives in."""
    done = python("from py_mini_racer import MiniRacer; MiniRacer().eval('Array(1e9).fill()')")
    print(f"abort: Array(1e9).fill() in the process itself: exit code {done.returncode}")


def parser() -> None:
    """A second V8 context in a process that has one: what the parser's own context costs."""
    code = (
        "import time\nfrom py_mini_racer import MiniRacer\nfirst = MiniRacer(); first.eval('1')\n"
        "started = time.perf_counter(); second = MiniRacer(); second.eval('1')\n"
        "print((time.perf_counter() - started) * 1000)"
    )
    figures = [float(python(code).stdout) for _ in range(RUNS)]
    print(f"parser: a second context: {statistics.median(figures):.1f} ms, median of {RUNS}")


def typescript() -> None:
    """A new cell in each language, the first of all and later ones, through a kernel of its own."""
    code = (
        "import time\nfrom jupyter_client.manager import start_new_kernel\n"
        "manager, client = start_new_kernel(kernel_name='javascript-vm')\n"
        "def run(code):\n"
        "    started = time.perf_counter(); client.execute(code, reply=True, timeout=60)\n"
        "    return (time.perf_counter() - started) * 1000\n"
        "cells = {'javascript': 'let a%d = 1; a%d', 'typescript': '%%%%ts\\nlet a%d: number = 1; a%d'}\n"
        "for code in cells.values():\n"
        "    took = [run(code % (at, at)) for at in range(30)]\n"
        "    print(took[0], sorted(took[1:])[14])\n"
        "client.stop_channels(); manager.shutdown_kernel(now=True)"
    )
    rows = [[float(word) for word in line.split()] for line in python(code).stdout.splitlines()]
    for name, (first, later) in zip(("JavaScript", "TypeScript"), rows, strict=True):
        print(f"typescript: a new cell of {name}: the first {first:.1f} ms, later ones {later:.1f} ms")


PROBES = {probe.__name__: probe for probe in (imports, classes, values, abort, parser, typescript)}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in PROBES]
    if unknown:
        print(f"no probe {', '.join(unknown)}; there are {', '.join(PROBES)}", file=sys.stderr)
        return 2
    for name in names or PROBES:
        PROBES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
