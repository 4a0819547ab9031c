"""Owns docs/coverage.md: which test holds which route, outcome and rule, read from the `covers` markers of the tests.

`python -m tests.coverage_matrix` writes the page, with `--check` it only compares; both fail on a hole: a route without
its outcomes, a code that no test sees, a weakness of the reference without a test that shows it gone.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from vm_gateway.errors import STATUS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"
FOLDERS = tuple(f"tests/{each}" for each in ("surfaces", "rest", "gateway", "ledger", "cli", "faults", "launch"))

#: Outcomes that a route must have beside those that follow from its shape.
FURTHER = {
    "POST /templates": ("409 TEMPLATE_NAME_CONFLICT", "422 ENGINE_UNSUPPORTED", "503 LEDGER_UNAVAILABLE"),
    "PATCH /templates/{id}": ("409 TEMPLATE_NAME_CONFLICT", "409 TEMPLATE_PROTECTED"),
    "DELETE /templates/{id}": ("409 TEMPLATE_PROTECTED",),
    "POST /templates/{id}/capabilities": ("409 CAPABILITY_CONFLICT",),
    "DELETE /templates/{id}/capabilities/{id}": ("404 CAPABILITY_NOT_FOUND",),
    "POST /templates/{id}/startup-files": (
        "409 STARTUP_FILE_CONFLICT",
        "422 INVALID_PATH",
        "422 STARTUP_MODE_UNSUPPORTED",
    ),
    "DELETE /templates/{id}/startup-files/{id}": ("404 STARTUP_FILE_NOT_FOUND",),
    "POST /templates/{id}/modules": ("422 MODULE_NOT_ALLOWED",),
    "POST /templates/{id}/libraries": ("422 LIBRARY_NOT_ALLOWED",),
    "POST /sessions": (
        "404 TEMPLATE_NOT_FOUND",
        "409 TEMPLATE_INACTIVE",
        "422 INVALID_PATH",
        "422 STARTUP_FAILED",
        "429 TOO_MANY_SESSIONS",
    ),
    "POST /sessions/{id}/restart": ("409 SESSION_NOT_READY", "422 STARTUP_FAILED"),
    "GET /sessions/{id}/connection": ("403 FORBIDDEN_HOST", "409 SESSION_NOT_READY"),
    "GET /executions": ("400 VALIDATION_ERROR", "404 SESSION_NOT_FOUND"),
    "POST /executions/repl": (
        "202",
        "404 SESSION_NOT_FOUND",
        "409 SESSION_NOT_READY",
        "409 SESSION_BUSY",
        "413 BODY_TOO_LARGE",
        "422 OUTPUT_LIMIT_EXCEEDED",
        "429 TOO_MANY_RUNNING",
        "503 LEDGER_UNAVAILABLE",
    ),
    "POST /executions/run-file": (
        "202",
        "404 SESSION_NOT_FOUND",
        "404 FILE_NOT_FOUND",
        "409 SESSION_NOT_READY",
        "409 SESSION_BUSY",
        "422 INVALID_PATH",
        "422 OUTPUT_LIMIT_EXCEEDED",
    ),
    "POST /executions/{id}/cancel": ("409 EXECUTION_NOT_RUNNING",),
    "any": ("401 UNAUTHORIZED", "403 FORBIDDEN_HOST", "403 FORBIDDEN_ORIGIN"),
    "unknown": ("404 NOT_FOUND", "405 METHOD_NOT_ALLOWED"),
}
WITHOUT_BODY = ("/close", "/restart", "/cancel")
#: Codes that nothing can cause from outside yet, and why.
UNSEEN = {
    "INTERNAL": "a fault of ours; the tests hold that nothing known causes it",
    "LIBRARY_NOT_CACHED": "libraries are stored and listed, not loaded yet",
}

RULES = (
    "recordings",
    "whoever drives",
    "ids",
    "order of checks",
    "error details",
    "absent fields",
    "request ids",
    "token",
    "slow clients",
    "files",
    "places",
    "configuration",
    "one gateway",
    "startup files",
    "limits",
    "template settings",
    "late output",
    "timeouts",
    "engine loss",
    "graceful stop",
    "adoption",
    "orphan grace",
    "restart of the gateway",
    "ledger failure",
    "notebooks",
)


class Weakness(NamedTuple):
    """Contract section 16: what the reference does and what this project does. later: why there is no test yet."""

    number: int
    subject: str
    before: str
    after: str
    later: str = ""


MODULES = "native modules and libraries have no effect yet: nothing is reachable"
WEAKNESSES = (
    Weakness(1, "wall, cpu and memory limits", "stored, never read", "the run ends; record `timeout` or `error`"),
    Weakness(2, "event and output limits", "counted after the run", "counted while it runs, at most two events more"),
    Weakness(3, "record of such a run", "`ok` with a result", "`error`, no result, named in `details`"),
    Weakness(4, "limits and records when storage fails", "skipped", "the cell does not run: 503"),
    Weakness(5, "limits of a session", "read from the template each time", "a snapshot of its own"),
    Weakness(6, "capabilities", "stored only", "each says whether it is effective and why not"),
    Weakness(7, "`require` reads any host file", "yes", "files of the worktree, through one door"),
    Weakness(8, "fs, exec, database reach the whole host", "yes", "no module is reachable", MODULES),
    Weakness(9, "database is shared by sessions", "yes", "each session is a process", MODULES),
    Weakness(10, "library name is a path", "joined unchecked", "names of the catalogue only"),
    Weakness(11, "library names disagree", "three spellings", "bare id or id-version"),
    Weakness(12, "crashed sessions stay active", "yes", "only usable ones count"),
    Weakness(13, "startup failure", "500, no record, no id", "422 with `session_id`, each file a record"),
    Weakness(14, "events of a missing execution", "200 null", "404"),
    Weakness(15, "result of run-file", "was missing", "present"),
    Weakness(16, "console", "`log` only", "all levels"),
    Weakness(17, "cyclic `console.log`", "ends the daemon", "printed"),
    Weakness(18, "throwing `toString` and getters", "connection drops, record stays", "a record like any other"),
    Weakness(19, "records stuck at `running`", "for ever", "closed by whoever sees the owner dead"),
    Weakness(20, "close while running", "script goes on; second close 404", "cancelled; idempotent"),
    Weakness(21, "busy", "409, no cancel", "409 by the kernel, cancel route"),
    Weakness(22, "restart of the daemon", "sessions closed, executions left", "adopted, or closed with their records"),
    Weakness(23, "unknown engine", "accepted", "422"),
    Weakness(24, "500 for errors of clients", "many", "none in the tests"),
    Weakness(25, "foreign keys per connection", "yes", "one document per template", "cannot be seen from outside"),
    Weakness(26, "lost updates of lists", "yes", "one transaction each"),
    Weakness(27, "whole-second times, empty metrics", "yes", "microseconds, metrics"),
    Weakness(28, "null for empty lists", "yes", "[]"),
    Weakness(29, "HTTP hygiene", "any body, any origin", "limits, types, host and origin checks"),
    Weakness(30, "authentication", "none", "token by default"),
    Weakness(31, "load tests", "none", "benchmarks/rest.py, benchmarks/ledger.py", "measured, not tested"),
    Weakness(32, "answer lost after 30 s", "yes", "no write timeout; the record stays"),
    Weakness(33, "paging, removal, update", "none", "cursors, DELETE, PATCH"),
    Weakness(34, "existence oracle, check then read, FIFOs", "yes", "one open, one answer, regular files"),
)

RESIDUAL = (
    "The answer of an execution that its client no longer waits for is only in the ledger.",
    "A process of the same user can read the token, the connection files and the ledger: the boundary is the user.",
    "HTTP is not encrypted: beyond the loopback address a proxy with TLS belongs in front.",
)


class Collector:
    """A pytest plugin that keeps the markers of what was collected."""

    def __init__(self) -> None:
        self.tests: dict[tuple[str, str], set[str]] = defaultdict(set)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            name = f"{Path(str(item.fspath)).relative_to(ROOT).as_posix()}::{item.name.partition('[')[0]}"
            for marker in item.iter_markers("covers"):
                subject, *outcomes = marker.args
                for outcome in outcomes or [""]:
                    self.tests[subject, outcome].add(name)


def collected() -> dict[tuple[str, str], set[str]]:
    collector = Collector()
    folders = [str(ROOT / folder) for folder in FOLDERS if (ROOT / folder).is_dir()]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *folders], [collector])
    if code != 0:
        raise SystemExit(f"the tests cannot be collected:\n{said.getvalue()}")
    return collector.tests


def all_routes() -> list[str]:
    from vm_gateway.server.app import Services, routes  # after pytest, which wants to be first to import anyio

    nothing: Any = None
    found = routes(Services(nothing, nothing, nothing), 0)
    return [f"{method} {re.sub(r'{[a-z_]*id}', '{id}', path)}" for method, path, _ in found]


def required(route: str) -> list[str]:
    """Outcomes that follow from a route's shape, then those of its own. `2xx` is any success."""
    method, path = route.split()
    outcomes = ["2xx"]
    noun = path.split("/")[1][:-1].upper()
    if "{id}" in path:
        outcomes += ["400 VALIDATION_ERROR", f"404 {noun}_NOT_FOUND"]
    if method in ("POST", "PATCH") and not path.endswith(WITHOUT_BODY):
        outcomes += ["400 INVALID_REQUEST", "400 VALIDATION_ERROR"]
    return list(dict.fromkeys([*outcomes, *FURTHER.get(route, ())]))


