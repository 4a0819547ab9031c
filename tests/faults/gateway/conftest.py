"""Owns the homes of gateways that these tests harm; refuses to leave a process or a folder behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ...rest.running import Home
from . import processes


@pytest.fixture
def home() -> Iterator[Home]:
    home = Home()
    yield home
    processes.kill_all(home)
    home.remove()
