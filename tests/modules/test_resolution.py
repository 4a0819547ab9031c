"""Which file a package's name, `#name` or path leads to, asked by `import` and by `require`, is what Node says it is.

Compared with the answers recorded in resolved.json; `python -m tests.modules.test_resolution` records them anew. A row
asks for several specifiers: the answers of `import` and `require` are the file's own path, or the code of the error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from vm_kernel.outcomes import Completed

from .recorded import Record, lines, printing
from .tree import Tree

LOOK = "import('./{}').then((n) => JSON.stringify(n.default))"
RECORD = Record(
    "resolved.json",
    printing(LOOK),
    lines,
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    with RECORD.tree(tmp_path_factory.mktemp("resolved"), resolver={"roots": []}) as tree:
        yield tree


@pytest.mark.parametrize("number", range(len(RECORD.rows)), ids=RECORD.abouts)
def test_a_name_leads_where_it_does_in_node(tree: Tree, number: int) -> None:
    row = RECORD.rows[number]
    ended = tree.driver.run(f"await {LOOK.format(f'r{number}/row.mjs')}").outcome
    assert isinstance(ended, Completed) and ended.value is not None, ended
    assert json.loads(ended.value.preview) == {**row["node"], **row.get("ours", {})}, row.get("why", "")


def test_recorded_answers_are_nodes() -> None:
    RECORD.check()


if __name__ == "__main__":
    sys.exit(RECORD.renew())
