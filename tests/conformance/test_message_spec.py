"""ipykernel's own checks of message contents, from its source distribution, hold for the replies of this kernel.

Its programs are Python; message_spec.json says which texts stand for which of ours, and what cannot hold and why.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from ..upstream import fetch_tests
from .peer import environment

TABLE: dict[str, Any] = json.loads(Path(__file__).with_name("message_spec.json").read_text(encoding="utf-8"))

PLUGIN = """
from jupyter_client import manager

start = manager.start_new_kernel

def start_ours(**options):
    return start(kernel_name="javascript-vm", **options)

manager.start_new_kernel = start_ours
"""


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which ipykernel's message checks run against this kernel."""
    try:
        release = version("ipykernel")
    except PackageNotFoundError:
        pytest.skip("ipykernel is not installed (`make bench` does that)")
    folder = tmp_path_factory.mktemp("message_spec")
    fetched = fetch_tests("ipykernel", release, folder / "fetched")
    (folder / "tests").mkdir()
    text = (fetched / "test_message_spec.py").read_text(encoding="utf-8")
    for theirs, ours, why in TABLE["replace"]:
        assert theirs in text, f"ipykernel {release} no longer says {theirs!r} ({why})"
        text = text.replace(theirs, ours)
    (folder / "tests" / "test_message_spec.py").write_text(text, encoding="utf-8")
    (folder / "tests" / "__init__.py").write_text("", encoding="utf-8")
    shutil.copy(fetched / "utils.py", folder / "tests" / "utils.py")
    (folder / "over_ours.py").write_text(PLUGIN, encoding="utf-8")
    return folder


@pytest.mark.slow
def test_ipykernels_message_checks_pass_except_those_that_cannot(checks: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "over_ours", "-p", "no:cacheprovider", "-o", "addopts="]
    done = subprocess.run(
        [*command, "-q", "-rA", "--tb=short", "--basetemp", str(checks / "run"), "tests/test_message_spec.py"],
        cwd=checks,
        env=environment(PYTHONPATH=os.pathsep.join((str(checks), environment()["PYTHONPATH"]))),
        capture_output=True,
        text=True,
        timeout=180,
    )
    lines = done.stdout.splitlines()
    passed, failed = (
        {line.split("::")[1].split(" ")[0] for line in lines if line.startswith(word)} for word in ("PASSED", "FAILED")
    )
    assert failed - set(TABLE["in_time"]) == set(TABLE["cannot"]), done.stdout[-6000:]
    assert len(passed) >= 21 and "ERROR tests" not in done.stdout, done.stdout[-6000:]
