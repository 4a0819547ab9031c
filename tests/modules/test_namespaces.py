"""The namespace of a module is printed as in Node, also while its module runs, and nothing of the user's is run for it.

Compared with the texts recorded in namespaces.json; `python -m tests.modules.test_namespaces` records them anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from vm_kernel.outcomes import Completed

from .recorded import Record
from .tree import Tree

RECORD = Record(
    "namespaces.json",
    lambda names: "\n".join(f"await import('./{name}')\nconsole.log('\\0')" for name in names),
    lambda printed: printed.split("\0\n")[:-1],
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    with RECORD.tree(tmp_path_factory.mktemp("namespaces")) as tree:
        yield tree


@pytest.mark.parametrize("number", range(len(RECORD.rows)), ids=RECORD.abouts)
def test_a_namespace_is_printed_as_in_node(tree: Tree, number: int) -> None:
    row = RECORD.rows[number]
    cell = tree.driver.begin(f"await import('./r{number}/row.mjs'); undefined")
    outcome = tree.driver.finish(cell).outcome
    assert isinstance(outcome, Completed), outcome
    assert "".join(f"{text}\n" for text in tree.driver.text(cell)) == row.get("ours", row["node"]), row.get("why", "")


def test_recorded_texts_are_nodes() -> None:
    RECORD.check()


def test_a_property_that_user_code_put_there_early_is_not_run(tree: Tree) -> None:
    tree.write("early.mjs", "import * as me from './early.mjs'\nimport './spoil.mjs'\nexport let a = 1; a = 2\n")
    tree.write(
        "spoil.mjs",
        "import * as e from './early.mjs'\nglobalThis.ran = 0\n"
        "Object.defineProperty(e, 'a', {get() { ran++; return 'spoilt' }, configurable: true})\n"
        "export const look = () => console.log(e)\nlook()\n",
    )
    cell = tree.driver.begin("await import('./early.mjs'); (await import('./spoil.mjs')).look(); ran")
    outcome = tree.driver.finish(cell).outcome
    assert isinstance(outcome, Completed) and outcome.value is not None, outcome
    shown = ["[Module: null prototype] { a: <uninitialized> }", "[Module: null prototype] { a: 2 }"]
    assert (outcome.value.text, tree.driver.text(cell)) == ("0", shown)


def test_a_live_binding_has_its_value_in_the_result(tree: Tree) -> None:
    tree.write("l.mjs", "export let n = 1\nexport const add = () => ++n\n")
    outcome = tree.driver.run("const l = await import('./l.mjs'); l.add(); l").outcome
    assert isinstance(outcome, Completed) and outcome.value is not None, outcome
    assert outcome.value.text == "[Module: null prototype] { add: [Function: add], n: 2 }"


if __name__ == "__main__":
    sys.exit(RECORD.renew())
