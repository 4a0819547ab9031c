"""Owns the commands about sessions; refuses to know what a session runs."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator

from ..client import Client
from ..shapes import Session
from .command import Argument, Command, Report, required
from .output import fields, seconds, table

ID = Argument("session_id", "session id", {"metavar": "ID"})


def create(client: Client, arguments: Namespace) -> Report:
    # The path is the caller's: a relative one is meant from where the command runs, not from where the gateway does.
    worktree = os.path.abspath(arguments.worktree_path) if arguments.worktree_path else ""
    session = client.create_session(arguments.template_id, arguments.workspace_id, arguments.base_commit, worktree)
    return Report(session, describe("Created session", session))


def describe(title: str, session: Session) -> Iterator[str]:
    return fields(
        {
            title: session["id"],
            "Status": session["status"],
            "Template ID": session["vm_id"],
            "Workspace ID": session["workspace_id"],
            "Base Commit": session["base_commit_oid"],
            "Worktree Path": session["worktree_path"],
        }
    )


def list_all(client: Client, arguments: Namespace) -> Report:
    sessions = client.sessions(arguments.status)
    rows = [(s["id"], s["vm_id"], s["status"], seconds(s["created_at"])) for s in sessions]
    return Report(sessions, table(("Session ID", "Template ID", "Status", "Created"), rows, "No sessions found"))


def get(client: Client, arguments: Namespace) -> Report:
    session = client.session(arguments.session_id)
    more = {
        "Created": session["created_at"],
        "Closed": session.get("closed_at"),
        "Last Error": session.get("last_error"),
        "Notebook": session.get("notebook"),
        "Restarted From": session.get("restarted_from"),
    }
    return Report(session, [*describe("Session ID", session), *fields(more)])


def close(client: Client, arguments: Namespace) -> Report:
    session = client.close_session(arguments.session_id)
    return Report(session, fields({"Closed session": session["id"]}))


def restart(client: Client, arguments: Namespace) -> Report:
    session = client.restart_session(arguments.session_id)
    return Report(session, fields({"Restarted session": session["id"], "Status": session["status"]}))


COMMANDS = (
    Command(
        ("session", "create"),
        "start a session from a template and run its startup files",
        "`Created session: UUID`, `Status:`, `Template ID:`, `Workspace ID:`, `Base Commit:`, `Worktree Path:`",
        create,
        (
            required("--template-id", "template id", metavar="ID"),
            required("--workspace-id", "any text of yours, stored with the session", metavar="TEXT"),
            required("--base-commit", "any text of yours, stored with the session", metavar="OID"),
            required("--worktree-path", "the folder that the session works in", metavar="DIR"),
        ),
    ),
    Command(
        ("session", "list"),
        "list the sessions, newest first",
        "a table of Session ID, Template ID, Status, Created, or `No sessions found`",
        list_all,
        (Argument("--status", "only these: starting, ready, crashed or closed"),),
    ),
    Command(
        ("session", "get"),
        "show one session",
        "`Session ID:`, `Status:`, `Template ID:`, `Workspace ID:`, `Base Commit:`, `Worktree Path:`, `Created:`, and "
        "`Closed:`, `Last Error:`, `Notebook:`, `Restarted From:` when there is one",
        get,
        (ID,),
    ),
    Command(
        ("session", "close"),
        "end a session; what runs in it is cancelled, its history stays",
        "`Closed session: ID`",
        close,
        (ID,),
    ),
    Command(
        ("session", "restart"),
        "give a ready or crashed session a fresh runtime; its variables are lost",
        "`Restarted session: ID`, `Status:`",
        restart,
        (ID,),
    ),
)
