"""Owns the commands about templates; refuses to know which settings, modules or modes are allowed."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator
from typing import Any

from ..client import Client
from ..shapes import TemplateDetail
from .command import Argument, Command, Refused, Report, required
from .output import compact, cut, fields, plain, table

ID = Argument("template_id", "template id", {"metavar": "ID"})
#: Keys of a template that are not settings.
OWN_KEYS = ("name", "description", "is_active")


def parse_settings(assignments: list[str]) -> dict[str, Any]:
    """`["limits.wall_ms=1000", "name=x"]` as the body of a PATCH; values are JSON, or text where they are none.

    Raises: Refused.
    """
    changes: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            raise Refused(f"{assignment!r} sets nothing: write KEY=VALUE, like limits.wall_ms=1000")
        try:
            value = text if key in ("name", "description") else json.loads(text)
        except (ValueError, RecursionError):
            value = text
        group, dot, name = key.partition(".")
        if key in OWN_KEYS:
            changes[key] = value
        elif dot and group and name:
            changes.setdefault("settings", {}).setdefault(group, {})[name] = value
        else:
            raise Refused(
                f"{key!r} is no key of a template: write {', '.join(OWN_KEYS)}, or a setting with its group, like "
                "limits.wall_ms, resolver.roots, runtime.console or session.idle_timeout_s"
            )
    return changes


def parse_json(option: str, text: str) -> Any:
    """Raises: Refused."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{option} is no JSON ({error}): quote it for the shell, like '{{\"a\":1}}'") from None


def truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def create(client: Client, arguments: Namespace) -> Report:
    changes = parse_settings(arguments.set)
    if set(changes) - {"settings"}:
        raise Refused("--set takes settings only, like limits.wall_ms=1000: the name has --name")
    template = client.create_template(arguments.name, arguments.engine, changes.get("settings"))
    return Report(template, [f"Created template: {plain(template['name'])} (ID: {template['id']})"])


def list_all(client: Client, _: Namespace) -> Report:
    templates = client.templates()
    rows = [(t["id"], t["name"], t["engine"], "yes" if t["is_active"] else "no") for t in templates]
    return Report(templates, table(("ID", "Name", "Engine", "Active"), rows, "No templates found"))


def get(client: Client, arguments: Namespace) -> Report:
    detail = client.template(arguments.template_id)
    return Report(detail, describe(detail))


def describe(detail: TemplateDetail) -> Iterator[str]:
    template = detail["template"]
    yield from fields(
        {
            "Template": template["name"],
            "ID": template["id"],
            "Engine": template["engine"],
            "Active": template["is_active"],
            "Created": template["created_at"],
            "Updated": template["updated_at"],
        }
    )
    settings = {name: value for name, value in detail.get("settings", {}).items() if name != "vm_id"}
    yield from _section("Settings:", [f"{name.capitalize()}: {compact(value)}" for name, value in settings.items()])
    capabilities = []
    for item in detail["capabilities"] or []:
        state = "enabled" if item["enabled"] else "disabled"
        capabilities.append(
            f"[{state}] {plain(item['kind'])}:{plain(item['name'])} (config: {compact(item['config'])})"
        )
        if item["enabled"] and item.get("reason"):
            capabilities.append(f"  no effect: {plain(item['reason'])}")
    yield from _section("Capabilities:", capabilities)
    startup = [f"[{f['order_index']}] {plain(f['path'])} (mode: {f['mode']})" for f in detail["startup_files"] or []]
    yield from _section("Startup Files:", startup)
    yield from _section("Exposed Modules:", [f"- {plain(name)}" for name in template["exposed_modules"] or []])
    yield from _section("Loaded Libraries:", [f"- {plain(name)}" for name in template["libraries"] or []])


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from (f"  {line}" for line in lines)


def change(client: Client, arguments: Namespace) -> Report:
    detail = client.change_template(arguments.template_id, parse_settings(arguments.assignments))
    template = detail.get("template", detail)
    return Report(detail, [f"Updated template: {plain(template['name'])} (ID: {template['id']})"])


def delete(client: Client, arguments: Namespace) -> Report:
    client.delete_template(arguments.template_id)
    return Report({"status": "ok"}, [f"Deleted template: {plain(arguments.template_id)}"])


def add_capability(client: Client, arguments: Namespace) -> Report:
    config = parse_json("--config", arguments.config)
    added = client.add_capability(arguments.template_id, arguments.kind, arguments.name, config, arguments.enabled)
    what = f"{plain(added['kind'])}:{plain(added['name'])}"
    return Report(added, [f"Added capability: {what} to template {plain(arguments.template_id)}"])


def list_capabilities(client: Client, arguments: Namespace) -> Report:
    found = client.capabilities(arguments.template_id)
    rows = [
        (item["kind"], item["name"], "yes" if item["enabled"] else "no", cut(compact(item["config"]), 30))
        for item in found
    ]
    return Report(found, table(("Kind", "Name", "Enabled", "Config"), rows, "No capabilities found"))


