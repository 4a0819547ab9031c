"""Owns one kernel process and a raw client on its sockets; refuses to know what is measured and whose it is.

Blocking and small, so that its own share of a figure is small and the same for every kernel: no
jupyter_client, no event loop. Socket options are ZeroMQ's defaults, as Jupyter's are, but for the time from
one attempt to connect to the next: 5 ms, since 100 ms would round every start up to tenths.
"""

from __future__ import annotations

import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass
from typing import Any

import zmq

CHANNELS = ("shell", "control", "iopub", "stdin", "hb")


class Silent(Exception):
    """The kernel did not answer in time, or is gone."""


@dataclass(frozen=True)
class Message:
    channel: str
    type: str
    parent: str
    content: dict[str, Any]
    #: `time.perf_counter()` at which it was read.
    at: float


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def tree(pid: int) -> list[int]:
    """`pid` and all processes below it, from /proc."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(name))
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        left += children.get(found[-1], [])
    return found


def pss_mb(pid: int) -> float:
    """Proportional set size of the process tree, MiB."""
    total = 0
    for each in tree(pid):
        with open(f"/proc/{each}/smaps_rollup", encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total / 1024


class Kernel:
    """A kernel just started and a client connected to it; a context manager that leaves nothing behind."""

    def __init__(self, argv: list[str]) -> None:
        self.folder = tempfile.mkdtemp(prefix="bench-")
        self.key = uuid.uuid4().hex.encode()
        self.session = uuid.uuid4().hex
        self.count = 0
        ports = dict(zip(CHANNELS, free_ports(len(CHANNELS)), strict=True))
        connection = {f"{name}_port": port for name, port in ports.items()}
        connection |= {
            "ip": "127.0.0.1",
            "transport": "tcp",
            "key": self.key.decode(),
            "signature_scheme": "hmac-sha256",
        }
        file = os.path.join(self.folder, "connection.json")
        with open(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as stream:
            json.dump(connection, stream)
        self.context = zmq.Context()
        self.sockets: dict[str, zmq.Socket[bytes]] = {}
        self.poller = zmq.Poller()
        for name, kind in (
            ("iopub", zmq.SUB),
            ("shell", zmq.DEALER),
            ("control", zmq.DEALER),
            ("stdin", zmq.DEALER),
        ):
            each: zmq.Socket[bytes] = self.context.socket(kind)
            each.setsockopt(zmq.LINGER, 0)
            each.setsockopt(zmq.RECONNECT_IVL, 5)
            if kind == zmq.SUB:
                each.setsockopt(zmq.SUBSCRIBE, b"")
            else:
                each.setsockopt(zmq.IDENTITY, self.session.encode())
            each.connect(f"tcp://127.0.0.1:{ports[name]}")
            self.sockets[name] = each
            self.poller.register(each, zmq.POLLIN)
        quiet = {
            "IPYTHONDIR": self.folder,
            "DENO_DIR": self.folder,
            "DENO_NO_UPDATE_CHECK": "1",
            "JUPYTER_NO_CONFIG": "1",
        }
        # Closed with the kernel.
        self.errors = open(os.path.join(self.folder, "stderr"), "w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [word.format(connection_file=file) for word in argv],
            cwd=self.folder,
            env=os.environ | quiet,
            stdin=subprocess.DEVNULL,
            stdout=self.errors,
            stderr=self.errors,
            start_new_session=True,
        )

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        family = tree(self.process.pid) if self.process.poll() is None else []
        if family:
            self.send("control", "shutdown_request", {"restart": False})
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                pass
        for pid in family:  # what did not leave by itself
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.context.destroy(linger=0)
        self.errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Sends one signed message; returns its id."""
        self.count += 1
        identity = f"{self.session}_{self.count}"
        header = {
            "msg_id": identity, "msg_type": kind, "session": self.session, "username": "bench",
            "date": "2026-01-01T00:00:00.000000Z", "version": "5.3",
        }  # fmt: skip
        frames = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        signature = hmac.digest(self.key, b"".join(frames), "sha256").hex().encode()
        self.sockets[channel].send_multipart([b"<IDS|MSG>", signature, *frames])
        return identity

    def receive(self, timeout_s: float) -> Message | None:
        """The next message of any channel, None when none came in time. IOPub is read first."""
        ready = dict(self.poller.poll(max(0.0, timeout_s) * 1000))
        for name, each in self.sockets.items():
            if each in ready:
                frames = each.recv_multipart()
                at = time.perf_counter()
                start = frames.index(b"<IDS|MSG>")
                header, parent, content = (json.loads(frames[start + n]) for n in (2, 3, 5))
                return Message(name, header["msg_type"], parent.get("msg_id", ""), content, at)
        return None

    def wait_until_ready(self, timeout_s: float = 30) -> float:
        """Waits for kernel_info_reply and a first IOPub message; returns the ms from the start to the reply.

        Raises: Silent.
        """
        deadline = self.started + timeout_s
        asked = {self.send("shell", "kernel_info_request", {})}
        replied, heard, again = 0.0, False, float("inf")
        while not (replied and heard):
            message = self.receive(min(deadline, again) - time.perf_counter())
            now = time.perf_counter()
            if self.process.poll() is not None or now >= deadline:
                raise Silent(f"no kernel_info_reply in {timeout_s:g} s; {self.last_words()}")
            if message is not None and message.channel == "iopub":
                heard = True
            elif message is not None and message.parent in asked and not replied:
                replied = message.at
            if (replied and not heard and now >= again) or (replied and again == float("inf")):
                if again != float("inf"):  # the subscription was not there yet
                    asked.add(self.send("shell", "kernel_info_request", {}))
                again = now + 0.02
        return (replied - self.started) * 1000

    def execute(self, code: str) -> str:
        """Sends an execute_request; returns its id."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
        }
        return self.send("shell", "execute_request", content | {"stop_on_error": False})

    def last_words(self) -> str:
        """How the process stands and what it wrote to stderr, for a message to a person."""
        self.errors.flush()
        with open(self.errors.name, encoding="utf-8", errors="replace") as file:
            words = file.read()[-600:].strip()
        code = self.process.poll()
        return f"{'it runs' if code is None else f'it ended with {code}'}; stderr: {words or '(nothing)'}"
