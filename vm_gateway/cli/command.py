"""Owns what a command is: its words, its arguments, what it prints; refuses to know any one of them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..client import Client


class Refused(Exception):
    """An argument that cannot be meant; the text says what would be right. Exit code 1, nothing was sent."""


@dataclass(frozen=True)
class Report:
    """What a command has to say: `data` for --json, `lines` for people and for scripts that read lines.

    code: the exit code.
    """

    data: Any
    lines: Iterable[str]
    code: int = 0


@dataclass(frozen=True)
class Argument:
    """One argument as argparse takes it: `names` starts with dashes for an option."""

    name: str
    help: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Command:
    """One row of the table from which parser, help and docs/cli.md are made.

    words: `("template", "create")`. prints: the answer in a sentence or its line, for the documentation. run: gets a
    client, which connects when it is used, and the parsed arguments; may raise ApiError and Refused.
    """

    words: tuple[str, ...]
    summary: str
    prints: str
    run: Callable[[Client, Namespace], Report] | None
    arguments: tuple[Argument, ...] = ()


def required(name: str, help: str, **options: Any) -> Argument:
    return Argument(name, help, {"required": True, **options})
