"""What `import` and `require` make of files: values, order, live bindings, errors with places, refused paths."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from vm_kernel.outcomes import Completed, Raised

from .tree import Tree

#: Files, a cell, and its value or its error; `@` is the folder of the row, which is the worktree's own.
ROWS = json.loads(Path(__file__).with_name("modules.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    root = tmp_path_factory.mktemp("modules") / "tree"
    root.mkdir()
    tree = Tree(root)
    yield tree
    tree.close()


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[row["about"] for row in ROWS])
def test_modules(tree: Tree, number: int) -> None:
    folder = f"f{number}"
    row = json.loads(json.dumps(ROWS[number]).replace("@", folder))
    for name, text in row["files"].items():
        tree.write(f"{folder}/{name}", bytes.fromhex(text["hex"]) if isinstance(text, dict) else text)
    ended = tree.driver.run(row["cell"])
    if "value" in row:
        assert isinstance(ended.outcome, Completed), ended.outcome
        assert ended.outcome.value is not None, row["cell"]
        form = ended.outcome.value.json
        assert (json.loads(form) if form is not None else ended.outcome.value.preview) == row["value"]
        return
    assert isinstance(ended.outcome, Raised), ended.outcome
    error = ended.outcome.error
    assert (error.name, row["says"] in error.message) == (row["error"], True), error
    if "place" in row:
        place = row["place"]
        assert error.traceback[0] == place or (place == "cell" and error.traceback[0].startswith("cell ["))
    for line in row.get("stack", []):
        assert any(line in each for each in error.traceback), error.traceback
    assert not any("vm:" in each or "__vm" in each or "eval (<anonymous>)" in each for each in error.traceback), error
