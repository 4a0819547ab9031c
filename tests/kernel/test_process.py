"""A kernel as a process of its own: flags, signals, the death of its parent. The engine is the fake one."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vm_kernel import launch
from vm_kernel import owner as owners
from vm_kernel.limits import NOTEBOOK, Limits
from vm_kernel.plan import SessionPlan, StartupFile

from .session import Client, Session

ROOT = Path(__file__).resolve().parents[2]
SERVE = (
    "import sys; from vm_kernel import launch; from vm_kernel.engine.fake import FakeEngine; "
    "sys.exit(launch.serve(sys.argv[1], FakeEngine))"
)
#: A parent that starts a kernel, names itself as the parent, says its pid, and sleeps.
PARENT = (
    "import os, subprocess, sys, time; "
    "kernel = subprocess.Popen([sys.executable, '-c', sys.argv[2], sys.argv[1]], "
    "env={**os.environ, 'JPY_PARENT_PID': str(os.getpid())}); "
    "print(kernel.pid, flush=True); time.sleep(60)"
)


class Place:
    """A connection file without a kernel, processes that end with the test, and clients."""

    def __init__(self) -> None:
        self.session = Session(ready=False)
        self.session.channels.close()
        self.session.engine.close()
        self.file = self.session.file
        self.processes: list[subprocess.Popen[str]] = []
        self.clients: list[Client] = []

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )
        self.processes.append(process)
        return process

    def client(self) -> Client:
        client = Client(self.session.connection)
        self.clients.append(client)
        return client

    def close(self) -> None:
        for client in self.clients:
            client.close()
        for process in self.processes:
            process.kill()
            process.communicate()
        self.session.folder.cleanup()


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()
    yield place
    place.close()


def gone(pid: int, within_s: float = 5.0) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_sigint_interrupts_the_cell_and_sigterm_ends_the_process(place: Place) -> None:
    process = place.start("-c", SERVE, place.file)
    client = place.client()
    msg_id = client.start("while(true){}")
    client.hear_type("execute_input")
    process.send_signal(signal.SIGINT)
    assert client.hear(msg_id).reply["content"]["ename"] == "Interrupted"
    assert client.run("1+1").reply["content"]["status"] == "ok"
    running = client.start("while(true){}")
    client.hear_type("execute_input")
    process.send_signal(signal.SIGTERM)
    assert client.hear(running).reply["content"]["ename"] == "Interrupted"
    assert process.wait(5) == 0


PLANNED = (
    "import sys; from vm_kernel import launch; from vm_kernel.engine.fake import FakeEngine; "
    "from vm_kernel.plan import SessionPlan; plan = SessionPlan.from_json(sys.argv[2]); "
    "tie = lambda kernel: setattr(kernel.session, 'ready', launch.write_ready(int(sys.argv[3]))); "
    "sys.exit(launch.serve(sys.argv[1], FakeEngine, plan=plan, made=tie))"
)


def planned(place: Place, read: bool = True, **fields: Any) -> tuple[subprocess.Popen[str], str]:
    """A session with that plan, and what it said on its ready descriptor up to its end."""
    plan = SessionPlan("0190b2f0-1234-7abc-8def-0123456789ac", owner=owners.identity(os.getpid()), **fields)
    reader, writer = os.pipe()
    process = place.start("-c", PLANNED, place.file, plan.to_json(), str(writer), pass_fds=(writer,))
    os.close(writer)
    if not read:
        os.close(reader)
        return process, ""
    with open(reader, encoding="ascii") as file:
        return process, file.read()


def test_a_planned_session_says_in_one_line_that_it_is_ready_and_closes_the_descriptor(place: Place) -> None:
    process, said = planned(place)
    assert json.loads(said) == {"status": "ready", "last_error": "", "code": "", "containment": "", "engine": ""}
    assert said.endswith("\n") and said.count("\n") == 1
    assert place.client().run("1+1").reply["content"]["status"] == "ok"
    process.terminate()
    assert process.wait(5) == 0


def test_a_planned_session_that_cannot_start_says_why_and_ends_with_1(place: Place) -> None:
    process, said = planned(place, worktree_path=place.session.folder.name, startup_files=(StartupFile("né.js"),))
    line = json.loads(said)
    assert (line["status"], line["code"]) == ("crashed", "STARTUP_FAILED")
    assert line["last_error"].startswith("startup failed: startup file not found: né.js: ")
    assert process.wait(5) == 1


def test_nobody_who_reads_the_ready_line_is_no_reason_to_end(place: Place) -> None:
    process, _ = planned(place, read=False)
    assert place.client().run("1+1").reply["content"]["status"] == "ok"
    process.terminate()
    assert process.wait(5) == 0


def test_sigterm_while_startup_runs_ends_the_process(place: Place, tmp_path: Path) -> None:
    (tmp_path / "slow.js").write_text("while(true){}")
    files = (StartupFile("slow.js"),)
    process, _ = planned(
        place, False, worktree_path=os.fspath(tmp_path), startup_files=files, limits=Limits(wall_ms=0, cpu_ms=0)
    )
    client = place.client()
    assert client.ask("kernel_info_request", channel="control").reply["content"]["status"] == "ok"
    process.terminate()
    assert process.wait(5) == 1


def sockets(place: Place) -> set[str]:
    return {name for name in os.listdir(place.session.folder.name) if name.startswith("s-")}


def test_the_files_of_ipc_sockets_go_with_the_kernel(place: Place) -> None:
    process = place.start("-c", SERVE, place.file)
    place.client().run("1+1")
    assert len(sockets(place)) == 5
    process.terminate()
    assert process.wait(5) == 0
    assert sockets(place) == set()


def test_a_socket_file_that_another_kernel_has_taken_over_stays(place: Place) -> None:
    process = place.start("-c", SERVE, place.file)
    place.client().run("1+1")
    taken = os.path.join(place.session.folder.name, "s-1")
    os.rename(taken, taken + ".old")
    Path(taken).touch()
    process.terminate()
    assert process.wait(5) == 0
    assert sockets(place) == {"s-1", "s-1.old"}


def test_shutdown_ends_the_process_with_0(place: Place) -> None:
    process = place.start("-c", SERVE, place.file)
    client = place.client()
    assert client.ask("shutdown_request", {"restart": True}, "control").reply["content"]["restart"] is True
    assert process.wait(5) == 0
    assert process.stderr is not None and process.stderr.read() == ""


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="looks for processes in /proc")
@pytest.mark.parametrize("code", ["1+1", "while(true){}"])
def test_the_kernel_ends_with_its_parent(place: Place, code: str) -> None:
    parent = place.start("-c", PARENT, place.file, SERVE)
    assert parent.stdout is not None
    kernel = int(parent.stdout.readline())
    client = place.client()
    client.start(code)
    client.hear_type("execute_input")
    parent.kill()
    parent.wait()
    assert gone(kernel), "the kernel outlived its parent"


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="looks for processes in /proc")
def test_the_kernel_ends_with_a_parent_that_is_not_its_direct_one(place: Place) -> None:
    other = place.start("-c", "import time; time.sleep(60)")
    kernel = place.start("-c", SERVE, place.file, env={**os.environ, "JPY_PARENT_PID": str(other.pid)})
    place.client().run("1+1")
    other.kill()
    other.wait()
    assert kernel.wait(5) == 0


@pytest.mark.parametrize("value", ["", "0", "1", "-5", "x"])
def test_a_parent_that_never_goes_or_is_none_is_not_watched(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("JPY_PARENT_PID", value)
    assert launch.orphaned() is None


def test_a_taken_address_is_said_and_ends_the_process(place: Place) -> None:
    place.start("-c", SERVE, place.file)
    place.client().run("1+1")
    tcp = dict(place.session.connection, transport="tcp", ip="127.0.0.1")
    import json
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        tcp.update({name: port for name in tcp if name.endswith("_port")})
        Path(place.file).write_text(json.dumps(tcp))
        second = place.start("-c", SERVE, place.file)
        _, log = second.communicate(timeout=10)
    assert second.returncode == 1
    assert log.count("\n") == 1 and str(port) in log and "other ports" in log


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot read"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"transport": "udp"}', "use tcp or ipc"),
        ('{"key": "k", "shell_port": "x"}', "shell_port"),
        ('{"shell_port": 1}', "has no key"),
        ('{"key": "k", "signature_scheme": "hmac-md5"}', "hmac-sha256"),
    ],
)
def test_an_unusable_connection_file_is_said_and_ends_the_process(
    place: Place, content: str | None, words: str
) -> None:
    path = Path(place.file)
    path.unlink() if content is None else path.write_text(content)
    process = place.start("-c", SERVE, place.file)
    _, log = process.communicate(timeout=10)
    assert process.returncode == 1
    assert log.count("\n") == 1 and words in log


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["-f", "c.json"], {}),
        (["--mem-mb", "64", "--connection-file=c.json"], {"mem_mb": 64}),
        (["-f", "c.json", "script.js", "--mem-mb=64"], {"mem_mb": 64}),
        (
            ["-f", "c.json", "--cpu-ms=1", "--wall-ms=2", "--mem-mb=3", "--max-events=4", "--max-output-kb=5"],
            {"cpu_ms": 1, "wall_ms": 2, "mem_mb": 3, "max_events": 4, "max_output_kb": 5},
        ),
    ],
)
def test_flags(argv: list[str], expected: dict[str, int]) -> None:
    assert launch.read_flags(argv) == ("c.json", expected, "javascript")
    assert set(expected) <= {field.name for field in dataclasses.fields(Limits)}


def test_the_engine_starts_with_the_memory_of_a_notebook_unless_told_otherwise() -> None:
    assert NOTEBOOK.mem_mb == launch.MEM_MB


@pytest.mark.parametrize(
    "argv",
    [[], ["-f"], ["-f", "c", "--cpu-ms"], ["-f", "c", "--cpu-ms", "-1"], ["-f", "c", "--cpu-ms", "1e3"],
     ["-f", "c", "--cpu", "1"], ["-f", "c", "--mem-mb=²"]],
)  # fmt: skip
def test_flags_that_are_not_understood_are_a_usage_error(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main(argv) == 2
    assert "usage:" in capsys.readouterr().err
