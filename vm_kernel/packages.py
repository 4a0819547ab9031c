"""Owns which file the name of a package means, by what package.json files say; refuses to open and to run anything.

Source: Node's documentation of packages and of how modules are resolved: `exports` and `imports` with conditions and
patterns, a package's own name, `main`. Nothing of Node itself is there, so the conditions are those of browsers and
bundlers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

MODULES = "node_modules"
DEEPEST = 20
LONGEST_TARGET = 4096
#: Beside `import` or `require`, whichever asks.
CONDITIONS = frozenset(("browser", "module", "default"))

#: The text of a file of the worktree; None where there is none.
Read = Callable[[str], "str | None"]


class Place(NamedTuple):
    """A path to try: as it is; with suffixes as well; as a folder with an index as well, or with nothing but a slash
    at its end as nothing else."""

    path: str
    suffixes: bool = True
    folders: bool = True


class Closed(Exception):
    """A package.json says that the name leads nowhere, or cannot be understood. code: as in Node."""

    def __init__(self, why: str, code: str) -> None:
        super().__init__(why)
        self.code = code


class Package(NamedTuple):
    """A folder with a package.json; "" is the root."""

    folder: str
    content: dict[str, Any]

    @property
    def file(self) -> str:
        return _inside(self.folder, "package.json")


def places(specifier: str, folder: str, by: str, read: Read) -> Iterator[Place]:
    """Places to try for a name that is no path, in a file of `folder`; by: `import` or `require`. Raises Closed."""
    if specifier.startswith("#"):
        yield from _imported(specifier, folder, by, read)
    else:
        yield from _named(specifier, folder, by, read)


def main_of(folder: str, by: str, read: Read) -> list[Place]:
    """The file that stands for a folder by its package.json, which does not mind that it has no suffix."""
    package = _package(folder, read)
    fields = ("module", "main") if by == "import" else ("main",)
    content = package.content if package is not None else {}
    values = [content[field] for field in fields if isinstance(content.get(field), str)]
    return [Place(_inside(folder, value)) for value in values if len(value) <= LONGEST_TARGET]


# -- names of packages


def _named(specifier: str, folder: str, by: str, read: Read) -> Iterator[Place]:
    """The package that the file itself is in, if it exports anything, then the node_modules beside it and above."""
    words = specifier.split("/")
    length = 2 if specifier.startswith("@") else 1
    name, rest = "/".join(words[:length]), "/".join(words[length:])
    if len(words) < length or not all(words[:length]) or re.search(r"[\\%]", name):
        return
    subpath = f"./{rest}" if len(words) > length else "."
    own = _scope(folder, read)
    if own is not None and own.content.get("name") == name and own.content.get("exports") is not None:
        yield _exported(own, subpath, by)
        return
    for above in _upwards(folder):
        path = f"{above}{MODULES}/{name}"
        package = _package(path, read)
        if package is not None and package.content.get("exports") is not None:
            yield _exported(package, subpath, by)
            return
        if by == "require" or subpath != ".":
            yield Place(f"{path}/{rest}" if subpath != "." else path, folders=by == "require")
            continue
        yield from main_of(path, by, read)
        yield from (Place(f"{path}/"), Place(path, folders=False))


def _imported(specifier: str, folder: str, by: str, read: Read) -> Iterator[Place]:
    """What the nearest package.json gives a name with `#`: a file of the package, or the name of another."""
    if specifier == "#" or specifier.startswith("#/") or specifier.endswith("/"):
        raise Closed("a name with # is more than that, and no folder", "ERR_INVALID_MODULE_SPECIFIER")
    own = _scope(folder, read)
    entries = own.content.get("imports") if own is not None else None
    found: str | None = None
    if own is not None and isinstance(entries, dict):
        found = _matched(own, specifier, entries, by, foreign=True)
    if found is None or own is None:
        where = f"{own.file} does not list it in imports" if own is not None else "there is no package.json to list it"
        raise Closed(where, "ERR_PACKAGE_IMPORT_NOT_DEFINED")
    if found.startswith("./"):
        yield Place(_inside(own.folder, found), suffixes=False, folders=False)
    else:
        yield from _named(found, own.folder, by, read)


def _upwards(folder: str) -> Iterator[str]:
    """The folder, the one that it is in and so on, each with a slash behind it; "" is the root."""
    words = [word for word in folder.split("/") if word]
    for length in range(len(words), -1, -1):
        if length == 0 or words[length - 1] != MODULES:
            yield "".join(f"{word}/" for word in words[:length])


def _scope(folder: str, read: Read) -> Package | None:
    """The package that files of the folder belong to: a node_modules folder above ends it."""
    words = [word for word in folder.split("/") if word]
    while not words or words[-1] != MODULES:
        package = _package("/".join(words), read)
        if package is not None or not words:
            return package
        words.pop()
    return None


def _package(folder: str, read: Read) -> Package | None:
    package = Package(folder, {})
    text = read(package.file)
    if text is None:
        return None
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        why = f"{package.file}:{error.lineno}:{error.colno} is not JSON: {error.msg}"
        raise Closed(why, "ERR_INVALID_PACKAGE_CONFIG") from None
    except (ValueError, RecursionError):
        raise Closed(f"{package.file} is not JSON that can be read", "ERR_INVALID_PACKAGE_CONFIG") from None
    return Package(folder, content if isinstance(content, dict) else {})


def _inside(folder: str, path: str) -> str:
    path = path.removeprefix("./")
    return f"{folder}/{path}" if folder else path


# -- what exports and imports say


def _exported(package: Package, subpath: str, by: str) -> Place:
    exports = package.content["exports"]
    keys = list(exports) if isinstance(exports, dict) else []
    dotted = sum(key.startswith(".") for key in keys)
    if 0 < dotted < len(keys):
        raise Closed(f"{package.file} mixes paths and conditions in exports", "ERR_INVALID_PACKAGE_CONFIG")
    if dotted == 0:
        exports = {".": exports} if isinstance(exports, str | list | dict) else {}
    found: str | _Nothing | None = None
    if subpath != ".":
        found = _matched(package, subpath, exports, by)
    elif "." in exports:
        found = _target(package, exports["."], by, None, subpath)
    if not isinstance(found, str):
        why = f"{package.file} does not export {json.dumps(subpath[:200])} to {by}"
        raise Closed(why, "ERR_PACKAGE_PATH_NOT_EXPORTED")
    return Place(_inside(package.folder, found), suffixes=False, folders=False)


def _matched(package: Package, wanted: str, entries: dict[str, Any], by: str, foreign: bool = False) -> str | None:
    """The target of the entry of that name, or of the pattern that is longest before its `*`, then in all."""
    if wanted.endswith("/"):
        return None
    if wanted in entries and "*" not in wanted:
        found = _target(package, entries[wanted], by, None, wanted, foreign)
        return found if isinstance(found, str) else None
    patterns = [key for key in entries if key.count("*") == 1]
    for key in sorted(patterns, key=lambda key: (key.index("*"), len(key)), reverse=True):
        head, _, tail = key.partition("*")
        if wanted.startswith(head) and wanted != head and wanted.endswith(tail) and len(wanted) >= len(key):
            stands_for = wanted[len(head) : len(wanted) - len(tail)]
            found = _target(package, entries[key], by, stands_for, wanted, foreign)
            return found if isinstance(found, str) else None
    return None


class _Nothing:
    """No condition holds: whoever asked looks on, which `null` forbids."""


NOTHING = _Nothing()


def _target(
    package: Package, value: Any, by: str, match: str | None, wanted: str, foreign: bool = False, depth: int = 0
) -> str | _Nothing | None:
    """What an entry comes to, with `match` for each `*`. foreign: it may be the name of another package."""
    if value is None or depth >= DEEPEST:
        return None
    if isinstance(value, str):
        return _path(package, value, match, wanted, foreign)
    if isinstance(value, dict):
        if any(key.isdecimal() for key in value):
            raise Closed(f"{package.file} has a number for a condition", "ERR_INVALID_PACKAGE_CONFIG")
        for condition, each in value.items():
            if condition == by or condition in CONDITIONS:
                found = _target(package, each, by, match, wanted, foreign, depth + 1)
                if found is not NOTHING:
                    return found
        return NOTHING
    if isinstance(value, list):
        return _first(package, value, by, match, wanted, foreign, depth)
    raise _no_target(package, value, wanted)


def _first(
    package: Package, values: list[Any], by: str, match: str | None, wanted: str, foreign: bool, depth: int
) -> str | _Nothing | None:
    """The first of them that is a path; else what the last came to."""
    last: _Nothing | Closed | None = NOTHING if values else None
    for each in values:
        try:
            found = _target(package, each, by, match, wanted, foreign, depth + 1)
        except Closed as closed:
            if closed.code != "ERR_INVALID_PACKAGE_TARGET":
                raise
            last = closed
            continue
        if isinstance(found, str):
            return found
        if found is None:
            last = None
    if isinstance(last, Closed):
        raise last
    return last


def _path(package: Package, target: str, match: str | None, wanted: str, foreign: bool) -> str:
    stars = target.count("*") if match is not None else 0
    if len(target) + stars * len(match or "") > LONGEST_TARGET:
        raise _no_target(package, target, wanted)
    if not target.startswith("./"):
        if not foreign or target.startswith(("../", "/")) or not target or ":" in target:
            raise _no_target(package, target, wanted)
    elif _strays(target[2:]):
        raise _no_target(package, target, wanted)
    elif match and _strays(match):
        raise Closed(f"{package.file} takes no such path for its *", "ERR_INVALID_MODULE_SPECIFIER")
    return target if match is None else target.replace("*", match)


def _strays(path: str) -> bool:
    """Whether it could lead out of the package or into the packages below it."""
    if "%" in path:
        from urllib.parse import unquote

        path = unquote(path)
    return any(each.lower() in ("", ".", "..", MODULES) for each in re.split(r"[/\\]", path))


def _no_target(package: Package, value: Any, wanted: str) -> Closed:
    shown = json.dumps(value)[:200]
    why = f"{package.file} leads {json.dumps(wanted[:200])} to {shown}, which is no path inside the package"
    return Closed(why, "ERR_INVALID_PACKAGE_TARGET")
