"""A session ends in time whatever its clients do; and a parent that is already gone is noticed."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import zmq

from ..conformance.peer import Kernel, environment, is_gone

Start = Callable[..., Kernel]


@pytest.mark.parametrize("how", ["shutdown", "SIGTERM"])
def test_a_subscriber_that_does_not_read_delays_the_end_by_seconds_at_most(start: Start, how: str) -> None:
    kernel = start(transport="tcp")
    client, engine = kernel.clients[0], kernel.engine()
    stuck = client.connect(zmq.SUB, "iopub", RCVHWM=1, RCVBUF=4096)
    assert stuck.poll(5000)
    client.reply(client.start("for (let i = 0; i < 40000; i++) console.log('x'.repeat(1000))"), timeout_s=30)
    begun = time.monotonic()
    if how == "shutdown":
        client.send("shutdown_request", {"restart": False}, "control")
    else:
        kernel.popen.send_signal(signal.SIGTERM)
    assert is_gone(kernel.process, 8), "the kernel waits for a client that does not read"
    assert is_gone(engine, 1)
    assert time.monotonic() - begun < 5, f"the end took {time.monotonic() - begun:.1f} s"
    stuck.close(0)


class Unread(Kernel):
    """A kernel whose stderr is a pipe that nobody reads."""

    def spawn(self, command: list[str]) -> tuple[subprocess.Popen[str], psutil.Process]:
        popen = subprocess.Popen(
            command, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        return popen, psutil.Process(popen.pid)


def test_a_log_that_nobody_reads_does_not_stop_the_kernel() -> None:
    """Each bad message makes a line of log; 3,000 of them are more than a pipe holds."""
    bad = [b"<IDS|MSG>", b"nonsense", b"{}", b"{}", b"{}", b"{}"]
    with tempfile.TemporaryDirectory(prefix="vmk") as folder, Unread(Path(folder)) as kernel:
        client = kernel.clients[0]
        for _ in range(3000):
            client.sockets["shell"].send_multipart(bad)
        assert client.run("1", timeout_s=10).value == "1", "a full stderr stops the kernel"
        assert kernel.popen.stderr is not None
        kernel.popen.stderr.close()
        kernel.popen.stderr = None
        client.sockets["shell"].send_multipart(bad)
        assert client.run("2", timeout_s=5).value == "2", "a closed stderr stops the kernel"


def test_a_hundred_signals_during_one_cell_end_it_once(start: Start) -> None:
    kernel = start()
    client = kernel.clients[0]
    for _ in range(3):
        msg_id = client.started("while (true) {}")
        for _ in range(100):
            os.kill(kernel.popen.pid, signal.SIGINT)
        assert client.hear(msg_id, timeout_s=5).content["ename"] == "Interrupted"
        # The last signals may come after the end of that cell: wait until the kernel has been round its loop.
        time.sleep(0.1)
        client.ask("kernel_info_request")
        assert client.run("1").value == "1"


def test_sessions_one_after_the_other_leave_no_process(start: Start) -> None:
    for _ in range(5):
        kernel = start()
        engine = kernel.engine()
        assert kernel.clients[0].run("1").value == "1"
        kernel.close()
        assert is_gone(engine, 0) and is_gone(kernel.process, 0)
