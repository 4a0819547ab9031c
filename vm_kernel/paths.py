"""Owns completing the paths of files that a cell names in `import`, `require` and `%run`; refuses to open those files.

Imported when there is one at the cursor.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .engine.port import LANGUAGES
from .imports import FORMATS
from .worktree import PathError, Worktree

MOST_MATCHES = 1000
#: `import x from "./lib/`, `await import('../`, `require("./`: what is typed is the second group.
_IMPORT = re.compile(r"""(?:\bfrom|\bimport|\b(?:import|require)\s*\()\s*(["'])(\.{1,2}(?:/[^"'\n]*)?)$""")
_RUN = re.compile(r"""^\s*(?:%%?time\s+|%%ts\s+)*%run\s+("?)((?<=")[^"\n]*|[^"\s]*)$""")


def completed(code: str, cursor: int, root: str, denied: Sequence[str]) -> dict[str, Any] | None:
    """The content of a complete reply; None where no path is being typed. Cursor in code points."""
    line = code[code.rfind("\n", 0, cursor) + 1 : cursor]
    found, suffixes = _IMPORT.search(line), frozenset(FORMATS) - {""}
    if found is None:
        found, suffixes = _RUN.search(code[:cursor]), frozenset(LANGUAGES)
    if found is None:
        return None
    typed = found[2]
    if typed in (".", "..") and found.re is _IMPORT:
        return _reply([typed + "/"], cursor - len(typed), cursor)
    folder, _, prefix = typed.rpartition("/")
    try:
        with Worktree(root, denied) as worktree:
            inside = worktree.names(folder)
    except PathError:
        inside = []
    matches = [
        name + "/" if is_folder else name
        for name, is_folder in inside
        if name.startswith(prefix)
        and (is_folder or name[name.rfind(".") :] in suffixes)
        and (prefix or not name.startswith("."))
    ]
    return _reply(matches[:MOST_MATCHES], cursor - len(prefix), cursor)


def _reply(matches: list[str], start: int, end: int) -> dict[str, Any]:
    types = [{"start": start, "end": end, "text": text, "type": "path"} for text in matches]
    return {
        "matches": matches,
        "cursor_start": start,
        "cursor_end": end,
        "metadata": {"_jupyter_types_experimental": types},
    }
