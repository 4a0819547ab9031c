"""A name that a module imports means in each of its places what it means in Node, and nothing where another hides it.

Compared with the exports recorded in scopes.json; `python -m tests.modules.test_scopes` records them anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from vm_kernel.outcomes import Completed

from .recorded import Record, lines, printing
from .tree import Tree

#: Its exports as JSON, or the error's name and words.
LOOK = "import('./{}').then((n) => ({{...n}}), (e) => ({{error: [e.name, e.message]}})).then((r) => JSON.stringify(r))"
RECORD = Record(
    "scopes.json",
    printing(LOOK),
    lines,
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    with RECORD.tree(tmp_path_factory.mktemp("scopes")) as tree:
        yield tree


@pytest.mark.parametrize("number", range(len(RECORD.rows)), ids=RECORD.abouts)
def test_a_module_exports_what_it_does_in_node(tree: Tree, number: int) -> None:
    row = RECORD.rows[number]
    ended = tree.driver.run(f"await {LOOK.format(f'r{number}/row.mjs')}").outcome
    assert isinstance(ended, Completed) and ended.value is not None, ended
    assert json.loads(ended.value.preview) == row.get("ours", row["node"]), row.get("why", row["source"])


def test_recorded_exports_are_nodes() -> None:
    assert len(RECORD.rows) >= 100
    assert sum("ours" in row for row in RECORD.rows) <= 3
    RECORD.check()


if __name__ == "__main__":
    sys.exit(RECORD.renew())
