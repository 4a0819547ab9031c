"""Owns what a kernel of a Jupyter client leaves for the one that takes its place; refuses to know why it ended.

Jupyter restarts a kernel as a new process with the same connection file, and tells it nothing. So each one leaves one
small file under the name of that connection file, in the same folder as a gateway's own files.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass

from . import places

PREFIX, SUFFIX = "vm-kernel-", ".json"


@dataclass(frozen=True)
class Trace:
    """The session that a process with that connection file had, and the ledger that holds it."""

    session_id: str
    ledger: str
    connection_file: str


def path_of(connection_file: str) -> str:
    name = hashlib.sha256(os.fsencode(os.path.realpath(connection_file))).hexdigest()[:24]
    return os.path.join(places.runtime_folder(), f"{PREFIX}{name}{SUFFIX}")


def leave(trace: Trace) -> None:
    """Raises: OSError, PlaceError when it cannot be written."""
    places.write_private(path_of(trace.connection_file), json.dumps(asdict(trace)))


def take_back(connection_file: str) -> None:
    """Nobody will take its place."""
    places.remove(path_of(connection_file))


def find(connection_file: str, ledger: str) -> str | None:
    """The session of the process before, if the same ledger has it."""
    trace = _read(path_of(connection_file))
    return trace.session_id if trace is not None and trace.ledger == ledger else None


def remove_of_the_dead() -> None:
    """Removes those whose connection file is gone: nothing will be started with it again."""
    folder = places.runtime_folder()
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.startswith(PREFIX) and name.endswith(SUFFIX):
            path = os.path.join(folder, name)
            trace = _read(path)
            if trace is not None and not os.path.exists(trace.connection_file):
                places.remove(path)


def _read(path: str) -> Trace | None:
    try:
        return Trace(**json.loads(places.read_own(path)))
    except (ValueError, TypeError):
        return None
