"""Owns disks that are full when a test says so: a small tmpfs, or a limit on what processes may write."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ...rest.running import Home
from . import processes

SIZE_KB = 4096


class SmallDisk:
    """A tmpfs that holds the ledger, and what fills it. words: in the message of a refusal."""

    words = ("full", "make room")

    def __init__(self, home: Home) -> None:
        self._folder = home.ledger.parent
        self._ballast = self._folder / "ballast"

    def fill(self) -> None:
        with open(self._ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)


class NarrowFiles:
    """No process of this home may write beyond the first byte of any file. words: in the message of a refusal."""

    words = ("disk I/O error", "check its disk")

    def __init__(self, home: Home) -> None:
        self._home = home

    def fill(self) -> None:
        self._limit(1)

    def free(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        for process in processes.of(self._home):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def small_disk(home: Home) -> Iterator[SmallDisk]:
    """The home's ledger lies on it then. Skips where this user may not mount."""
    folder = home.path / "disk"
    folder.mkdir()
    options = ["-o", f"size={SIZE_KB}k,mode=700", "tmpfs", str(folder)]
    done = subprocess.run(["mount", "-t", "tmpfs", *options], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        home.ledger = Path(folder, "vm.ledger")
        yield SmallDisk(home)
    finally:
        processes.kill_all(home)
        _unmount(folder)


@contextmanager
def narrow_files(home: Home) -> Iterator[NarrowFiles]:
    """Skips where the limits of other processes cannot be set."""
    if not hasattr(resource, "prlimit"):
        pytest.skip("this system cannot limit the files of a process that runs")
    yield NarrowFiles(home)


def _unmount(folder: Path) -> None:
    for how in ([], ["-l"]):
        if subprocess.run(["umount", *how, str(folder)], capture_output=True).returncode == 0:
            return
    assert not os.path.ismount(folder), f"{folder} could not be unmounted"
