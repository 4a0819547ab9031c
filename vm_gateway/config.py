"""Owns what can be configured and how it is given: traits, command line, `vm_gateway_config.py`; refuses to serve."""

from __future__ import annotations

import logging
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from jupyter_core.paths import jupyter_config_path
from traitlets import Bool, Enum, Float, Integer, TraitError, Unicode, validate
from traitlets import List as ListTrait
from traitlets.config import Application
from traitlets.config.application import ClassesType
from traitlets.config.loader import ConfigError

from vm_kernel import __version__

from . import places

DEFAULT_PORT = 3210
CONFIG_FILE = "vm_gateway_config"


class ConfigurationError(Exception):
    """Something configured makes no sense; the text says what and what would."""


@dataclass(frozen=True)
class Address:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def url(self, port: int) -> str:
        return f"http://[{self.host}]:{port}" if ":" in self.host else f"http://{self.host}:{port}"


class VmGateway(Application):
    """Serves templates, sessions and executions over REST; sessions are JavaScript kernels of their own."""

    name = "vm-gateway serve"
    description = __doc__ or ""
    version = __version__
    aliases = {  # noqa: RUF012, as in all of Jupyter
        "ledger": "VmGateway.ledger",
        "db": "VmGateway.ledger",
        "listen": "VmGateway.listen",
        "config": "VmGateway.config_file",
        "log-level": "VmGateway.log_level_name",
    }
    flags = {}  # noqa: RUF012, likewise
    classes: ClassesType = []  # noqa: RUF012, likewise

    listen = Unicode(f"127.0.0.1:{DEFAULT_PORT}", config=True, help="HOST:PORT to listen on; port 0 takes a free one.")
    ledger = Unicode(
        "",
        config=True,
        help="File of the ledger; its folder must exist. Empty: $VM_GATEWAY_LEDGER, else vm-gateway.ledger in the data "
        "folder.",
    )
    config_file = Unicode("", config=True, help=f"Read instead of {CONFIG_FILE}.py in Jupyter's configuration folders.")
    log_level_name = Enum(("debug", "info", "warning", "error"), "info", config=True, help="What goes to the log.")
    json_log = Bool(False, config=True, help="Log lines as JSON objects.")
    allowed_hosts = ListTrait(Unicode(), config=True, help="Further names that requests may use in their Host header.")
    allowed_origins = ListTrait(
        Unicode(), config=True, help="Further origins of browsers' writes, like https://a.example."
    )
    worktree_roots = ListTrait(
        Unicode(), config=True, help="Folders in which worktrees of sessions must lie; empty: anywhere but the root."
    )
    max_sessions = Integer(64, min=0, config=True, help="Open sessions; 0 for no limit.")
    max_running = Integer(256, min=0, config=True, help="Executions that run at the same time; 0 for no limit.")
    max_starting = Integer(4, min=1, config=True, help="Session processes that start at the same time.")
    start_timeout_s = Float(60.0, min=0.1, config=True, help="How long a session may take to start, startup files too.")
    orphan_grace_s = Integer(600, min=0, config=True, help="How long sessions outlive a gateway that was killed.")
    max_body_bytes = Integer(
        8 << 20, min=1024, config=True, help="Largest body of a request, largest file of a run-file."
    )

    @validate("worktree_roots")
    def _absolute(self, proposal: dict[str, list[str]]) -> list[str]:
        for root in proposal["value"]:
            if not os.path.isabs(root):
                raise TraitError(f"worktree_roots: {root!r} must be an absolute path")
        return proposal["value"]

    def exit(self, exit_status: int | str | None = 0) -> NoReturn:
        """traitlets logs what is wrong and leaves; here it becomes the one sentence that it logged."""
        if exit_status and self._said.lines:
            raise ConfigurationError(self._said.lines[-1])
        sys.exit(exit_status)

    def load(self, argv: Sequence[str]) -> None:
        """Reads the command line, then the configuration file, then the command line again, which wins.

        Raises: ConfigurationError.
        """
        self._said = _Kept()
        self.log = logging.Logger("configuration", logging.WARNING)
        self.log.addHandler(self._said)
        try:
            self.parse_command_line(list(argv))
            given = self.config_file
            command_line = self.cli_config
            if given:
                folder, name = os.path.split(os.path.abspath(given))
                if not os.path.isfile(given):
                    raise ConfigurationError(f"the configuration file {given} does not exist")
                self.load_config_file(os.path.splitext(name)[0], folder)
            else:
                # Not from the working folder: it may be anybody's, and the file is Python.
                self.load_config_file(CONFIG_FILE, list(reversed(jupyter_config_path())))
            self.update_config(command_line)
        except (TraitError, ConfigError, ValueError) as error:
            raise ConfigurationError(str(error)) from error
        if self.extra_args:
            raise ConfigurationError(f"{self.extra_args[0]!r} is not understood: see --help")
        if self._said.lines:
            raise ConfigurationError(f"{self._said.lines[0]} See --help-all")

    def address(self) -> Address:
        """Raises: ConfigurationError."""
        host, _, port = self.listen.rpartition(":")
        host = host.strip("[]")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ConfigurationError(f"listen {self.listen!r} must be HOST:PORT, like 127.0.0.1:{DEFAULT_PORT}")
        return Address(host, int(port))

    def ledger_path(self) -> str:
        """The file, absolute; the default folder is made. Raises: ConfigurationError."""
        named = self.ledger or os.environ.get("VM_GATEWAY_LEDGER", "")
        if not named:
            return places.default_ledger()
        path = os.path.abspath(named)
        if not os.path.isdir(os.path.dirname(path)):
            raise ConfigurationError(f"the folder of the ledger {path} does not exist: make it or name another")
        return path


class _Kept(logging.Handler):
    """The lines that were logged, instead of a log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(" ".join(record.getMessage().split()))


def choose_token() -> tuple[str, bool]:
    """The token and whether it was chosen here: VM_GATEWAY_TOKEN when it is set, even to nothing."""
    given = os.environ.get("VM_GATEWAY_TOKEN")
    return (secrets.token_urlsafe(32), True) if given is None else (given.strip(), False)
