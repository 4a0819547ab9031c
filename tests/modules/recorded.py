"""Owns files of modules with what Node made of each, and asking Node again; refuses to judge what is made of them here.

`{"version": of Node, "files": {name: text}, "rows": [{"about", "source", "node"}]}`: a row is a module beside the
files, `@.mjs` in it its own name. A row that is to end otherwise here has `ours` and `why` as well.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .tree import Tree

Row = dict[str, Any]

#: A driver whose module prints one line of JSON for each row.
Driver = Callable[[Sequence[str]], str]


def printing(look: str) -> Driver:
    """look: an expression that gives the JSON, with `{}` for the row's module."""
    return lambda names: "\n".join(f"console.log(await {look.format(name)})" for name in names)


def lines(printed: str) -> list[Any]:
    return [json.loads(line) for line in printed.splitlines()]


class Record:
    """The rows of one file. driver: a module's text that imports modules of these names and prints what Node makes of
    them; read: that text, as one answer for each row."""

    def __init__(self, name: str, driver: Driver, read: Callable[[str], list[Any]]) -> None:
        self._path = Path(__file__).with_name(name)
        content = json.loads(self._path.read_text(encoding="utf-8"))
        self.version: str = content["version"]
        self.files: dict[str, str] = content["files"]
        self.rows: list[Row] = content["rows"]
        self.abouts = [row["about"] for row in self.rows]
        self._driver = driver
        self._read = read

    def write(self, folder: Path) -> list[str]:
        """The names of the rows' modules; each has the files for itself."""
        names = []
        for number, row in enumerate(self.rows):
            own = folder / f"r{number}"
            for name, text in {**self.files, "row.mjs": row["source"].replace("@.mjs", "row.mjs")}.items():
                (own / name).parent.mkdir(parents=True, exist_ok=True)
                (own / name).write_text(text, encoding="utf-8")
            names.append(f"r{number}/row.mjs")
        return names

    @contextmanager
    def tree(self, folder: Path, **settings: Any) -> Iterator[Tree]:
        """A worktree with all rows in it."""
        tree = Tree(folder, **settings)
        self.write(tree.root)
        try:
            yield tree
        finally:
            tree.close()

    def in_node(self) -> tuple[str, list[Any]] | None:
        """Its version and an answer for each row; None where there is no Node."""
        node = shutil.which("node")
        if node is None:
            return None
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        with tempfile.TemporaryDirectory(prefix="vms") as folder:
            driver = self._driver(self.write(Path(folder)))
            (Path(folder) / "driver.mjs").write_text(driver, encoding="utf-8")
            command = [node, "--no-warnings", "driver.mjs"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
        return version, self._read(done.stdout)

    def check(self) -> None:
        """What is recorded is what Node says now, and a row that differs here does differ."""
        for row in self.rows:
            assert "ours" not in row or (row["ours"] != row["node"] and row["why"]), row
        found = self.in_node()
        if found is None:
            pytest.skip("there is no Node here: what is recorded counts")
        version, answers = found
        if version.split(".")[0] != self.version.split(".")[0]:
            pytest.skip(f"Node {version} is here, the answers are those of {self.version}")
        changed = [(row, now) for row, now in zip(self.rows, answers, strict=True) if now != row["node"]]
        assert not changed, changed[:3]

    def renew(self) -> str | None:
        """Writes Node's answers anew; what went wrong, None for nothing."""
        found = self.in_node()
        if found is None:
            return "there is no Node on the path"
        version, answers = found
        rows = [{**row, "node": answer} for row, answer in zip(self.rows, answers, strict=True)]
        row_lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
        file_lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(text)}" for name, text in self.files.items())
        text = f'{{"version": {json.dumps(version)},\n "files": {{\n{file_lines}\n }},\n "rows": [\n{row_lines}\n]}}\n'
        self._path.write_text(text, encoding="utf-8")
        return None
