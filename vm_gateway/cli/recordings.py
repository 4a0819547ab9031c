"""Owns the commands that take a recorded session as a whole: export, replay, restore; refuses to know how it ran."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

from ..client import ApiError, Client
from ..comparison import Difference
from ..notebook import notebook, source
from ..recording import Recording, read
from ..replay import Replayed, replay, restore
from ..shapes import Session
from .command import Argument, Command, Refused, Report, required
from .output import compact, cut, fields
from .sessions import ID

#: Of a replay that differs without a known cause.
DIFFERS = 3
#: Of a restored session that lacks what runs would have made that could not be run, or that were stopped.
INCOMPLETE = 4
#: Characters that are shown before the first one that differs.
BEFORE = 20


def as_json(recording: Recording) -> str:
    """Everything that is kept: the session, and each execution with its text and its events."""
    whole = {
        "session": recording.session,
        "executions": [{**run.execution, "text": run.text, "events": run.events} for run in recording.runs],
    }
    return json.dumps(whole, ensure_ascii=False, indent=1)


def as_notebook(recording: Recording) -> str:
    return json.dumps(notebook(recording), ensure_ascii=False, indent=1)


def as_script(recording: Recording) -> str:
    """What ran, in its order, each with a line that says when and what became of it."""
    parts = [f"// session {recording.session['id']}"]
    for run in recording.runs:
        execution = run.execution
        head = f"[{run.number}] {execution.get('path', execution['kind'])}"
        parts.append(f"// {head}, {execution['started_at']}: {execution['status']}\n{source(run)}")
    return "\n\n".join(parts)


FORMS: dict[str, Callable[[Recording], str]] = {".ipynb": as_notebook, ".json": as_json, ".js": as_script}


def export(client: Client, arguments: Namespace) -> Report:
    target = arguments.to
    form = FORMS.get(os.path.splitext(target)[1].lower())
    if form is None:
        raise Refused(f"{target!r} has no form that is known: end it with {', '.join(FORMS)}")
    recording = read(client, arguments.session_id, _progress("read"))
    if form is as_notebook:
        recording = replace(recording, kernel=_kernel(client, recording))
    text = f"{form(recording)}\n"
    try:
        with open(target, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror}") from None
    told = {
        "Exported session": recording.session["id"],
        "Executions": len(recording.runs),
        "To": os.path.abspath(target),
    }
    return Report({name.lower().replace(" ", "_"): value for name, value in told.items()}, fields(told))


def _kernel(client: Client, recording: Recording) -> str:
    """What `kernelspec sync` calls the one of its template, where a Jupyter client ran it under another than usual."""
    from ..launch.kernelspecs import spec_names
    from ..launch.notebook import WORKSPACE
    from ..templates import FIXED, NOTEBOOK

    session = recording.session
    if session["workspace_id"] != WORKSPACE or FIXED.get(session["vm_id"]) == NOTEBOOK:
        return ""
    return spec_names([{**each} for each in client.templates() if each["is_active"]]).get(session["vm_id"], "")


def replay_one(client: Client, arguments: Namespace) -> Report:
    replayed = _again(replay, client, arguments)
    if not arguments.keep:
        replayed.session = client.close_session(replayed.session["id"])
    return _report("Replayed session", arguments.session_id, replayed, DIFFERS if replayed.unexplained else 0)


def restore_one(client: Client, arguments: Namespace) -> Report:
    replayed = _again(restore, client, arguments)
    code = INCOMPLETE if replayed.missing else DIFFERS if replayed.unexplained else 0
    return _report("Restored session", arguments.session_id, replayed, code)


def _again(how: Callable[..., Replayed], client: Client, arguments: Namespace) -> Replayed:
    """Raises: ApiError; Refused where the session's template is there no more."""
    recording = read(client, arguments.session_id)
    if arguments.worktree_path is not None:
        session: Session = {**recording.session, "worktree_path": os.path.abspath(arguments.worktree_path)}
        recording = replace(recording, session=session)
    try:
        return how(client, recording, arguments.template, _progress("run"))
    except ApiError as error:
        if arguments.template is None and error.code in ("TEMPLATE_NOT_FOUND", "TEMPLATE_INACTIVE"):
            why = "the template of that session is gone or not active: name another with --template ID"
            raise Refused(f"{why}; `vm-gateway template list` shows them") from None
        raise


