"""Owns the start of a kernel process: flags, engine, sockets, signals; refuses to know how any of them works.

The order is the speed: the engine is started as the first thing, so that V8 comes up while the rest is imported.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False  # as in typing, whose import would come before the engine
if TYPE_CHECKING:
    from collections.abc import Callable

    from .engine.port import Engine, Report
    from .engine.process import EngineProcess
    from .kernel import Kernel
    from .limits import Limits
    from .plan import SessionPlan
    from .readiness import Readiness
    from .recorder import Recorder

#: `limits.NOTEBOOK.mem_mb`: the engine needs it before there is time to import that.
MEM_MB = 2048

USAGE = (
    "usage: python -m vm_kernel -f CONNECTION_FILE [--cpu-ms N] [--wall-ms N] [--mem-mb N] [--max-events N]"
    " [--max-output-kb N] [--language javascript|typescript]"
)
FLAGS = {
    "--cpu-ms": "cpu_ms",
    "--wall-ms": "wall_ms",
    "--mem-mb": "mem_mb",
    "--max-events": "max_events",
    "--max-output-kb": "max_output_kb",
}
LANGUAGES = ("javascript", "typescript")


class UsageError(Exception):
    """The command line is not understood; the text says which part."""


def main(argv: list[str]) -> int:
    """Runs a kernel for `argv`; 0 after a shutdown, 1 when it cannot start, 2 for usage."""
    try:
        connection_file, given, language = read_flags(argv)
    except UsageError as error:
        sys.stderr.write(f"{error}\n{USAGE}\n")
        return 2
    process = start_engine(given.get("mem_mb", MEM_MB))
    from dataclasses import replace

    from .limits import NOTEBOOK

    return run(connection_file, replace(NOTEBOOK, **given), process=process, language=language)


def read_flags(argv: list[str]) -> tuple[str, dict[str, int], str]:
    """The connection file, the given limits and the language of cells: `--name N` or `--name=N`.

    Words that are no flags are passed over: Jupyter's console programs add their own (`jupyter run script.js`).
    """
    values: dict[str, int] = {}
    connection_file, language = "", LANGUAGES[0]
    words = iter(argv)
    for word in words:
        if not word.startswith("-"):
            continue
        flag, equals, value = word.partition("=")
        if flag not in FLAGS and flag not in ("-f", "--connection-file", "--language"):
            raise UsageError(f"{flag!r} is not a flag")
        if not equals:
            value = next(words, "")
        if flag == "--language":
            if value not in LANGUAGES:
                raise UsageError(f"--language needs one of {', '.join(LANGUAGES)}, not {value!r}")
            language = value
        elif flag not in FLAGS:
            connection_file = value
        elif value.isascii() and value.isdigit():
            values[FLAGS[flag]] = int(value)
        else:
            raise UsageError(f"{flag} needs a whole number of 0 or more, not {value!r}")
    if not connection_file:
        raise UsageError("a connection file is needed")
    return connection_file, values, language


def hidden_by(plan: SessionPlan | None) -> str:
    """The globals that a session so planned does not have."""
    return "console" if plan is not None and not plan.console else ""


def start_engine(mem_mb: int, hidden: str = "") -> EngineProcess | None:
    """An engine process for `run`, started before all that `run` imports; None when there can be none."""
    gc.disable()  # nothing that is made while starting is garbage; `serve` turns it on again
    from .engine.process import EngineProcess

    try:
        return EngineProcess(mem_mb, hidden)
    except OSError:  # the supervisor will see it too, and can say so to whoever runs a cell
        return None


def run(
    connection_file: str,
    limits: Limits,
    recorder: Recorder | None = None,
    process: EngineProcess | None = None,
    plan: SessionPlan | None = None,
    made: Callable[[Kernel], None] | None = None,
    language: str = LANGUAGES[0],
) -> int:
    """Serves one session over V8 until it is shut down; 0 then, 1 when it could not start.

    process: from `start_engine` with the same mem_mb; it is ended with the session. made: called with the kernel before
    it serves anybody, so that `kernel.session.ready`, `.changed` and `kernel.give_up` can be tied to somebody.
    """
    from .engine.supervisor import Supervisor

    def make(sink: Callable[[Report], None]) -> Engine:
        return Supervisor(limits.mem_mb, sink, process, language, hidden_by(plan))

    return serve(connection_file, make, limits, recorder, plan, made, language)


def serve(
    connection_file: str,
    make_engine: Callable[[Callable[[Report], None]], Engine],
    limits: Limits | None = None,
    recorder: Recorder | None = None,
    plan: SessionPlan | None = None,
    made: Callable[[Kernel], None] | None = None,
    language: str = LANGUAGES[0],
) -> int:
    """`run` over the engine that `make_engine` makes around its sink."""
    early: list[Report] = []
    take = early.append
    engine = make_engine(lambda report: take(report))
    engine.start()
    from .kernel import Kernel
    from .limits import NOTEBOOK
    from .log import log
    from .protocol.channels import BindError, Channels
    from .protocol.connection import ConnectionFileError, read_connection

    try:
        channels = Channels(read_connection(connection_file))
    except (BindError, ConnectionFileError) as error:
        log(str(error))
        engine.close()
        return 1
    kernel = Kernel(channels, engine, limits or NOTEBOOK, recorder, orphaned(), plan, language)
    if made is not None:
        made(kernel)
    take = kernel.on_report
    for report in early:
        take(report)
    watch_signals(kernel)
    gc.freeze()  # what is there now stays: no collection has to look at it
    gc.enable()
    kernel.run()
    return 0 if kernel.session.started else 1


def write_ready(descriptor: int) -> Callable[[Readiness], None]:
    """For `Session.ready`: writes what it is told as one line of JSON and closes the descriptor."""

    def write(readiness: Readiness) -> None:
        import json
        from dataclasses import asdict

        line = json.dumps(asdict(readiness)).encode("ascii") + b"\n"
        try:
            while line:
                line = line[os.write(descriptor, line) :]
        except OSError:
            pass  # nobody reads it any more
        os.close(descriptor)

    return write


def orphaned() -> Callable[[], bool] | None:
    """A question whether the process that Jupyter names as our parent is gone; None when it names none."""
    try:
        parent = int(os.environ.get("JPY_PARENT_PID", "0"))
    except ValueError:
        parent = 0
    if parent <= 1:  # init never goes
        return None
    if os.getppid() == parent:
        return lambda: os.getppid() != parent

    def gone() -> bool:
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False

    return gone


def watch_signals(kernel: Kernel) -> None:
    """SIGINT interrupts the cell, SIGTERM ends the session; both are acted on by the kernel's loop."""
    import signal

    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)

    def act() -> None:
        for number in os.read(reader, 64):
            if number == signal.SIGINT:
                kernel.interrupt()
            elif number == signal.SIGTERM:
                kernel.loop.close("closed by SIGTERM")

    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    kernel.loop.watch(reader, act)
