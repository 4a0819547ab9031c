"""Owns the runs of the examples, each once, beside a gateway that shows their records; asserts that they ended well."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from ..cli.among_jupyter import among_jupyter
from ..cli.gateway import ROOT, Gateway

EXAMPLES = ROOT / "examples"
NAMES = ("tour.ipynb", "limits.ipynb", "widgets.ipynb", "rest.sh", "client.py")
PATIENCE_S = 120


@dataclass(frozen=True)
class Example:
    """One that has run. notebook: with its outputs; None of a script. session: its record, as the gateway shows it."""

    name: str
    printed: str
    notebook: Any
    session: dict[str, Any]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """With the kernels that the examples name: the recorded one, and that of the template which limits.ipynb makes."""
    with among_jupyter() as gateway:
        gateway.template("small", *settings_of_small())
        for command in ("install", "sync"):
            gateway.run("kernelspec", command, "--prefix", str(gateway.folder))
        yield gateway


def settings_of_small() -> list[str]:
    """What the notebook tells people to type."""
    text = nbformat.read(EXAMPLES / "limits.ipynb", as_version=4).cells[0].source
    return [found.strip("'").replace("'", "") for found in re.findall(r"--set (\S+)", text)]


@pytest.fixture(scope="module", params=NAMES)
def example(request: pytest.FixtureRequest, gateway: Gateway) -> Iterator[Example]:
    name = str(request.param)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("VM_GATEWAY_URL", gateway.url)
        target = Path(folder) / name
        command = {
            ".ipynb": [sys.executable, str(EXAMPLES / "demo.py"), str(EXAMPLES / name), str(target)],
            ".py": [sys.executable, str(EXAMPLES / name)],
            ".sh": [str(EXAMPLES / name), sys.executable],
        }[target.suffix]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, f"{name}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        with gateway.client() as client:
            session = dict(client.sessions()[0])
        notebook = nbformat.read(target, as_version=4) if target.exists() else None
        yield Example(name, done.stdout, notebook, session)
