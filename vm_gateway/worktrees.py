"""Owns what may be a session's worktree and how a file of one is read for a request; refuses to know sessions.

Opening itself is `vm_kernel.worktree`; here its refusals become the codes of contract section 8.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vm_kernel.worktree import PathError, Worktree, clean, is_inside

from .errors import GatewayError, invalid_path

Details = Mapping[str, object]


class Source(NamedTuple):
    """A file as it was really opened: `path` is relative and has no links in it."""

    path: str
    text: str


def check_root(path: str, roots: Sequence[str], details: Details) -> None:
    """Whether sessions may have `path` as their worktree. roots: where worktrees must lie; empty: anywhere.

    Raises: INVALID_PATH.
    """
    shown = _shown(path)
    try:
        if not path.startswith("/") or "\0" in path:
            raise invalid_path(f"Worktree {shown} must be an absolute path of an existing folder", details)
        found = os.stat(path)
        if not stat.S_ISDIR(found.st_mode):
            raise invalid_path(f"Worktree {shown} is not a folder: name an existing one", details)
        if not os.access(path, os.R_OK | os.X_OK):
            raise invalid_path(f"Worktree {shown} cannot be read: change its rights or name another", details)
        real = os.path.realpath(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise invalid_path(f"Worktree {shown} cannot be used ({why}): name an existing folder", details) from None
    if real == "/":
        raise invalid_path("The whole file system cannot be a worktree: name a folder in it", details)
    if roots and not any(is_inside(real, os.path.realpath(root)) for root in roots):
        message = f"Worktree {shown} lies outside of the folders that worktree_roots allows"
        raise invalid_path(message, details)


def check_path(path: str, details: Details) -> None:
    """The lexical rules for a run-file path. Raises: FILE_NOT_FOUND for an empty one, INVALID_PATH."""
    try:
        clean(path)
    except PathError as error:
        raise refusal(path, error, details) from None


def read_source(root: str, path: str, most_bytes: int, denied: Sequence[str], details: Details) -> Source:
    """Opens and reads a file of the worktree once. Raises: FILE_NOT_FOUND, INVALID_PATH.

    denied: files and folders of the gateway, which may lie under a worktree and are not to be read (design 7.10).
    """
    try:
        with Worktree(root, denied) as worktree:
            opened = worktree.read(path, most_bytes)
    except PathError as error:
        raise refusal(path, error, details) from None
    try:
        return Source(opened.path, opened.content.decode("utf-8"))
    except UnicodeDecodeError:
        raise invalid_path(f"File {_shown(path)} is not UTF-8 text", details) from None


def refusal(path: str, error: PathError, details: Details) -> GatewayError:
    """Section 8: what is empty or names no regular file is not found, all else is refused in one sentence."""
    shown = _shown(path)
    if error.code in ("NOT_FOUND", "NOT_A_FILE", "EMPTY"):
        message = f"File {shown} not found in the worktree"
        return GatewayError("FILE_NOT_FOUND", message, details)
    if error.code == "TOO_LARGE":
        return invalid_path(f"File {shown} is too large to be run", details)
    if error.code == "DENIED":
        return invalid_path(f"File {shown} may not be read", details)
    return invalid_path(f"Path escapes allowed worktree: {shown}", details)


def _shown(path: str) -> str:
    return "'" + path[:200].encode("unicode_escape").decode("ascii") + "'"
