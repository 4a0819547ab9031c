"""Owns the commands that give recorded kernels to Jupyter; refuses to know what is in a kernelspec.

They need no gateway: kernels find their template and their ledger by themselves, and so does this.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..client import Client
from .command import Argument, Command, Refused, Report
from .output import plain, table

if TYPE_CHECKING:
    from ..launch.kernelspecs import Written

Result = TypeVar("Result")

PLACE = (
    Argument("--user", "for your account (default outside of environments)", {"action": "store_true"}),
    Argument("--sys-prefix", "for this Python's environment (default in one)", {"action": "store_true"}),
    Argument("--prefix", "below P/share/jupyter", {"metavar": "P"}),
)


def install(_: Client, arguments: Namespace) -> Report:
    from ..launch import kernelspecs

    written = _translated(lambda: kernelspecs.install_recorded(_prefix(arguments), arguments.ledger or ""))
    lines = [plain(line) for each in written for line in kernelspecs.where(each.folder, each.name)]
    return Report(_data(written), lines)


def sync(_: Client, arguments: Namespace) -> Report:
    from ..launch import kernelspecs

    done = _translated(lambda: kernelspecs.sync(_prefix(arguments), arguments.ledger or ""))
    lines = [f"Written: {each.name} (template {plain(each.template)})" for each in done.written]
    lines += [f"Removed: {name}" for name in done.removed]
    lines += [f"Left alone: {name} is a kernel of somebody else's, or of another ledger" for name in done.refused]
    data = {"written": [each._asdict() for each in done.written], "removed": done.removed, "refused": done.refused}
    return Report(data, lines)


def list_all(_: Client, arguments: Namespace) -> Report:
    from ..launch import kernelspecs

    found = kernelspecs.installed(_prefix(arguments))
    rows = [(each.name, each.template, each.folder) for each in found]
    return Report(_data(found), table(("Kernel", "Template", "Folder"), rows, "No recorded kernels found"))


def uninstall(_: Client, arguments: Namespace) -> Report:
    from ..launch import kernelspecs

    gone = _translated(lambda: kernelspecs.uninstall(_prefix(arguments)))
    return Report(_data(gone), [f"Removed: {each.name}" for each in gone] or ["No recorded kernels found"])


def _data(found: list[Written]) -> list[dict[str, str]]:
    return [each._asdict() for each in found]


def _prefix(arguments: Namespace) -> str | None:
    """Where kernelspecs go; None: the user's own folder. Raises: Refused."""
    from ..launch.kernelspecs import default_prefix

    given = [bool(arguments.user), bool(arguments.sys_prefix), arguments.prefix is not None]
    if sum(given) > 1:
        raise Refused("--user, --sys-prefix and --prefix name three places: choose one")
    if arguments.prefix == "":  # of a variable that is not set, which would be the folder that somebody is in
        raise Refused("--prefix needs a folder: write --prefix . for this one")
    if arguments.user:
        return None
    if arguments.sys_prefix:
        return sys.prefix
    return default_prefix() if arguments.prefix is None else os.path.abspath(arguments.prefix)


def _translated(work: Callable[[], Result]) -> Result:
    """Raises: Refused."""
    from ..launch.kernelspecs import InstallError, LedgerUnavailable

    try:
        return work()
    except (InstallError, LedgerUnavailable) as error:
        raise Refused(str(error)) from None


COMMANDS = (
    Command(
        ("kernelspec", "install"),
        "let Jupyter run javascript-vm and typescript-vm recorded, under the template `notebook`",
        "where they are, and what to try; --ledger FILE writes that ledger into them",
        install,
        PLACE,
    ),
    Command(
        ("kernelspec", "sync"),
        "make a kernel vm-NAME for each active template and remove those whose template is gone",
        "`Written: vm-NAME (template NAME)`, `Removed: vm-NAME`; a kernel of that name that is not ours is left alone",
        sync,
        PLACE,
    ),
    Command(
        ("kernelspec", "list"),
        "list the recorded kernels in one place",
        "a table of Kernel, Template, Folder, or `No recorded kernels found`",
        list_all,
        PLACE,
    ),
    Command(
        ("kernelspec", "uninstall"),
        "remove the recorded kernels from one place; `python -m vm_kernel install` puts the bare one there",
        "`Removed: NAME` for each, or `No recorded kernels found`",
        uninstall,
        PLACE,
    ),
)
