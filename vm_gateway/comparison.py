"""Owns what differs between a recorded run and the same run again; refuses to run anything.

A difference has the cause that its run has (`causes`), or one that is seen in how the two differ. Everything else is
unexplained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vm_kernel.outcomes import VARIABLES_LOST

from .causes import CHANGED, GONE
from .recording import Run

_NO_FILE = "there is no such file"
_PLACE = re.compile(r"\bcell \[(\d+)\](:1:(\d+))?")
#: What a session calls its displays and comms (cells/js/session/display.js, newId): others in each session.
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


@dataclass
class Wording:
    """What one of the sessions calls by names of its own.

    ids: of its displays and comms. numbers: of its cells, by that in the record. moved: by how much the first line of
    a cell stands further right.
    """

    ids: set[str] = field(default_factory=set)
    numbers: dict[int, int] = field(default_factory=dict)
    moved: dict[int, int] = field(default_factory=dict)

    def learn(self, run: Run) -> None:
        for event in run.events:
            name = {"display": "display_id", "comm": "comm_id"}.get(event["type"], "")
            if name and event["payload"].get(name):
                self.ids.add(str(event["payload"][name]))

    def common(self, value: Any) -> Any:
        """JSON with the ids by their order, and cells as in the record, wherever they stand."""
        ids: dict[str, int] = {}

        def renamed(found: re.Match[str]) -> str:
            return f"id-{ids.setdefault(found[0], len(ids))}" if found[0] in self.ids else found[0]

        def placed(found: re.Match[str]) -> str:
            number = int(found[1])
            column = f":1:{int(found[3]) - self.moved.get(number, 0)}" if found[2] else ""
            return f"cell [{self.numbers.get(number, number)}]{column}"

        def walk(part: Any) -> Any:
            if isinstance(part, str):
                return _PLACE.sub(placed, _NEW_ID.sub(renamed, part))
            if isinstance(part, list):
                return [walk(each) for each in part]
            return {name: walk(each) for name, each in part.items()} if isinstance(part, dict) else part

        return walk(value)


def compare(recorded: Run, replayed: Run, cause: str, then: Wording, now: Wording) -> Iterator[Difference]:
    """Every difference in what the runs came to; late output is told by `compare_late`."""
    if recorded.text is not None and recorded.text != replayed.text:
        yield _difference(recorded, "source", recorded.text, replayed.text, CHANGED)
    pairs = [
        ("status", _status(recorded), _status(replayed)),
        ("error", _error(recorded), _error(replayed)),
        ("value", _value(recorded), _value(replayed)),
        ("console", _console(recorded, late=False), _console(replayed, late=False)),
        ("display", _displays(recorded), _displays(replayed)),
    ]
    for what, before, after in pairs:
        if before != after:
            before, after = then.common(before), now.common(after)
        if before != after:
            timed = what == "console" and _but_for_times(recorded, replayed)
            yield _difference(recorded, what, before, after, cause or ("time" if timed else ""))


def compare_late(recorded: Run, replayed: Run, then: Wording, now: Wording) -> Iterator[Difference]:
    """Output of timers after the end: what of it came depends on when the session ended."""
    before, after = _console(recorded, late=True), _console(replayed, late=True)
    if then.common(before) != now.common(after):
        yield _difference(recorded, "late output", before, after, "time")


def _but_for_times(recorded: Run, replayed: Run) -> bool:
    """Whether the console differs in nothing but the line in which `%time` says what it measured."""
    lines = [_console(run, late=False)[:-1] for run in (recorded, replayed)]
    return lines[0] == lines[1] and any(word.endswith("time") for word in recorded.magics)


def file_cause(recorded: Run, replayed: Run) -> str:
    """Why what is in the session's folder makes it differ; "" where it does not."""
    if recorded.text is not None and recorded.text != replayed.text:
        return CHANGED
    return GONE if _NO_FILE in (_error(replayed) or "") and _NO_FILE not in (_error(recorded) or "") else ""


def not_run(recorded: Run, cause: str, code: str = "") -> Difference:
    """The fresh session has no such startup file, or refused it with an error of this code."""
    return _difference(recorded, "status", _status(recorded), f"not run: {code}" if code else "not run", cause)


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
        elif event["type"] == "system" and not run.stopped and payload["message"] != VARIABLES_LOST:
            lines.append(f"system: {payload['message']}")
    return lines


def _displays(run: Run) -> list[Any]:
    shown = (event for event in run.events if event["type"] in ("display", "clear") and not event.get("late"))
    return [event["payload"] for event in shown]
