"""Owns the run of one command: exit codes, where answers and errors go; refuses to know what commands there are."""

from __future__ import annotations

import os
import re
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence

from vm_kernel import __version__

from ..client import ApiError, Client
from .command import Refused, Report
from .output import indented, plain
from .parser import parse

#: What lists the ids of which kind.
SHOWN_BY = {
    "template": "`vm-gateway template list`",
    "session": "`vm-gateway session list`",
    "execution": "`vm-gateway exec list SESSION`",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `vm-gateway ARGV`; returns the exit code. argv: None takes the process's own."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments, rest = parse(words)
    try:
        if arguments.command.run is None:
            return serve(arguments, rest)
        return ask(arguments, words)
    except ApiError as error:
        explain(error, words)
    except Refused as error:
        print(f"vm-gateway: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        if arguments.command.words in (("exec", "repl"), ("exec", "run-file")):
            print(
                "vm-gateway: no longer waiting, but the execution goes on. Its id is in "
                f"`vm-gateway exec list {plain(arguments.session_id)}`; `vm-gateway exec cancel` stops it",
                file=sys.stderr,
            )
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader has enough (`| head`); nothing more must be written when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return 1


def ask(arguments: Namespace, words: Sequence[str]) -> int:
    """Runs a command against the gateway and prints what it reports."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # an old locale must not break it
    command = arguments.command
    client = Client(arguments.server_url, timeout_s=arguments.timeout_s, agent=f"vm-gateway-cli/{__version__}")
    with client:
        report: Report = command.run(client, arguments)
        if arguments.json:
            print(indented(report.data))
        else:
            for line in report.lines:
                print(line)
    sys.stdout.flush()
    return report.code


def serve(arguments: Namespace, rest: list[str]) -> int:
    """Hands its options and those of the configuration to the server."""
    from ..server.serve import main as run_server

    options = {
        "--ledger": arguments.ledger,
        "--listen": arguments.listen,
        "--config": arguments.config,
        "--log-level": arguments.log_level and arguments.log_level.lower(),
    }
    given = [part for name, value in options.items() if value is not None for part in (name, value)]
    return run_server([*given, *rest])


def explain(error: ApiError, words: Sequence[str]) -> None:
    """The error as scripts look for it, then what the user did not know yet: other ids, the request's own id."""
    print(plain(str(error)), file=sys.stderr)
    if no_id := re.match(r"(template|session|execution)_id must be a valid UUID", error.message):
        print(f"  {SHOWN_BY[no_id[1]]} shows the ids", file=sys.stderr)
    for name, value in error.details.items():
        if value not in words:
            print(f"  {plain(name)}: {plain(str(value))}", file=sys.stderr)
    if error.status >= 500 and error.request_id:
        print(f"  request_id: {plain(error.request_id)} (in the gateway's log)", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
