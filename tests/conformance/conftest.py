"""Owns the kernels that these tests speak to, and Jupyter's folders; refuses to leave either behind."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .peer import Client, Kernel, jupyter_places


@pytest.fixture(scope="package", autouse=True)
def jupyter() -> Iterator[None]:
    """The kernelspec is installed where Jupyter looks, and nothing of the person's own Jupyter is seen."""
    with tempfile.TemporaryDirectory(prefix="vmj") as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in jupyter_places(Path(folder)).items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def start() -> Iterator[Callable[..., Kernel]]:
    """Starts kernels: `start("--wall-ms", "500", transport="tcp")`."""
    kernels: list[Kernel] = []
    # Not pytest's tmp_path: a Unix socket's path must be shorter than 108 bytes.
    with tempfile.TemporaryDirectory(prefix="vmk") as folder:

        def launch(*flags: str, **options: object) -> Kernel:
            kernel = Kernel(Path(folder) / str(len(kernels)), *flags, **options)
            kernels.append(kernel)
            return kernel

        try:
            yield launch
        finally:
            for kernel in kernels:
                kernel.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Kernel]:
    """One kernel for the tests of a file that leave it as it was; nobody is connected to it yet."""
    with tempfile.TemporaryDirectory(prefix="vmk") as folder, Kernel(Path(folder)) as kernel:
        kernel.clients.pop().close()
        yield kernel


@pytest.fixture
def client(shared: Kernel) -> Iterator[Client]:
    """A new client of the shared kernel."""
    client = shared.client()
    yield client
    client.close()
    shared.clients.remove(client)
