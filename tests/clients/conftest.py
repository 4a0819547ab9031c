"""Owns Jupyter's folders for the clients that these tests run; refuses to leave them behind."""

from __future__ import annotations

from ..conformance.conftest import jupyter

__all__ = ["jupyter"]
