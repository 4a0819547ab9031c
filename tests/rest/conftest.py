"""Owns the gateway that most REST tests speak to, and homes for gateways that a test ends itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .running import Home, Running


@pytest.fixture(scope="session")
def shared_home() -> Iterator[Home]:
    home = Home()
    yield home
    home.remove()


@pytest.fixture(scope="session")
def gateway(shared_home: Home) -> Iterator[Running]:
    """One gateway for all tests that leave it as it was, but for rows."""
    with Running(shared_home, "--VmGateway.max_sessions=0", "--VmGateway.max_body_bytes=100000") as running:
        yield running


@pytest.fixture(scope="module")
def session(gateway: Running) -> Iterator[str]:
    """A session with the limits of every template, for one module."""
    session_id = str(gateway.session()["id"])
    yield session_id
    gateway.close(session_id)


@pytest.fixture
def home() -> Iterator[Home]:
    home = Home()
    yield home
    home.remove()
