"""Owns recorded kernels as Jupyter starts them, in folders of their own, and their ledger's reader; asserts nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from vm_gateway.ledger.tiny import TinyLedger, open_ledger

from ..rest.running import PATIENCE_S, Home

Row = dict[str, Any]


@dataclass
class Cell:
    """What a client got for one cell."""

    status: str = ""
    reply: Row = field(default_factory=dict)
    out: str = ""
    err: str = ""
    value: str | None = None
    error: str = ""


class Jupyter(Home):
    """A Home with kernelspecs in it; `ledger` is where kernels record that are told nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.prefix = self.path / "jupyter"
        self.kernels = self.prefix / "share" / "jupyter" / "kernels"
        self.runtime.mkdir(mode=0o700)
        self._notebooks: list[Notebook] = []

    def environment(self, **more: str) -> dict[str, str]:
        found = super().environment(**{"VM_GATEWAY_LEDGER": str(self.ledger), **more})
        if "VM_GATEWAY_TOKEN" not in more:
            del found["VM_GATEWAY_TOKEN"]
        return {name: value for name, value in found.items() if value}

    def command(self, *words: str, code: int = 0, **environment: str) -> str:
        """`vm-gateway WORDS`; what it prints."""
        command = [sys.executable, "-m", "vm_gateway", *words]
        done = subprocess.run(
            command, env=self.environment(**environment), capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == code, f"{words}: {done.returncode} {done.stdout} {done.stderr}"
        return done.stdout if code == 0 else done.stderr

    def spec(self, name: str, *words: str) -> str:
        """A kernelspec with those words before the connection file, as somebody may write one by hand."""
        folder = self.kernels / name
        folder.mkdir(parents=True, exist_ok=True)
        flags = ["-P"] if sys.version_info >= (3, 11) else []
        argv = [sys.executable, *flags, "-m", "vm_gateway.launch", *words, "-f", "{connection_file}"]
        text = {"argv": argv, "display_name": name, "language": "javascript", "interrupt_mode": "message"}
        (folder / "kernel.json").write_text(json.dumps(text))
        return name

    def notebook(self, kernel: str, wait: bool = True, **environment: str) -> Notebook:
        """A kernel that runs, and a client of it."""
        made = Notebook(self, kernel, environment)
        self._notebooks.append(made)
        if wait:
            made.client.wait_for_ready(timeout=PATIENCE_S)
        return made

    def opened(self) -> AbstractContextManager[TinyLedger]:
        return closing(open_ledger(self.ledger))

    def sessions(self) -> list[Row]:
        """Newest first."""
        with self.opened() as ledger:
            return ledger.list_sessions().documents

    def executions(self, session_id: str) -> list[Row]:
        """Oldest first, each with its `events`."""
        with self.opened() as ledger:
            rows = ledger.list_executions(session_id).documents
            return [{**row, "events": ledger.events(row["id"])} for row in reversed(rows)]

    def template(self, name: str, **fields: Any) -> Row:
        """A template straight in the ledger. fields: of the row; settings are merged."""
        from vm_gateway.templates import ensure_fixed, new_row

        settings = fields.pop("settings", {})
        row = new_row(name, **fields)
        for section, values in settings.items():
            row["settings"][section].update(values)
        with self.opened() as ledger:
            ensure_fixed(ledger)
            ledger.put_template(row)
        return row

    def remove(self) -> None:
        for notebook in self._notebooks:
            notebook.close()
        super().remove()


class Notebook:
    """One kernel through jupyter_client, as nbclient and JupyterLab's server run it."""

    def __init__(self, home: Jupyter, kernel: str, environment: dict[str, str]) -> None:
        specs = KernelSpecManager(kernel_dirs=[str(home.kernels)], ensure_native_kernel=False)
        # Longer than any temporary name would be, and where Jupyter puts it.
        file = home.runtime / f"kernel-{len(os.listdir(home.runtime))}-{kernel}.json"
        self.connection_file = str(file)
        self.manager = KernelManager(
            kernel_name=kernel, kernel_spec_manager=specs, connection_file=str(file), transport="ipc"
        )
        self.manager.start_kernel(env=home.environment(**environment), cwd=str(home.worktree))
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.pid)

    def run(self, code: str) -> Cell:
        return self.hear(self.client.execute(code, allow_stdin=False, stop_on_error=False))

    def hear(self, msg_id: str) -> Cell:
        """What becomes of a cell that was sent, up to its idle and its reply."""
        cell, idle = Cell(), False
        while not idle:
            message = self.client.get_iopub_msg(timeout=PATIENCE_S)
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                setattr(cell, content["name"][3:], getattr(cell, content["name"][3:]) + content["text"])
            elif kind == "execute_result":
                cell.value = content["data"]["text/plain"]
            elif kind == "error":
                cell.error = f"{content['ename']}: {content['evalue']}"
            idle = kind == "status" and content["execution_state"] == "idle"
        while (reply := self.client.get_shell_msg(timeout=PATIENCE_S))["parent_header"].get("msg_id") != msg_id:
            pass
        cell.status, cell.reply = reply["content"]["status"], reply["content"]
        return cell

    def restart(self, now: bool = False) -> None:
        self.manager.restart_kernel(now=now)
        self.client.wait_for_ready(timeout=PATIENCE_S)

    def close(self) -> None:
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel()
        self.manager.context.destroy(linger=0)


def words_of(path: Path) -> list[str]:
    """The argv in a kernelspec."""
    return list(json.loads((path / "kernel.json").read_text())["argv"])
