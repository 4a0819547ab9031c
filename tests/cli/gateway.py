"""Owns a real gateway for the tests of the command line, and the run of one command; refuses to know any command."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vm_gateway import places
from vm_gateway.cli.main import main
from vm_gateway.client import Client

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Done:
    """What one command left: exit code, standard output and error."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        assert self.code == 0, self
        return self.out.splitlines()


def environment(folder: Path) -> dict[str, str]:
    """This process's own, with all places of a gateway inside `folder`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VM_GATEWAY_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"),
        "XDG_RUNTIME_DIR": str(folder),
    }


class Gateway:
    """`vm-gateway serve` as a process; commands run against it inside this process, as `vm-gateway` would run them."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.environment = environment(folder)
        self.log = folder / "log"
        command = [sys.executable, "-m", "vm_gateway", "serve", "--listen", "127.0.0.1:0", *arguments]
        if not {"--ledger", "--db"} & set(arguments):
            command += ["--ledger", str(folder / "test.ledger")]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        found = re.fullmatch(r"vm-gateway is ready at (http://127\.0\.0\.1:\d+)\n", ready)
        assert found, f"not ready but {ready!r}: {self.log.read_text()}"
        self.url = found[1]

    def close(self) -> None:
        """Ends it as a user does; it must go by itself."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def client(self) -> Client:
        """A client of this gateway, with its token."""
        port = int(self.url.rpartition(":")[2])
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("VM_GATEWAY_TOKEN", raising=False)
            patch.setenv("JUPYTER_RUNTIME_DIR", self.environment["JUPYTER_RUNTIME_DIR"])
            return Client(self.url, places.read_token(port))

    def run(self, *words: str, stdin: bytes = b"", **variables: str) -> Done:
        """One command in this process."""
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("VM_GATEWAY_")]:
                patch.delenv(name)
            for name in ("JUPYTER_RUNTIME_DIR", "XDG_RUNTIME_DIR"):
                patch.setenv(name, self.environment[name])
            for name, value in {"VM_GATEWAY_URL": self.url, **variables}.items():
                patch.setenv(name, value)
            return run(*words, stdin=stdin)

    def data(self, *words: str) -> Any:
        """The answer of a command with --json."""
        return json.loads("\n".join(self.run(*words, "--json").lines))

    def template(self, name: str, *settings: str) -> str:
        """A new template; returns its id."""
        options = [part for setting in settings for part in ("--set", setting)]
        (line,) = self.run("template", "create", "--name", name, *options).lines
        found = re.fullmatch(r"Created template: .* \(ID: (\S+)\)", line)
        assert found, line
        return found[1]

    def session(self, template_id: str, worktree: Path) -> str:
        """A new session; returns its id."""
        words = ["--template-id", template_id, "--workspace-id", "ws-1", "--base-commit", "deadbeef"]
        lines = self.run("session", "create", *words, "--worktree-path", str(worktree)).lines
        assert lines[1] == "Status: ready", lines
        return lines[0].split()[2]


def run(*words: str, stdin: bytes = b"") -> Done:
    """`vm-gateway WORDS` inside this process, with streams of its own."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(words)
            except SystemExit as end:
                code = int(end.code or 0)
    return Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


@contextlib.contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Gateway]:
    gateway = Gateway(folder, *arguments)
    try:
        yield gateway
    finally:
        gateway.close()
