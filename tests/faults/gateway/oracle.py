"""Owns the process that knows what was acknowledged and says what a gateway made of it; refuses to harm anybody.

`python -m tests.faults.gateway.oracle` reads JSON lines and answers each question with one:
`{"acknowledged": answer, "code": sent}` is kept, `{"round": {...}}` is answered after looking at everything that is new
over REST, `{"end": {...}}` after reading the closed ledger itself.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from vm_gateway.ledger.tiny import open_ledger

from . import cells

TERMINAL = ("ok", "error", "timeout", "cancelled")
#: What a session may be after what happened to it, and whether its row must say why.
AFTER = {
    "nothing": (("ready",), False),
    "gateway killed": (("ready",), False),
    "kernel killed": (("crashed",), True),
    "kernel killed without gateway": (("closed", "crashed"), True),
    "engine killed, crash": (("crashed",), True),
    "engine killed, fresh": (("ready",), False),
}
PATIENCE_S = 8.0
Row = dict[str, Any]


@dataclass
class Told:
    """One acknowledged execution: the code that was sent, and the answer when it was that of an ended one."""

    code: str
    answer: Row | None
    session_id: str


@dataclass
class Seen:
    """What is known of one session. `counter`: of its last cell that ended well, in this life of its engine."""

    newest: str = ""
    counter: int = 0
    generation: int = 0


@dataclass
class Oracle:
    """`problems` gathers sentences, until they are asked for."""

    told: dict[str, Told] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)
    sessions: dict[str, Seen] = field(default_factory=dict)
    records: int = 0
    problems: list[str] = field(default_factory=list)

    def acknowledged(self, answer: Row, code: str) -> None:
        ended = answer["status"] in TERMINAL
        known = self.told.get(answer["id"])
        if known is not None and known.answer is not None and known.answer != answer:
            self.problems.append(f"{answer['id']} was answered twice, as {known.answer} and as {answer}")
        self.told[answer["id"]] = Told(code, answer if ended else None, answer["session_id"])
        if known is None:
            self.unseen.add(answer["id"])

    # -- one round, over REST ----------------------------------------------------------------------------

    def look(self, http: httpx.Client, sessions: Mapping[str, Mapping[str, Any]], renewed: list[str]) -> None:
        """sessions: id -> `{"after": key of AFTER, "pid"}`. renewed: those that were restarted since the last round."""
        for session_id in renewed:
            self.sessions[session_id].counter = 0
        for session_id, given in sessions.items():
            self._look_at_row(http, session_id, str(given["after"]), int(given["pid"]))
            self._look_at_records(http, session_id, str(given["after"]))
        for execution_id in sorted(self.unseen):
            self.problems.append(f"LOST: {execution_id} was acknowledged ({self.told[execution_id]}) and is not listed")
        self.unseen.clear()

    def _look_at_row(self, http: httpx.Client, session_id: str, after: str, pid: int) -> None:
        statuses, reason = AFTER[after]

        def settled() -> Row | None:
            row = _get(http, f"/sessions/{session_id}")
            return row if row["status"] in statuses and (row.get("last_error") or not reason) else None

        row = _wait(settled)
        if row is None:
            row = _get(http, f"/sessions/{session_id}")
            self.problems.append(f"session {session_id} after `{after}` should be {statuses} and is {row}")
        elif row["status"] == "ready" and row["runtime_meta"]["pid"] != pid:
            self.problems.append(f"session {session_id} after `{after}` has another process than {pid}: {row}")

    def _look_at_records(self, http: httpx.Client, session_id: str, after: str) -> None:
        seen = self.sessions.setdefault(session_id, Seen())
        fresh: list[Row] = []

        def ended() -> bool:
            fresh[:] = _newer(http, session_id, seen.newest)
            return all(row["status"] in TERMINAL for row in fresh)

        if not _wait(ended):
            running = [row for row in fresh if row["status"] not in TERMINAL]
            self.problems.append(f"after `{after}` records still run: {running}")
        failures = 0
        for row in fresh:
            self.records += 1
            self.unseen.discard(row["id"])
            events = _get(http, f"/executions/{row['id']}/events")
            self._look_at_record(row, events)
            if row["status"] == "ok":
                self._count(row, seen)
            else:
                failures += 1
        if failures > ("engine" in after or "kernel" in after):
            self.problems.append(f"{failures} executions of {session_id} failed after `{after}`: {fresh}")
        if fresh:
            seen.newest = fresh[-1]["id"]

    def _count(self, row: Row, seen: Seen) -> None:
        if row["engine_generation"] != seen.generation:
            seen.generation, seen.counter = row["engine_generation"], 0
        value = row["result"].get("json")
        if value != seen.counter + 1:
            self.problems.append(
                f"the counter of {row['session_id']} was {seen.counter}, and then {value}: a cell was lost, ran "
                f"twice or lost its variables; {row}"
            )
        seen.counter = value if isinstance(value, int) else 0

    def _look_at_record(self, row: Row, events: list[Row]) -> None:
        """Whole: what was sent, what was answered, every event once, and an end."""

        def wrong(what: str) -> None:
            self.problems.append(f"HALF-WRITTEN: {what}: {row} {events}")

        cell = cells.read(row["input"])
        told = self.told.get(row["id"])
        if cell is None:
            return wrong("its input is no cell that was sent")
        if told is not None and told.code != row["input"]:
            wrong(f"another code was acknowledged: {told.code!r}")
        if told is not None and told.answer is not None and told.answer != row:
            wrong(f"another record was acknowledged: {told.answer}")
        if row["status"] in TERMINAL and not row.get("ended_at"):
            wrong("it has no end")
        if [event["seq"] for event in events] != list(range(1, len(events) + 1)):
            wrong("seq has gaps")
        if not events or events[0]["type"] != "input_echo" or events[0]["payload"] != {"text": row["input"]}:
            wrong("it does not begin with its input")
        printed = [event["payload"]["text"] for event in events if event["type"] == "console"]
        if row["status"] == "ok":
            if printed != cell.printed:
                wrong(f"{len(printed)} lines instead of {cell.lines}")
            if events[-1]["type"] != "value" or events[-1]["payload"] != row.get("result"):
                wrong("it does not end with its value")
            if row["metrics"].get("events") != len(events):
                wrong("its metrics count other events")
        else:
            if printed != cell.printed[: len(printed)]:
                wrong("its lines are not the first of its cell")
            if not row.get("error", {}).get("message"):
                wrong("it does not say why it failed")
            if events[-1]["type"] not in ("exception", "system"):
                wrong("its events do not say why it ended")

    # -- the end, in the file ----------------------------------------------------------------------------

    def read_ledger(self, path: str) -> None:
        """No gateway runs any more: everything that was ever acknowledged is there, and everything has ended."""
        ledger = open_ledger(path, read_only=True)
        try:
            for execution_id, told in self.told.items():
                row = ledger.get_execution(execution_id)
                if row is None:
                    self.problems.append(f"LOST: {execution_id} of {told.session_id} is not in the ledger")
                elif told.answer is not None and {**row, **told.answer} != row:
                    self.problems.append(f"HALF-WRITTEN: {execution_id} is {row} and was acknowledged as {told.answer}")
            for session in ledger.list_sessions().documents:
                said = {"closed": "closed_at", "crashed": "last_error"}.get(session["status"])
                if said is None or not session.get(said):
                    self.problems.append(f"session {session['id']} has not ended, or does not say so: {session}")
                for row in ledger.list_executions(session["id"]).documents:
                    if row["status"] not in TERMINAL:
                        self.problems.append(f"an execution runs for ever: {row}")
        finally:
            ledger.close()


def _get(http: httpx.Client, path: str) -> Any:
    answer = http.get(path)
    answer.raise_for_status()
    return answer.json()


def _newer(http: httpx.Client, session_id: str, than: str) -> list[Row]:
    """Executions begun after that one, oldest first."""
    rows: list[Row] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"session_id": session_id, "limit": "50", **({"cursor": cursor} if cursor else {})}
        answer = http.get("/executions", params=query)
        answer.raise_for_status()
        for row in answer.json():
            if row["id"] == than:
                return rows[::-1]
            rows.append(row)
        cursor = answer.headers.get("X-Next-Cursor")
    return rows[::-1]


def _wait(holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := holds()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def main() -> None:
    oracle = Oracle()
    for line in sys.stdin:
        asked = json.loads(line)
        if "acknowledged" in asked:
            oracle.acknowledged(asked["acknowledged"], asked["code"])
            continue
        try:
            if "round" in asked:
                given = asked["round"]
                headers = {"Authorization": f"Bearer {given['token']}"}
                with httpx.Client(base_url=given["origin"] + "/api/v1", headers=headers, timeout=30) as http:
                    oracle.look(http, given["sessions"], given["renewed"])
            else:
                oracle.read_ledger(asked["end"]["ledger"])
        except Exception as error:
            oracle.problems.append(f"the oracle could not look: {type(error).__name__}: {error}")
        answer = {"problems": oracle.problems, "acknowledged": len(oracle.told), "records": oracle.records}
        oracle.problems = []
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
