"""Owns what a session says of its start, and of why it could not; refuses to know who hears it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Readiness:
    """What a session says once of its start (design 7.8). status: `ready`, or `crashed` with its `last_error`.

    code: of contract 2.1. containment, engine: as the engine names them, empty where it never came up.
    """

    status: str
    last_error: str = ""
    code: str = ""
    containment: str = ""
    engine: str = ""


@dataclass(frozen=True)
class Failure:
    """Why a session has not started. text: for `last_error` (contract 5 and 9). code: of contract 2.1.

    lost: the engine went with it, so another try may end otherwise.
    """

    text: str
    code: str = "STARTUP_FAILED"
    lost: bool = False
