"""Owns running a recorded session again in a fresh one and what came of it; refuses to judge why it differs.

Cells run in their order with what was typed into them; an interruption comes after as long as it had come; where
variables were lost, by a restart or with an engine, the fresh session is restarted.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from .causes import CHANGED, GONE, TEMPLATE, Causes
from .client import ApiError, Client
from .comparison import Difference, Wording, compare, compare_late, file_cause, late_count, not_run
from .named import named_files
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
    """session: the fresh one. skipped: runs that were left out, with the reason.

    missing: how many did not run whose variables the fresh session would otherwise have.
    """

    session: Session
    runs: int = 0
    missing: int = 0
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
    wanted, skipped = [], []
    for run in recording.runs:
        if run.generation != recording.alive:
            skipped.append((run, "an engine that the session had lost before its end"))
        elif run.stopped:
            skipped.append((run, f"it was stopped: {run.stopped}"))
        elif not _resets(run):
            wanted.append(run)
    replayed = _run(client, recording, wanted, template_id, progress)
    replayed.skipped = skipped
    replayed.missing += sum(1 for run, _ in skipped if run.generation == recording.alive)
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
    replayed, causes, then, now = Replayed(fresh), Causes(), Wording(), Wording()
    for run in recording.runs:
        then.learn(run)
    pairs: list[tuple[Run, Run]] = []
    life, generation, counted = Life(client, fresh), runs[0].generation if runs else 1, 0
    typed = recording.language == "typescript"
    for number, run in enumerate(runs):
        progress(number, len(runs))
        if run.generation > generation:
            generation = run.generation
            causes.renewed()
            if not _resets(run):
                life.begin(_counts_anew(runs[number:], counted))
        elif life.lost:
            causes.lost()
        counted = run.number or counted
        files = named_files(run.text or "", recording.session["worktree_path"], str(run.execution.get("path", "")))
        cause = causes.of(run, (file.text for file in files))
        if not cause and any(file.changed > _ended(run) for file in files):
            causes.spread(run.text or "", cause := CHANGED)
        sent = _sent(run, typed)
        again = life.startup() if run.execution["kind"] == "startup" else _again(client, fresh["id"], run, sent)
        if again is None or isinstance(again, ApiError):
            code = "" if again is None else again.code
            if why := _absent(client, run, fresh, code):
                causes.spread(run.text or "", cause := why)
            replayed.differences.append(not_run(run, cause, code))
            replayed.missing += 1
            continue
        life.ran(again)
        pairs.append((run, again))
        now.learn(again)
        now.numbers[again.number] = run.number
        now.moved[again.number] = len(sent) - len(run.text or "") if typed else 0
        if not cause and (cause := file_cause(run, again)):
            causes.spread(f"{run.text}\n{again.text}", cause)
        replayed.differences += compare(run, again, cause, then, now)
    for run, again in pairs:
        if late_count(run):
            replayed.differences += compare_late(run, _with_late(client, again, late_count(run)), then, now)
    progress(len(runs), len(runs))
    replayed.session, replayed.runs = life.session, len(pairs)
    return replayed


def _absent(client: Client, run: Run, fresh: Session, code: str) -> str:
    """Why a file is not there to be run; "" where that is not the reason."""
    if code:
        return GONE if code == "FILE_NOT_FOUND" else ""
    named = {file["path"] for file in client.startup_files(fresh["vm_id"])}
    return TEMPLATE if run.execution.get("path") not in named else ""


def _counts_anew(runs: list[Run], counted: int) -> bool:
    """Whether they, the first of a new engine, begin with a process too: a restart, where its cells count from 1."""
    first = next((run.number for run in runs if run.generation == runs[0].generation and run.number), counted + 1)
    return first <= counted


def _ended(run: Run) -> float:
    return _moment(run.execution.get("ended_at") or run.execution["started_at"]).timestamp()


class Life:
    """The fresh session's present engine, and the startup files that came with it.

    lost: it went with the last run, and if the session lives, another came in its place.
    """

    def __init__(self, client: Client, session: Session) -> None:
        self.session = session
        self.lost = False
        self._client = client
        self._generation = 0
        self._load()
        self._of = len(self._files)

    def startup(self) -> Run | None:
        """The next one of those that the session ran by itself when this engine started."""
        return read_run(self._client, self._files.pop(0)) if self._files else None

    def ran(self, again: Run) -> None:
        self.lost = again.lost
        if _resets(again):
            self._renewed()
            self._load()

    def begin(self, restarted: bool) -> None:
        """The next one: as the recorded session got it, but by a restart where the engine was lost only there."""
        lost_too = self.lost or any(self._newer())
        if restarted or not (lost_too and self._renewed()):
            self.session = self._client.restart_session(self.session["id"])
        self._load()
        self.lost = False

    def _newer(self) -> list[Execution]:
        """Startup files that ran since, in their order."""
        found = self._client.executions(self.session["id"])[::-1]
        return [each for each in found if each["kind"] == "startup" and _generation(each) > self._generation]

    def _renewed(self) -> bool:
        """Waits for the startup files of an engine that came by itself. Whether the session lives."""
        deadline = time.monotonic() + STARTUP_S
        while self._client.session(self.session["id"])["status"] == "ready" and time.monotonic() < deadline:
            newer = self._newer()
            if len(newer) >= self._of and all(each["status"] != "running" for each in newer):
                return True
            time.sleep(LOOK_S)
        return False

    def _load(self) -> None:
        newer = self._newer()
        self._generation = max(map(_generation, newer), default=self._generation)
        self._files = [each for each in newer if _generation(each) == self._generation]


def _generation(execution: Execution) -> int:
    return int(execution.get("engine_generation", 1))


def _resets(run: Run) -> bool:
    """Whether it brings the new engine by itself, which its record is of."""
    return run.magics[-1:] == ("%reset",) and run.execution["status"] == "ok"


def _sent(run: Run, typed: bool) -> str:
    """The text of a cell as a session in JavaScript takes it, in the same lines; an empty one is no request."""
    text, magics = run.text or " ", run.magics
    if typed and text.startswith("#!"):
        text = f"//{text}"  # it begins its cell no more
    if not typed or "%%ts" in magics or (magics and not magics[-1].endswith("time")):
        return text
    return f"%%ts {text}"


def _again(client: Client, session_id: str, run: Run, sent: str) -> Run | ApiError:
    """The run once more; the error where the session does not take it. sent: its text as that takes it."""
    interrupted_after_s = None
    if run.stopped == "Interrupted":
        interrupted_after_s = _lasted_s(run.execution)
    stdin = run.stdin() or None
    wait = interrupted_after_s is None
    try:
        execution: Execution
        if run.execution["kind"] == "run_file":
            args: Any = run.execution.get("args") or None
            execution = client.run_file(
                session_id, run.execution["path"], args, run.execution.get("env") or None, wait=wait, stdin=stdin
            )
        else:
            execution = client.repl(session_id, sent, wait=wait, stdin=stdin)
        if interrupted_after_s is not None:
            execution = _interrupt(client, execution, interrupted_after_s)
    except ApiError as error:
        if not error.status:
            raise  # no gateway answers: the rest would all be said not to have run
        execution_id = error.details.get("execution_id")
        if not execution_id:
            return error
        execution = client.execution(str(execution_id))
    again = read_run(client, execution)
    return again if run.execution["kind"] == "run_file" else replace(again, text=run.text)


def _lasted_s(execution: Execution) -> float:
    """Of one whose process was ended under it nobody noted the time, and its end was seen later than it was."""
    if wall_ms := int(execution["metrics"].get("wall_ms", 0)):
        return wall_ms / 1000
    began, ended = _moment(execution["started_at"]), _moment(execution["ended_at"])
    return min(max(0.0, (ended - began).total_seconds()), LONGEST_UNNOTED_S)


def _moment(timestamp: str) -> datetime:
    return datetime.fromisoformat(timestamp.rstrip("Z")).replace(tzinfo=timezone.utc)


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
