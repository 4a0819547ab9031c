"""How a notebook's session ends: closed, restarted, killed, left alone; what its row says then, and who says it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from ..rest.running import PATIENCE_S, is_alive, wait_until
from .jupyter import Jupyter


def left_behind(home: Jupyter) -> list[str]:
    return sorted(path.name for path in home.runtime.iterdir() if not path.name.startswith("kernel-"))


def test_a_kernel_that_is_shut_down_closes_its_row(home: Jupyter) -> None:
    home.spec("plain", "--template", "notebook")
    notebook = home.notebook("plain")
    notebook.run("1")
    assert left_behind(home) != []
    notebook.manager.shutdown_kernel()
    [session] = home.sessions()
    assert (session["status"], session["last_error"]) == ("closed", "closed by its Jupyter client")
    assert session["closed_at"]
    assert "owner" not in session
    assert left_behind(home) == []


def test_a_restart_is_a_session_of_its_own_that_knows_the_one_before(home: Jupyter) -> None:
    home.spec("plain", "--template", "notebook")
    notebook = home.notebook("plain")
    notebook.run("var kept = 1")
    notebook.client.execute("await new Promise(() => {})")
    [first] = wait_until(lambda: [s for s in home.sessions() if len(home.executions(s["id"])) == 2])
    notebook.restart()
    assert notebook.run("typeof kept").value == "'undefined'"
    second, before = home.sessions()
    assert before["id"] == first["id"] == second["restarted_from"]
    assert (before["status"], before["last_error"]) == ("closed", "restarted by its Jupyter client")
    assert [row["status"] for row in home.executions(first["id"])] == ["ok", "cancelled"]
    notebook.restart()
    assert home.sessions()[0]["restarted_from"] == second["id"]


def test_a_killed_kernel_is_closed_by_the_one_that_takes_its_place(home: Jupyter) -> None:
    home.spec("plain", "--template", "notebook")
    notebook = home.notebook("plain")
    notebook.client.execute("console.log('seen'); while (true) {}")
    wait_until(lambda: [row for s in home.sessions() for row in home.executions(s["id"]) if len(row["events"]) == 2])
    os.kill(notebook.pid, signal.SIGKILL)
    wait_until(lambda: not notebook.manager.is_alive())
    notebook.restart(now=True)
    assert notebook.run("1").value == "1"
    first = wait_until(lambda: [s for s in home.sessions()[1:] if s["status"] == "crashed"])[0]
    assert first["last_error"] == "session process ended"
    assert home.sessions()[0]["restarted_from"] == first["id"]
    [record] = home.executions(first["id"])
    assert (record["status"], record["error"]["message"]) == ("error", "session process ended")
    assert [event["type"] for event in record["events"]] == ["input_echo", "console", "system"]


def test_a_kernel_whose_client_dies_ends_and_says_so(home: Jupyter) -> None:
    home.spec("plain", "--template", "notebook")
    program = f"""
import os, signal
from jupyter_client.manager import KernelManager
from jupyter_client.kernelspec import KernelSpecManager
specs = KernelSpecManager(kernel_dirs=[{str(home.kernels)!r}])
file = {str(home.path / "killed.json")!r}
manager = KernelManager(kernel_name="plain", kernel_spec_manager=specs, connection_file=file)
manager.start_kernel(cwd={str(home.worktree)!r})
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=30)
client.execute_interactive("1 + 1", timeout=30, output_hook=print)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=home.environment(), capture_output=True, timeout=PATIENCE_S
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    [session] = wait_until(lambda: [s for s in home.sessions() if s["status"] == "closed"])
    assert session["last_error"] == "closed because the Jupyter client that started it is gone"
    wait_until(lambda: not is_alive(session["runtime_meta"]["pid"]), what="the end of the kernel")
    assert left_behind(home) == []


def test_a_session_whose_time_is_over_answers_so_until_its_client_ends_it(home: Jupyter) -> None:
    home.template("brief", settings={"session": {"max_age_s": 1}})
    home.spec("brief", "--template", "brief")
    notebook = home.notebook("brief")
    [session] = wait_until(lambda: [s for s in home.sessions() if s["status"] == "closed"])
    assert "max_age_s" in session["last_error"]
    assert notebook.run("1").error.startswith("SessionClosed: ")
    assert notebook.manager.is_alive()
    notebook.restart()
    assert home.sessions()[0]["restarted_from"] == session["id"]


def test_a_lost_engine_ends_a_session_of_a_template_that_says_crash(home: Jupyter) -> None:
    home.template("strict", settings={"runtime": {"on_engine_loss": "crash"}, "limits": {"wall_ms": 0, "cpu_ms": 0}})
    home.spec("strict", "--template", "strict")
    notebook = home.notebook("strict")
    with open(f"/proc/{notebook.pid}/task/{notebook.pid}/children") as file:
        [engine] = map(int, file.read().split())
    notebook.client.execute("while (true) {}")
    time.sleep(0.1)
    os.kill(engine, signal.SIGKILL)
    [session] = wait_until(lambda: [s for s in home.sessions() if s["status"] == "crashed"])
    assert session["last_error"]
    assert notebook.run("1").error.startswith("SessionCrashed: ")
