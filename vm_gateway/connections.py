"""Owns what a program on this machine is told so that it can speak to a session's kernel; refuses to connect itself."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from .errors import GatewayError, session_not_ready

#: Of a connection file; whatever else somebody put into it stays there.
FIELDS = (
    "transport",
    "ip",
    "shell_port",
    "control_port",
    "iopub_port",
    "stdin_port",
    "hb_port",
    "key",
    "signature_scheme",
    "kernel_name",
    "curve_publickey",
)


def check_local(host: str | None) -> None:
    """Whether the caller is on this machine: nobody else reaches those sockets. Raises: FORBIDDEN_HOST."""
    try:
        local = host is not None and ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        local = False
    if not local:
        message = "A connection is told to programs on this machine only: ask over its loopback address"
        raise GatewayError("FORBIDDEN_HOST", message)


def told(session_id: str, connection_file: str) -> dict[str, Any]:
    """The file and what is in it. Raises: SESSION_NOT_READY when it is gone."""
    try:
        with open(connection_file, encoding="utf-8") as file:
            found = json.load(file)
        fields = {name: found[name] for name in FIELDS if name in found}
    except (OSError, ValueError, TypeError) as error:
        raise session_not_ready(session_id, "out of reach", f"its connection file cannot be read: {error}") from None
    return {"session_id": session_id, "connection_file": connection_file, **fields}
