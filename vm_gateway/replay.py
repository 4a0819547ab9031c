"""Owns running a recorded session again in a fresh one and what came of it; refuses to judge why it differs.

Cells run in their order with what was typed into them; an interruption comes after as long as it had come; where
variables were lost, by a restart or with an engine, the fresh session is restarted.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .client import ApiError, Client
from .comparison import Causes, Difference, compare, compare_late, late_count, not_run
from .recording import Progress, Recording, Run, read_run
from .shapes import Execution, Session

#: Late output is waited for as long as it had taken, but no longer than this.
LATE_S = 10.0
LOOK_S = 0.05
#: Startup files are waited for this long.
STARTUP_S = 60.0
#: Of a run whose process was killed: nobody noted when that was.
LONGEST_UNNOTED_S = 10.0
WORKSPACE = "replay"


@dataclass
class Replayed:
    """session: the fresh one. skipped: runs that were left out, with the reason."""

    session: Session
    runs: int = 0
    skipped: list[tuple[Run, str]] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def unexplained(self) -> int:
        return sum(1 for difference in self.differences if not difference.cause)


def replay(
    client: Client, recording: Recording, template_id: str | None = None, progress: Progress = lambda done, of: None
) -> Replayed:
    """All of it. template_id: other than the session had. Raises: ApiError where no session can be had."""
    over = [run for run in recording.runs if run.execution["status"] != "running"]
    replayed = _run(client, recording, over, template_id, progress)
    replayed.skipped = [(run, "it still runs") for run in recording.runs if run not in over]
    return replayed


def restore(
    client: Client, recording: Recording, template_id: str | None = None, progress: Progress = lambda done, of: None
) -> Replayed:
    """What made the variables that the session had at its end: runs of its last engine that ended by themselves."""
    last = max((run.generation for run in recording.runs), default=1)
    wanted, skipped = [], []
    for run in recording.runs:
        if run.generation != last:
            skipped.append((run, "an engine that the session had lost before its end"))
        elif run.stopped:
            skipped.append((run, f"it was stopped: {run.stopped}"))
        else:
            wanted.append(run)
    replayed = _run(client, recording, wanted, template_id, progress)
    replayed.skipped = skipped
    return replayed


def _run(
    client: Client, recording: Recording, runs: list[Run], template_id: str | None, progress: Progress
) -> Replayed:
    old = recording.session
    fresh = client.create_session(
        template_id or old["vm_id"], WORKSPACE, old["base_commit_oid"] or old["id"], old["worktree_path"]
    )
    try:
        return _run_in(client, fresh, recording, runs, progress)
    except BaseException:
        with contextlib.suppress(ApiError):  # nobody will hear its id
            client.close_session(fresh["id"])
        raise


def _run_in(client: Client, fresh: Session, recording: Recording, runs: list[Run], progress: Progress) -> Replayed:
    replayed, causes = Replayed(fresh), Causes()
    pairs: list[tuple[Run, Run]] = []
    numbers: dict[int, int] = {}
    startups, lives = _startups(client, fresh), 0
    for number, run in enumerate(runs):
        progress(number, len(runs))
        if run.generation - runs[0].generation > lives and not _resets(run):  # lost here, and this time it was not
            replayed.session = client.restart_session(fresh["id"])
            startups, lives = _startups(client, fresh), lives + 1
        cause = causes.of(run)
        typed = recording.language == "typescript"
        again = next(startups, None) if run.execution["kind"] == "startup" else _again(client, fresh["id"], run, typed)
        if again is None:
            replayed.differences.append(not_run(run))
            continue
        lives = max(lives, again.generation - 1)
        pairs.append((run, again))
        numbers[again.number] = run.number
        replayed.differences += compare(run, again, cause, numbers)
    for run, again in pairs:
        if late_count(run):
            replayed.differences += compare_late(run, _with_late(client, again, late_count(run)), numbers)
    progress(len(runs), len(runs))
    replayed.runs = len(pairs)
    return replayed


def _startups(client: Client, session: Session) -> Iterator[Run]:
    """What the fresh session ran by itself when its present engine started."""
    found = [each for each in client.executions(session["id"])[::-1] if each["kind"] == "startup"]
    last = max((int(each.get("engine_generation", 1)) for each in found), default=1)
    return iter([read_run(client, each) for each in found if int(each.get("engine_generation", 1)) == last])


def _resets(run: Run) -> bool:
    """Whether it brings the new engine by itself, which its record is of."""
    return run.execution["kind"] == "repl" and (run.text or "").strip() == "%reset"


def _sent(run: Run, typed: bool) -> str:
    """The text of a cell as a session in JavaScript takes it; an empty one is no request."""
    text = run.text or " "
    return f"%%ts\n{text}" if typed and not text.lstrip().startswith("%") else text


def _again(client: Client, session_id: str, run: Run, typed: bool) -> Run | None:
    """The run once more; None where the session does not take it. typed: its session was in TypeScript."""
    interrupted_after_s = None
    if run.stopped == "Interrupted":
        interrupted_after_s = _lasted_s(run.execution)
    stdin = run.stdin() or None
    wait = interrupted_after_s is None
    try:
        execution: Execution
        _wait_for_startup(client, session_id)
        if run.execution["kind"] == "run_file":
            args: Any = run.execution.get("args") or None
            execution = client.run_file(
                session_id, run.execution["path"], args, run.execution.get("env") or None, wait=wait, stdin=stdin
            )
        else:
            execution = client.repl(session_id, _sent(run, typed), wait=wait, stdin=stdin)
        if interrupted_after_s is not None:
            execution = _interrupt(client, execution, interrupted_after_s)
    except ApiError as error:
        if not error.status:
            raise  # no gateway answers: the rest would all be said not to have run
        execution_id = error.details.get("execution_id")
        if not execution_id:
            return None
        execution = client.execution(str(execution_id))
    again = read_run(client, execution)
    return again if run.execution["kind"] == "run_file" else replace(again, text=run.text)


def _wait_for_startup(client: Client, session_id: str) -> None:
    """After `%reset` the startup files run once more, and the session is busy with them."""
    deadline = time.monotonic() + STARTUP_S
    while time.monotonic() < deadline:
        newest = client.executions(session_id, 1)
        if not newest or newest[0]["kind"] != "startup" or newest[0]["status"] != "running":
            return
        time.sleep(LOOK_S)


def _lasted_s(execution: Execution) -> float:
    """Of one whose process was ended under it nobody noted the time, and its end was seen later than it was."""
    if wall_ms := int(execution["metrics"].get("wall_ms", 0)):
        return wall_ms / 1000
    began, ended = (datetime.fromisoformat(str(execution[name]).rstrip("Z")) for name in ("started_at", "ended_at"))
    return min(max(0.0, (ended - began).total_seconds()), LONGEST_UNNOTED_S)


def _interrupt(client: Client, execution: Execution, after_s: float) -> Execution:
    time.sleep(after_s)
    try:
        return client.cancel(execution["id"])
    except ApiError as error:
        if error.code != "EXECUTION_NOT_RUNNING":
            raise
        return client.execution(execution["id"])


def _with_late(client: Client, run: Run, wanted: int) -> Run:
    """The run with the output that came after its end, as soon as there is as much as there was."""
    deadline = time.monotonic() + LATE_S
    while late_count(run) < wanted and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        run = read_run(client, run.execution)
    return run

