"""Owns the files that a text names, and those that such files name; refuses to know why anybody asks.

Names are what stands behind `%run`, what is imported, and whatever else in quotes has a dot or a slash, tried as
`import` tries them (vm_kernel.imports), packages left out. It looks into folders of this machine only.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

_NAMED = re.compile(
    r"""(?:\b(from|import|require)\b[\s(]{0,100})?(['"`])([^'"`\n]{1,200})\2"""
    r"""|^[ \t]{0,100}(?:%%?\w{1,9}[ \t]{1,100}){0,4}%run[ \t]+([^\s"]+)""",
    re.MULTILINE,
)
_ENDINGS = ("", ".js", ".mjs", ".cjs", ".ts", ".json", "/index.js", "/index.mjs")
_CODE = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx")
MOST_FILES = 500
MOST_BYTES = 1 << 20


class File(NamedTuple):
    """text: empty where it is no code. changed: when it was written or put there, in seconds since the epoch."""

    text: str
    changed: float


def named_files(text: str, root: str, path: str = "") -> list[File]:
    """root: the folder in which the text ran. path: of the text itself, in there, where it is a file."""
    root = os.path.realpath(root)
    seen: set[str] = set()
    files: list[File] = []
    waiting = [(text, os.path.dirname(os.path.join(root, path)))]
    while waiting:
        text, folder = waiting.pop()
        for name in dict.fromkeys(_names(text)):
            for path in _paths(name, folder, root):
                found = _file(path)
                if found is None:
                    continue
                path = os.path.realpath(path)
                if path in seen or len(seen) >= MOST_FILES or not path.startswith(f"{root}{os.sep}"):
                    continue
                seen.add(path)
                code = path.endswith(_CODE) and found.st_size <= MOST_BYTES
                files.append(File(_text(path) if code else "", max(found.st_mtime, found.st_ctime)))
                waiting.append((files[-1].text, os.path.dirname(path)))
    return files


def _names(text: str) -> Iterator[str]:
    for asked, _, quoted, run in _NAMED.findall(text):
        if run or asked or "/" in quoted or "." in quoted:
            yield run or quoted


def _paths(name: str, folder: str, root: str) -> Iterator[str]:
    """As it stands, without what makes it a further module, and without what tells that it is whole."""
    name = re.sub(r"[?#].*", "", name.removeprefix("file://"))
    folders = [folder] if name.startswith((".", "/")) else dict.fromkeys((folder, root))
    name = name.removeprefix(f"{root}{os.sep}").lstrip("/")
    if name:
        yield from (os.path.join(each, f"{name}{end}") for each in folders for end in _ENDINGS)


def _file(path: str) -> os.stat_result | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # ValueError: a NUL in it
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(MOST_BYTES)
    except OSError:
        return ""
