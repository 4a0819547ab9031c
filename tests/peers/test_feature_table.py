"""One test for each row of the comparison with other kernels, and the README's table, which is made from the rows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..conformance.peer import Kernel
from . import table
from .features import TRIALS

#: The kernel ends in these.
LAST = ("SIGTERM / the parent process is killed (ipykernel: leaves / leaves)", "restart")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not tmp_path: sockets lie inside, and their paths must be short.
    with tempfile.TemporaryDirectory(prefix="vmp") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def shared(folder: Path) -> Iterator[Kernel]:
    tree = folder / "tree"
    tree.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tree)
        with Kernel(folder / "k") as kernel:
            kernel.clients.pop().close()
            yield kernel


@pytest.mark.parametrize("row", [pytest.param(row, id=row["feature"]) for row in table.ROWS])
def test_row(row: dict[str, Any], folder: Path, request: pytest.FixtureRequest) -> None:
    feature = row["feature"]
    if "exempt" in row:
        assert feature not in TRIALS and row["ours"] == "no", "an exempt row says no and why"
        return
    if feature in LAST:
        with Kernel(folder / str(abs(hash(feature)))[:6]) as kernel:
            TRIALS[feature](kernel.clients[0], kernel, folder)
        return
    kernel = request.getfixturevalue("shared")
    client = kernel.client()
    try:
        TRIALS[feature](client, kernel, folder / "tree")
    finally:
        client.close()
        kernel.clients.remove(client)


def test_there_is_no_trial_without_its_row() -> None:
    assert set(TRIALS) == {row["feature"] for row in table.ROWS if "exempt" not in row}


def test_the_table_in_the_readme_is_made_from_the_rows() -> None:
    assert table.README.read_text(encoding="utf-8") == table.written(table.README.read_text(encoding="utf-8")), (
        "the README's comparison is old: python -m tests.peers.table"
    )


def test_the_rows_are_json_that_can_be_written_again() -> None:
    text = table.FEATURES.read_text(encoding="utf-8")
    assert text == json.dumps(table.ROWS, ensure_ascii=False, indent=1) + "\n"
