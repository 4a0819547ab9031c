"""Owns templates: what they may contain and how they change; refuses to know HTTP and running sessions.

A template is one row of the ledger with its capabilities and startup files inside, so every change of it is one
transaction. A change reaches new sessions only (contract 4.2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from vm_kernel.events import timestamp
from vm_kernel.ids import uuid7
from vm_kernel.worktree import PathError, clean

from . import catalogue, models, settings
from .capabilities import KINDS
from .errors import GatewayError, template_not_found
from .ledger.port import Document, Ledger, Listing, NameTaken, NotFound
from .settings import Settings
from .store import Store

ENGINE = "v8"
MODE = "eval"
DEFAULT, NOTEBOOK = "default", "notebook"


def fixed_id(name: str) -> str:
    """The id of a fixed template, the same in every ledger."""
    return str(uuid5(NAMESPACE_URL, f"vm-gateway:template:{name}"))


FIXED = {fixed_id(name): name for name in (DEFAULT, NOTEBOOK)}


def new_row(name: str, change: Settings | None = None, **fields: Any) -> Document:
    now = timestamp()
    row: Document = {
        "id": uuid7(),
        "name": name,
        "description": "",
        "engine": ENGINE,
        "is_active": True,
        "exposed_modules": [],
        "libraries": [],
        "settings": settings.merged(settings.DEFAULTS, change),
        "capabilities": [],
        "startup_files": [],
        "created_at": now,
        "updated_at": now,
    }
    return row | fields


def fixed_rows() -> list[Document]:
    """The two templates that always exist, as they are before somebody changes their settings (contract 18.1)."""
    return [
        new_row(DEFAULT, id=fixed_id(DEFAULT), description="JavaScript (V8), default limits"),
        new_row(
            NOTEBOOK,
            id=fixed_id(NOTEBOOK),
            description="JavaScript (V8), notebook",
            settings=settings.merged(settings.NOTEBOOK, None),
            exposed_modules=["fs"],
            capabilities=[
                {"id": str(uuid5(NAMESPACE_URL, "vm-gateway:template:notebook:fs")), "kind": "fs", "name": "notebook"}
                | {"enabled": True, "config": {"path": ".", "mode": "rw"}}
            ],
        ),
    ]


def ensure_fixed(ledger: Ledger) -> None:
    """Makes the templates that always exist, where they do not. Raises: LedgerUnavailable."""
    with ledger.batch():  # several processes may begin a ledger at the same time
        for row in fixed_rows():
            if ledger.get_template(row["id"]) is None:
                while (holder := ledger.find_template(row["name"])) is not None:
                    # A ledger from elsewhere may have one of that name, which then yields.
                    ledger.change_template(holder["id"], lambda found: {**found, "name": f"{found['name']} (renamed)"})
                ledger.put_template(row)


class Templates:
    """The service. Every method may raise GatewayError; ids are checked UUIDs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def row(self, template_id: str) -> Document:
        row = self._store.template(template_id)
        if row is None:
            raise template_not_found(template_id)
        return row

    async def page(self, limit: int | None, cursor: str | None) -> Listing:
        return await self._store.call(self._store.ledger.list_templates, limit, cursor)

    async def create(self, name: str, engine: str | None, change: Settings | None) -> Document:
        if engine and engine.strip().lower() != ENGINE:
            message = f"Engine {engine[:64]!r} is not supported: leave it out or say {ENGINE!r}"
            raise GatewayError("ENGINE_UNSUPPORTED", message)
        row = new_row(name, change)
        try:
            await self._store.call(self._store.ledger.put_template, row)
        except NameTaken as error:
            raise _name_conflict(name) from error
        return row

    async def patch(
        self,
        template_id: str,
        name: str | None = None,
        description: str | None = None,
        is_active: bool | None = None,
        change: Settings | None = None,
    ) -> Document:
        """Changes what is not None, all or nothing."""

        def apply(row: Document) -> Document:
            if name is not None and name != row["name"]:
                _refuse_fixed(template_id, "renamed")
                row["name"] = name
            if description is not None:
                row["description"] = description
            if is_active is not None:
                row["is_active"] = is_active
            row["settings"] = settings.merged(row["settings"], change)
            return row

        settings.merged(settings.DEFAULTS, change)  # what is wrong in itself is said before the template is looked up
        try:
            return await self._change(template_id, apply)
        except NameTaken as error:
            raise _name_conflict(str(name), template_id) from error

    async def delete(self, template_id: str) -> None:
        """Sessions and their history stay."""
        _refuse_fixed(template_id, "deleted")
        if not await self._store.call(self._store.ledger.delete_template, template_id):
            raise template_not_found(template_id)

    # -- modules and libraries ---------------------------------------------------------------------------

    async def add_module(self, template_id: str, name: str) -> None:
        """A second time changes nothing. The name is checked before the template is looked up."""
        wanted = name.strip().lower()
        if wanted not in catalogue.module_names():
            built_in = wanted in catalogue.BUILT_INS
            why = "is built into JavaScript and always there" if built_in else "is not in the catalogue"
            allowed = list(catalogue.module_names())
            message = f"Module {name[:64]!r} {why}: choose one of {', '.join(allowed)}"
            raise GatewayError("MODULE_NOT_ALLOWED", message, {"template_id": template_id, "allowed": allowed})
        await self._change(template_id, lambda row: _with_name(row, "exposed_modules", wanted))

    async def remove_module(self, template_id: str, name: str) -> None:
        await self._change(template_id, lambda row: _without_name(row, "exposed_modules", name))

    async def add_library(self, template_id: str, name: str) -> None:
        wanted = name.strip()
        if catalogue.find_library(wanted) is None:
            allowed = [catalogue.library_name(entry) for entry in catalogue.LIBRARIES]
            message = f"Library {name[:64]!r} is not in the catalogue: choose one of {', '.join(allowed)}"
            raise GatewayError("LIBRARY_NOT_ALLOWED", message, {"template_id": template_id, "allowed": allowed})
        await self._change(template_id, lambda row: _with_name(row, "libraries", wanted))

    async def remove_library(self, template_id: str, name: str) -> None:
        await self._change(template_id, lambda row: _without_name(row, "libraries", name))

    # -- capabilities ------------------------------------------------------------------------------------

    async def add_capability(self, template_id: str, kind: str, name: str, enabled: bool, config: Any) -> models.View:
        if kind not in KINDS:
            raise GatewayError("VALIDATION_ERROR", f"kind must be one of {', '.join(KINDS)}, not {kind[:64]!r}")
        each = {"id": uuid7(), "kind": kind, "name": name, "enabled": enabled, "config": config}

        def apply(row: Document) -> Document:
            if any(other["kind"] == kind and other["name"] == name for other in row["capabilities"]):
                message = f"The template has a capability {kind}:{name} already: delete that one first"
                raise GatewayError("CAPABILITY_CONFLICT", message, {"template_id": template_id})
            row["capabilities"].append(each)
            return row

        return models.capability(await self._change(template_id, apply), each)

    async def delete_capability(self, template_id: str, capability_id: str) -> None:
        await self._remove(template_id, "capabilities", capability_id, "CAPABILITY_NOT_FOUND", "Capability")

    # -- startup files -----------------------------------------------------------------------------------

    async def add_startup_file(self, template_id: str, path: str, order_index: int, mode: str | None) -> models.View:
        """The path is cleaned and kept; whether it names a file is seen when a session starts."""
        details = {"template_id": template_id}
        try:
            cleaned = clean(path)
        except PathError as error:
            raise GatewayError("INVALID_PATH", _path_message(path, error), details) from error
        wanted = (mode or MODE).strip().lower() or MODE
        if wanted != MODE:
            raise GatewayError(
                "STARTUP_MODE_UNSUPPORTED",
                f"Startup mode {str(mode)[:64]!r} is not supported: use {MODE!r}",
                details
                | {
                    "requested_mode": wanted,
                    "supported_modes": [MODE],
                    "migration_option": f"send mode {MODE!r} or leave it out: the file then runs as a script",
                },
            )
        each = {"id": uuid7(), "path": cleaned, "order_index": order_index, "mode": MODE}

        def apply(row: Document) -> Document:
            if any(other["path"] == cleaned for other in row["startup_files"]):
                message = f"The template has a startup file {cleaned!r} already: delete that one first"
                raise GatewayError("STARTUP_FILE_CONFLICT", message, details)
            row["startup_files"].append(each)
            return row

        return models.startup_file(await self._change(template_id, apply), each)

    async def delete_startup_file(self, template_id: str, startup_file_id: str) -> None:
        await self._remove(template_id, "startup_files", startup_file_id, "STARTUP_FILE_NOT_FOUND", "Startup file")

    # -- inside ------------------------------------------------------------------------------------------

    async def _change(self, template_id: str, apply: Callable[[Document], Document]) -> Document:
        def stamped(row: Document) -> Document:
            return {**apply(row), "updated_at": timestamp()}

        try:
            return await self._store.call(self._store.ledger.change_template, template_id, stamped)
        except NotFound as error:
            raise template_not_found(template_id) from error

    async def _remove(self, template_id: str, field: str, id_: str, code: str, noun: str) -> None:
        def apply(row: Document) -> Document:
            kept = [each for each in row[field] if each["id"] != id_]
            if len(kept) == len(row[field]):
                raise GatewayError(code, f"{noun} not found", {"template_id": template_id})
            return {**row, field: kept}

        await self._change(template_id, apply)


def _with_name(row: Document, field: str, name: str) -> Document:
    return row if name in row[field] else {**row, field: [*row[field], name]}


def _without_name(row: Document, field: str, name: str) -> Document:
    return {**row, field: [each for each in row[field] if each != name]}


def _refuse_fixed(template_id: str, verb: str) -> None:
    if template_id in FIXED:
        message = f"The template {FIXED[template_id]!r} always exists and cannot be {verb}: create one of your own"
        raise GatewayError("TEMPLATE_PROTECTED", message, {"template_id": template_id})


def _name_conflict(name: str, template_id: str | None = None) -> GatewayError:
    details = {"template_id": template_id} if template_id else {}
    return GatewayError("TEMPLATE_NAME_CONFLICT", f"A template named {name[:100]!r} exists: choose another", details)


def _path_message(path: str, error: PathError) -> str:
    shown = path[:200].encode("unicode_escape").decode("ascii")
    return f"Path escapes allowed worktree, or is no path of a file in it: '{shown}' ({error})"
