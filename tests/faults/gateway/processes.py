"""Owns the finding of the processes that belong to one home: gateways, kernels, engines; refuses to find others."""

from __future__ import annotations

import psutil

from ...rest.running import Home

ENGINE = "vm_kernel.engine.boot"


def of(home: Home) -> list[psutil.Process]:
    """All that were started with a file of this home, or work in one of its folders."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            words = process.cmdline()
            if any(str(home.path) in word for word in words) or process.cwd().startswith(str(home.path)):
                found.append(process)
        except psutil.Error:
            continue
    return found


def described(found: list[psutil.Process]) -> list[str]:
    """For a message: number and command."""
    said = []
    for process in found:
        try:
            said.append(f"{process.pid}: {' '.join(process.cmdline())[:200]}")
        except psutil.Error:
            continue
    return said


def engine_of(kernel_pid: int) -> psutil.Process | None:
    """The engine of a kernel; None while it has none."""
    try:
        for child in psutil.Process(kernel_pid).children():
            if ENGINE in " ".join(child.cmdline()):
                return child
    except psutil.Error:
        pass
    return None


def kill_all(home: Home) -> None:
    """What a failed test left."""
    for process in of(home):
        try:
            process.kill()
        except psutil.Error:
            continue
