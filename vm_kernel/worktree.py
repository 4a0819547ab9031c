"""Owns the one way to open a file inside a root folder; refuses to check a path and open it later.

A path is cleaned as text, then opened by `openat2(RESOLVE_BENEATH)` on a descriptor of the root, so that nothing can
change between check and use: of 84,946 opens against a process that swapped a folder for a link, none left the root,
while resolving first and opening then left it 830 times in four seconds (docs/decisions.md). Where the system has no
openat2, a walk with O_NOFOLLOW opens component by component and refuses every link.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_PATH_BYTES, LONGEST_NAME_BYTES, MOST_LINKS = 4096, 255, 40

_OPENAT2 = 437  # the same number on every architecture
_NO_XDEV, _NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x01, 0x02, 0x04, 0x08
_DELETED = " (deleted)"  # what the system puts behind the name of a file that has none any more
_RETRIES = 32  # EAGAIN: something below was renamed meanwhile


class PathError(Exception):
    """A path that is not opened. code: EMPTY, INVALID_PATH, NOT_FOUND, NOT_A_FILE, TOO_LARGE or DENIED.

    The text names the path as it was given, never what it leads to.
    """

    def __init__(self, code: str, path: object) -> None:
        shown = str(path)[:200].encode("unicode_escape").decode("ascii")
        super().__init__(f"{_WORDS[code]}: '{shown}'")
        self.code = code


_WORDS = {
    "EMPTY": "the path is empty",
    "INVALID_PATH": "the path leaves the worktree or cannot be a path",
    "NOT_FOUND": "there is no such file",
    "NOT_A_FILE": "this is not a regular file",
    "TOO_LARGE": "the file is too large",
    "DENIED": "the file may not be read",
}


@dataclass(frozen=True)
class OpenFile:
    """A file as it was really opened. path: relative to the root, without links."""

    path: str
    content: bytes


def clean(path: str) -> str:
    """The path with `.`, `..` and doubled slashes resolved as text; only `/` separates (contract section 8).

    Raises PathError: EMPTY when nothing is left, INVALID_PATH when it is absolute, leaves the root or is no path.
    """
    if not isinstance(path, str) or any(character < " " or character == "\x7f" for character in path):
        raise PathError("INVALID_PATH", path)
    if not path.strip():
        raise PathError("EMPTY", path)
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        raise PathError("INVALID_PATH", ascii(path)) from None
    if path.startswith("/") or len(encoded) >= LONGEST_PATH_BYTES:
        raise PathError("INVALID_PATH", path)
    parts = _normal(path.split("/"), path)
    if any(len(part.encode("utf-8")) > LONGEST_NAME_BYTES for part in parts):
        raise PathError("INVALID_PATH", path)
    if not parts:
        raise PathError("EMPTY", path)
    return "/".join(parts)


def _normal(parts: list[str], path: str) -> list[str]:
    kept: list[str] = []
    for part in parts:
        if part == "..":
            if not kept:
                raise PathError("INVALID_PATH", path)
            kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    return kept


class Worktree:
    """A root folder, held by a descriptor. Raises PathError NOT_FOUND when it is no folder that can be opened.

    denied: files and folders that may lie under it and whose content is nobody's here (design 7.10).
    """

    def __init__(self, root: str, denied: Sequence[str] = ()) -> None:
        self._denied = tuple(os.path.realpath(each) for each in denied)
        try:
            self.root = os.path.realpath(root)
            self._fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (OSError, ValueError):
            raise PathError("NOT_FOUND", root) from None

    def __enter__(self) -> Worktree:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._fd)

    def read(self, path: str, most_bytes: int) -> OpenFile:
        """The content of a regular file, opened once. Raises PathError."""
        descriptor, opened = self.open(path)
        try:
            found = os.fstat(descriptor)
            if found.st_size > most_bytes:
                raise PathError("TOO_LARGE", path)
            parts: list[bytes] = []
            left = most_bytes + 1  # it may grow while it is read
            while left > 0 and (part := os.read(descriptor, min(left, 1 << 20))):
                parts.append(part)
                left -= len(part)
            if left <= 0:
                raise PathError("TOO_LARGE", path)
            return OpenFile(opened, b"".join(parts))
        except OSError:
            raise PathError("DENIED", path) from None
        finally:
            os.close(descriptor)

    def names(self, folder: str) -> list[tuple[str, bool]]:
        """The names in a folder, "" for the root, in order, and whether each is a folder. Raises PathError."""
        try:
            cleaned = clean(folder or ".")
        except PathError as error:
            if error.code != "EMPTY":
                raise
            cleaned = "."
        try:
            descriptor = self._open(cleaned, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise _translated(error, folder) from None
        try:
            opened = self._name_of(descriptor, cleaned)
            if any(is_inside(os.path.join(self.root, opened), each) for each in self._denied):
                raise PathError("DENIED", folder)
            with os.scandir(descriptor) as entries:
                return sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        except OSError:
            raise PathError("DENIED", folder) from None
        finally:
            os.close(descriptor)

    def open(self, path: str) -> tuple[int, str]:
        """A descriptor of a regular file for reading, and its path without links. Raises PathError."""
        cleaned = clean(path)
        if path.endswith(("/", "/.")):
            raise PathError("NOT_A_FILE", path)
        try:
            # O_NONBLOCK: a FIFO must not hold us.
            descriptor = self._open(cleaned, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            raise _translated(error, path) from None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise PathError("NOT_A_FILE", path)
            os.set_blocking(descriptor, True)
            opened = self._name_of(descriptor, cleaned)
            if opened.endswith(_DELETED) and os.fstat(descriptor).st_nlink == 0:
                raise PathError("NOT_FOUND", path)  # replaced meanwhile: where it was, so whether it is denied, is lost
            if any(is_inside(os.path.join(self.root, opened), each) for each in self._denied):
                raise PathError("DENIED", path)
            return descriptor, opened
        except BaseException:
            os.close(descriptor)
            raise

    def _open(self, path: str, flags: int) -> int:
        if not HAS_OPENAT2:
            return _walk(self._fd, path, flags)
        try:
            return _openat2(self._fd, path, flags, _BENEATH | _NO_MAGICLINKS | _NO_XDEV)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        # It leaves the root, unless an absolute link in it points back inside: then by the path without links.
        return _openat2(self._fd, self._without_links(path), flags, _BENEATH | _NO_SYMLINKS | _NO_XDEV)

    def _without_links(self, path: str) -> str:
        """The path with every link replaced by what it says. Raises OSError EXDEV for one that leaves the root."""
        pending, done = path.split("/"), list[str]()
        for _ in range(MOST_LINKS):
            while pending:
                name = pending.pop(0)
                descriptor = _openat2(
                    self._fd, "/".join([*done, name]), os.O_PATH | os.O_NOFOLLOW, _BENEATH | _NO_MAGICLINKS | _NO_XDEV
                )
                try:
                    if stat.S_ISLNK(os.fstat(descriptor).st_mode):
                        target = os.readlink("", dir_fd=descriptor)
                        break
                finally:
                    os.close(descriptor)
                done.append(name)
            else:
                return "/".join(done) or "."
            if target.startswith("/"):
                prefix = self.root.rstrip("/") + "/"
                if not (target + "/").startswith(prefix):
                    raise OSError(errno.EXDEV, "leaves the root")
                done, target = [], target[len(prefix) :]
            try:
                done = _normal([*done, *target.split("/")], path)
            except PathError:
                raise OSError(errno.EXDEV, "leaves the root") from None
            pending, done = [*done, *pending], []
        raise OSError(errno.ELOOP, "too many links")

    def _name_of(self, descriptor: int, path: str) -> str:
        """What was opened, as the system names it; the cleaned path where it does not tell."""
        try:
            real = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            return path
        prefix = self.root.rstrip("/") + "/"
        return real[len(prefix) :] if real.startswith(prefix) else path


def is_inside(path: str, root: str) -> bool:
    """Whether `path` is `root` or lies under it; both absolute and without links."""
    return path == root or path.startswith(root.rstrip("/") + "/")


def _translated(error: OSError, path: str) -> PathError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return PathError("NOT_FOUND", path)
    if error.errno in (errno.EACCES, errno.EPERM):
        return PathError("DENIED", path)
    if error.errno in (errno.ENXIO, errno.EISDIR):  # a socket, a FIFO nobody writes to, a device that is not there
        return PathError("NOT_A_FILE", path)
    return PathError("INVALID_PATH", path)


def _openat2(folder: int, path: str, flags: int, resolve: int) -> int:
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, 0, resolve)
    for _ in range(_RETRIES):
        descriptor: int = _libc.syscall(_OPENAT2, folder, path.encode("utf-8"), how, len(how))
        if descriptor >= 0:
            return descriptor
        number = ctypes.get_errno()
        if number != errno.EAGAIN:
            break
    raise OSError(number, os.strerror(number))


def _walk(folder: int, path: str, flags: int) -> int:
    """Component by component, without following any link."""
    parts, current = path.split("/"), os.dup(folder)
    try:
        for part in parts[:-1]:
            following = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current)
            os.close(current)
            current = following
        return os.open(parts[-1], flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current)
    finally:
        os.close(current)


def _probe() -> bool:
    """Whether the system knows openat2 and lets us call it; some container filters do not."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        os.close(_openat2(root, ".", os.O_PATH, _BENEATH))
        return True
    except OSError:
        return False
    finally:
        os.close(root)


_libc = ctypes.CDLL(None, use_errno=True)
HAS_OPENAT2 = _probe()
