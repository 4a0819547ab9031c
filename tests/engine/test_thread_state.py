"""Host functions run on V8's thread, which Python knows from one call to the next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import py_mini_racer

PROGRAM = """
import sys, threading
from vm_kernel.engine.v8 import library
from vm_kernel.engine.v8.context import Context

library.load(sys.argv[1])
context, local, seen = Context(lambda: None), threading.local(), []

def host():
    local.calls = getattr(local, "calls", 0) + 1
    seen.append((local.calls, threading.get_ident() != threading.main_thread().ident))

context.bind("host", host)
for _ in range(3):
    context.eval("host()")
print(seen)
import os
sys.stdout.flush()
os._exit(0)
"""


def test_one_thread_state_serves_all_calls_of_a_context() -> None:
    folder = str(Path(py_mini_racer.__file__).parent)
    done = subprocess.run([sys.executable, "-c", PROGRAM, folder], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[(1, True), (2, True), (3, True)]", done.stderr
