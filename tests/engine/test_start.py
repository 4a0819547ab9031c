"""Owns what an engine needs to start, how little it imports, and the words when something is missing."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vm_kernel.cells import bundle
from vm_kernel.engine import process, supervisor
from vm_kernel.engine.port import Finished, Lost, Ready
from vm_kernel.engine.process import PACKAGE_ROOT, EngineProcess
from vm_kernel.engine.supervisor import Supervisor
from vm_kernel.outcomes import EngineDied

from .driver import Driver

MINI_RACER = process._mini_racer()

#: What the child may import beside vm_kernel's own modules; each costs every session's start.
ALLOWED = {
    "ctypes", "_ctypes", "ctypes._endian", "struct", "_struct", "select", "resource", "__future__", "collections", "_collections",
    "operator", "_operator", "itertools", "keyword", "reprlib", "functools", "types", "collections.abc", "_weakrefset",
    "time", "mmap", "os", "os.path", "posixpath", "genericpath", "stat", "_stat", "_collections_abc", "math",
}
FORBIDDEN = {"asyncio", "re", "json", "typing", "dataclasses", "logging", "socket", "threading", "subprocess", "zmq", "py_mini_racer"}

#: As process.CODE, but tells its modules in place of serving.
TELLING = """
import sys
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
from vm_kernel.engine import boot, child
def serve(self):
    import os
    os.set_blocking(int(sys.argv[2]), True)
    os.write(int(sys.argv[2]), " ".join(sorted(set(sys.modules) - before)).encode())
    os._exit(0)
child.Child.serve = serve
boot.main(sys.argv[2:])
"""


def modules_of_a_child(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    monkeypatch.setattr(process, "CODE", TELLING)
    child = EngineProcess(128)
    os.set_blocking(child.pipe, True)
    told = b""
    while data := os.read(child.pipe, 65536):
        told += data
    child.reap()
    return set(told.decode().split())


def test_the_child_imports_a_short_list_and_nothing_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = modules_of_a_child(monkeypatch)
    assert "vm_kernel.engine.v8.library" in loaded, loaded
    assert not loaded & FORBIDDEN, loaded & FORBIDDEN
    foreign = {name for name in loaded if not name.startswith("vm_kernel")}
    assert foreign <= ALLOWED, f"new imports on the start-up path: {sorted(foreign - ALLOWED)}"
    assert not {name for name in loaded if name.startswith(("vm_kernel.protocol", "vm_kernel.kernel"))}


def ends_for_good(driver: Driver) -> str:
    """The reason of the one Lost that is final; cells end with it, before and after."""
    first = driver.begin("1 + 1")
    finished = driver.finish(first)
    assert isinstance(finished.outcome, EngineDied) and finished.outcome.lost, finished
    lost: Lost = driver.wait_for(Lost)
    assert lost.final, lost
    for _ in range(2):
        again: Finished = driver.run("1 + 1")
        assert isinstance(again.outcome, EngineDied) and lost.reason in again.outcome.message, again
    assert not any(isinstance(report, Ready) for report in driver.reports)
    assert sum(isinstance(report, Lost) for report in driver.reports) == 1
    return lost.reason


def start() -> Driver:
    return Driver(lambda sink: Supervisor(128, sink))


def test_an_old_py_mini_racer_is_named_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "py_mini_racer"
    folder.mkdir()
    (folder / "__init__.py").write_text("from .py_mini_racer import MiniRacer\n")
    (folder / "libmini_racer.glue.so").write_bytes(b"")
    monkeypatch.setattr(process, "_mini_racer", lambda: str(folder))
    driver = start()
    try:
        reason = ends_for_good(driver)
        assert "py-mini-racer" in reason and "pip uninstall" in reason and "pip install" in reason, reason
    finally:
        driver.close()


def test_no_mini_racer_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_mini_racer", lambda: "")
    driver = start()
    try:
        assert "pip install" in ends_for_good(driver)
    finally:
        driver.close()


@pytest.mark.parametrize("old, new", [(b"14.4.258", b"14.9.999"), (b"mr_low_memory_notification", b"mr_low_memory_notificatiom")])
def test_another_v8_or_another_interface_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes) -> None:
    """The version in the library itself is changed, and the name of one of its functions."""
    folder = tmp_path / "py_mini_racer"
    folder.mkdir()
    for name in os.listdir(MINI_RACER):
        if name == "icudtl.dat":
            os.symlink(os.path.join(MINI_RACER, name), folder / name)
    library = Path(MINI_RACER, "libmini_racer.so")
    if not library.exists():
        pytest.skip("edits the Linux library")
    data = library.read_bytes()
    assert old in data
    (folder / library.name).write_bytes(data.replace(old, new))
    monkeypatch.setattr(process, "_mini_racer", lambda: str(folder))
    driver = start()
    try:
        reason = ends_for_good(driver)
        assert "pip install" in reason and "mini-racer" in reason, reason
    finally:
        driver.close()


@pytest.mark.parametrize("name", ["session.js", "parser.js", "natives.js"])
def test_a_missing_asset_says_how_to_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    root = tmp_path / "copy"
    shutil.copytree(os.path.join(PACKAGE_ROOT, "vm_kernel"), root / "vm_kernel", ignore=shutil.ignore_patterns("js", "__pycache__"))
    (root / "vm_kernel" / "cells" / "assets" / name).unlink()
    monkeypatch.setattr(process, "PACKAGE_ROOT", str(root))
    driver = start()
    try:
        reason = ends_for_good(driver)
        assert name in reason and "make assets" in reason, reason
    finally:
        driver.close()


def test_a_missing_asset_raises_asset_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "ASSETS", str(tmp_path))
    with pytest.raises(bundle.AssetMissing, match="make assets"):
        bundle.read("session.js")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ulimit -v")
def test_a_small_address_space_is_said_with_the_way_out() -> None:
    code = """
