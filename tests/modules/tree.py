"""Owns an engine whose imports are answered from a folder, as a kernel does it; refuses to know what is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vm_kernel.engine.port import Report, Wanted
from vm_kernel.engine.supervisor import Supervisor
from vm_kernel.imports import Imports

from ..engine.driver import Driver


class Tree:
    """A worktree and an engine over it."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.root = root
        self.asked: list[dict[str, Any]] = []
        self._imports = Imports(str(root), **settings)
        self.driver = Driver(self._make)

    def _make(self, sink: Any) -> Supervisor:
        def report(report: Report) -> None:
            if isinstance(report, Wanted):
                self.asked.append(report.question)
                answer = self._imports.answer(report.question)
                supervisor.supply(report.number, answer.content, answer.source)
            else:
                sink(report)

        supervisor = Supervisor(512, report)
        return supervisor

    def write(self, name: str, text: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def close(self) -> None:
        self.driver.close()
