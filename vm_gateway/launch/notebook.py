"""Owns how a kernel of a Jupyter client becomes a recorded session: ledger, template, row; refuses to serve it itself.

Nothing here may keep a notebook from opening: what is wrong is said by its cells (an exit would make restarters loop).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vm_kernel import launch
from vm_kernel.events import timestamp
from vm_kernel.ids import is_uuid, uuid7
from vm_kernel.log import log
from vm_kernel.plan import SessionPlan
from vm_kernel.request import Refusal

from .. import gateways, places, plans, predecessors
from ..ledger import owners
from ..ledger.port import Document, Ledger, LedgerUnavailable
from ..ledger.tiny import open_ledger
from ..places import PlaceError
from .recorded import Recorded

if TYPE_CHECKING:
    from vm_kernel.engine.process import EngineProcess
    from vm_kernel.kernel import Kernel

WORKSPACE = "jupyter"
UNTIL = "nothing of this notebook is, until its kernel is restarted"


@dataclass(frozen=True)
class Asked:
    """What the command line says. template: a name or an id. ledger: empty where it names none.

    require_ledger: refuse cells without a ledger, whatever the template says, which is in the ledger.
    language: of the cells.
    """

    template: str
    connection_file: str
    ledger: str = ""
    require_ledger: bool = False
    language: str = launch.LANGUAGES[0]


@dataclass(frozen=True)
class Prepared:
    """What the session is. refusal: why it runs no cell. unrecorded: why it has no ledger and runs all the same."""

    plan: SessionPlan | None = None
    ledger: Ledger | None = None
    refusal: Refusal | None = None
    unrecorded: str = ""


def serve_notebook(asked: Asked, process: EngineProcess | None, mem_mb: int) -> int:
    """Serves it until it ends. process: an engine that was started with `mem_mb`, a guess of the template's."""
    notebook = notebook_path()
    prepared = prepare(asked, notebook)
    plan = prepared.plan
    if plan is None:
        return _refuse(asked, prepared.refusal, process)
    hidden = launch.hidden_by(plan)
    if plan.limits.mem_mb != mem_mb or hidden:
        if process is not None:
            process.kill()
            process.reap()
        process = launch.start_engine(plan.limits.mem_mb, hidden)
    actor = {"surface": "kernel", **({"notebook": notebook} if notebook else {})}
    language = "" if asked.language == launch.LANGUAGES[0] else asked.language
    session = Recorded(plan, prepared.ledger, None, actor, prepared.unrecorded, language)
    try:
        return launch.run(
            asked.connection_file, plan.limits, session.recorder, process, plan, session.tie, asked.language
        )
    finally:
        session.close()
        if not session.restarts:
            predecessors.take_back(asked.connection_file)


def _refuse(asked: Asked, refusal: Refusal | None, process: EngineProcess | None) -> int:
    """A kernel that answers each cell with that."""

    def tie(kernel: Kernel) -> None:
        kernel.session.refusal = refusal

    from vm_kernel.limits import NOTEBOOK

    return launch.run(asked.connection_file, NOTEBOOK, None, process, None, tie, asked.language)


def prepare(asked: Asked, notebook: str) -> Prepared:
    """Opens the ledger, finds the template and writes the session's row."""
    ledger: Ledger | None = None
    try:
        path = gateways.chosen_ledger(asked.ledger)
        ledger = open_ledger(path)
        template = find_template(ledger, asked.template)
        refusal = _unusable(template, asked, ledger, path)
        if refusal is not None or template is None:
            ledger.close()
            return Prepared(refusal=refusal)
        row = new_row(template, asked.connection_file, notebook, path)
        plan = plans.plan_of(row, None, places.denied(path))
        with ledger.batch(durable=False):  # the first cell's record syncs it
            ledger.put_session(row)
        _leave_trace(row, path)
        return Prepared(plan, ledger)
    except (LedgerUnavailable, PlaceError, OSError) as error:
        if ledger is not None:
            ledger.close()
        return without_ledger(asked, notebook, str(error))


def without_ledger(asked: Asked, notebook: str, why: str) -> Prepared:
    """A fixed template holds as it was made; any other is in the ledger, and what it demands cannot be known."""
    from ..templates import fixed_rows

    log(f"this session is not recorded: {why}")
    template = next((row for row in fixed_rows() if asked.template in (row["name"], row["id"])), None)
    required = template is None or template["settings"]["session"]["require_ledger"] or asked.require_ledger
    if template is None or required:
        text = f"{why}; template {asked.template!r} runs nothing without a record: restart the kernel when it is there"
        return Prepared(refusal=Refusal("LedgerUnavailable", text))
    row = new_row(template, asked.connection_file, notebook)
    plan = plans.plan_of(row, None, places.own_places())
    return Prepared(plan, unrecorded=f"{why}; {UNTIL}")


def find_template(ledger: Ledger, named: str) -> Document | None:
    """By name, else by id; the fixed ones are made in a ledger that is new."""

    def look() -> Document | None:
        return ledger.find_template(named) or (ledger.get_template(named) if is_uuid(named) else None)

    found = look()
    if found is None:
        from ..templates import ensure_fixed

        ensure_fixed(ledger)
        found = look()
    return found


def new_row(template: Document, connection_file: str, notebook: str, ledger: str = "") -> Document:
    """The row of a session of Jupyter's; `connection_file` marks it as such and is how a gateway reaches it."""
    row: Document = {
        "id": uuid7(),
        "vm_id": template["id"],
        "workspace_id": WORKSPACE,
        "base_commit_oid": "",
        "worktree_path": folder_of(notebook),
        "status": "starting",
        "created_at": timestamp(),
        "owner": owners.owner(),
        "snapshot": plans.snapshot(template),
        "connection_file": connection_file,
    }
    if notebook:
        row["notebook"] = notebook
    before = predecessors.find(connection_file, ledger) if ledger else None
    if before:
        row["restarted_from"] = before
    return row


def notebook_path() -> str:
    """The notebook as Jupyter's server names it, absolute; empty where nobody says."""
    named = os.environ.get("JPY_SESSION_NAME", "")
    if not named or "\0" in named:
        return ""
    # Relative to the server's root, which is unknown; the kernel runs in the notebook's folder.
    return named if os.path.isabs(named) else os.path.join(_here(), os.path.basename(named))


def folder_of(notebook: str) -> str:
    """Where the session's files are: beside the notebook, else where the kernel was started."""
    folder = os.path.dirname(notebook)
    return folder if folder and os.path.isdir(folder) else _here()


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:  # removed meanwhile
        return os.environ.get("PWD", "/")


def _unusable(template: Document | None, asked: Asked, ledger: Ledger, path: str) -> Refusal | None:
    if template is None:
        known = ", ".join(sorted(row["name"] for row in ledger.list_templates().documents))
        text = f"there is no template {asked.template!r} in the ledger {path}, which has: {known}. Choose a kernel "
        return Refusal("TemplateNotFound", text + "of one of those; `vm-gateway kernelspec sync` makes one for each")
    if not template["is_active"]:
        text = f"template {template['name']!r} is not active: activate it, then restart the kernel, or choose another"
        return Refusal("TemplateInactive", text)
    return None


def _leave_trace(row: dict[str, Any], ledger: str) -> None:
    try:
        predecessors.leave(predecessors.Trace(row["id"], ledger, row["connection_file"]))
    except (OSError, PlaceError) as error:
        log(f"the session that follows this one will not know it: {error}")
