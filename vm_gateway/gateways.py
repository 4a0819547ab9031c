"""Owns the file by which programs of the same user find a running gateway; refuses to connect to it.

One JSON file per gateway in Jupyter's runtime folder. Light on purpose: kernels read it while they start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from . import places
from .ledger import owners

PREFIX, SUFFIX = "vm-gateway-", ".json"
#: The port of a gateway that was started without a word; that one is meant before others.
USUAL_PORT = 3210


@dataclass(frozen=True)
class Gateway:
    """owner: `{boot_id, pid, start_time}` of the gateway. ledger: the file that it serves."""

    port: int
    url: str
    ledger: str
    owner: Mapping[str, Any]


def path_of(port: int) -> str:
    return os.path.join(places.runtime_folder(), f"{PREFIX}{port}{SUFFIX}")


def announce(gateway: Gateway) -> None:
    places.write_private(path_of(gateway.port), json.dumps(asdict(gateway)))


def withdraw(port: int) -> None:
    places.remove(path_of(port))


def running() -> Gateway | None:
    """The user's gateway that runs now; of several the one on the usual port, else that of the lowest port."""
    alive = [each for each in _every() if owners.is_alive(each.owner)]
    return min(alive, key=lambda each: (each.port != USUAL_PORT, each.port), default=None)


def chosen_ledger(named: str = "") -> str:
    """The ledger for whoever serves none: the named one, $VM_GATEWAY_LEDGER, that of the running gateway, the default.

    Raises: OSError, PlaceError where the default's folder cannot be made.
    """
    named = named or os.environ.get("VM_GATEWAY_LEDGER", "")
    if named:
        return os.path.abspath(named)
    gateway = running()
    return gateway.ledger if gateway is not None else places.default_ledger()


def remove_of_the_dead() -> None:
    """Removes what gateways left that were killed."""
    for gateway in _every():
        if not owners.is_alive(gateway.owner):
            withdraw(gateway.port)


def _every() -> list[Gateway]:
    folder = places.runtime_folder()
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = []
    for name in names:
        if name.startswith(PREFIX) and name.endswith(SUFFIX) and name[len(PREFIX) : -len(SUFFIX)].isdigit():
            read = places.read_own(os.path.join(folder, name))
            try:
                gateway = Gateway(**json.loads(read))
            except (ValueError, TypeError):
                continue
            if isinstance(gateway.owner, dict) and type(gateway.port) is int:
                found.append(gateway)
    return found
