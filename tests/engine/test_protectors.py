"""Owns the proof that what we put into the user's V8 leaves its fast paths open; refuses to measure time.

V8 remembers for the whole isolate that nobody has tampered with arrays, iterators and promises, and forgets it for good
at the first one who does: with one numbered property on Object.prototype, deleted at once, `new Array(1e4).fill(1)`
takes forty times as long in every cell.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

KEPT = (
    "NoElements", "ArraySpecies", "ArrayIterator", "MapIterator", "SetIterator", "StringIterator", "PromiseSpecies",
    "RegExpSpecies", "TypedArraySpecies", "StringWrapperToPrimitive", "IsConcatSpreadable",
)  # fmt: skip

ASK = """
import json, os, socket, sys
from vm_kernel.engine import boot
from vm_kernel.engine.process import _mini_racer
from vm_kernel.engine.v8 import library

library.forbid_natives = lambda: True
ours, theirs = socket.socketpair()
context = boot.start(theirs.fileno(), -1, _mini_racer(), 256, [])._session.context
context.eval(sys.argv[1])
names = json.loads(sys.argv[2])
print(json.dumps({name: context.eval(f"String(%{name}Protector())") for name in names}), flush=True)
os._exit(0)  # V8's threads must not meet a dying interpreter
"""


@pytest.mark.parametrize(
    "code",
    [
        "0",
        "[structuredClone, URL, TextDecoder, performance, crypto, AbortController, atob].length",
        "new URL('https://user@example.org/?a=b#c').searchParams.get('a')",
        "new TextDecoder().decode(new TextEncoder().encode('x')) + structuredClone([new Map([[1, 2]])]).length",
    ],
    ids=["after the start", "with the late globals", "after a URL", "after a clone"],
)
def test_v8_still_trusts_arrays_and_iterators(code: str) -> None:
    command = [sys.executable, "-c", ASK, code, json.dumps(KEPT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lost = [name for name, kept in json.loads(done.stdout).items() if kept != "true"]
    assert not lost, f"V8 has been made slow for good: {lost}"
