"""Owns the birth of a kernel process: its files, its plan by descriptor, its ready line; refuses to know the plan.

The process is spawned from the event loop's thread, which lives as long as the gateway: what is tied to its parent is
tied to the thread that spawned it (design 7.9). It is independent of the gateway by intent.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from jupyter_client.connect import write_connection_file
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from . import notes, places
from .kernels import Clients, Kernel, KernelGone, kernel_environment, new_key
from .ledger import owners
from .processes import Process

KERNEL_NAME = "javascript-vm"
LONGEST_READY_LINE = 1 << 20


@dataclass(frozen=True)
class Ready:
    """What a new kernel says of itself, once (design 7.8). status: `ready` or `crashed`, then `last_error` says why."""

    status: str
    last_error: str = ""
    code: str = ""
    containment: str = ""
    engine: str = ""


class StartFailed(Exception):
    """No kernel runs; the text says why. code: of contract 2.1, empty where the kernel named none."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class Starting:
    """A process that was spawned and has not said that it is ready. `kernel` is None until then."""

    def __init__(self, process: Process, note: notes.Note, ready_fd: int, clients: Clients) -> None:
        self.process = process
        self.note = note
        self._ready_fd = ready_fd
        self._clients = clients

    async def ready(self, patience_s: float) -> tuple[Kernel, Ready]:
        """The kernel, when it says that it is ready. Raises: StartFailed; nothing of it is left then."""
        try:
            said = await asyncio.wait_for(self._line(), patience_s)
            if said is None:
                await self.process.wait(5.0)
                how = self.process.ended.result() if self.process.ended.done() else "it said nothing"
                words = notes.last_words(self.note)
                raise StartFailed(f"{how}: {words}" if words else how)
            if said.status != "ready":
                raise StartFailed(said.last_error or "the kernel gave no reason", said.code)
            try:
                return Kernel(self.process, self._clients.connect(self.note.connection_file), self.note), said
            except (OSError, ValueError) as error:
                raise StartFailed(f"its connection file cannot be used: {error}") from None
        except BaseException as error:
            await self.abandon()
            if isinstance(error, asyncio.TimeoutError):
                text = f"it was not ready within {patience_s:.0f} s: shorten its startup files or raise start_timeout_s"
                raise StartFailed(text) from None
            raise
        finally:
            os.close(self._ready_fd)

    async def abandon(self) -> None:
        """Ends the process and removes its files."""
        self.process.kill()
        await self.process.wait(10.0)
        notes.remove(self.note)

    async def _line(self) -> Ready | None:
        """The ready line; None when the descriptor closes without one."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[bytes] = loop.create_future()
        read = bytearray()

        def take() -> None:
            try:
                piece = os.read(self._ready_fd, 65536)
            except BlockingIOError:
                return
            read.extend(piece)
            if not piece or b"\n" in piece or len(read) > LONGEST_READY_LINE:
                loop.remove_reader(self._ready_fd)
                if not arrived.done():
                    arrived.set_result(bytes(read))

        loop.add_reader(self._ready_fd, take)
        try:
            return _understood(await arrived)
        finally:
            loop.remove_reader(self._ready_fd)


class Starter:
    """Starts kernels, at most `at_once` at the same time."""

    def __init__(self, clients: Clients, ledger_path: str, at_once: int) -> None:
        self._clients = clients
        self.connect = clients.connect
        self.ledger_path = ledger_path
        self._turns = asyncio.Semaphore(at_once)

    async def spawn(self, session_id: str, plan: str) -> Starting:
        """A new process with that plan. Raises: StartFailed; OSError, PlaceError when its files cannot be made."""
        name = secrets.token_hex(4)
        runtime = places.own_folder(places.runtime_folder())
        sockets = places.sockets_folder(name)
        connection_file = os.path.join(runtime, f"kernel-{session_id}.json")
        log = os.path.join(runtime, f"vmgw-{session_id}.log")
        note = notes.Note(session_id, owners.owner(), connection_file, sockets, log, self.ledger_path)
        notes.write(note)  # before anything that it names: this process may be killed at any moment
        try:
            readable, writable = os.pipe()
        except OSError:
            notes.remove(note)
            raise
        os.set_blocking(readable, False)
        try:
            places.remove(connection_file)
            write_connection_file(
                connection_file,
                ip=os.path.join(sockets, "k"),
                key=new_key(),
                transport="ipc",
                kernel_name=KERNEL_NAME,
            )
            with tempfile.TemporaryFile() as plan_file, _private_log(log) as log_file:
                plan_file.write(plan.encode("utf-8", "replace"))
                plan_file.seek(0)
                child = await _launch(
                    session_id,
                    [
                        *("--plan-fd", str(plan_file.fileno()), "--ready-fd", str(writable)),
                        *("--ledger", self.ledger_path, "-f", connection_file),
                    ],
                    (plan_file.fileno(), writable),
                    log_file.fileno(),
                    sockets,
                )
        except BaseException:
            os.close(readable)
            notes.remove(note)
            raise
        finally:
            os.close(writable)
        process = Process(owners.owner(child.pid), child)
        try:
            note = replace(note, owner=process.owner)
            notes.write(note)
        except BaseException:
            process.kill()
            os.close(readable)
            notes.remove(note)
            raise
        return Starting(process, note, readable, self._clients)

    async def start(
        self, session_id: str, plan: str, patience_s: float, spawned: Callable[[Process], None]
    ) -> tuple[Kernel, Ready]:
        """A kernel that is ready. spawned: told of the process, which can then be killed. Raises: StartFailed."""
        async with self._turns:
            try:
                starting = await self.spawn(session_id, plan)
            except (OSError, places.PlaceError) as error:
                raise StartFailed(f"its process could not be started: {error}") from error
            spawned(starting.process)
            return await starting.ready(patience_s)

    async def adopt(self, note: notes.Note) -> Kernel:
        """The kernel of a gateway that is gone. Raises: KernelGone when it does not answer; it is ended then."""
        process = Process(note.owner)
        try:
            kernel = Kernel(process, self._clients.connect(note.connection_file), note)
        except (OSError, ValueError) as error:
            process.kill()
            raise KernelGone(f"its connection file cannot be used: {error}") from None
        try:
            await kernel.adopt(owners.owner())
        except KernelGone:
            process.kill()
            await process.wait(10.0)
            kernel.forget()
            raise
        return kernel


async def _launch(
    session_id: str, arguments: list[str], descriptors: tuple[int, ...], log: int, folder: str
) -> subprocess.Popen[bytes]:
    """By jupyter_client's own provisioner; the working folder is ours, so that no file of a worktree is imported."""
    python = [sys.executable, *(["-P"] if sys.version_info >= (3, 11) else [])]
    spec = KernelSpec(argv=[*python, "-m", "vm_gateway.launch", *arguments], language="javascript")
    provisioner: Any = LocalProvisioner(kernel_id=session_id, kernel_spec=spec)
    options = await provisioner.pre_launch(env=kernel_environment(), cwd=folder)
    await provisioner.launch_kernel(
        options.pop("cmd"),
        **options,
        independent=True,
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )
    child: subprocess.Popen[bytes] = provisioner.process
    return child


def _private_log(path: str) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "ab")


def _understood(line: bytes) -> Ready | None:
    try:
        said = json.loads(line.partition(b"\n")[0])
        return Ready(
            status=str(said["status"]),
            last_error=str(said.get("last_error") or ""),
            code=str(said.get("code") or ""),
            containment=str(said.get("containment") or ""),
            engine=str(said.get("engine") or ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
