"""Holds the cut of the house: who may import whom, how long a file is, how it begins, what a start loads."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 320
NO_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "base", "common", "misc"}

#: Top-level package and the only places that may import it, as path prefixes.
ONLY_IN = {
    "zmq": ("vm_kernel/protocol/",),
    "ctypes": (
        "vm_kernel/engine/v8/",
        "vm_kernel/engine/jail.py",
        "vm_kernel/engine/confinement.py",
        "vm_kernel/worktree.py",
    ),
    "py_mini_racer": ("vm_kernel/engine/v8/",),
    "tinydb": ("vm_gateway/ledger/",),
    "sqlite3": ("vm_gateway/ledger/", "vm_kernel/modules/"),
    "starlette": ("vm_gateway/server/",),
    "uvicorn": ("vm_gateway/server/",),
    "jupyter_client": ("vm_kernel/install.py", "vm_gateway/", "examples/"),
    "jupyter_core": ("vm_kernel/install.py", "vm_gateway/"),
    "traitlets": ("vm_gateway/",),
    "asyncio": ("vm_gateway/", "examples/"),
    "vm_gateway": ("vm_gateway/", "examples/"),
    "ipykernel": (),
    "IPython": (),
    "tornado": (),
    "logging": ("vm_gateway/",),
}

VOCABULARY = {"limits", "events", "outcomes"}
#: Room (or single module) of vm_kernel and the rooms it may import; those not named here may import all.
KNOWS = {
    "limits": set(),
    "events": set(),
    "outcomes": set(),
    "log": set(),
    "ids": set(),
    "worktree": set(),
    "recorder": VOCABULARY,
    "history": {"log"},
    "protocol": VOCABULARY | {"protocol", "log", "ids"},
    "engine": VOCABULARY | {"engine", "cells", "log"},
    "cells": {"cells"},
    "modules": VOCABULARY | {"modules", "worktree", "log"},
    "install": set(),
    "__main__": {"launch", "install"},
}
#: Only these may know both the wire and the engine.
COMPOSERS = {"kernel", "launch"}
#: What the gateway may take from vm_kernel; vm_gateway/launch composes a whole session and may take all.
SHARED = VOCABULARY | {"payloads", "recorder", "worktree", "plan", "owner", "ids", "log"}

START_LOADS_NONE_OF = (
    "argparse", "asyncio", "concurrent", "email", "ipykernel", "IPython", "jupyter_client", "logging",
    "pathlib", "py_mini_racer", "sqlite3", "ssl", "subprocess", "tempfile", "tinydb", "tornado", "traitlets",
    "urllib",
)  # fmt: skip


def sources(*suffixes: str) -> dict[str, str]:
    """Project files by their path in the tree; built scripts, tests and benchmarks left out."""
    found = {}
    for top in ("vm_kernel", "vm_gateway", "examples", "setup.py"):
        for path in [ROOT / top] if top.endswith(".py") else sorted((ROOT / top).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in suffixes and "/assets/" not in name and "/__pycache__/" not in name:
                found[name] = path.read_text(encoding="utf-8")
    return found


def imports(path: str, source: str) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything that the file imports, inside of functions too."""
    package = path.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = [*start, *(node.module.split(".") if node.module else [])]
            # `from . import x` names a module or something inside the package: both readings are looked at.
            for alias in node.names:
                yield node.lineno, ".".join([*module, alias.name])


