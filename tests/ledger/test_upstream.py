"""TinyDB's own tests, from its source distribution, over our storage and table: all but two that look at the file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tinydb.version import __version__

from ..upstream import fetch_tests

ROOT = Path(__file__).resolve().parent.parent.parent

#: The first compares the file's JSON text, the second the class name in a repr.
CANNOT = {"tests/test_storages.py::test_json_kwargs", "tests/test_tables.py::test_table_repr"}

#: One fixture stands for its two storages; both halves then run on ours.
FIXTURES = """
import pytest, tinydb
from tinydb.middlewares import CachingMiddleware
from tinydb.storages import MemoryStorage

@pytest.fixture
def db(tmp_path):
    with tinydb.TinyDB(tmp_path / "test.db") as database:
        database.drop_tables()
        database.insert_multiple({"int": 1, "char": char} for char in "abc")
        yield database

@pytest.fixture
def storage():
    return CachingMiddleware(MemoryStorage)()
"""

PLUGIN = """
import tinydb
from tinydb.table import Table
from vm_gateway.ledger.storage import SQLiteStorage
from vm_gateway.ledger.table import LedgerTable

def make(storage, name, **options):
    kind = LedgerTable if {ours} and isinstance(storage, SQLiteStorage) else Table
    return kind(storage, name, **options)

def pytest_configure(config):
    tinydb.TinyDB.default_storage_class = SQLiteStorage
    tinydb.TinyDB.table_class = staticmethod(make)
"""


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests in the source distribution of the installed TinyDB."""
    return fetch_tests("tinydb", __version__, tmp_path_factory.mktemp("upstream"))


@pytest.mark.parametrize("table", ["LedgerTable", "stock Table"])
def test_tinydbs_own_tests_pass_except_the_two_that_look_at_the_file(
    distribution: Path, tmp_path: Path, table: str
) -> None:
    shutil.copytree(distribution, tmp_path / "tests")
    (tmp_path / "tests" / "conftest.py").write_text(FIXTURES, encoding="utf-8")
    ours = table == "LedgerTable"
    (tmp_path / "over_sqlite.py").write_text(PLUGIN.replace("{ours}", str(ours)), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "over_sqlite", "-p", "no:cacheprovider", "-o", "addopts="]
    done = subprocess.run(
        [*command, "-q", "-rf", "--tb=line", "--basetemp", str(tmp_path / "run"), "tests"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = done.stdout.splitlines()
    failed = {line.split(" ")[1] for line in lines if line.startswith("FAILED ")}
    cannot = CANNOT if ours else {name for name in CANNOT if "kwargs" in name} | (failed & CANNOT)
    assert failed == cannot, done.stdout[-4000:]
    assert lines[-1].split(" passed")[0].split()[-1].isdigit() and int(lines[-1].split(" passed")[0].split()[-1]) >= 100
    assert " error" not in lines[-1], done.stdout[-4000:]
