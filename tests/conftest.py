"""Owns where kernels record that a test starts by the installed kernelspec: never in the ledger of the person here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    ledger = tmp_path_factory.mktemp("ledger") / "tests.ledger"
    before = os.environ.get("VM_GATEWAY_LEDGER")
    os.environ["VM_GATEWAY_LEDGER"] = str(ledger)
    yield ledger
    if before is None:
        del os.environ["VM_GATEWAY_LEDGER"]
    else:
        os.environ["VM_GATEWAY_LEDGER"] = before
