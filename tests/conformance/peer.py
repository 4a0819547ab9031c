"""Owns a kernel process as any Jupyter client starts it; refuses to know its inside.

What a test starts here it also ends here: `Kernel.close` fails when the process or a child of it is left.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
from jupyter_client.connect import write_connection_file

import vm_kernel

from .client import PATIENCE_S, Client, Heard, Message, stream_text

__all__ = ["Client", "Heard", "Kernel", "environment", "is_gone", "jupyter_places", "stream_text"]

KEY = b"the key of a test"
CHANNELS = ("shell", "control", "stdin", "iopub", "hb")


def environment(**more: str) -> dict[str, str]:
    """For a child process that shall import the very package that these tests do."""
    root = str(Path(vm_kernel.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "JPY_PARENT_PID": str(os.getpid()), **more}


def jupyter_places(folder: Path) -> dict[str, str]:
    """Installs the kernelspec below `folder`; the variables by which Jupyter looks there and nowhere else."""
    command = [sys.executable, "-m", "vm_kernel", "install", "--prefix", str(folder)]
    subprocess.run(command, env=environment(), check=True, capture_output=True, timeout=60)
    places = {
        name: str(folder / name.lower())
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")
    }
    places["JUPYTER_DATA_DIR"] = places["JUPYTER_PATH"] = str(folder / "share" / "jupyter")
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        os.makedirs(places[name], mode=0o700, exist_ok=True)
    return {**places, "PYTHONPATH": environment()["PYTHONPATH"]}


def is_gone(process: psutil.Process, within_s: float = PATIENCE_S) -> bool:
    """Whether a process has ended, or ends in time; one that nobody has reaped yet has ended."""
    until = time.monotonic() + within_s
    while True:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.01)


class Kernel:
    """A kernel process on sockets in `folder`, started by its documented command line; ready when made."""

    def __init__(self, folder: Path, *flags: str, transport: str = "ipc", ready: bool = True) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.file = folder / "connection.json"
        ip = str(folder / "s") if transport == "ipc" else "127.0.0.1"
        _, written = write_connection_file(str(self.file), ip=ip, key=KEY, transport=transport)
        self.connection: Message = {**written, "key": KEY}
        self.log = folder / "log"
        self.clients: list[Client] = []
        self.children: list[psutil.Process] = []
        self.popen, self.process = self.spawn(
            [sys.executable, "-m", "vm_kernel", "-f", str(self.file), *flags]
        )
        if ready:
            self.await_sockets()
            self.client().ask("kernel_info_request")
            self.engine()

    def spawn(self, command: list[str]) -> tuple[subprocess.Popen[str], psutil.Process]:
        """Starts the kernel; the process that this one waits for, and the kernel's."""
        with open(self.log, "wb") as log:
            popen = subprocess.Popen(
                command, env=environment(), stderr=log, start_new_session=True, text=True
            )
        return popen, psutil.Process(popen.pid)

    def await_sockets(self) -> None:
        """Until all five accept: a zmq socket that comes before that tries again only 100 ms later."""
        until = time.monotonic() + PATIENCE_S
        for channel in CHANNELS:
            while not self._accepts(self.connection[f"{channel}_port"]):
                assert self.popen.poll() is None, f"the kernel ended at its start: {self.log.read_text()}"
                assert time.monotonic() < until, f"nobody listens on {channel}: {self.log.read_text()}"
                time.sleep(0.005)

    def _accepts(self, port: int) -> bool:
        ipc = self.connection["transport"] == "ipc"
        with socket.socket(socket.AF_UNIX if ipc else socket.AF_INET) as probe:
            return (
                probe.connect_ex(f"{self.connection['ip']}-{port}" if ipc else (self.connection["ip"], port))
                == 0
            )

    def client(self, subscribe: bool = True) -> Client:
        client = Client(self.connection, subscribe)
        self.clients.append(client)
        return client

    def engine(self) -> psutil.Process:
        """The one child of the kernel."""
        until = time.monotonic() + PATIENCE_S
        while not (children := self._note_children()):
            assert time.monotonic() < until, (
                f"the kernel has no child process; its log: {self.log.read_text()}"
            )
            time.sleep(0.01)
        return children[-1]

    def _note_children(self) -> list[psutil.Process]:
        children = [child for child in self.process.children(recursive=True) if not is_gone(child, 0)]
        self.children.extend(child for child in children if child not in self.children)
        return children

    def left(self) -> list[str]:
        """The names of socket files in the kernel's folder."""
        return sorted(path.name for path in self.folder.iterdir() if path.is_socket())

    def close(self) -> None:
        """Ends what still runs; fails if the kernel was alive and did not go when told, or left a process."""
        try:
            if not is_gone(self.process, 0):
                self._note_children()
                self.process.terminate()
                assert is_gone(self.process), "the kernel did not end after SIGTERM"
            left = [child for child in self.children if not is_gone(child, 2.0)]
            assert not left, f"processes left by the kernel: {left}"
        finally:
            for client in self.clients:
                client.close()
            for process in (self.process, *self.children):
                if not is_gone(process, 0):
                    process.kill()
            self.popen.kill()
            self.popen.communicate()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
