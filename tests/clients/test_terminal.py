"""`jupyter run`, `jupyter console` at a terminal, and a program of ten lines, as people use them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import start_new_kernel

pexpect = pytest.importorskip("pexpect", reason="no pseudo-terminals here")

CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][AB0]|\r")


def jupyter_run(script: Path, text: str) -> subprocess.CompletedProcess[str]:
    script.write_text(text)
    words = [sys.executable, "-m", "jupyter_client.runapp", "--kernel", "javascript-vm", str(script)]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONWARNINGS": "ignore"}
    )


def test_jupyter_run_prints_what_a_script_prints(tmp_path: Path) -> None:
    done = jupyter_run(
        tmp_path / "script.js", "console.log('by jupyter run');\nconsole.error('aside');\nawait 1;\n'é'"
    )
    assert done.returncode == 0, done.stderr
    assert "by jupyter run" in done.stdout and "'é'" in done.stdout
    assert "aside" in done.stdout + done.stderr


def test_jupyter_run_tells_of_an_error(tmp_path: Path) -> None:
    done = jupyter_run(tmp_path / "script.js", "const a = 1;\nthrow new TypeError('on purpose');")
    assert "TypeError" in done.stdout + done.stderr and "on purpose" in done.stdout + done.stderr


# The console goes on without a cell's output when no heartbeat came for a second, as on a busy machine.
CONSOLE = (
    "from jupyter_client.channels import HBChannel; HBChannel.time_to_dead = 60.0; "
    "from jupyter_console.app import main; main()"
)


class Console:
    """`jupyter console` in a pseudo-terminal; what it shows is compared without its colours."""

    def __init__(self) -> None:
        words = ["-c", CONSOLE, "--kernel", "javascript-vm", "--no-confirm-exit", "--simple-prompt"]
        variables = {**os.environ, "PYTHONWARNINGS": "ignore", "TERM": "dumb"}
        self.child = pexpect.spawn(
            sys.executable, words, env=variables, encoding="utf-8", timeout=120, echo=False
        )

    def see(self, pattern: str) -> str:
        self.child.expect(pattern)
        return CONTROL.sub("", self.child.before + self.child.after)

    def enter(self, line: str) -> None:
        self.child.sendline(line)

    def kernels(self) -> list[psutil.Process]:
        return psutil.Process(self.child.pid).children(recursive=True)


@pytest.fixture
def console() -> Iterator[Console]:
    console = Console()
    yield console
    left = console.kernels() if console.child.isalive() else []
    console.child.close(force=True)
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            pass


def test_jupyter_console_evaluates_cells_interrupts_and_leaves_nothing(console: Console) -> None:
    console.see(r"In \[1\]:")
    console.enter("console.log('at a ' + 'terminal'); 6 * 7")
    seen = console.see(r"In \[2\]:")
    assert "at a terminal" in seen and "Out[1]: 42" in seen
    console.enter("var kept = 'kept'; prompt('who are you? ')")
    console.see("who are you\\? ")
    console.enter("Ada")
    assert "Out[2]: 'Ada'" in console.see(r"In \[3\]:")
    console.enter("console.log('spin' + 'ning'); while (true) {}")
    console.see("spinning")  # until it waits for the cell, the console would not hand the interrupt on
    console.child.sendintr()
    assert "Interrupted" in console.see(r"In \[4\]:")
    console.enter("kept")
    assert "Out[4]: 'kept'" in console.see(r"In \[5\]:")
    console.enter("null.f")
    assert "TypeError" in console.see(r"In \[6\]:")
    processes = console.kernels()
    assert len(processes) >= 2, "a kernel and its engine were expected"
    console.child.sendeof()
    console.child.expect(pexpect.EOF)
    _, left = psutil.wait_procs(processes, timeout=30)
    assert not [p for p in left if p.status() != psutil.STATUS_ZOMBIE], (
        f"left after the console ended: {left}"
    )


def test_the_program_in_the_readme() -> None:
    """start_new_kernel, execute_interactive, shutdown_kernel; and a restart, as from a menu."""
    manager, client = start_new_kernel(kernel_name="javascript-vm")
    shown: list[str] = []

    def show(message: dict) -> None:
        if message["msg_type"] == "execute_result":
            shown.append(message["content"]["data"]["text/plain"])

    try:
        code = "var squares = await Promise.all([1, 2, 3].map(async n => n * n)); squares"
        assert client.execute_interactive(code, timeout=20, output_hook=show)["content"]["status"] == "ok"
        assert shown == ["[ 1, 4, 9 ]"]
        processes = [psutil.Process(manager.provisioner.pid)]
        processes += processes[0].children(recursive=True)
        begun = time.monotonic()
        manager.restart_kernel()
        client.wait_for_ready(timeout=20)
        assert time.monotonic() - begun < 10
        client.execute_interactive("typeof squares", timeout=20, output_hook=show)
        assert shown[-1] == "'undefined'"
        manager.interrupt_kernel()
        # It does not wait for the reply, and control is not ordered with shell: spare the next cell.
        while (message := client.get_iopub_msg(timeout=20))["parent_header"]["msg_type"] != "interrupt_request":
            pass
        assert message["content"]["execution_state"] == "busy"
        client.execute_interactive("'well'", timeout=20, output_hook=show)
        assert shown[-1] == "'well'"
        processes.append(psutil.Process(manager.provisioner.pid))
        processes += processes[-1].children(recursive=True)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.context.destroy()
    assert len(processes) == 4
    _, left = psutil.wait_procs(processes, timeout=5)
    assert left == []


def test_the_kernel_is_listed_by_its_name() -> None:
    spec = KernelSpecManager().get_kernel_spec("javascript-vm")
    assert (spec.display_name, spec.language, spec.interrupt_mode) == (
        "JavaScript (V8)",
        "javascript",
        "message",
    )
