"""Owns the fixtures that run the cells' JavaScript in V8 from the source tree; refuses to test the engine around it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vm_kernel.cells import build

from .isolate import ROOT, Isolate

JS = ROOT / "vm_kernel" / "cells" / "js"


def load(name: str) -> Any:
    """The tables of a data file beside the tests."""
    return json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def bundle(entry: Path, name: str, target: Path) -> str:
    """The script that esbuild makes of `entry`, as the asset build does but with names kept whole."""
    node, _ = build.find_node()
    options = {
        "entryPoints": [str(entry)],
        "outfile": str(target),
        "bundle": True,
        "alias": build.ALIASES,
        "format": "iife",
        "globalName": name,
        "platform": "neutral",
        "mainFields": ["module", "main"],
        "target": "esnext",
        "charset": "ascii",
    }
    program = f"require('esbuild').buildSync({json.dumps(options)})"
    done = subprocess.run([node, "-e", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"esbuild failed (it comes with `make assets`): {done.stderr[-2000:]}"
    return target.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("bundles")
    yield {
        "parser": bundle(JS / "parser" / "index.js", "parser", folder / "parser.js"),
        "session": bundle(Path(__file__).with_name("session_entry.js"), "session", folder / "session.js"),
        "natives": (JS / "session" / "natives.js").read_text(encoding="utf-8").rstrip().rstrip(";"),
    }
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def isolate(scripts: dict[str, str]) -> Iterator[Isolate]:
    made = Isolate()
    made.evaluate("parser", f"globalThis.__natives =\n{scripts['natives']}\n;0")
    made.evaluate("parser", scripts["parser"] + "\n;0")
    yield made
    made.close()


class Cells:
    """One session: cells go through the parser's context into one of their own."""

    count = 0

    def __init__(self, isolate: Isolate, scripts: dict[str, str]) -> None:
        Cells.count += 1
        self._isolate = isolate
        self._context = f"session {Cells.count}"
        self._cell = 0
        isolate.evaluate(
            self._context, f"globalThis.__natives =\n{scripts['natives']}\n;0\n//# sourceURL=vm:natives.js"
        )
        isolate.evaluate(self._context, f"{scripts['session']}\n;0\n//# sourceURL=vm:session.js")

    def run(self, source: str) -> dict[str, Any]:
        self._cell += 1
        name = f"cell [{self._cell}]"
        cell = self._isolate.call("parser", "parser.transform", source, name)
        cell.update(name=name, source=source)
        return dict(self._answer(f"session.run(session.parse({json.dumps(json.dumps(cell))}))"))

    def value(self, source: str) -> str | None:
        """The text of a cell's value; fails when the cell does."""
        ended = self.run(source)
        assert ended["status"] == "ok", ended
        text = ended["text"]
        assert text is None or isinstance(text, str)
        return text

    def logged(self, arguments: str) -> str:
        return str(self._answer(f"session.logged({json.dumps(arguments)})"))

    def complete(self, source: str, cursor: int | None = None) -> dict[str, Any]:
        return dict(self._answer(f"session.complete({json.dumps(self.target(source, cursor))})"))

    def inspect(self, source: str, cursor: int | None = None, detail: int = 0) -> dict[str, Any]:
        return dict(self._answer(f"session.inspectName({json.dumps(self.target(source, cursor))}, {detail})"))

    def target(self, source: str, cursor: int | None = None) -> dict[str, Any]:
        found = self._isolate.call("parser", "parser.target", source, len(source) if cursor is None else cursor)
        return {**found, "cursor_start": found["start"], "cursor_end": found["end"]}

    def _answer(self, call: str) -> Any:
        return self._isolate.evaluate(self._context, call + "\n//# sourceURL=vm:test")


@pytest.fixture
def cells(isolate: Isolate, scripts: dict[str, str]) -> Cells:
    return Cells(isolate, scripts)


@pytest.fixture(scope="module")
def shared_cells(isolate: Isolate, scripts: dict[str, str]) -> Cells:
    """For tests that leave nothing behind in their session."""
    return Cells(isolate, scripts)