import sys
sys.path[:0] = sys.argv[1:]
from tests.engine.test_start import ends_for_good, start
driver = start()
print(ends_for_good(driver))
driver.close()
"""
    root = str(Path(__file__).parents[2])
    paths = [root, *[entry for entry in sys.path if entry]]
    command = 'ulimit -v 8000000; exec "$0" -c "$@"'
    done = subprocess.run(["sh", "-c", command, sys.executable, code, *paths], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "ulimit -v unlimited" in done.stdout and "mem_mb" in done.stdout, done.stdout


def test_a_process_that_cannot_be_started_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unable(EngineProcess):
        def __init__(self, mem_mb: int, hidden: str = "") -> None:
            raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(supervisor, "EngineProcess", Unable)
    driver = start()
    try:
        assert "Resource temporarily unavailable" in ends_for_good(driver)
    finally:
        driver.close()


def test_a_replaced_engine_starts_clean() -> None:
    driver = start()
    try:
        driver.run("globalThis.state = 42; setInterval(() => console.log('old'), 10)")
        pid = driver.wait_for(Ready).pid
        os.kill(pid, signal.SIGKILL)
        lost = driver.wait_for(Lost)
        assert lost.generation == 1 and not lost.final and lost.reason, lost
        ready = driver.wait_for(Ready, since=driver.reports.index(lost))
        assert ready.generation == driver.engine.generation == 2 and ready.pid != pid
        since = len(driver.reports)
        finished = driver.run("typeof state")
        assert finished.outcome.value.preview == "undefined", finished
        assert driver.reports[since:] == [finished]
    finally:
        driver.close()


def test_start_to_first_value_is_quick() -> None:
    times = []
    for _ in range(5):
        started = time.monotonic()
        driver = start()
        driver.run("1 + 1")
        times.append((time.monotonic() - started) * 1000)
        driver.close()
    print("ms from start to the first value:", [round(ms) for ms in sorted(times)])
    assert min(times) < 2000, times  # measured about 150 ms on 2 shared cores


def test_the_child_ends_when_the_kernel_closes_its_pipe() -> None:
    child = EngineProcess(128)
    os.set_blocking(child.pipe, True)
    assert os.read(child.pipe, 100)  # READY
    with socket.socket(fileno=os.dup(child.pipe)) as pipe:
        pipe.shutdown(socket.SHUT_RDWR)
    pidfd = os.pidfd_open(child.pid)
    ended = select.select([pidfd], [], [], 5)[0]
    os.close(pidfd)
    child.kill()
    child.reap()
    assert ended, "the engine lives on without a kernel"
