"""Owns the two catalogues, native modules and libraries that a template may name; refuses to know who uses them.

Source: contract sections 4.2, 10 and 11. Only the standard library, because the command line lists them at once.
"""

from __future__ import annotations

from typing import Any

#: Always there in JavaScript, so never configured.
BUILT_INS = ("console", "math", "json", "date", "array", "string", "object", "promise")


def _module(name: str, description: str, *functions: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "kind": "native",
        "description": description,
        "functions": list(functions),
        "config": {},
    }


def _library(id: str, name: str, version: str, description: str, path: str, global_name: str) -> dict[str, Any]:
    return {
        "id": id,
        "name": name,
        "version": version,
        "description": description,
        "source": f"https://cdn.jsdelivr.net/npm/{id}@{version}/{path}",
        "type": "npm",
        "config": {"global": global_name},
    }


#: What `require(name)` gives in sessions whose template lists it.
MODULES = (
    _module("database", "SQLite access", "configure", "query", "exec", "close"),
    _module("exec", "Run external commands", "run"),
    _module("fs", "Read and write files of the worktree", "readFileSync", "writeFileSync"),
)

#: Scripts that run before the startup files; `config.global` is the name they define.
LIBRARIES = (
    _library("lodash", "Lodash", "4.17.21", "Functions for lists, objects and text", "lodash.min.js", "_"),
    _library("moment", "Moment.js", "2.29.4", "Dates and times", "min/moment.min.js", "moment"),
    _library("axios", "Axios", "1.6.0", "HTTP client", "dist/axios.min.js", "axios"),
    _library("ramda", "Ramda", "0.29.0", "Functional programming", "dist/ramda.min.js", "R"),
    _library("dayjs", "Day.js", "1.11.10", "Dates and times, small", "dayjs.min.js", "dayjs"),
    # The build without React, which no session has.
    _library("zustand", "Zustand", "4.4.7", "State container", "umd/vanilla.production.js", "zustand"),
)


def module_names() -> tuple[str, ...]:
    """The names that a template may list, in the catalogue's order."""
    return tuple(module["name"] for module in MODULES)


def library_name(library: dict[str, Any]) -> str:
    """The full name of an entry, `lodash-4.17.21`: also the name of its file in the cache."""
    return f"{library['id']}-{library['version']}"


def find_library(name: str) -> dict[str, Any] | None:
    """The entry of `lodash` or `lodash-4.17.21`; None for anything else, paths above all."""
    return next((entry for entry in LIBRARIES if name in (entry["id"], library_name(entry))), None)
