"""Owns the commands about executions; refuses to know how JavaScript runs: its errors are answers here, exit code 0."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from ..client import Client
from ..shapes import Event, Execution
from .command import Argument, Command, Refused, Report
from .output import clock, compact, cut, fields, seconds, table
from .sessions import ID as SESSION_ID
from .templates import parse_json

ID = Argument("execution_id", "execution id", {"metavar": "ID"})


def repl(client: Client, arguments: Namespace) -> Report:
    return _report(client, arguments, client.repl(arguments.session_id, _code(arguments.code)), result=True)


def _code(text: str) -> str:
    if text != "-":
        return text
    if sys.stdin.isatty():
        print("JavaScript, then Ctrl-D:", file=sys.stderr)
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace")


def run_file(client: Client, arguments: Namespace) -> Report:
    args, env = _object("--args", arguments.args), _object("--env", arguments.env)
    return _report(client, arguments, client.run_file(arguments.session_id, arguments.path, args, env), result=False)


def _object(option: str, text: str) -> dict[str, Any]:
    value = parse_json(option, text)
    if not isinstance(value, dict):
        raise Refused(f"{option} is no JSON object: write one, like '{{\"a\":1}}'")
    return value


def _report(client: Client, arguments: Namespace, execution: Execution, result: bool) -> Report:
    if arguments.json:
        return Report({**execution, "events": client.events(execution["id"])}, ())
    return Report(execution, _lines(client, execution, result))


def _lines(client: Client, execution: Execution, result: bool) -> Iterator[str]:
    """The record is shown before the events are asked for: it must not get lost with them."""
    yield from fields(
        {
            "Execution ID": execution["id"],
            "Status": execution["status"],
            "Result": execution.get("result") if result else None,
            "Error": execution.get("error"),
        }
    )
    events = client.events(execution["id"])
    if events:
        yield ""
        yield "Events:"
        yield from (describe_event(event) for event in events)


def describe_event(event: Event) -> str:
    return f"[{event['seq']}] {event['type']}: {compact(event['payload'])}"


def list_all(client: Client, arguments: Namespace) -> Report:
    found = client.executions(arguments.session_id, arguments.limit)
    rows = [(e["id"], e["kind"], e["status"], seconds(e["started_at"])) for e in found]
    return Report(found, table(("Execution ID", "Kind", "Status", "Started"), rows, "No executions found"))


def get(client: Client, arguments: Namespace) -> Report:
    execution = client.execution(arguments.execution_id)
    return Report(
        execution,
        fields(
            {
                "Execution ID": execution["id"],
                "Session ID": execution["session_id"],
                "Kind": execution["kind"],
                "Status": execution["status"],
                "Started": execution["started_at"],
                "Ended": execution.get("ended_at"),
                "Input": execution.get("input"),
                "Path": execution.get("path"),
                "Args": execution.get("args") or None,
                "Env": execution.get("env") or None,
                "Result": execution.get("result"),
                "Error": execution.get("error"),
                "Metrics": execution.get("metrics") or None,
            }
        ),
    )


def events(client: Client, arguments: Namespace) -> Report:
    found = client.events(arguments.execution_id, arguments.after_seq)
    rows = [
        (str(event["seq"]), clock(event["ts"]), event["type"], cut(compact(event["payload"]), 50)) for event in found
    ]
    return Report(found, table(("Seq", "Timestamp", "Type", "Payload"), rows, "No events found"))


def cancel(client: Client, arguments: Namespace) -> Report:
    execution = client.cancel(arguments.execution_id)
    return Report(execution, fields({"Cancelled execution": execution["id"], "Status": execution["status"]}))


COMMANDS = (
    Command(
        ("exec", "repl"),
        "run JavaScript in a session and show what came of it",
        "`Execution ID:`, `Status:`, `Result: JSON` or `Error: JSON`, then `Events:` and `[SEQ] TYPE: JSON` for each",
        repl,
        (
            SESSION_ID,
            Argument(
                "code",
                "JavaScript; - reads it from standard input. After -- it may begin with a dash",
                {"metavar": "CODE"},
            ),
        ),
    ),
    Command(
        ("exec", "run-file"),
        "run a file of the session's worktree",
        "the same without the `Result:` line",
        run_file,
        (
            SESSION_ID,
            Argument("path", "path inside the worktree", {"metavar": "PATH"}),
            Argument("--args", "JSON object, the global __ARGS__ of the run (default {})", {"default": "{}"}),
            Argument("--env", "JSON object, recorded with the run (default {})", {"default": "{}"}),
        ),
    ),
    Command(
        ("exec", "list"),
        "list the executions of a session, newest first",
        "a table of Execution ID, Kind, Status, Started, or `No executions found`",
        list_all,
        (SESSION_ID, Argument("--limit", "at most so many (default 50)", {"type": int, "default": 50, "metavar": "N"})),
    ),
    Command(
        ("exec", "get"),
        "show the record of one execution",
        "one field per line, those that it has",
        get,
        (ID,),
    ),
    Command(
        ("exec", "events"),
        "show what an execution printed and returned",
        "a table of Seq, Timestamp (time of day, UTC), Type, Payload (cut at 50 characters), or `No events found`",
        events,
        (ID, Argument("--after-seq", "only later ones (default 0)", {"type": int, "default": 0, "metavar": "N"})),
    ),
    Command(
        ("exec", "cancel"),
        "stop a running execution; the session keeps its variables where the engine can",
        "`Cancelled execution: ID`, `Status:`",
        cancel,
        (ID,),
    ),
)
