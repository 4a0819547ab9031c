"""Sessions of Jupyter's that a gateway closes or restarts while their process stays: `metadata.vm.keep_process`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from vm_kernel import owner as owners
from vm_kernel.limits import Limits
from vm_kernel.plan import SessionPlan, StartupFile

from .notebook import Notebook
from .session import Client, Heard, Session

ID = "0190b2f0-1234-7abc-8def-0123456789ac"
LIMITS = Limits(cpu_ms=0, wall_ms=0, mem_mb=128, max_events=100, max_output_kb=64)
WHY = "closed over there"


def plan(**fields: Any) -> SessionPlan:
    """Of a session that a Jupyter client started: it has no owner."""
    return SessionPlan(**{"session_id": ID, "limits": LIMITS, **fields})


def ask(client: Client, restart: bool, channel: str = "control") -> Heard:
    metadata = {"vm": {"keep_process": WHY}}
    return client.hear(client.send("shutdown_request", {"restart": restart}, channel, metadata), channel)


def test_a_closed_session_answers_so_and_stays_until_its_client_ends_it() -> None:
    notebook = Notebook()
    with Session(recorder=notebook, plan=plan()) as session:
        client = session.client()
        running = client.start("while(true){}")
        client.hear_type("execute_input")
        waiting = client.start("1")
        client.ask("kernel_info_request")  # answered behind it on shell: both have arrived
        assert ask(client, restart=False).reply["content"] == {"status": "ok", "restart": False}
        assert client.hear(running).reply["content"]["evalue"] == WHY
        assert client.hear(waiting).reply["content"]["status"] == "aborted"
        assert notebook.ended[0].outcome.status == "cancelled"
        refused = client.run("1")
        assert refused.reply["content"]["ename"] == "SessionClosed"
        assert [content["ename"] for content in refused.contents("error")] == ["SessionClosed"]
        assert session.changes == [("closed", WHY)]
        assert ask(client, restart=False).reply["content"]["status"] == "ok"
        assert session.changes == [("closed", WHY)]
        assert ask(client, restart=True).reply["content"]["ename"] == "SessionClosed"
        assert client.ask("kernel_info_request").reply["content"]["status"] == "ok"


def test_a_restarted_session_has_a_new_engine_and_its_startup_files_again(tmp_path: Path) -> None:
    (tmp_path / "init.js").write_text("var shared = 1")
    notebook = Notebook()
    planned = plan(worktree_path=str(tmp_path), startup_files=(StartupFile("init.js"),))
    with Session(recorder=notebook, plan=planned) as session:
        client = session.client()
        client.run("var kept = shared + 1")
        running = client.start("while(true){}")
        client.hear_type("execute_input")
        assert ask(client, restart=True).reply["content"]["status"] == "ok"
        assert client.hear(running).reply["content"]["evalue"] == WHY
        after = client.run("shared")
        assert "variables of earlier cells are lost" in after.text("stderr")
        assert after.contents("execute_result")[0]["data"]["text/plain"] == "1"
        assert client.run("kept").reply["content"]["status"] == "error"
        assert [started.kind for started in notebook.started] == ["startup", "repl", "repl", "startup", "repl", "repl"]
        assert [started.engine_generation for started in notebook.started] == [1, 1, 1, 2, 2, 2]
        assert [said.status for said in session.said] == ["ready", "ready"]
        assert session.changes == []


def test_a_session_that_lost_its_engine_for_good_can_be_restarted() -> None:
    with Session(plan=plan(on_engine_loss="crash")) as session:
        client = session.client()
        client.run("@die")
        assert client.run("1").reply["content"]["ename"] == "SessionCrashed"
        ask(client, restart=True)
        assert client.run("1 + 1").reply["content"]["status"] == "ok"
        assert [status for status, _ in session.changes] == ["crashed"]
        assert [said.status for said in session.said] == ["ready", "ready"]


def test_a_session_that_could_not_start_can_be_restarted_and_closed(tmp_path: Path) -> None:
    file = tmp_path / "init.js"
    file.write_text("missing")
    with Session(plan=plan(worktree_path=str(tmp_path), startup_files=(StartupFile("init.js"),))) as session:
        client = session.client()
        assert client.run("1").reply["content"]["ename"] == "StartupFailed"
        file.write_text("var fine = 1")
        ask(client, restart=True)
        assert client.run("fine").reply["content"]["status"] == "ok"
        file.write_text("missing")
        ask(client, restart=True)
        assert client.run("1").reply["content"]["ename"] == "StartupFailed"
        ask(client, restart=False)
        assert client.run("1").reply["content"]["ename"] == "SessionClosed"
        assert [said.status for said in session.said] == ["crashed", "ready", "crashed"]


@pytest.mark.parametrize(
    ("planned", "channel"),
    [(None, "control"), (plan(owner=owners.identity(os.getpid())), "control"), (plan(), "shell")],
    ids=["a bare kernel", "a gateway's own session", "on shell"],
)
def test_whose_process_ends_with_it_is_not_closed_apart(planned: SessionPlan | None, channel: str) -> None:
    with Session(plan=planned) as session:
        client = session.client()
        for restart in (False, True):
            assert ask(client, restart, channel).reply["content"]["ename"] == "InvalidRequest"
        assert client.run("1").reply["content"]["status"] == "ok"
