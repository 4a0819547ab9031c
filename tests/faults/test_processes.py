"""No process and no socket is left, however a session ends; a dead engine costs variables only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ..conformance.peer import Client, Kernel, environment, is_gone

pytestmark = pytest.mark.alone

Start = Callable[..., Kernel]

#: What the engine does while its session ends. A sort with a native comparison can only be killed.
STATES = {
    "idle": "",
    "spinning": "while (true) {}",
    "awaiting": "await new Promise(() => {})",
    "asking": "prompt('?')",
    "flooding": "while (true) console.log('again and again')",
    "in a built-in": "'a'.repeat(2 ** 25).match(/(a+)+b/)",
}
GONE_S = 2.0


def bring(client: Client, state: str) -> None:
    """The session is in this state when this returns."""
    if STATES[state]:
        client.started(STATES[state], allow_stdin=True)
    else:
        assert client.run("1").status == "ok"


def assert_nothing_left(kernel: Kernel, engine: psutil.Process, within_s: float = GONE_S) -> None:
    assert is_gone(kernel.process, within_s), f"the kernel is still there after {within_s} s"
    assert is_gone(engine, within_s), f"the engine is still there after {within_s} s"


@pytest.mark.parametrize("state", STATES)
def test_after_shutdown_nothing_is_left(start: Start, state: str) -> None:
    kernel = start()
    client, engine = kernel.clients[0], kernel.engine()
    bring(client, state)
    client.reply(client.send("shutdown_request", {"restart": False}, "control"), "control", timeout_s=5)
    assert_nothing_left(kernel, engine)
    assert kernel.popen.wait(1) == 0
    assert kernel.left() == [], "socket files are left"


@pytest.mark.parametrize("state", STATES)
def test_after_sigterm_nothing_is_left(start: Start, state: str) -> None:
    kernel = start()
    engine = kernel.engine()
    bring(kernel.clients[0], state)
    kernel.popen.send_signal(signal.SIGTERM)
    assert_nothing_left(kernel, engine)
    assert kernel.popen.wait(1) == 0
    assert kernel.left() == [], "socket files are left"


@pytest.mark.parametrize("state", STATES)
def test_after_kill_9_of_the_kernel_the_engine_is_gone(start: Start, state: str) -> None:
    kernel = start()
    engine = kernel.engine()
    bring(kernel.clients[0], state)
    kernel.popen.kill()
    assert_nothing_left(kernel, engine)


PARENT = """
import os, subprocess, sys
os.environ['JPY_PARENT_PID'] = str(os.getpid())
kernel = subprocess.Popen(sys.argv[1:], start_new_session=True)
print(kernel.pid, flush=True)
sys.stdin.read()
"""


class Orphan(Kernel):
    """A kernel with a process between it and this one, which can be killed."""

    def spawn(self, command: list[str]) -> tuple[subprocess.Popen[str], psutil.Process]:
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, *command],
            env=environment(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert parent.stdout is not None
        return parent, psutil.Process(int(parent.stdout.readline()))


@pytest.fixture
def orphan() -> Iterator[Orphan]:
    with tempfile.TemporaryDirectory(prefix="vmk") as folder, Orphan(Path(folder)) as kernel:
        yield kernel


@pytest.mark.parametrize("state", ["idle", "spinning", "flooding"])
def test_after_the_death_of_its_parent_nothing_is_left(orphan: Orphan, state: str) -> None:
    engine = orphan.engine()
    bring(orphan.clients[0], state)
    orphan.popen.kill()
    # The kernel looks once a second.
    assert_nothing_left(orphan, engine, GONE_S + 1)
    assert orphan.left() == [], "socket files are left"


def children_of(pid: int) -> list[psutil.Process]:
    """Processes that were told on their command line that this one is their parent."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        if (
            process.info["status"] != psutil.STATUS_ZOMBIE
            and str(pid) in line
            and any("vm_kernel" in word for word in line)
        ):
            found.append(process)
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_kernel_killed_while_it_starts_leaves_nothing(start: Start, how: signal.Signals) -> None:
    for step in range(12):
        kernel = start(ready=False)
        time.sleep(step * 0.015)
        kernel.popen.send_signal(how)
        kernel.popen.communicate(timeout=5)
        until = time.monotonic() + GONE_S
        while left := children_of(kernel.popen.pid):
            assert time.monotonic() < until, f"killed {step * 15} ms after its start, it left {left}"
            time.sleep(0.02)


def test_the_engine_is_the_only_child_and_holds_none_of_the_sockets(start: Start) -> None:
    kernel = start(transport="tcp")
    engine = kernel.engine()
    assert kernel.process.children(recursive=True) == [engine]
    assert engine.net_connections() == [], "the engine has network sockets"
    assert kernel.connection["key"].decode() not in " ".join([*engine.cmdline(), *engine.environ().values()])


