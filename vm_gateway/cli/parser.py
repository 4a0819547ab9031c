"""Owns the table of all commands and the parser made from it; refuses to know what any of them does."""

from __future__ import annotations

import argparse

from vm_kernel import __version__

from ..remote import DEFAULT_URL
from . import executions, kernelspecs, names, operations, recordings, sessions, templates
from .command import Argument, Command

COMMANDS: tuple[Command, ...] = (
    *operations.COMMANDS,
    *templates.COMMANDS,
    *names.COMMANDS,
    *sessions.COMMANDS,
    *recordings.COMMANDS,
    *executions.COMMANDS,
    *kernelspecs.COMMANDS,
)
GROUPS = {
    "template": "stored runtime profiles: limits, startup files, modules, libraries, capabilities",
    "session": "running JavaScript sessions, each tied to a worktree",
    "exec": "run JavaScript in a session, and what was recorded of it",
    "ops": "the gateway itself",
    "kernelspec": "recorded kernels for Jupyter; needs no gateway",
}
#: Before or after the words of any command.
EVERYWHERE = (
    Argument(
        "--server-url",
        f"the gateway (default $VM_GATEWAY_URL, else {DEFAULT_URL}); its token is $VM_GATEWAY_TOKEN, else in the "
        "file that your own gateway wrote",
        {"metavar": "URL"},
    ),
    Argument(
        "--timeout-s",
        "seconds to wait for an answer (default 30; without an end where JavaScript runs: its limits end it)",
        {"type": float, "metavar": "S"},
    ),
    Argument("--json", "print the answer as JSON", {"action": "store_true"}),
    Argument("--ledger", "serve and kernelspec: the file that keeps everything; --db is the same", {"metavar": "FILE"}),
    Argument("--log-level", "serve only: debug, info (default), warning or error", {"metavar": "LEVEL"}),
)
ALSO = {"--ledger": ("--db",)}
EPILOG = (
    "exit code: 0 done (a JavaScript error is a result), 1 refused or unreachable, 2 wrong words, 3 a replay differs, "
    "4 a restored session lacks something, 130 interrupted"
)


def _everywhere() -> argparse.ArgumentParser:
    """Options without defaults, so that one given before the words is not undone by the parser of the words."""
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("everywhere")
    for option in EVERYWHERE:
        names = (option.name, *ALSO.get(option.name, ()))
        group.add_argument(*names, help=option.help, default=argparse.SUPPRESS, **option.options)
    return parser


def build() -> argparse.ArgumentParser:
    """The parser of all commands; a parsed command is in `command`, and `parser` is the one that knows its words."""
    common = [_everywhere()]
    top = argparse.ArgumentParser(
        prog="vm-gateway",
        description="Templates, sessions and executions of JavaScript, kept and served.",
        epilog=EPILOG,
        parents=common,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"vm-gateway {__version__}")
    words = top.add_subparsers(required=True, metavar="COMMAND", dest="word")
    groups = {}
    for command in COMMANDS:
        place = words
        if len(command.words) == 2:
            name = command.words[0]
            if name not in groups:
                group = words.add_parser(
                    name, help=GROUPS[name], description=GROUPS[name], parents=common, allow_abbrev=False
                )
                groups[name] = group.add_subparsers(required=True, metavar="COMMAND", dest="second_word")
            place = groups[name]
        parser = place.add_parser(
            command.words[-1],
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog=f"prints: {command.prints.replace('`', '')}",
            parents=common,
            allow_abbrev=False,
        )
        for argument in command.arguments:
            parser.add_argument(argument.name, help=argument.help, **argument.options)
        parser.set_defaults(command=command, parser=parser)
    return top


def parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The command with its arguments, and what is left over for the configuration of `serve`.

    Exits with 2 and a sentence when the words are wrong, with 0 after --help and --version.
    """
    given = argparse.Namespace(server_url=None, timeout_s=None, json=False, ledger=None, log_level=None)
    arguments, rest = build().parse_known_args(argv, given)
    if rest and arguments.command.words != ("serve",):
        hint = "; code that begins with a dash comes after --" if arguments.command.words == ("exec", "repl") else ""
        arguments.parser.error(f"unknown: {' '.join(rest)}{hint}")
    if arguments.timeout_s is not None and not 0 < arguments.timeout_s < 1e9:
        arguments.parser.error("--timeout-s must be more than 0")
    return arguments, rest
