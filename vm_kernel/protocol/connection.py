"""Owns the reading of a Jupyter connection file; refuses to open any socket."""

from __future__ import annotations

import json
from dataclasses import dataclass

#: A CurveZMQ key of 32 bytes, in Z85.
CURVE_KEY_LENGTH = 40


class ConnectionFileError(Exception):
    """The connection file cannot be used; the text says which part and what is expected."""


@dataclass(frozen=True)
class Connection:
    """Where to bind and with which key. `transport` is `tcp` or `ipc`; with ipc, `ip` is the start of a path.

    curve_publickey, curve_secretkey: the CurveZMQ pair for encrypted sockets, empty for none (Z85 text).
    """

    transport: str
    ip: str
    shell_port: int
    control_port: int
    stdin_port: int
    iopub_port: int
    hb_port: int
    key: bytes
    curve_publickey: bytes = b""
    curve_secretkey: bytes = b""

    def endpoint(self, port: int) -> str:
        return f"tcp://{self.ip}:{port}" if self.transport == "tcp" else f"ipc://{self.ip}-{port}"


def read_connection(path: str) -> Connection:
    """The connection in the file at `path`; ConnectionFileError when it is missing or not understood."""
    try:
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
    except OSError as error:
        raise ConnectionFileError(f"cannot read the connection file {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ConnectionFileError(f"the connection file {path} is not JSON") from None
    if not isinstance(fields, dict):
        raise ConnectionFileError(f"the connection file {path} is not a JSON object")

    def text(name: str, default: str) -> str:
        value = fields.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise ConnectionFileError(f"{name} in the connection file {path} must be text")
        return value

    def port(name: str) -> int:
        value = fields.get(name)
        if type(value) is not int or not 1 <= value <= 65535:
            raise ConnectionFileError(f"{name} in the connection file {path} must be a port number")
        return value

    curve = (text("curve_publickey", ""), text("curve_secretkey", ""))
    if any(curve) and not all(len(each) == CURVE_KEY_LENGTH and each.isascii() for each in curve):
        raise ConnectionFileError(
            f"curve_publickey and curve_secretkey in the connection file {path} must have {CURVE_KEY_LENGTH} characters"
        )
    transport = text("transport", "tcp")
    if transport not in ("tcp", "ipc"):
        raise ConnectionFileError(f"transport {transport!r} is not supported; use tcp or ipc")
    scheme = text("signature_scheme", "hmac-sha256")
    if scheme != "hmac-sha256" and text("key", ""):
        raise ConnectionFileError(f"signature scheme {scheme!r} is not supported; use hmac-sha256")
    if not isinstance(fields.get("key"), str):
        raise ConnectionFileError(f"the connection file {path} has no key; an empty one allows unsigned messages")
    return Connection(
        transport=transport,
        ip=text("ip", "127.0.0.1" if transport == "tcp" else "kernel-ipc"),
        shell_port=port("shell_port"),
        control_port=port("control_port"),
        stdin_port=port("stdin_port"),
        iopub_port=port("iopub_port"),
        hb_port=port("hb_port"),
        key=text("key", "").encode(),
        curve_publickey=curve[0].encode(),
        curve_secretkey=curve[1].encode(),
    )
