"""Owns finding and reading the files that `import` and `require` name; refuses to know what is in them.

Read through the one door of the worktree, once for each question; docs/modules.md says which paths are tried.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from . import packages
from .log import log
from .packages import Closed, Place
from .worktree import OpenFile, PathError, Worktree, clean

MOST_BYTES = 8 << 20
#: A kernel looks while it hears nothing: files that one question may try to open, and what it may read of package.json.
MOST_TRIES = 1000
MOST_PACKAGE_BYTES, MOST_PACKAGES_BYTES = 512 << 10, 4 << 20
LONGEST_SPECIFIER = 4096
LONGEST_LOOKED_AT = 1 << 20  # characters of JSON: 20 to 40 ms
SHOWN_TRIES = 8

#: How a file is read, by its suffix; the engine tells ES modules from CommonJS where this says `auto` or `ts`.
FORMATS = {
    ".js": "auto", ".mjs": "esm", ".cjs": "cjs", ".json": "json", ".ts": "ts", ".tsx": "ts", ".jsx": "ts", "": "auto",
}  # fmt: skip

_REASONS = {
    "INVALID_PATH": "the path leaves the worktree or cannot be a path",
    "TOO_LARGE": f"the file is larger than {MOST_BYTES >> 20} MB",
    "DENIED": "the file may not be read",
}


@dataclass(frozen=True)
class Answer:
    """content: what JavaScript gets. source: the JSON message to the parser whose answer it gets besides."""

    content: dict[str, Any]
    source: str | None = None


class Refused(Exception):
    """A specifier that leads to no module; the text is the user's error. code: as in Node."""

    def __init__(self, specifier: str, why: str, code: str = "ERR_INVALID_MODULE_SPECIFIER") -> None:
        shown = json.dumps(specifier[:200])
        super().__init__(f"Invalid module {shown}: {why}")
        self.code = code


class Imports:
    """root: "" is the process's own folder. resolver: contract 18.1. esm: whether `import` may be used at all."""

    def __init__(
        self, root: str = "", resolver: Mapping[str, Any] | None = None, esm: bool = True, denied: Sequence[str] = ()
    ) -> None:
        resolver = resolver or {}
        self._root = os.path.realpath(root or os.getcwd())
        #: As JavaScript gets it, in which a name that is no UTF-8 has no place.
        self._shown = os.fsencode(self._root).decode("utf-8", "replace").rstrip("/")
        self._roots = [str(each) for each in resolver.get("roots", ["."])]
        self._suffixes = [str(each) for each in resolver.get("extensions", [".js", ".mjs"])]
        self._absolute = resolver.get("allow_absolute_repo_imports", True) is True
        self._esm = esm
        self._denied = denied

    def answer(self, question: Mapping[str, Any]) -> Answer:
        """question: `{specifier, from, by}`, as untrusted as any cell. Never raises."""
        try:
            return self._answer(question)
        except Refused as refused:
            return Answer({"problem": str(refused), "code": refused.code})
        except (OSError, ValueError, RecursionError) as error:
            log(f"import: {type(error).__name__}: {error}")
            return Answer({"problem": "Invalid module: it could not be read", "code": "ERR_INVALID_MODULE_SPECIFIER"})

    def _answer(self, question: Mapping[str, Any]) -> Answer:
        specifier, folder, by = question.get("specifier"), question.get("from"), question.get("by")
        for each in (specifier, folder):
            if not isinstance(each, str) or len(each) > LONGEST_SPECIFIER:
                raise Refused("", "a specifier is a text of at most 4096 characters")
        assert isinstance(specifier, str) and isinstance(folder, str)
        if by == "import" and not self._esm:
            why = "import is switched off in this session (runtime.esm is false); require is not"
            raise Refused(specifier, why)
        path, text = self._find(specifier, folder, "require" if by == "require" else "import")
        format_ = self._format(specifier, path)
        content = {"path": path, "filename": f"{self._shown}/{path}", "format": format_, "esm": self._esm}
        if format_ == "json":
            return Answer({**content, "text": text, "place": _place_of_error(text)})
        del content["format"]  # the parser tells
        return Answer(content, json.dumps({"text": text, "format": format_}))

    # -- from a specifier to paths

    def _paths(self, specifier: str, folder: str) -> list[str]:
        """What it may mean, as paths from the worktree's root, not yet cleaned."""
        if specifier.startswith("file://"):
            from urllib.parse import unquote

            specifier = unquote(specifier.removeprefix("file://").split("?", 1)[0].split("#", 1)[0])
        scheme = specifier.split("/", 1)[0].partition(":")
        if scheme[1] and scheme[0].isalnum():
            raise Refused(specifier, f"only files of the worktree can be imported, nothing of {scheme[0]}:")
        if specifier.split("/", 1)[0] in (".", ".."):
            return [f"{folder}/{specifier}" if folder else specifier]
        if not specifier.startswith("/"):
            named = specifier and not specifier.startswith("#")
            return [f"{root}/{specifier}" for root in self._roots] if named else []
        inside = self._shown + "/"
        if specifier.startswith(inside):
            return [specifier.removeprefix(inside)]
        if not self._absolute:
            why = "a path with a leading / is switched off (resolver.allow_absolute_repo_imports is false)"
            raise Refused(specifier, why)
        return [specifier.lstrip("/")]

    def _candidates(self, place: Place, by: str, read: packages.Read) -> Iterator[str]:
        """The path as it is, with each suffix, and what stands for a folder of that name."""
        yield from self._files(place)
        if not place.folders:
            return
        if by == "require":
            for main in packages.main_of(place.path.rstrip("/"), by, read):
                yield from (*self._files(main), *self._indexes(main))
        yield from self._indexes(place)

    def _files(self, place: Place) -> Iterator[str]:
        if not place.path.endswith("/") and place.path.rsplit("/", 1)[-1] not in (".", ".."):
            yield place.path
            yield from (place.path + suffix for suffix in self._suffixes if place.suffixes)

    def _indexes(self, place: Place) -> Iterator[str]:
        return (f"{place.path.rstrip('/') or '.'}/index{suffix}" for suffix in self._suffixes)

    def _find(self, specifier: str, folder: str, by: str) -> tuple[str, str]:
        tried: list[str] = []
        own = [Place(path, folders=by == "require") for path in self._paths(specifier, folder)]
        bare = specifier[:1] not in ("", ".", "/") and not specifier.startswith("file:")
        with self._open_root(specifier) as worktree:
            reads = _Reads(worktree)
            places = chain(own, packages.places(specifier, folder, by, reads.package) if bare else ())
            try:
                found = self._first(specifier, self._all(places, by, reads.package), reads, tried)
            except Closed as closed:
                raise Refused(specifier, str(closed), closed.code) from None
            if found is not None:
                return found
            folder_named = next((place for place in own if _is_folder(worktree, place.path)), None)
            if folder_named is not None and by == "import":
                why = "that is a folder (or no regular file), and import takes files alone"
                index = next((each for each in self._indexes(folder_named) if reads.has(each)), None)
                hint = f": there is {clean(index)}" if index is not None else ""
                raise Refused(specifier, why + hint, "ERR_UNSUPPORTED_DIR_IMPORT")
        tried = list(dict.fromkeys(tried))
        shown = ", ".join(tried[:SHOWN_TRIES]) + (", …" if len(tried) > SHOWN_TRIES else "")
        why = "no module of that name is granted, and there is no such file" if bare else "there is no such file"
        code = "MODULE_NOT_FOUND" if by == "require" else "ERR_MODULE_NOT_FOUND"
        raise Refused(specifier, f"{why}; tried {shown or 'nothing'}", code)

    def _all(self, places: Iterable[Place], by: str, read: packages.Read) -> Iterator[str]:
        return (each for place in places for each in self._candidates(place, by, read))

    def _first(
        self, specifier: str, candidates: Iterable[str], reads: _Reads, tried: list[str]
    ) -> tuple[str, str] | None:
        """The real path of the first that is a file, and its text."""
        for candidate in candidates:
            try:
                cleaned = clean(candidate)
                tried.append(cleaned)
                opened = reads.file(cleaned)
            except PathError as error:
                if error.code in ("NOT_FOUND", "NOT_A_FILE", "EMPTY"):
                    continue
                raise Refused(specifier, _REASONS[error.code]) from None
            try:
                opened.path.encode()  # what a link leads to may have any name
                return opened.path, opened.content.decode("utf-8-sig")
            except UnicodeError:
                raise Refused(specifier, f"{cleaned} is not UTF-8 text, or its name is not") from None
        return None

    def _open_root(self, specifier: str) -> Worktree:
        try:
            return Worktree(self._root, self._denied)
        except PathError:
            raise Refused(specifier, "the worktree is not there any more") from None

    def _format(self, specifier: str, path: str) -> str:
        suffix = os.path.splitext(path)[1]
        format_ = FORMATS.get(suffix, "auto" if suffix in self._suffixes else "")
        if not format_:
            kinds = ", ".join(each for each in dict.fromkeys([*FORMATS, *self._suffixes]) if each)
            why = f"{path} is none of the files that can be imported: {kinds}"
            raise Refused(specifier, why, "ERR_UNKNOWN_FILE_EXTENSION")
        return format_


