"""Owns the homes of recorded kernels; refuses to leave any behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .jupyter import Jupyter, Notebook


@pytest.fixture
def home() -> Iterator[Jupyter]:
    home = Jupyter()
    yield home
    home.remove()


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Jupyter]:
    home = Jupyter()
    yield home
    home.remove()


@pytest.fixture(scope="module")
def notebook(shared_home: Jupyter) -> Notebook:
    """One recorded notebook for the tests that leave it as it was."""
    shared_home.command("kernelspec", "install", "--prefix", str(shared_home.prefix))
    named = str(shared_home.worktree / "work.ipynb")
    return shared_home.notebook("javascript-vm", JPY_SESSION_NAME=named)
