"""Owns the kernelspecs of recorded kernels: what they say, and that there is one for each template of a ledger; refuses
to know who looks at them.

Templates are read from the very ledger in which those kernels will look for them, so no gateway has to run.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard

from vm_kernel import install
from vm_kernel.install import InstallError, default_prefix, where

from .. import gateways
from ..ledger.port import Document, Ledger, LedgerUnavailable
from ..ledger.tiny import open_ledger
from ..places import PlaceError
from ..templates import NOTEBOOK, ensure_fixed, fixed_rows

__all__ = [
    "InstallError",
    "LedgerUnavailable",
    "Synced",
    "Written",
    "default_prefix",
    "install_recorded",
    "installed",
    "sync",
    "uninstall",
    "where",
]

#: Key of `metadata` in a kernelspec of ours: no other one is ever replaced or removed.
MARK = "vm_gateway"
PREFIX = "vm-"
LONGEST_NAME, LONGEST_DISPLAY_NAME = 60, 80
#: A name that needs no care on a command line; any other template is named by its id there.
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*")


class Written(NamedTuple):
    """A kernelspec of ours. template: its name."""

    name: str
    template: str
    folder: str


class Synced(NamedTuple):
    """What `sync` did. refused: names that a kernelspec of somebody else's has, or one of another ledger."""

    written: list[Written]
    removed: list[str]
    refused: list[str]


def install_recorded(prefix: str | None, ledger: str = "") -> list[Written]:
    """Puts recorded kernels in the place of the bare ones, `javascript-vm` first. Raises: InstallError.

    prefix: as in `vm_kernel.install.put`. ledger: the one to record in; empty leaves the choice to each start.
    """
    template = _notebook(ledger)
    written = []
    for name in install.NAMES:
        files = _files(template, install.kernelspec(name), ledger, synced=False)
        written.append(Written(name, NOTEBOOK, install.put(prefix, name, files)))
    return written


def sync(prefix: str | None, ledger: str = "") -> Synced:
    """Makes a kernelspec `vm-<name>` for each active template; what an earlier `sync` made for others goes.

    Those of another ledger stay as they are. Raises: InstallError, LedgerUnavailable.
    """
    templates = [row for row in _templates(ledger) if row["is_active"]]
    folder = install.folder_of(prefix)
    bare = install.kernelspec()
    there = {name: mark for name, mark in _specs(folder) if name.startswith(PREFIX)}
    written, refused = [], []
    names = spec_names(templates)
    for template in templates:
        name = names[template["id"]]
        if name in there and not _of(there[name], ledger):
            refused.append(name)
            continue
        files = _files(template, bare, ledger, synced=True)
        written.append(Written(name, template["name"], install.put(prefix, name, files)))
    kept = set(names.values())
    removed = [
        name for name, mark in there.items() if _of(mark, ledger) and mark["synced"] is True and name not in kept
    ]
    for name in removed:
        install.remove(prefix, prefix is None, name)
    return Synced(written, sorted(removed), sorted(refused))


def installed(prefix: str | None) -> list[Written]:
    """The kernelspecs of ours in one place."""
    folder = install.folder_of(prefix)
    found = [(name, mark) for name, mark in _specs(folder) if mark is not None]
    return [Written(name, str(mark.get("template", "")), os.path.join(folder, name)) for name, mark in found]


def uninstall(prefix: str | None) -> list[Written]:
    """Removes them all. Raises: InstallError."""
    found = installed(prefix)
    for each in found:
        install.remove(prefix, prefix is None, each.name)
    return found


def spec_names(templates: list[Document]) -> dict[str, str]:
    """A name that Jupyter takes for each template, by its id: lower case letters, digits, `.`, `_` and `-`.

    Of two templates that would get the same one, the one whose name it is has it, else the older; the other one's gets
    a piece of its id.
    """
    names: dict[str, str] = {}
    plain = {
        row["id"]: re.sub(r"[^a-z0-9._-]+", "-", row["name"].lower()).strip("-")[:LONGEST_NAME] for row in templates
    }
    for row in sorted(templates, key=lambda row: (plain[row["id"]] != row["name"], row["created_at"], row["id"])):
        short = hashlib.sha256(row["id"].encode()).hexdigest()[:8]
        name = PREFIX + (plain[row["id"]] or short)
        names[row["id"]] = f"{name}-{short}" if name in names.values() else name
    return names


def _files(template: Document, bare: Mapping[str, bytes], ledger: str, synced: bool) -> dict[str, bytes]:
    """Those of the bare kernel, with an `argv` that stands alone and a mark."""
    settings = template["settings"]
    named = template["name"] if PLAIN_NAME.fullmatch(template["name"]) else template["id"]
    spec = json.loads(bare["kernel.json"])
    bare_argv = spec["argv"]
    spec["argv"] = [
        *install.running("vm_gateway.launch"),
        *("--template", named, "--mem-mb", str(settings["limits"]["mem_mb"])),
        *(["--require-ledger"] if settings["session"]["require_ledger"] else []),
        *(["--ledger", _whole(ledger)] if ledger else []),
        *bare_argv[bare_argv.index("-f") :],
    ]
    if synced:
        shown = " ".join((template.get("description") or template["name"]).split())
        shown = "".join(character for character in shown if character.isprintable())
        spec["display_name"] = shown[:LONGEST_DISPLAY_NAME] or template["id"]
    mark = {"template": template["name"], "synced": synced, "ledger": _whole(ledger)}
    spec["metadata"] = {**spec.get("metadata", {}), MARK: mark}
    return {**bare, "kernel.json": install.as_file(spec)}


def _specs(folder: str) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """All names there, with our mark; None: somebody else's, also where it is no kernelspec (yet)."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        try:
            with open(os.path.join(folder, name, "kernel.json"), encoding="utf-8") as file:
                mark = json.load(file)["metadata"][MARK]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            mark = None
        yield name, mark if isinstance(mark, dict) else None


def _of(mark: Mapping[str, Any] | None, ledger: str) -> TypeGuard[Mapping[str, Any]]:
    """Whether a kernelspec is ours and of that ledger."""
    return mark is not None and mark.get("ledger") == _whole(ledger)


def _whole(ledger: str) -> str:
    """Its path; empty where none was named, so that each start chooses."""
    return os.path.abspath(ledger) if ledger else ""


def _templates(named: str) -> list[Document]:
    """All of the ledger, the fixed ones made first where it has none. Raises: LedgerUnavailable."""
    try:
        ledger: Ledger = open_ledger(gateways.chosen_ledger(named))
    except (PlaceError, OSError) as error:
        raise LedgerUnavailable(str(error)) from error
    try:
        ensure_fixed(ledger)
        return ledger.list_templates().documents
    finally:
        ledger.close()


def _notebook(named: str) -> Document:
    """The template `notebook` as it is in the ledger; as it always begins where there is none."""
    fixed = next(row for row in fixed_rows() if row["name"] == NOTEBOOK)
    try:
        path = gateways.chosen_ledger(named)
        ledger = open_ledger(path, read_only=True)
    except (LedgerUnavailable, PlaceError, OSError):
        return fixed
    try:
        return ledger.get_template(fixed["id"]) or fixed
    except LedgerUnavailable:
        return fixed
    finally:
        ledger.close()
