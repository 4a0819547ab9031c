"""Owns the fixtures of the command line's tests: one gateway for each file of tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .gateway import Gateway, serving


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    # Not tmp_path: sockets lie inside, and their paths must be short.
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as running:
        yield running


@pytest.fixture()
def worktree(tmp_path: Path) -> Path:
    folder = tmp_path / "worktree"
    folder.mkdir()
    return folder