@pytest.mark.parametrize("code", ["while (true) {}", "await new Promise(() => {})", "prompt('?')"])
def test_a_killed_engine_is_an_error_in_a_living_kernel_and_the_next_cell_tells_of_the_loss(
    start: Start, code: str
) -> None:
    kernel = start()
    client, engine = kernel.clients[0], kernel.engine()
    client.run("var gone = 1")
    msg_id = client.started(code, allow_stdin=True)
    engine.kill()
    heard = client.hear(msg_id, timeout_s=5)
    assert (heard.status, heard.content["ename"]) == ("error", "EngineDied")
    assert "SIGKILL" in heard.content["evalue"] and "variables" in heard.content["evalue"]
    assert heard.types[-2:] == ["error", "status"]
    again = client.run("console.log('out'); typeof gone")
    assert (again.status, again.value) == ("ok", "'undefined'")
    assert again.content["execution_count"] == heard.content["execution_count"] + 1
    told = heard.content["evalue"] + again.text("stderr")
    assert told.count("variables") == 1, f"the loss is told {told.count('variables')} times: {told!r}"
    assert client.run("1").text("stderr") == "", "the notice came twice"
    assert kernel.engine().pid != engine.pid


def test_another_client_is_told_of_the_loss_by_its_next_cell_once(start: Start) -> None:
    kernel = start()
    client, other, engine = kernel.clients[0], kernel.client(), kernel.engine()
    msg_id = client.started("while (true) {}")
    engine.kill()
    client.hear(msg_id)
    assert "variables" in other.run("1").text("stderr")
    assert other.run("1").text("stderr") == "" and client.run("1").text("stderr") == ""


def test_an_engine_killed_between_cells_is_told_by_the_next_cell_once(start: Start) -> None:
    kernel = start()
    client, engine = kernel.clients[0], kernel.engine()
    client.run("var gone = 1")
    engine.kill()
    assert is_gone(engine)
    assert (
        kernel.engine().pid != engine.pid
    )  # the kernel has noticed; before that the cell would fail with EngineDied
    heard = client.run("typeof gone")
    assert (heard.status, heard.value) == ("ok", "'undefined'")
    assert heard.text("stderr").count("variables") == 1, heard.text("stderr")
    assert client.run("1").text("stderr") == ""


def test_an_engine_that_dies_again_and_again_never_takes_the_kernel_along(start: Start) -> None:
    kernel = start()
    client = kernel.clients[0]
    names = []
    for _ in range(5):
        for child in kernel.process.children():
            child.kill()
            assert is_gone(child)
        heard = client.run("1", timeout_s=5)
        names.append(heard.content.get("ename", heard.status))
    assert client.ask("kernel_info_request").status == "ok"
    assert names[0] == "ok" and set(names) <= {"ok", "EngineDied"}, names
    if names[-1] == "EngineDied":
        assert "try again in" in heard.content["evalue"], "a refusal that does not say what to do"


def test_a_stopped_engine_is_killed_by_the_wall_limit(start: Start) -> None:
    """SIGSTOP: the engine answers nothing any more, as one that hangs in a built-in."""
    kernel = start("--wall-ms", "500")
    client, engine = kernel.clients[0], kernel.engine()
    msg_id = client.started("while (true) {}")
    os.kill(engine.pid, signal.SIGSTOP)
    heard = client.hear(msg_id, timeout_s=5)
    assert (heard.status, heard.content["ename"]) == ("error", "TimedOut")
    assert is_gone(engine, GONE_S)
    assert client.run("1").value == "1"


BOMBS = [
    "Array(1e9).fill()",
    "'a'.repeat(2 ** 28).split('')",
    "new Array(2 ** 27).fill({})",
    "new Uint8Array(2 ** 33)",
    "x = []; while (true) x.push(new Uint8Array(1 << 20).fill(1))",
]


@pytest.mark.parametrize(
    "mem_mb", [pytest.param(64, marks=pytest.mark.full), 128, pytest.param(512, marks=pytest.mark.full)]
)
@pytest.mark.parametrize("bomb", BOMBS)
def test_an_allocation_that_v8_dies_of_is_an_outcome_with_its_reason(
    start: Start, bomb: str, mem_mb: int
) -> None:
    kernel = start("--mem-mb", str(mem_mb))
    client = kernel.clients[0]
    heard = client.run(bomb, timeout_s=15)
    assert heard.status == "error" and heard.states == ["busy", "idle"]
    if heard.content["ename"] == "RangeError":
        return  # V8 itself refused, as it does for 8 GiB: an ordinary error of the cell
    assert heard.content["ename"] == "OutOfMemory", heard.content
    assert f"{mem_mb} MB" in heard.content["evalue"] and "mem_mb" in heard.content["evalue"], heard.content
    assert client.run("1 + 1").value == "2"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-f"],
        ["-f", "nowhere.json"],
        ["-f", "x", "--wall-ms", "-1"],
        ["--no-such"],
        ["-f", "x", "--mem-mb", "many"],
    ],
)
def test_a_wrong_command_line_ends_at_once_with_a_reason_and_leaves_nothing(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vm_kernel", *arguments],
        env=environment(),
        text=True,
        capture_output=True,
        timeout=10,
    )
    assert done.returncode in (1, 2) and done.stderr.strip() and "Traceback" not in done.stderr


def test_a_port_that_is_taken_ends_the_kernel_with_a_reason_and_no_child(start: Start) -> None:
    taken = start(transport="tcp")
    done = subprocess.Popen(
        [sys.executable, "-m", "vm_kernel", "-f", str(taken.file)],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    _, said = done.communicate(timeout=10)
    assert done.returncode == 1 and "cannot bind" in said and "Traceback" not in said
    assert children_of(done.pid) == []
    assert taken.clients[0].run("1").value == "1"