def _report(title: str, session_id: str, replayed: Replayed, code: int) -> Report:
    data = {
        "session_id": session_id,
        "new_session": replayed.session,
        "runs": replayed.runs,
        "missing": replayed.missing,
        "skipped": [{"execution_id": run.execution["id"], "reason": why} for run, why in replayed.skipped],
        "differences": [asdict(difference) for difference in replayed.differences],
        "unexplained": replayed.unexplained,
    }
    return Report(data, _lines(title, session_id, replayed), code)


def _lines(title: str, session_id: str, replayed: Replayed) -> Iterator[str]:
    told: dict[str, Any] = {
        title: session_id,
        "New session": replayed.session["id"],
        "Status": replayed.session["status"],
        "Executions": replayed.runs,
        "Skipped": len(replayed.skipped) or None,
        "Missing": replayed.missing or None,
        "Differences": len(replayed.differences),
        "Unexplained": replayed.unexplained,
    }
    yield from fields(told)
    for run, why in replayed.skipped:
        yield f"skipped {run.execution['id']}: {why}"
    for difference in replayed.differences:
        yield _line(difference)


def _line(difference: Difference) -> str:
    before, after = compact(difference.recorded), compact(difference.replayed)
    same = next((at for at, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), 0)
    begin = same - BEFORE if same > BEFORE + 3 else 0  # where they part is what somebody wants to see
    recorded, replayed = (("..." if begin else "") + cut(each[begin:], 60) for each in (before, after))
    cause = difference.cause or "unexplained"
    return f"[{difference.number}] {difference.kind} {difference.what}: {recorded} -> {replayed} ({cause})"


def _progress(verb: str) -> Callable[[int, int], None]:
    """On a terminal's standard error, on one line that is gone at the end."""

    def tell(done: int, of: int) -> None:
        sys.stderr.write("\r\x1b[K" if done == of else f"\r{done} of {of} {verb}")
        sys.stderr.flush()

    return tell if sys.stderr.isatty() else lambda done, of: None


TEMPLATE = Argument("--template", "another template than the session had", {"metavar": "ID"})
WORKTREE = Argument("--worktree-path", "another folder than the session worked in", {"metavar": "DIR"})
COMMANDS = (
    Command(
        ("session", "export"),
        "write what a session ran and gave to a file: a notebook, JSON or a script",
        "`Exported session: ID`, `Executions: N`, `To: PATH`",
        export,
        (
            ID,
            required("--to", "the file; its ending says the form: .ipynb, .json, .js", metavar="FILE"),
        ),
    ),
    Command(
        ("session", "replay"),
        "run a recorded session again in a fresh one and show every difference",
        "`Replayed session: ID`, `New session: UUID`, `Status:`, `Executions:`, `Differences:`, `Unexplained:`, then "
        "`[COUNT] KIND WHAT: JSON -> JSON (CAUSE)` for each. Exit code 3 with a difference of no known cause",
        replay_one,
        (ID, TEMPLATE, WORKTREE, Argument("--keep", "leave the fresh session open", {"action": "store_true"})),
    ),
    Command(
        ("session", "restore"),
        "bring the variables of a closed or crashed session back, in a fresh one that stays open",
        "`Restored session: ID`, `New session: UUID`, `Status:`, `Executions:`, `Skipped:`, `Missing:`, "
        "`Differences:`, `Unexplained:`, then `skipped ID: REASON` and a line for each difference as in replay. Exit "
        "code 4 where runs are missing: stopped ones, and those that could not be run; 3 as in replay",
        restore_one,
        (ID, TEMPLATE, WORKTREE),
    ),
)