def holes(tests: dict[tuple[str, str], set[str]]) -> Iterator[str]:
    for route in [*all_routes(), "any", "unknown"]:
        for outcome in required(route) if " " in route else FURTHER[route]:
            if not tests_of(tests, route, outcome):
                yield f"{route}: no test sees {outcome}"
    seen = {outcome.split()[1] for _, outcome in tests if " " in outcome}
    yield from (f"no test sees the code {code}" for code in STATUS if code not in seen and code not in UNSEEN)
    yield from (f"no test holds the rule {rule}" for rule in RULES if not tests.get((f"rule {rule}", "")))
    for weakness in WEAKNESSES:
        if not weakness.later and not tests.get((f"weakness {weakness.number}", "")):
            yield f"no test shows weakness {weakness.number} gone: {weakness.subject}"
    known = {*all_routes(), "any", "unknown", *(f"rule {rule}" for rule in RULES)}
    known |= {f"weakness {weakness.number}" for weakness in WEAKNESSES}
    yield from (f"a marker names {subject!r}, which does not exist" for subject, _ in tests if subject not in known)


def tests_of(tests: dict[tuple[str, str], set[str]], route: str, outcome: str) -> set[str]:
    if outcome != "2xx":
        return tests.get((route, outcome), set())
    return {each for (subject, seen), names in tests.items() if subject == route and seen[:1] == "2" for each in names}


