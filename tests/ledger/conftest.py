"""Owns the three ledgers that one behaviour is proved on: ours in a file, stock TinyDB over JSON and over memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tinydb import TinyDB
from tinydb.storages import MemoryStorage

from vm_gateway.ledger.tiny import TinyLedger, open_ledger


@pytest.fixture(params=["ours", "json", "memory"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TinyLedger]:
    if request.param == "ours":
        opened = open_ledger(tmp_path / "ledger")
    elif request.param == "json":
        opened = TinyLedger(TinyDB(tmp_path / "ledger.json"))
    else:
        opened = TinyLedger(TinyDB(storage=MemoryStorage))
    yield opened
    opened.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test may have its ledger."""
    return tmp_path / "ledger"


@pytest.fixture
def ours(path: Path) -> Iterator[TinyLedger]:
    """A ledger in a file."""
    opened = open_ledger(path)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """No thread of a ledger outlives its test."""
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("ledger-")]
    assert not left, f"left behind: {left}"
