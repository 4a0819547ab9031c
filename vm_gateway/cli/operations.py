"""Owns the commands about a gateway itself, its start among them; refuses to know how it serves."""

from __future__ import annotations

from argparse import Namespace

from ..client import Client
from .command import Argument, Command, Report
from .output import indented


def health(client: Client, _: Namespace) -> Report:
    answer = client.health()
    return Report(answer, [indented(answer)])


def summary(client: Client, _: Namespace) -> Report:
    answer = client.summary()
    return Report(answer, [indented(answer)])


#: `run` is None: it is no REST client. Its arguments go on to the server, options of its configuration among them.
SERVE = Command(
    ("serve",),
    "run the gateway until it is interrupted",
    "`vm-gateway is ready at URL` once it answers; its log goes to standard error. Options of the configuration are "
    "taken as `--VmGateway.max_sessions=8`; `vm-gateway serve --help-all` lists them",
    None,
    (
        Argument("--listen", "where (default 127.0.0.1:3210; port 0 takes a free one)", {"metavar": "HOST:PORT"}),
        Argument("--config", "a configuration file (default vm_gateway_config.py)", {"metavar": "FILE"}),
    ),
)
COMMANDS = (
    SERVE,
    Command(("ops", "health"), "ask whether the gateway answers", "the answer as indented JSON", health),
    Command(
        ("ops", "runtime-summary"),
        "count what the gateway holds",
        "the answer as indented JSON: `active_sessions`, `active_session_ids`, counters",
        summary,
    ),
)
