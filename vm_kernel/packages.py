"""Owns which file the name of a package means, by its package.json in a node_modules folder; refuses to run anything.

Source: Node's documentation of packages: `exports` with conditions and patterns, `main`. Nothing of Node itself is
there, so the conditions are those of browsers and bundlers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

MODULES = "node_modules"
DEEPEST = 20
LONGEST_TARGET = 4096
#: Beside `import` or `require`, whichever asks.
CONDITIONS = frozenset(("browser", "module", "default"))

#: The text of a file of the worktree; None where there is none.
Read = Callable[[str], "str | None"]


def places(specifier: str, folder: str, by: str, read: Read) -> Iterator[str]:
    """Paths to try for a bare name, in the importing folder's node_modules and those above it, as Node goes."""
    words = specifier.split("/")
    length = 2 if specifier.startswith("@") else 1
    name, subpath = "/".join(words[:length]), "/".join(words[length:])
    if len(words) < length or not all(words):
        return
    for above in _upwards(folder):
        package = f"{above}{MODULES}/{name}"
        text = read(f"{package}/package.json")
        if text is not None:
            yield from (f"{package}/{file}" for file in _files(text, subpath, by))
        elif read(f"{package}/index.js") is not None:
            yield f"{package}/{subpath or 'index.js'}"


def _upwards(folder: str) -> Iterator[str]:
    """The folder, the one that it is in and so on, each with a slash behind it; "" is the root."""
    words = [word for word in folder.split("/") if word]
    for length in range(len(words), -1, -1):
        if length == 0 or words[length - 1] != MODULES:
            yield "".join(f"{word}/" for word in words[:length])


def _files(text: str, subpath: str, by: str) -> Iterator[str]:
    """What package.json says, as paths inside the package; nothing where it closes that path."""
    try:
        package = json.loads(text)
    except (ValueError, RecursionError):
        package = {}
    if not isinstance(package, dict):
        package = {}
    if package.get("exports") is not None:
        found = _exported(package["exports"], f"./{subpath}" if subpath else ".", by)
        if found is not None:
            yield found
    elif subpath:
        yield subpath
    else:
        yield from (
            package[field]
            for field in ("module", "main")
            if by == "import" or field == "main"
            if isinstance(package.get(field), str)
        )
        yield "index.js"


def _exported(exports: Any, wanted: str, by: str) -> str | None:
    if not isinstance(exports, dict) or not any(key.startswith(".") for key in exports):
        exports = {".": exports}
    if wanted in exports:
        return _target(exports[wanted], by)
    for key, value in exports.items():
        head, star, tail = key.partition("*")
        long_enough = len(wanted) >= len(head) + len(tail)
        if star and long_enough and wanted.startswith(head) and wanted.endswith(tail):
            target = _target(value, by)
            return target and target.replace("*", wanted[len(head) : len(wanted) - len(tail)])
    return None


def _target(value: Any, by: str, depth: int = 0) -> str | None:
    """The first that its conditions let through."""
    if isinstance(value, str):  # a longer one is no path, and each of its `*` would grow to what they stand for
        return value.removeprefix("./") if len(value) <= LONGEST_TARGET else None
    if depth < DEEPEST and isinstance(value, list):
        return next(filter(None, (_target(each, by, depth + 1) for each in value)), None)
    if depth < DEEPEST and isinstance(value, dict):
        for condition, each in value.items():
            if condition == by or condition in CONDITIONS:
                found = _target(each, by, depth + 1)
                if found is not None:
                    return found
    return None
