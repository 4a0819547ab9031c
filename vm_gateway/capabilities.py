"""Owns what a capability may look like and whether it has effect; refuses to put any into effect.

Source: contract 18.2. The config is any JSON and kept as sent; only one of the right form has effect.
"""

from __future__ import annotations

import re
from typing import Any

from . import catalogue

KINDS = ("module", "global", "env", "fs", "net")
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{{1,5}})?")
#: Words of JavaScript that cannot be the name of a global.
_RESERVED = re.compile(
    "await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|export|extends|false|finally|for|"
    "function|if|import|in|instanceof|let|new|null|return|static|super|switch|this|throw|true|try|typeof|var|void|"
    "while|with|yield"
)


def shortcoming(kind: str, name: str, enabled: bool, config: Any) -> str:
    """Why a capability has no effect, as a sentence; empty when it has."""
    if not enabled:
        return "it is not enabled"
    return _CHECKS[kind](name, config)


def _module(name: str, config: Any) -> str:
    if name not in catalogue.module_names():
        return f"{name!r} is no module of the catalogue"
    return "" if config == {} else "config of a module must be {}"


def _global(name: str, config: Any) -> str:
    if not _IDENTIFIER.fullmatch(name) or _RESERVED.fullmatch(name):
        return f"{name!r} is no JavaScript identifier"
    return "" if _keys(config) == {"value"} else 'config of a global must be {"value": any JSON}'


def _env(name: str, config: Any) -> str:
    if not _VARIABLE.fullmatch(name):
        return f"{name!r} is no name of a variable"
    source = config.get("from") if _keys(config) == {"from"} else None
    if not isinstance(source, str) or not _VARIABLE.fullmatch(source):
        return 'config of an env must be {"from": "HOST_NAME"}'
    return ""


def _fs(name: str, config: Any) -> str:
    form = 'config of an fs must be {"path": "sub/tree", "mode": "ro" or "rw"}'
    if _keys(config) != {"path", "mode"} or config["mode"] not in ("ro", "rw"):
        return form
    path = config["path"]
    if not isinstance(path, str) or not path.strip():
        return form
    if path.startswith("/") or ".." in path.split("/") or any(ord(character) < 32 for character in path):
        return "path of an fs must be a folder of the worktree"
    return ""


def _net(name: str, config: Any) -> str:
    form = 'config of a net must be {"hosts": ["api.example.org"], "methods": ["GET"]}'
    if not _keys(config) <= {"hosts", "methods"} or "hosts" not in _keys(config):
        return form
    hosts, methods = config["hosts"], config.get("methods", ["GET"])
    if not isinstance(hosts, list) or not hosts or not isinstance(methods, list) or not methods:
        return form
    for host in hosts:
        if not isinstance(host, str) or not _HOST.fullmatch(host):
            return f"hosts of a net: {host!r} is no host, *.host or host:port"
    for method in methods:
        if method not in METHODS:
            return f"methods of a net: {method!r} is none of {', '.join(sorted(METHODS))}"
    return ""


def _keys(config: Any) -> set[str]:
    return set(config) if isinstance(config, dict) else set()


_CHECKS = {"module": _module, "global": _global, "env": _env, "fs": _fs, "net": _net}