def room(dotted: str) -> str:
    """`vm_kernel.protocol.wire` -> `protocol`; the package itself -> ``."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else ""


def exists(dotted: str, files: dict[str, str]) -> bool:
    stem = "/".join(dotted.split(".")[:2])
    return f"{stem}.py" in files or any(name.startswith(f"{stem}/") for name in files)


def breaches(files: dict[str, str]) -> list[str]:
    """Every import that breaks a rule, as `file:line: sentence`."""
    found = []
    for path, source in files.items():
        here = path.removesuffix(".py").replace("/", ".")
        known: set[str] = set()
        for line, name in imports(path, source):
            top = name.split(".")[0]
            if not path.startswith(ONLY_IN.get(top, path)):
                places = ", ".join(ONLY_IN[top]) or "no file of this project"
                found.append(f"{path}:{line}: imports {top}, which belongs in {places}")
            if top != "vm_kernel" or not exists(name, files):
                continue
            there = room(name)
            known.add(there)
            if (
                path.startswith("vm_gateway/")
                and not path.startswith("vm_gateway/launch/")
                and there not in SHARED
            ):
                found.append(f"{path}:{line}: the gateway may not know vm_kernel.{there}")
            if path.startswith("vm_kernel/") and there not in KNOWS.get(room(here), {there}):
                found.append(f"{path}:{line}: {room(here)} may not know {there}")
        if path.startswith("vm_kernel/") and {"protocol", "engine"} <= known and room(here) not in COMPOSERS:
            found.append(
                f"{path}: knows both the wire and the engine, as only {' and '.join(sorted(COMPOSERS))} may"
            )
    return found


def test_imports_follow_the_arrows() -> None:
    assert not (found := breaches(sources(".py"))), "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("vm_kernel/kernel.py", "import zmq", "imports zmq, which belongs in vm_kernel/protocol/"),
        ("vm_kernel/kernel.py", "def f():\n    from zmq import Context", ":2: imports zmq"),
        ("vm_kernel/protocol/wire.py", "from ..engine import port", "protocol may not know engine"),
        ("vm_kernel/engine/child.py", "from ..protocol.wire import Wire", "engine may not know protocol"),
        ("vm_kernel/engine/lane.py", "import ctypes", "imports ctypes"),
        ("vm_kernel/cells/bundle.py", "import vm_kernel.engine.port", "cells may not know engine"),
        ("vm_kernel/launch.py", "import vm_gateway.ledger", "imports vm_gateway"),
        ("vm_kernel/launch.py", "import asyncio", "imports asyncio"),
        (
            "vm_kernel/answers.py",
            "from .protocol import wire\nfrom .engine import port",
            "both the wire and the engine",
        ),
        (
            "vm_gateway/models.py",
            "from vm_kernel.protocol.wire import Wire",
            "the gateway may not know vm_kernel.protocol",
        ),
        ("vm_gateway/models.py", "import tinydb", "imports tinydb"),
    ],
)
def test_a_forbidden_import_is_reported_with_its_place(path: str, source: str, expected: str) -> None:
    rooms = dict.fromkeys(("vm_kernel/protocol/wire.py", "vm_kernel/engine/port.py"), "")
    assert expected in "\n".join(breaches(rooms | {path: source}))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("vm_kernel/protocol/channels.py", "import zmq\nfrom ..limits import Limits\nfrom . import wire"),
        ("vm_kernel/kernel.py", "from .protocol.wire import Wire\nfrom .engine import port"),
        ("vm_gateway/models.py", "from vm_kernel.limits import Limits"),
        ("vm_gateway/launch/session.py", "import vm_kernel.protocol.wire"),
    ],
)
def test_an_allowed_import_is_not_reported(path: str, source: str) -> None:
    rooms = dict.fromkeys(
        ("vm_kernel/protocol/wire.py", "vm_kernel/engine/port.py", "vm_kernel/limits.py"), ""
    )
    assert breaches(rooms | {path: source}) == []


def test_no_file_is_too_long_to_have_one_responsibility() -> None:
    lengths = {name: text.count("\n") for name, text in sources(".py", ".js").items()}
    long = [f"{name}: {lines} lines, at most {LONGEST}" for name, lines in lengths.items() if lines > LONGEST]
    assert not long, "\n" + "\n".join(long)


def test_each_file_opens_with_a_sentence_that_says_what_it_owns() -> None:
    silent = []
    for name, text in sources(".py", ".js").items():
        if name.endswith(".py"):
            opening = ast.get_docstring(ast.parse(text)) or ""
        else:
            start = text.lstrip().removeprefix('"use strict";').lstrip()
            opening = start if start.startswith(("//", "/*")) else ""
        if len(opening.split("\n\n")[0].split()) < 4:
            silent.append(name)
    assert not silent, "no opening sentence in: " + ", ".join(silent)


def test_no_file_has_a_name_that_says_nothing() -> None:
    vague = [
        name
        for name in sources(".py", ".js")
        if NO_NAMES & set(Path(name).stem.lower().replace("-", "_").split("_"))
    ]
    assert not vague, "name the thing in: " + ", ".join(vague)


def test_whatever_a_check_is_told_to_ignore_has_its_reason_beside_it() -> None:
    ignored, rule = r"type: ignore(?:\[[^\]]*\])?", r"[A-Z]+\d+"
    marker = re.compile(rf"#\s*(?:ruff: )?(?:{ignored}|noqa(?::\s*{rule}(?:,\s*{rule})*)?)(?P<reason>.*)$")
    bare = []
    for top in ("vm_kernel", "vm_gateway", "tests", "benchmarks", "examples"):
        for path in sorted((ROOT / top).rglob("*.py")):
            lines = path.read_text(encoding="utf-8").splitlines()
            for number, line in enumerate(lines):
                above = lines[number - 1].lstrip() if number else ""
                found = marker.search(line)
                if found and not found["reason"].strip(" ,-#") and not above.startswith("#"):
                    bare.append(f"{path.relative_to(ROOT)}:{number + 1}: {line.strip()}")
    assert not bare, "say why, there or on the line above:\n" + "\n".join(bare)


def loaded(code: str) -> set[str]:
    """The modules in a Python that has run `code` and nothing else."""
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def start_imports() -> str:
    """Statements that import all that launch.py imports, its functions' imports included."""
    names = {
        name if (ROOT / (name.replace(".", "/") + ".py")).exists() else name.rpartition(".")[0]
        for _, name in imports(
            "vm_kernel/launch.py", (ROOT / "vm_kernel/launch.py").read_text(encoding="utf-8")
        )
        if name.startswith("vm_kernel.")
    }
    return "\n".join(f"import {name}" for name in ("vm_kernel.__main__", "vm_kernel.launch", *sorted(names)))


def test_the_start_of_a_kernel_loads_nothing_slow() -> None:
    # pyzmq imports platform, which brings subprocess along before Python 3.11.
    before = {name.partition(".")[0] for name in loaded("import platform")}
    slow = {name.partition(".")[0] for name in loaded(start_imports())} & set(START_LOADS_NONE_OF)
    assert not slow - before, f"loaded on the way to a running kernel: {', '.join(sorted(slow - before))}"


def test_the_engine_process_loads_nothing_of_jupyter() -> None:
    tops = {name.partition(".")[0] for name in loaded("import vm_kernel.engine.boot")}
    found = tops & {*START_LOADS_NONE_OF, "zmq", "json", "re"} - {
        name.partition(".")[0] for name in loaded("pass")
    }
    assert not found, f"loaded in each engine process: {', '.join(sorted(found))}"


def test_the_reader_of_assets_imports_nothing_but_os() -> None:
    names = {
        name
        for _, name in imports("bundle.py", (ROOT / "vm_kernel/cells/bundle.py").read_text(encoding="utf-8"))
    }
    assert names == {"__future__.annotations", "os"}, names
