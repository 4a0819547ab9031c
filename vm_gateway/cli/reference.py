"""Owns docs/cli.md, made from the table of commands; refuses to know anything that the table does not say.

Usage: python -m vm_gateway.cli.reference > docs/cli.md
"""

from __future__ import annotations

from collections.abc import Iterator

from .command import Argument, Command
from .parser import ALSO, COMMANDS, EPILOG, EVERYWHERE, GROUPS


def usage(argument: Argument) -> str:
    """The argument as it is written on a command line."""
    value = argument.options.get("metavar") or argument.name.lstrip("-").replace("-", "_").upper()
    if not argument.name.startswith("-"):
        return f"{value}..." if argument.options.get("nargs") == "+" else value
    if argument.options.get("action") == "store_true":
        return f"[{argument.name}]"
    text = f"{argument.name} {value}"
    return text if argument.options.get("required") else f"[{text}]"


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("__", "\\_\\_")


def rows(arguments: tuple[Argument, ...]) -> Iterator[str]:
    yield ""
    yield "| argument | |"
    yield "| --- | --- |"
    for argument in arguments:
        named = [argument.name, *ALSO.get(argument.name, ())]
        if not argument.name.startswith("-"):
            named = [str(argument.options.get("metavar", argument.name))]
        yield f"| {', '.join(f'`{name}`' for name in named)} | {cell(argument.help)} |"


def section(command: Command) -> Iterator[str]:
    yield ""
    yield f"### {' '.join(command.words)}"
    yield ""
    yield f"    {' '.join(('vm-gateway', *command.words, *(usage(argument) for argument in command.arguments)))}"
    yield ""
    yield f"{command.summary[0].upper()}{command.summary[1:]}. Prints {command.prints}."
    if command.arguments:
        yield from rows(command.arguments)


def document() -> str:
    """The whole page as Markdown."""
    lines = [
        "# Command line",
        "",
        "Made from the table of commands by `python -m vm_gateway.cli.reference > docs/cli.md`; a test holds the two",
        "together. `vm-gateway COMMAND --help` says the same.",
        "",
        f"{EPILOG[0].upper()}{EPILOG[1:]}.",
        "",
        "An error of the gateway is one line on standard error, `api error (status=422, code=MODULE_NOT_ALLOWED):",
        "message`, with what else it says below: the id of an execution that broke a limit, of a session that did not",
        "start.",
        "",
        "One value is one line: line breaks and control characters in it are written as escapes.",
        "",
        "## Before or after every command",
        *rows(EVERYWHERE),
    ]
    titles = {"serve": "the one command that is no client", **GROUPS}
    for name, title in titles.items():
        lines += ["", f"## {name}", "", f"{title[0].upper()}{title[1:]}."]
        for command in COMMANDS:
            if command.words[0] == name:
                lines += section(command)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(document(), end="")
