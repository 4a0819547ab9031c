"""Owns a gateway process in folders of its own and a raw HTTP client on it; refuses to know what is measured.

The client is small, so that its own share of a figure is small: one kept connection, one write for a request, no
header looked at but the status and the length.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
READY = "vm-gateway is ready at http://127.0.0.1:"
TOKEN = "of the benchmark"
TICKS = os.sysconf("SC_CLK_TCK")


class Refused(Exception):
    """An answer of another status than the expected one."""


class Wire:
    """One kept HTTP/1.1 connection. `send` and `receive` may be apart, so that one thread serves many of them."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = (
            f"HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )

    def fileno(self) -> int:
        return self._socket.fileno()

    def request(self, method: str, path: str, body: Any = None) -> bytes:
        """The bytes of a request, to be sent as often as one likes."""
        content = b"" if body is None else json.dumps(body).encode()
        return f"{method} /api/v1{path} {self._head}{len(content)}\r\n\r\n".encode() + content

    def send(self, request: bytes) -> None:
        self._socket.sendall(request)

    def receive(self) -> tuple[int, bytes]:
        """Status and body of the next answer. Raises: OSError."""
        read = self._socket.recv(262144)
        while (end := read.find(b"\r\n\r\n")) < 0:
            read += self._more()
        head = read[:end].lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(read) < end + 4 + length:
            read += self._more()
        return int(head[9:12]), read[end + 4 :]

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """The decoded answer. Raises: Refused, OSError."""
        self.send(self.request(method, path, body))
        found, content = self.receive()
        if found != status:
            raise Refused(f"{method} {path}: {found} {content[:500]!r}")
        return json.loads(content)

    def close(self) -> None:
        self._socket.close()

    def _more(self) -> bytes:
        read = self._socket.recv(262144)
        if not read:
            raise ConnectionError("the gateway closed the connection")
        return read


class Gateway:
    """A gateway that serves a new ledger; a context manager that leaves nothing behind."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rest-", dir=ROOT / "benchmarks"))
        self.sockets = Path(tempfile.mkdtemp(prefix="vmgb-"))  # their paths must be short
        self.ledger = self.folder / "bench.ledger"
        self.worktree = self.folder / "tree"
        self.worktree.mkdir()
        # Closed with the gateway.
        self.log = open(self.folder / "log", "w+", encoding="utf-8")  # noqa: SIM115
        own = {
            "JUPYTER_RUNTIME_DIR": str(self.folder / "run"),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "XDG_RUNTIME_DIR": str(self.sockets),
            "VM_GATEWAY_TOKEN": TOKEN,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        }
        command = [sys.executable, "-m", "vm_gateway", "serve", "--ledger", str(self.ledger), "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            command, env=os.environ | own, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith(READY):
            raise RuntimeError(f"the gateway said {line!r}")
        self.port = int(line.removeprefix(READY))
        self.wire = Wire(self.port)
        self._template = str(self.wire.ask("POST", "/templates", {"name": "bench"}, 201)["id"])

    def reconnect(self) -> None:
        """An idle connection is closed by the gateway."""
        self.wire.close()
        self.wire = Wire(self.port)

    def session(self) -> tuple[str, int]:
        """A new session: its id and the process id of its kernel."""
        body = {
            "template_id": self._template,
            "workspace_id": "bench",
            "base_commit_oid": "0",
            "worktree_path": str(self.worktree),
        }
        row = self.wire.ask("POST", "/sessions", body, 201)
        return str(row["id"]), int(row["runtime_meta"]["pid"])

    def end(self, session_id: str) -> None:
        self.wire.ask("POST", f"/sessions/{session_id}/close")

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.sockets, ignore_errors=True)


def cpu_s(pid: int) -> float:
    """Processor time of one process, all its threads; steps of a hundredth."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def child_of(pid: int) -> int:
    """The first child of a process: the engine of a kernel."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
            if found := file.read().split():
                return int(found[0])
    raise ProcessLookupError(f"process {pid} has no child")


def idle_share() -> float:
    """Of the processors, over two seconds."""

    def read() -> list[int]:
        with open("/proc/stat", encoding="ascii") as file:
            return [int(each) for each in file.readline().split()[1:9]]

    before = read()
    time.sleep(2)
    spent = [after - was for was, after in zip(before, read(), strict=True)]
    return (spent[3] + spent[4]) / max(1, sum(spent))


def commits(ledger: Path) -> tuple[bytes, int]:
    """Which write-ahead log it is, which may be begun anew, and the transactions in it: frames that end one."""
    data = Path(f"{ledger}-wal").read_bytes()
    page = int.from_bytes(data[8:12], "big")
    salts, found = data[16:24], 0
    for start in range(32, len(data) - page, 24 + page):
        if data[start + 8 : start + 16] != salts:
            break
        found += data[start + 4 : start + 8] != b"\0\0\0\0"
    return salts, found
