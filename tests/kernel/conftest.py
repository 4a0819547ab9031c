"""Owns the running session that most kernel tests speak to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .session import Client, Session


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as session:
        yield session


@pytest.fixture
def client(session: Session) -> Client:
    return session.client()
