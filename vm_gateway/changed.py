"""Owns whether a file that a text names, or one that such a file names, was changed after a moment; refuses to know why
anybody asks.

Names are whatever stands in quotes or behind `%run`, tried as `import` tries them (vm_kernel.imports). It looks into
folders of this machine only.
"""

from __future__ import annotations

import os
import re
import stat

_NAMED = re.compile(r"""(['"`])([^'"`\n]{1,200})\1|^\s*%run[ \t]+([^\s"]+)""", re.MULTILINE)
_ENDINGS = ("", ".js", ".mjs", ".cjs", ".ts", ".json", "/index.js", "/index.mjs")
_CODE = (".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx")
MOST_FILES = 500
MOST_BYTES = 1 << 20


def changed_since(text: str, root: str, moment: float) -> bool:
    """root: the folder in which the text ran. moment: seconds since the epoch."""
    root = os.path.realpath(root)
    seen: set[str] = set()
    waiting = [(text, root)]
    while waiting:
        text, folder = waiting.pop()
        for _, quoted, run in _NAMED.findall(text):
            name = quoted or run
            for path in (os.path.realpath(os.path.join(folder, name.lstrip("/") + end)) for end in _ENDINGS):
                if path in seen or not path.startswith(f"{root}{os.sep}"):
                    continue
                found = _file(path)
                if found is None or len(seen) >= MOST_FILES:
                    continue
                seen.add(path)
                if found.st_mtime > moment:
                    return True
                if path.endswith(_CODE) and found.st_size <= MOST_BYTES:
                    waiting.append((_text(path), os.path.dirname(path)))
    return False


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
