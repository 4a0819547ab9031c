"""Owns one engine process as the kernel sees it: spawn, pipe, clocks, memory, death; refuses to know what it runs."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

from .requests import Requests

CODE = "import sys; sys.path.insert(0, sys.argv[1]); from vm_kernel.engine.boot import main; main(sys.argv[2:])"
PACKAGE_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
LAST_WORDS_BYTES = 4096

#: What V8 prints when it ends itself for want of memory.
MEMORY_WORDS = ("out of memory", "invalid array length", "invalid size", "invalid table size", "Allocation failed")


class EngineProcess:
    """A running child. Spawned from the main thread: PDEATHSIG fires when the spawning thread ends (design 7.9)."""

    READ_BYTES = 1 << 17

    def __init__(self, mem_mb: int, hidden: str = "") -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        ours.setblocking(False)
        os.set_inheritable(theirs.fileno(), True)
        self._stderr = _anonymous_file()
        self._texts = os.memfd_create("engine-text", 0) if hasattr(os, "memfd_create") else -1
        shared = (str(theirs.fileno()), str(self._texts))
        arguments = [PACKAGE_ROOT, *shared, str(os.getpid()), _mini_racer(), str(mem_mb), hidden]
        null = os.open(os.devnull, os.O_RDWR)
        self.pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", "-c", CODE, *arguments],
            {"MALLOC_ARENA_MAX": "2", "PATH": os.defpath, "LANG": "C.UTF-8"},
            file_actions=[(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1),
                          (os.POSIX_SPAWN_DUP2, self._stderr, 2)],
            setpgroup=0,  # a Ctrl-C at the terminal is the kernel's affair
        )
        os.close(null)
        theirs.close()
        self.pipe = ours.detach()
        self.outgoing = bytearray()
        self._read_buffer = memoryview(bytearray(self.READ_BYTES))  # to allocate it for each read takes 11 us
        self.requests = Requests()
        self.idle_mb = 0
        self._peak_mb = 0
        self._cpu_s: float | None = None  # when it is over
        self._clock = ((~self.pid) << 3) | 2  # CPUCLOCK_SCHED of a process: all its threads
        try:
            self._statm = os.open(f"/proc/{self.pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._statm = -1

    # -- pipe

    def read(self) -> bytes | None:
        """Up to READ_BYTES; None when there is nothing now, b"" at the end."""
        try:
            return bytes(self._read_buffer[: os.readv(self.pipe, (self._read_buffer,))])
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def send(self, frame: bytes) -> None:
        self.outgoing += frame
        self.write()

    def write(self) -> bool:
        """Send what can be sent now; False when nobody reads any more."""
        while self.outgoing:
            try:
                sent = os.write(self.pipe, memoryview(self.outgoing)[: 1 << 18])
            except BlockingIOError:
                return True
            except OSError:
                self.outgoing.clear()
                return False
            del self.outgoing[:sent]
        return True

    def read_text(self, length: int) -> bytes:
        """The long text in the shared file; shorter than `length` when the engine lied."""
        parts: list[bytes] = []
        at = 0
        while at < length and (part := os.pread(self._texts, length - at, at)):
            parts.append(part)
            at += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    # -- clocks and memory

    def cpu_s(self) -> float:
        """Processor seconds of the process so far; 0 where the platform does not tell."""
        if self._cpu_s is not None:
            return self._cpu_s
        try:
            return time.clock_gettime(self._clock)
        except OSError:
            return 0.0

    def resident_mb(self) -> int:
        try:
            used = int(os.pread(self._statm, 128, 0).split()[1]) * PAGE_BYTES >> 20
        except (OSError, IndexError):
            return 0
        self._peak_mb = max(self._peak_mb, used)
        return used

    def note_idle(self) -> None:
        self.idle_mb = self.resident_mb()

    def peak_mb(self) -> int:
        """Highest memory seen above the idle engine."""
        return max(0, self._peak_mb - self.idle_mb)

    # -- death

    def gone(self) -> bool:
        """Whether it has ended, though its pipe may not have told yet; it stays to be reaped."""
        if not hasattr(os, "waitid"):
            return False
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def kill(self) -> None:
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def reap(self) -> tuple[str, bool]:
        """Wait for the end; returns a few words on why, and whether it was want of memory."""
        _, status, used = os.wait4(self.pid, 0)
        self._cpu_s = used.ru_utime + used.ru_stime
        words = self._last_words()
        os.close(self.pipe)
        os.close(self._stderr)
        for descriptor in (self._statm, self._texts):
            if descriptor >= 0:
                os.close(descriptor)
        memory = any(word.lower() in words.lower() for word in MEMORY_WORDS)
        if reason := _reason(words):
            return reason, memory
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
            return f"signal {name}", False
        return f"exit status {os.WEXITSTATUS(status)}", False

    def _last_words(self) -> str:
        """What it wrote to stderr at last; V8's own reason stands in it, Python's in the last line."""
        size = os.fstat(self._stderr).st_size
        return os.pread(self._stderr, LAST_WORDS_BYTES, max(0, size - LAST_WORDS_BYTES)).decode("utf-8", "replace")


def _reason(words: str) -> str:
    """The line in which V8 says why it ended, else the last one; "" where nothing was said."""
    lines = [text for line in words.splitlines() if (text := line.strip("# \t"))]
    for number, line in enumerate(lines):
        if line.startswith("Fatal error") and number + 1 < len(lines):  # a heading, the reason is below
            return _printable(lines[number + 1])
        if line.startswith(("Fatal", "FATAL")):
            return _printable(line)
    return _printable(lines[-1]) if lines else ""


def _printable(line: str) -> str:
    return "".join(character for character in line if character.isprintable())[:200]


def _anonymous_file() -> int:
    """For the child's stderr: read after its death, so nobody has to read along."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("engine-stderr")
    import tempfile

    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    return descriptor


def _mini_racer() -> str:
    """The package's folder, found without importing it (that costs 100 ms); "" where it is not installed."""
    for entry in sys.path:
        folder = os.path.join(entry, "py_mini_racer")
        if os.path.isdir(folder):
            return folder
    import importlib.util

    spec = importlib.util.find_spec("py_mini_racer")
    places = spec.submodule_search_locations if spec is not None else None
    return next(iter(places), "") if places else ""