def page(tests: dict[tuple[str, str], set[str]]) -> str:
    lines = [
        "# What the tests hold",
        "",
        "Generated from the `covers` markers by `python -m tests.coverage_matrix`.",
        "",
    ]
    lines += ["## Routes and outcomes", "", "| route | outcome | tests |", "|---|---|---|"]
    for route in [*all_routes(), "any", "unknown"]:
        outcomes = sorted({outcome for subject, outcome in tests if subject == route})
        lines += [f"| `{route}` | {outcome} | {_names(tests[route, outcome])} |" for outcome in outcomes]
    lines += ["", "## Rules", "", "| rule | tests |", "|---|---|"]
    lines += [f"| {rule} | {_names(tests.get((f'rule {rule}', ''), set()))} |" for rule in RULES]
    lines += ["", "## Weaknesses of the reference, before and after", ""]
    lines += ["| # | subject | before | after | tests |", "|---|---|---|---|---|"]
    for each in WEAKNESSES:
        held = _names(tests.get((f"weakness {each.number}", ""), set())) or f"none: {each.later}"
        lines.append(f"| {each.number} | {each.subject} | {each.before} | {each.after} | {held} |")
    lines += ["", "## Codes that no test can cause", "", "| code | why |", "|---|---|"]
    lines += [f"| `{code}` | {why} |" for code, why in UNSEEN.items()]
    lines += ["", "## What remains", "", *(f"- {risk}" for risk in RESIDUAL), ""]
    return "\n".join(lines)


def _names(names: set[str]) -> str:
    return "<br>".join(f"`{name.removeprefix('tests/')}`" for name in sorted(names))


def main(arguments: list[str]) -> int:
    tests = collected()
    found = list(holes(tests))
    text = page(tests)
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        found.append("docs/coverage.md is not what the tests say: run `python -m tests.coverage_matrix`")
    for hole in found:
        sys.stderr.write(f"hole: {hole}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
