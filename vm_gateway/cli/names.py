"""Owns the commands about the modules and libraries that a template names, and their catalogues; refuses to know what
they do in a session."""

from __future__ import annotations

from argparse import Namespace

from .. import catalogue
from ..client import Client
from .command import Command, Report, required
from .output import indented, plain
from .templates import ID, NEW_SESSIONS


def _commands(noun: str, nouns: str) -> tuple[Command, ...]:
    """The same three for modules and for libraries."""

    def add(client: Client, arguments: Namespace) -> Report:
        getattr(client, f"add_{noun}")(arguments.template_id, arguments.name)
        return _done("Added", "to", arguments)

    def remove(client: Client, arguments: Namespace) -> Report:
        getattr(client, f"remove_{noun}")(arguments.template_id, arguments.name)
        return _done("Removed", "from", arguments)

    def _done(verb: str, preposition: str, arguments: Namespace) -> Report:
        name, template_id = plain(arguments.name), plain(arguments.template_id)
        return Report(
            {"template_id": arguments.template_id, "name": arguments.name},
            [f"{verb} {noun}: {name} {preposition} template {template_id}"],
        )

    def list_all(client: Client, arguments: Namespace) -> Report:
        names = getattr(client, nouns)(arguments.template_id)
        return Report(names, [plain(name) for name in names] or [f"No {nouns} configured"])

    name = required("--name", f"name of the {noun}, as `template list-available-{nouns}` shows it")
    return (
        Command(
            ("template", f"add-{noun}"),
            f"give a {noun} to {NEW_SESSIONS}",
            f"`Added {noun}: NAME to template ID`",
            add,
            (ID, name),
        ),
        Command(
            ("template", f"remove-{noun}"),
            f"take a {noun} away",
            f"`Removed {noun}: NAME from template ID`",
            remove,
            (ID, name),
        ),
        Command(
            ("template", f"list-{nouns}"),
            f"list the {nouns} of a template",
            f"one per line, or `No {nouns} configured`",
            list_all,
            (ID,),
        ),
    )


def available_modules(_: Client, __: Namespace) -> Report:
    return Report(list(catalogue.MODULES), [indented(list(catalogue.MODULES))])


def available_libraries(_: Client, __: Namespace) -> Report:
    return Report(list(catalogue.LIBRARIES), [indented(list(catalogue.LIBRARIES))])


COMMANDS = (
    *_commands("module", "modules"),
    *_commands("library", "libraries"),
    Command(
        ("template", "list-available-modules"),
        "show the modules that a template may name; needs no gateway",
        "the catalogue as indented JSON",
        available_modules,
    ),
    Command(
        ("template", "list-available-libraries"),
        "show the libraries that a template may name; needs no gateway",
        "the catalogue as indented JSON",
        available_libraries,
    ),
)
