"""Owns that a failing trial shows its values; refuses to know any trial."""

import pytest

pytest.register_assert_rewrite("tests.peers.features")