class _Reads:
    """What one question reads; raises Closed when it has become too much."""

    def __init__(self, worktree: Worktree) -> None:
        self._worktree = worktree
        self._tries = 0
        self._bytes = 0

    def file(self, path: str, most_bytes: int = MOST_BYTES) -> OpenFile:
        self._tries += 1
        if self._tries > MOST_TRIES:
            raise Closed(f"more than {MOST_TRIES} files were looked for", "ERR_MODULE_NOT_FOUND")
        return self._worktree.read(clean(path), most_bytes)

    def has(self, path: str) -> bool:
        try:
            self.file(path)
        except PathError:
            return False
        return True

    def package(self, path: str) -> str | None:
        """The text of a package.json."""
        try:
            content = self.file(path, MOST_PACKAGE_BYTES).content
            self._bytes += len(content)
            if self._bytes > MOST_PACKAGES_BYTES:
                why = f"the package.json files on the way are larger than {MOST_PACKAGES_BYTES >> 20} MB in all"
                raise Closed(why, "ERR_INVALID_PACKAGE_CONFIG")
            return content.decode("utf-8-sig")
        except PathError as error:
            if error.code == "TOO_LARGE":
                why = f"{path} is larger than {MOST_PACKAGE_BYTES >> 10} KB"
                raise Closed(why, "ERR_INVALID_PACKAGE_CONFIG") from None
            return None
        except UnicodeDecodeError:
            return None


def _is_folder(worktree: Worktree, path: str) -> bool:
    try:
        worktree.read(clean(path), 0)
    except PathError as error:
        return error.code in ("EMPTY", "NOT_A_FILE")  # the worktree itself has an empty path
    return False


def _place_of_error(text: str) -> list[int]:
    """Line and column where a text stops being JSON, which V8 does not always tell; the first if it is, or is so long
    that looking would keep the kernel.
    """
    if len(text) > LONGEST_LOOKED_AT:
        return [1, 1]
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return [error.lineno, error.colno]
    except (ValueError, RecursionError):  # a number of thousands of digits, a thousand brackets
        pass
    return [1, 1]
