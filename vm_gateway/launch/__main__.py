"""Owns the command line of one recorded session's process; refuses to know how it is put together.

Written into a kernelspec, for Jupyter clients:
`python -m vm_gateway.launch --template NAME [--ledger FILE] [...] -f CONNECTION_FILE`, see `USAGE`.
Run by a gateway: `python -m vm_gateway.launch --plan-fd N --ready-fd M --ledger FILE -f CONNECTION_FILE`.
The engine is started as the first thing, so that V8 comes up while the ledger is imported and opened.
"""

from __future__ import annotations

import os
import sys

from vm_kernel import launch

#: Each takes a word.
FLAGS = ("--template", "--ledger", "--mem-mb", "--language", "--plan-fd", "--ready-fd", "-f", "--connection-file")
SWITCHES = ("--require-ledger",)
NUMBERS = ("--mem-mb", "--plan-fd", "--ready-fd")
USAGE = (
    "usage: python -m vm_gateway.launch --template NAME [--ledger FILE] [--mem-mb N] [--require-ledger]"
    " [--language javascript|typescript] -f CONNECTION_FILE"
)


class UsageError(Exception):
    """The command line is not understood; the text says which part."""


def main(argv: list[str]) -> int:
    """Serves the session until it ends; 0 then, 1 when it could not start, 2 for usage."""
    try:
        given = read_flags(argv)
    except UsageError as error:
        sys.stderr.write(f"{error}\n{USAGE}\n")
        return 2
    if "--plan-fd" in given:
        from .planned import serve

        return serve(int(given["--plan-fd"]), int(given["--ready-fd"]), given["--ledger"], given["-f"])
    mem_mb = int(given.get("--mem-mb", launch.MEM_MB))
    process = launch.start_engine(mem_mb)
    from .notebook import Asked, serve_notebook

    asked = Asked(
        template=given["--template"],
        connection_file=os.path.abspath(given["-f"]),
        ledger=given.get("--ledger", ""),
        require_ledger="--require-ledger" in given,
        language=given.get("--language", launch.LANGUAGES[0]),
    )
    return serve_notebook(asked, process, mem_mb)


def read_flags(argv: list[str]) -> dict[str, str]:
    """Every flag with its word: `--name word` or `--name=word`. Raises: UsageError.

    Words that are no flags are passed over: Jupyter's console programs add their own (`jupyter run script.js`).
    """
    given: dict[str, str] = {}
    words = iter(argv)
    for word in words:
        if not word.startswith("-"):
            continue
        flag, equals, value = word.partition("=")
        if flag in SWITCHES and not equals:
            given[flag] = ""
            continue
        if flag not in FLAGS:
            raise UsageError(f"{word!r} is not a flag")
        value = value if equals else next(words, "")
        if not value:
            raise UsageError(f"{flag} needs a word")
        if flag in NUMBERS and not (value.isascii() and value.isdigit()):
            raise UsageError(f"{flag} needs a whole number of 0 or more, not {value!r}")
        if flag == "--language" and value not in launch.LANGUAGES:
            raise UsageError(f"--language needs one of {', '.join(launch.LANGUAGES)}, not {value!r}")
        given["-f" if flag == "--connection-file" else flag] = value
    needed = ("--plan-fd", "--ready-fd", "--ledger", "-f") if "--plan-fd" in given else ("--template", "-f")
    missing = [flag for flag in needed if flag not in given]
    if missing:
        raise UsageError(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} needed")
    return given


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
