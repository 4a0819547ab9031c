"""Owns bringing the engine process up, in the order that it needs; refuses to know what it does afterwards.

Entered by `process.CODE` with the arguments that EngineProcess gives.
"""

from __future__ import annotations

import os

from ..cells import bundle
from . import alarm, frames
from .child import Child
from .confinement import Memory, bind_to_parent, heap_flags
from .lane import Lane
from .parser import Parser
from .pipe import Pipe
from .services import services
from .v8 import library
from .v8.holder import open_holder
from .v8.rejections import report_rejections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .v8.context import Context


def main(arguments: list[str]) -> None:
    """pipe, file for long texts (-1: none), parent's pid, mini-racer's folder, mem_mb, globals to be taken away; never
    returns.
    """
    pipe, texts_file, parent, folder, mem_mb, hidden = arguments
    bind_to_parent(int(parent))
    try:
        child = start(int(pipe), int(texts_file), folder, int(mem_mb), hidden.split())
    except (library.EngineUnavailable, bundle.AssetMissing) as error:
        os.set_blocking(int(pipe), True)
        os.write(int(pipe), frames.encode(frames.FATAL, 0, str(error).encode("utf-8")[:4096]))
        os._exit(3)
    child.serve()


def start(pipe_fd: int, texts_file: int, folder: str, mem_mb: int, hidden: list[str]) -> Child:
    """V8, its two contexts, then what confines them. Raises EngineUnavailable, AssetMissing."""
    pipe = Pipe(pipe_fd)
    wake, wake_write = os.pipe()
    os.set_blocking(wake, False)
    alarm.keep_from_threads()
    library.load(folder, heap_flags(mem_mb))
    natives = "globalThis.__natives = " + script("natives.js")

    def prepare(lane: Lane, context: Context) -> None:
        report_rejections(context, lane)
        lane.holder, lane.text_file = open_holder(context), texts_file
        lane.services = services()

    session = Lane(wake_write, (natives, script("session.js")), prepare)
    for name in hidden:
        session.context.eval(f"delete globalThis.{name}; 0")
    parser = Parser(wake_write, (natives, script("parser.js")))
    missing = "" if library.forbid_natives() else ", natives reachable"
    memory = Memory(mem_mb)
    alarm.ring(wake_write)
    pipe.send(frames.READY, 0, f"V8 {library.version()}\ndegraded: not jailed{missing}".encode())
    return Child(pipe, wake, session, parser, memory)


def script(name: str) -> str:
    """Named `vm:...`, so that stack traces can leave our frames out."""
    return f"{bundle.read(name)}\n//# sourceURL=vm:{name}"
