"""Owns the kernels that these tests harm; refuses to leave one behind."""

from __future__ import annotations

from ..conformance.conftest import start

__all__ = ["start"]
