"""Owns what differs between a recorded run and the same run again, and why that may be; refuses to run anything.

A difference has a known cause where the run's own text asks for the time, for randomness, the network or a person,
where a clock or a person stopped it, or where it uses a name that such a run has set. Everything else is unexplained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .recording import Run

#: Cause and what in a text is its sign.
SIGNS = (
    ("randomness", re.compile(r"\bMath\s*\.\s*random\b|\bcrypto\b|\brandomUUID\b|\bgetRandomValues\b")),
    (
        "time",
        re.compile(
            r"\b(?:Date|performance|Temporal|set(?:Timeout|Interval|Immediate)|progress|console\s*\.\s*time\w*)\b"
            r"|%(?:time|limits)\b"
        ),
    ),
    ("network", re.compile(r"\bfetch\b")),
)
#: How far it came until then is nothing that can be repeated.
STOPPED = {"Interrupted": "interruption", "TimedOut": "time", "CpuExceeded": "time"}
_SETS = re.compile(
    r"\b(?:var|let|const|class|function\*?)\s+([\w$]+)"  # declared
    r"|(?<![\w$])([\w$]+)(?![\w$])\s*(?:(?:[-+*/%&|^]|\*\*|<<|>>|\?\?|&&|\|\|)?=(?![=>])|\+\+|--)"  # assigned, counted
)
_WORDS = re.compile(r"[A-Za-z_$][\w$]*")
#: What a session calls its displays and comms (cells/js/session/display.js, newId): others in each session.
_CELL = re.compile(r"\bcell \[(\d+)\]")
_NEW_ID = re.compile(r"\b[a-z0-9]{12,18}-\d+\b")


@dataclass(frozen=True)
class Difference:
    """Of one run. what: `status`, `value`, `console`, `display`, `error`, `late output` or `source`.

    cause: "" where it is unexplained.
    """

    execution_id: str
    number: int
    kind: str
    what: str
    recorded: Any
    replayed: Any
    cause: str = ""


class Causes:
    """Known causes of the runs so far, in their order."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def of(self, run: Run) -> str:
        """The cause for which this run may differ, "" for none; remembers the names that it sets."""
        text = run.text or ""
        cause = next((name for name, sign in SIGNS if sign.search(text)), "")
        if not cause:
            words = _WORDS.findall(text)
            cause = next((self._names[word] for word in words if word in self._names), "")
        if not cause and "********" in run.stdin():
            cause = "a password, which no record keeps"
        if not cause:
            cause = STOPPED.get(run.stopped, "")
        for declared, assigned in _SETS.findall(text):
            if cause:
                self._names[declared or assigned] = cause
            else:
                self._names.pop(declared, None)
        return cause


def compare(recorded: Run, replayed: Run, cause: str, numbers: Mapping[int, int]) -> Iterator[Difference]:
    """Every difference in what the runs came to; late output is told by `compare_late`.

    numbers: of recorded cells by that of the same cell in the replay, where some may have been left out.
    """
    pairs = [
        ("source", recorded.text, replayed.text),
        ("status", _status(recorded), _status(replayed)),
        ("error", _error(recorded), _error(replayed)),
        ("value", _value(recorded), _value(replayed)),
        ("console", _console(recorded, late=False), _console(replayed, late=False)),
        ("display", _displays(recorded), _displays(replayed)),
    ]
    for what, before, after in pairs:
        if before != after and what != "source":
            before, after = same_ids(before), same_ids(after, numbers)
        if before != after and not (what == "source" and before is None):
            why = "the file was changed" if what == "source" else cause
            yield _difference(recorded, what, before, after, why)
            if what == "source":
                cause = cause or why


def compare_late(recorded: Run, replayed: Run, numbers: Mapping[int, int]) -> Iterator[Difference]:
    """Output of timers after the end: what of it came depends on when the session ended."""
    before, after = _console(recorded, late=True), _console(replayed, late=True)
    if same_ids(before) != same_ids(after, numbers):
        yield _difference(recorded, "late output", before, after, "time")


def not_run(recorded: Run) -> Difference:
    """The fresh session did not take it, or has no such startup file."""
    return _difference(recorded, "status", _status(recorded), "not run", "")


def late_count(run: Run) -> int:
    """Of comms there is nothing to wait for: front ends speak, and the end of a session closes them."""
    return sum(1 for event in run.events if event.get("late") and event["type"] != "comm")


def _difference(run: Run, what: str, before: Any, after: Any, cause: str) -> Difference:
    execution = run.execution
    return Difference(execution["id"], run.number, execution["kind"], what, before, after, cause)


def _status(run: Run) -> str:
    return f"{run.execution['status']} ({run.stopped})" if run.stopped else run.execution["status"]


def _error(run: Run) -> str | None:
    """Words of stops count what was used: their name tells enough, and stands in the status."""
    return None if run.stopped else run.payload("exception").get("message")


def _value(run: Run) -> dict[str, Any] | None:
    return run.payload("value") or None


def _console(run: Run, late: bool) -> list[str]:
    """`level: text`, neighbouring prompts and system lines too."""
    lines = []
    for event in run.events:
        payload = event["payload"]
        if bool(event.get("late")) != late:
            continue
        if event["type"] == "console":
            lines.append(f"{payload['level']}: {payload['text']}")
        elif event["type"] == "input_request":
            lines.append(f"prompt: {payload['prompt']}")
        elif event["type"] == "system" and not run.stopped:
            lines.append(f"system: {payload['message']}")
    return lines


def _displays(run: Run) -> list[Any]:
    shown = (event for event in run.events if event["type"] in ("display", "clear") and not event.get("late"))
    return [event["payload"] for event in shown]


def same_ids(value: Any, numbers: Mapping[int, int] | None = None) -> Any:
    """JSON with the ids that its session made up by their order, and `cell [N]` by `numbers`, wherever they stand."""
    ids: dict[str, int] = {}

    def renamed(found: re.Match[str]) -> str:
        return f"id-{ids.setdefault(found[0], len(ids))}"

    def numbered(found: re.Match[str]) -> str:
        return f"cell [{(numbers or {}).get(int(found[1]), found[1])}]"

    def walk(part: Any) -> Any:
        if isinstance(part, str):
            return _CELL.sub(numbered, _NEW_ID.sub(renamed, part))
        if isinstance(part, list):
            return [walk(each) for each in part]
        return {name: walk(each) for name, each in part.items()} if isinstance(part, dict) else part

    return walk(value)
