"""Owns a gateway among Jupyter's programs: kernelspecs and ledger where a person's own find them, by themselves."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conformance.peer import jupyter_places
from .gateway import Gateway, serving


@contextlib.contextmanager
def among_jupyter() -> Iterator[Gateway]:
    """This process and what it starts see nothing of the person's own; kernelspecs go to `gateway.folder`."""
    # Not tmp_path: sockets lie inside, and their paths must be short.
    with tempfile.TemporaryDirectory(prefix="vms") as name, pytest.MonkeyPatch.context() as patch:
        places = {**jupyter_places(Path(name)), "JUPYTER_RUNTIME_DIR": f"{name}/jupyter", "XDG_RUNTIME_DIR": name}
        for variable, value in places.items():
            patch.setenv(variable, value)
        for variable in [each for each in os.environ if each.startswith("VM_GATEWAY_")]:
            patch.delenv(variable)
        with serving(Path(name)) as gateway:
            yield gateway
