"""Owns starting real engines for tests and seeing that none is left; refuses to run cells (driver.py does)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from vm_kernel.engine.port import Sink
from vm_kernel.engine.supervisor import Supervisor
from vm_kernel.limits import Limits

from .both import ENGINES
from .driver import NO_LIMITS, Driver

Open = Callable[..., Driver]


def real(mem_mb: int = 512) -> Callable[[Sink], Supervisor]:
    return lambda sink: Supervisor(mem_mb, sink)


def children() -> set[int]:
    """Pids of this process's children, dead ones that nobody waited for included."""
    folder = f"/proc/self/task/{os.getpid()}/children"
    if not os.path.exists(folder):
        return set()
    with open(folder) as file:
        return {int(pid) for pid in file.read().split()}


@pytest.fixture
def open_engine() -> Iterator[Open]:
    """`open_engine(mem_mb=512, limits=...)`: a Driver over the real engine; all are closed afterwards."""
    drivers: list[Driver] = []
    before = children()

    def start(mem_mb: int = 512, limits: Limits = NO_LIMITS) -> Driver:
        drivers.append(Driver(real(mem_mb), limits))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.close()
    assert not children() - before, "an engine process was left behind"


@pytest.fixture
def engine(open_engine: Open) -> Driver:
    """An engine with 512 MB and no other limit."""
    return open_engine()


@pytest.fixture(scope="module")
def shared() -> Iterator[Driver]:
    """One engine for the cells of a file that leave nothing behind."""
    driver = Driver(real())
    yield driver
    driver.close()


@pytest.fixture(params=list(ENGINES))
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    """The real engine, then the fake."""
    driver = ENGINES[request.param]()
    yield driver
    driver.close()
