"""Owns where the built JavaScript lies; refuses to know how it is built and what it does. Imports only os."""

from __future__ import annotations

import os

#: Scripts that the engine loads when something of theirs is first used, by their numbers in cells/js/session/late.js.
LATE = ("web.js", "encoding.js", "url.js", "idna.js", "modules.js")

ASSETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "assets")


class AssetMissing(RuntimeError):
    """A built script is not there; the message says how to make it."""


def path(name: str) -> str:
    """The absolute path of asset `name` (`parser.js`, `session.js`, `natives.js`, `typescript.js`)."""
    return os.path.join(ASSETS, name)


def read(name: str) -> str:
    """The text of asset `name`. Raises: AssetMissing when it was not built or cannot be read."""
    try:
        with open(path(name), encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise AssetMissing(
            f"the engine's script {name} cannot be read ({error.strerror}): "
            "run `make assets` in a source tree, else install the package again"
        ) from error
