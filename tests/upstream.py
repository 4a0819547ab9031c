"""Owns fetching a project's own tests from its source distribution; refuses to change or keep them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

PATIENCE_S = 200


def fetch_tests(project: str, version: str, folder: Path) -> Path:
    """The folder below `folder` with the tests of that release; skips the test that asks where they cannot be had."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--retries", "1", "--no-deps"]
    try:
        done = subprocess.run(
            [*command, "--no-binary", project, "--dest", str(folder), f"{project}=={version}"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"the source distribution of {project} could not be fetched in {PATIENCE_S} s")
    if done.returncode:
        pytest.skip(f"the source distribution of {project} cannot be fetched here: {done.stderr.strip()[-200:]}")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            place = Path(member.name)
            if member.isfile() and place.parts[1:2] == ("tests",) and place.suffix == ".py" and len(place.parts) == 3:
                content = packed.extractfile(member)
                assert content is not None
                (folder / "tests").mkdir(exist_ok=True)
                (folder / "tests" / place.name).write_bytes(content.read())
    return folder / "tests"