def remove_capability(client: Client, arguments: Namespace) -> Report:
    what = f"{plain(arguments.kind)}:{plain(arguments.name)}"
    for item in client.capabilities(arguments.template_id):
        if (item["kind"], item["name"]) == (arguments.kind, arguments.name):
            client.remove_capability(arguments.template_id, item["id"])
            return Report(item, [f"Removed capability: {what} from template {plain(arguments.template_id)}"])
    raise Refused(f"the template has no capability {what}: see `vm-gateway template list-capabilities`")


def add_startup(client: Client, arguments: Namespace) -> Report:
    mode = arguments.mode.strip().lower() or "eval"
    if mode != "eval":
        raise Refused(f"unsupported startup mode {arguments.mode!r}: only eval is supported")
    added = client.add_startup_file(arguments.template_id, arguments.path, arguments.order, mode)
    where = f"(order: {added['order_index']}) to template {plain(arguments.template_id)}"
    return Report(added, [f"Added startup file: {plain(added['path'])} {where}"])


def list_startup(client: Client, arguments: Namespace) -> Report:
    found = client.startup_files(arguments.template_id)
    rows = [(str(item["order_index"]), item["mode"], item["path"]) for item in found]
    return Report(found, table(("Order", "Mode", "Path"), rows, "No startup files found"))


def remove_startup(client: Client, arguments: Namespace) -> Report:
    for item in client.startup_files(arguments.template_id):
        if item["path"] == arguments.path:
            client.remove_startup_file(arguments.template_id, item["id"])
            where = f"from template {plain(arguments.template_id)}"
            return Report(item, [f"Removed startup file: {plain(arguments.path)} {where}"])
    raise Refused(f"the template has no startup file {plain(arguments.path)}: see `vm-gateway template list-startup`")


SETTING = "KEY=VALUE, VALUE as JSON: limits.wall_ms=1000, resolver.roots='[\"lib\"]', runtime.console=false"
NEW_SESSIONS = "new sessions; running ones keep theirs"
KIND = Argument("--kind", "module (default), global, fs, net or env", {"default": "module"})
COMMANDS = (
    Command(
        ("template", "create"),
        "store a new template",
        "`Created template: NAME (ID: UUID)`",
        create,
        (
            required("--name", "its name, unique"),
            Argument("--engine", "engine (default: the gateway's own, v8)"),
            Argument(
                "--set",
                f"a setting, again for more: {SETTING}",
                {"action": "append", "default": [], "metavar": "KEY=VALUE"},
            ),
        ),
    ),
    Command(
        ("template", "list"),
        "list the templates, newest first",
        "a table of ID, Name, Engine, Active (yes or no), or `No templates found`",
        list_all,
    ),
    Command(
        ("template", "get"),
        "show one template with all that belongs to it",
        "`Template:`, `ID:`, `Engine:`, `Active:`, `Created:`, `Updated:`, then the sections `Settings:`, "
        "`Capabilities:`, `Startup Files:`, `Exposed Modules:`, `Loaded Libraries:`, each only if there is any",
        get,
        (ID,),
    ),
    Command(
        ("template", "set"),
        f"change a template for {NEW_SESSIONS}",
        "`Updated template: NAME (ID: UUID)`",
        change,
        (
            ID,
            Argument(
                "assignments",
                f"{SETTING}; also name=, description=, is_active=. Limits: 0 switches one off",
                {"nargs": "+", "metavar": "KEY=VALUE"},
            ),
        ),
    ),
    Command(
        ("template", "delete"),
        "delete a template; its sessions and their history stay",
        "`Deleted template: ID`",
        delete,
        (ID,),
    ),
    Command(
        ("template", "add-capability"),
        f"grant something to {NEW_SESSIONS}",
        "`Added capability: KIND:NAME to template ID`",
        add_capability,
        (
            ID,
            KIND,
            required("--name", "name of the module, global or variable, or a label"),
            Argument("--config", "JSON (default {})", {"default": "{}"}),
            Argument(
                "--enabled",
                "true (default) or false",
                {"type": truth, "default": True, "nargs": "?", "const": True, "metavar": "BOOL"},
            ),
        ),
    ),
    Command(
        ("template", "list-capabilities"),
        "list the capabilities of a template",
        "a table of Kind, Name, Enabled, Config (cut at 30 characters), or `No capabilities found`",
        list_capabilities,
        (ID,),
    ),
    Command(
        ("template", "remove-capability"),
        "take a capability away",
        "`Removed capability: KIND:NAME from template ID`",
        remove_capability,
        (ID, KIND, required("--name", "its name")),
    ),
    Command(
        ("template", "add-startup"),
        "add a file that runs at the start of each new session",
        "`Added startup file: PATH (order: N) to template ID`",
        add_startup,
        (
            ID,
            required("--path", "path inside the worktree"),
            Argument("--mode", "how it runs: eval", {"default": "eval"}),
            Argument("--order", "lower ones run first (default 10)", {"type": int, "default": 10, "metavar": "N"}),
        ),
    ),
    Command(
        ("template", "list-startup"),
        "list the startup files in the order in which they run",
        "a table of Order, Mode, Path, or `No startup files found`",
        list_startup,
        (ID,),
    ),
    Command(
        ("template", "remove-startup"),
        "take a startup file away",
        "`Removed startup file: PATH from template ID`",
        remove_startup,
        (ID, required("--path", "its path as listed")),
    ),
)
