"""Owns the note that says which process runs a session, and the files beside it; refuses to signal anybody.

One JSON file per session in Jupyter's runtime folder, readable by its user alone (contract 18.5).
"""

from __future__ import annotations

import glob
import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from typing import Any

from . import places
from .ledger import owners


@dataclass(frozen=True)
class Note:
    """owner: `{boot_id, pid, start_time}` of the kernel process, or of the gateway that is about to start it.

    sockets: the folder of its ipc sockets.

    guest: a Jupyter client's kernel; never written, and nothing that it names is ours to remove.
    """

    session_id: str
    owner: dict[str, Any]
    connection_file: str
    sockets: str
    log: str
    ledger: str
    guest: bool = False


def path_of(session_id: str) -> str:
    return os.path.join(places.runtime_folder(), f"vmgw-{session_id}.json")


def write(note: Note) -> None:
    places.write_private(path_of(note.session_id), json.dumps(asdict(note)))


def read(session_id: str) -> Note | None:
    """The note of a session, with the process that runs it, if one does; None when no note can be understood."""
    return _read(path_of(session_id))


def remove(note: Note) -> None:
    """The note and all that it names, when the process has ended."""
    if note.guest:
        return
    for path in (path_of(note.session_id), note.connection_file, note.log):
        places.remove(path)
    if os.path.basename(os.path.dirname(note.sockets)).startswith("vmg"):
        shutil.rmtree(note.sockets, ignore_errors=True)


def every() -> list[Note]:
    """The notes of all sessions of this user, whichever gateway wrote them."""
    paths = glob.glob(os.path.join(glob.escape(places.runtime_folder()), "vmgw-*.json"))
    return [note for path in paths if (note := _read(path)) is not None]


def remove_of_the_dead() -> None:
    """Removes what processes left that nobody can adopt any more, and tokens of gateways that are gone."""
    for path in glob.glob(os.path.join(glob.escape(places.runtime_folder()), "vm-gateway-*.token")):
        try:
            with open(path, encoding="utf-8") as file:
                served_by = json.loads(file.read(4096).partition("\n")[2])
            if not owners.is_alive(served_by):
                places.remove(path)
        except (OSError, ValueError, AttributeError):
            continue
    for note in every():
        if not owners.is_alive(note.owner):
            remove(note)


def last_words(note: Note) -> str:
    """The last line of the process's log, for a person who asks why it ended."""
    try:
        with open(note.log, "rb") as file:
            file.seek(max(0, os.path.getsize(note.log) - 4096))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return "".join(character for character in lines[-1] if character.isprintable())[:300] if lines else ""


def _read(path: str) -> Note | None:
    try:
        with open(path, encoding="utf-8") as file:
            note = Note(**json.load(file))
    except (OSError, ValueError, TypeError):
        return None
    if not owners.is_alive(note.owner):  # a gateway that was killed before it could write down whom it started?
        return replace(note, owner=_process_of(note.connection_file) or note.owner)
    return note


def _process_of(connection_file: str) -> dict[str, Any] | None:
    """The kernel that a gateway started with that file; None where there is none, or no /proc to find it in.

    Others name the file too (`jupyter console --existing`, an editor); the words are those of `starting._launch`.
    """
    module, file_words = b"\0-m\0vm_gateway.launch\0", b"\0-f\0" + os.fsencode(connection_file) + b"\0"
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                line = file.read()
                if module in line and line.endswith(file_words):
                    return owners.owner(int(path.split("/")[2]))
        except OSError:
            continue
    return None
