"""Sessions that somebody planned: metadata.vm, files, records, startup, engine loss, the session's own end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vm_kernel import owner as owners
from vm_kernel.limits import Limits
from vm_kernel.plan import Library, SessionPlan, StartupFile
from vm_kernel.recorder import Ended, Started, Then

from .notebook import Notebook
from .session import Client, Heard, Session

UUID = "0190b2f0-1234-7abc-8def-0123456789ab"
SESSION = "0190b2f0-1234-7abc-8def-0123456789ac"
ACTOR = {"surface": "rest"}
LIMITS = Limits(cpu_ms=0, wall_ms=2000, mem_mb=128, max_events=100, max_output_kb=64)


def plan(**fields: Any) -> SessionPlan:
    return SessionPlan(**{"session_id": SESSION, "limits": LIMITS, "owner": owners.identity(os.getpid()), **fields})


def within(seconds: float, happened: Callable[[], object]) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if happened():
            return True
        time.sleep(0.01)
    return bool(happened())


def vm(heard: Heard) -> dict[str, Any]:
    return dict(heard.reply["metadata"]["vm"])


def paired(notebook: Notebook) -> list[tuple[Started, Ended]]:
    """Each execution's beginning and end; one without an end fails."""
    ends = {ended.execution_id: ended for ended in notebook.ended}
    return [(started, ends[started.execution_id]) for started in notebook.started]


@pytest.fixture
def gateway() -> Iterator[subprocess.Popen[bytes]]:
    """A process that can own a session and die."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


# -- metadata.vm and the record ------------------------------------------------------------------------------


def test_a_repl_is_answered_with_its_finished_record() -> None:
    notebook = Notebook()
    with Session(recorder=notebook, plan=plan()) as session:
        client = session.client()
        asked = {"execution_id": UUID, "kind": "repl", "if_busy": "refuse", "actor": ACTOR}
        heard = client.run('console.log("a"); 6 * 7', {"vm": asked})
    record = vm(heard)["execution"]
    assert vm(heard)["outcome"] == "Completed" and "crashed" not in vm(heard)
    times = {name: record.pop(name) for name in ("started_at", "ended_at", "metrics")}
    assert record == {
        "id": UUID,
        "session_id": SESSION,
        "kind": "repl",
        "input": 'console.log("a"); 6 * 7',
        "args": [],
        "env": {},
        "status": "ok",
        "result": {"type": "number", "preview": "42", "json": 42},
        "actor": ACTOR,
        "engine_generation": 1,
        "execution_count": 1,
    }
    assert times["started_at"] == notebook.started[0].started_at
    assert times["ended_at"] == notebook.ended[0].ended_at
    assert set(times["metrics"]) == {"cpu_ms", "wall_ms", "peak_mem_mb", "events", "output_bytes"}
    assert times["metrics"]["events"] == 3
    assert notebook.started[0].metadata == {"actor": ACTOR}


def test_a_file_runs_with_its_args_and_without_an_input_echo() -> None:
    notebook = Notebook()
    asked = {"kind": "run_file", "path": "sub/app.js", "args": {"a": [1]}, "env": {"B": "2"}, "actor": ACTOR}
    with Session(recorder=notebook, plan=plan()) as session:
        client = session.client()
        heard = client.run("__ARGS__", {"vm": asked})
        after = client.run("__ARGS__", {"vm": {}})
        history = client.ask("history_request", {"hist_access_type": "tail", "n": 9}).reply["content"]["history"]
    record = vm(heard)["execution"]
    assert (record["kind"], record["path"], record["args"], record["env"]) == (
        "run_file",
        "sub/app.js",
        {"a": [1]},
        {"B": "2"},
    )
    assert "input" not in record
    assert record["result"]["json"] == {"a": [1]}
    assert [event.type for event in notebook.events if event.execution_id == record["id"]] == ["value"]
    assert vm(after)["execution"]["status"] == "error", "__ARGS__ is still there after the file has run"
    assert notebook.started[0].metadata == {key: asked[key] for key in ("path", "args", "env", "actor")}
    assert [entry[2] for entry in history] == ["__ARGS__"], "a file is nothing that somebody typed"


def test_left_out_args_and_env_are_empty() -> None:
    with Session(plan=plan()) as session:
        record = vm(session.client().run("1", {"vm": {"kind": "run_file", "path": "a.js"}}))["execution"]
    assert (record["args"], record["env"], record["actor"]["surface"]) == ({}, {}, "kernel")


def test_an_error_and_a_broken_limit_are_in_the_record() -> None:
    with Session(plan=plan()) as session:
        client = session.client()
        raised = vm(client.run('throw new TypeError("boom")', {"vm": {}}))
        printed = vm(client.run("for (let i = 0; i < 1000; i++) console.log(i)", {"vm": {}}))
        timed_out = vm(client.run("while(true){}", {"vm": {}}))
        usable = vm(client.run("1", {"vm": {}}))
    assert raised["outcome"] == "Raised"
    assert raised["execution"]["status"] == "error"
    assert raised["execution"]["error"]["message"] == "TypeError: boom"
    assert "result" not in raised["execution"] and "stack" in raised["execution"]["error"]
    assert printed["outcome"] == "OutputExceeded"
    assert printed["execution"]["status"] == "error" and "max_events" in printed["execution"]["error"]["message"]
    assert timed_out["outcome"] == "TimedOut" and timed_out["execution"]["status"] == "timeout"
    assert usable["execution"]["status"] == "ok"


def test_without_metadata_vm_there_is_no_record_in_the_reply() -> None:
    with Session(plan=plan()) as session:
        assert set(vm(session.client().run("1"))) == {"execution_id"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("text", "metadata.vm must be an object"),
        ([], "metadata.vm must be an object"),
        ({"execution_id": "1"}, "UUID"),
        ({"execution_id": UUID.upper()}, "UUID"),
        ({"execution_id": None}, "UUID"),
        ({"kind": "startup"}, "kind"),
        ({"kind": "file"}, "kind"),
        ({"kind": "run_file"}, "path is missing"),
        ({"kind": "run_file", "path": ""}, "path"),
        ({"kind": "run_file", "path": 1}, "path"),
        ({"path": "a.js"}, "for kind run_file"),
        ({"args": {}}, "for kind run_file"),
        ({"env": []}, "env must be an object"),
        ({"actor": "rest"}, "actor must be an object"),
        ({"if_busy": "wait"}, "if_busy"),
        ({"if_busy": True}, "if_busy"),
        ({"limits": {"wall_ms": 0}}, "limits is not known"),
        ({"owner": {}}, "owner is not known"),
    ],
)
def test_metadata_vm_is_checked_strictly_and_what_is_wrong_runs_nothing(asked: Any, words: str) -> None:
    notebook = Notebook()
    with Session(recorder=notebook, plan=plan()) as session:
        heard = session.client().run("1", {"vm": asked})
    content = heard.reply["content"]
    assert (content["status"], content["ename"]) == ("error", "InvalidRequest")
    assert words in content["evalue"]
    assert notebook.started == [] and "vm" not in heard.reply["metadata"]


def interrupt(client: Client, asked: Any) -> dict[str, Any]:
    msg_id = client.send("interrupt_request", {}, "control", {"vm": asked})
    return dict(client.hear(msg_id, "control").reply["content"])


def test_an_interrupt_meant_for_one_execution_hits_no_other() -> None:
    other = UUID[:-1] + "c"
    with Session(plan=plan(limits=Limits(wall_ms=0, cpu_ms=0))) as session:
        client = session.client()
        running = client.start("while(true){}", {"vm": {"execution_id": UUID}})
        waiting = client.start("1", {"vm": {}}, stop_on_error=False)
        client.hear_type("execute_input")
        assert interrupt(client, {"execution_id": other})["status"] == "ok"
        assert client.quiet("shell", 0.2), "a cancel of another execution ended this one"
        assert interrupt(client, {"execution_id": UUID})["status"] == "ok"
        assert vm(client.hear(running))["execution"]["status"] == "cancelled"
        client.hear(waiting)
        assert interrupt(client, {"execution_id": UUID})["status"] == "ok"
        assert client.run("1").reply["content"]["status"] == "ok"


@pytest.mark.parametrize("asked", ["text", {}, {"execution_id": 1}, {"execution_id": "1"}, {"more": 1}])
def test_an_interrupt_with_wrong_metadata_interrupts_nothing(asked: Any) -> None:
    with Session(plan=plan()) as session:
        client = session.client()
        running = client.start("while(true){}")
        client.hear_type("execute_input")
        assert interrupt(client, asked)["ename"] == "InvalidRequest"
        assert client.hear(running).reply["content"]["ename"] == "TimedOut"


# -- startup -------------------------------------------------------------------------------------------------


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


def starting(worktree: Path, *names: str, **fields: Any) -> SessionPlan:
    files = tuple(StartupFile(name, at) for at, name in enumerate(names))
    return plan(worktree_path=os.fspath(worktree), startup_files=files, **fields)


def test_startup_files_run_in_order_are_recorded_and_not_published(worktree: Path) -> None:
    (worktree / "sub").mkdir()
    (worktree / "a.js").write_text('var first = 40; console.log("from a")')
    (worktree / "sub/b.js").write_text("first; var second = 40")
    notebook = Notebook()
    files = (StartupFile("sub/../sub/b.js", 2), StartupFile("a.js", 1))
    library = Library("tool-1.0.0", "var loaded = 1")
    planned = plan(worktree_path=os.fspath(worktree), startup_files=files, libraries=(library,))
    with Session(recorder=notebook, plan=planned) as session:
        client = session.client()
        heard = client.run("second", {"vm": {}})
        others = client._published
    assert vm(heard)["execution"]["result"]["json"] == 40
    assert heard.reply["content"]["execution_count"] == 1
    published = {message["msg_type"] for each in others.values() for message in each}
    assert published <= {"status"}, "startup was published"
    assert [(started.kind, started.metadata.get("path")) for started in notebook.started] == [
        ("startup", "tool-1.0.0"),
        ("startup", "a.js"),
        ("startup", "sub/b.js"),
        ("repl", None),
    ]
    of_a = [event.type for event in notebook.events if event.execution_id == notebook.started[1].execution_id]
    assert of_a == ["console", "value"]
    assert [said.status for said in session.said] == ["ready"]


def test_nothing_is_read_from_shell_before_startup_is_done_but_control_is(worktree: Path) -> None:
    (worktree / "slow.js").write_text("await new Promise(() => {})")
    with Session(plan=starting(worktree, "slow.js", limits=Limits(wall_ms=600))) as session:
        client = session.client()
        msg_id = client.send("kernel_info_request")
        started = time.monotonic()
        assert client.ask("kernel_info_request", channel="control").reply["content"]["status"] == "ok"
        assert time.monotonic() - started < 0.5
        assert client.quiet("shell", 0.1), f"{msg_id} was answered while startup runs"
        assert session.ended(5)
    assert session.said[0].last_error.startswith("startup failed: failed to execute startup file slow.js: TimedOut: ")


@pytest.mark.parametrize(
    ("name", "last_error", "code"),
    [
        ("bad.js", "startup failed: failed to execute startup file bad.js: Error: boom", "STARTUP_FAILED"),
        ("no.js", "startup failed: startup file not found: no.js: ", "STARTUP_FAILED"),
        ("sub", "startup failed: startup file not found: sub: ", "STARTUP_FAILED"),
        ("../outside.js", "startup failed: startup file ../outside.js: ", "INVALID_PATH"),
        ("link.js", "startup failed: startup file link.js: ", "INVALID_PATH"),
        ("latin.js", "startup failed: failed to execute startup file latin.js: ", "STARTUP_FAILED"),
        ("die.js", "startup failed: failed to execute startup file die.js: EngineDied: ", "STARTUP_FAILED"),
    ],
)
def test_a_session_whose_startup_fails_says_why_and_ends(worktree: Path, name: str, last_error: str, code: str) -> None:
    (worktree / "sub").mkdir()
    (worktree / "bad.js").write_text('throw new Error("boom")')
    (worktree / "latin.js").write_bytes(b"'caf\xe9'")
    (worktree / "die.js").write_text("@die")
    (worktree / "never.js").write_text("var never = 1")
    (worktree.parent / "outside.js").write_text("1")
    (worktree / "link.js").symlink_to("../outside.js")
    notebook = Notebook()
    with Session(recorder=notebook, plan=starting(worktree, name, "never.js")) as session:
        assert session.ended(5)
    assert len(session.said) == 1
    said = session.said[0]
    assert (said.status, said.code) == ("crashed", code)
    assert said.last_error.startswith(last_error), said.last_error
    assert "never.js" not in [started.metadata["path"] for started in notebook.started], "first failure stops"
    assert session.kernel.session.started is False
    assert "outside.js" not in said.last_error.replace("../outside.js", ""), "the target of a link is nobody's business"


def test_a_session_of_jupyters_whose_startup_fails_stays_and_answers_each_cell(worktree: Path) -> None:
    (worktree / "bad.js").write_text('throw new Error("boom")')
    with Session(plan=starting(worktree, "bad.js", owner=None)) as session:
        client = session.client()
        assert client.ask("kernel_info_request").reply["content"]["status"] == "ok"
        for _ in range(2):
            content = client.run("1").reply["content"]
            assert (content["status"], content["ename"]) == ("error", "StartupFailed")
            assert "bad.js: Error: boom" in content["evalue"]
    assert session.said[0].status == "crashed"


def test_an_interrupt_while_startup_runs_is_a_failure(worktree: Path) -> None:
    (worktree / "slow.js").write_text("while(true){}")
    with Session(plan=starting(worktree, "slow.js", limits=Limits(wall_ms=0, cpu_ms=0))) as session:
        client = session.client()
        client.ask("interrupt_request", channel="control")
        assert session.ended(5)
    assert "slow.js: Interrupted: " in session.said[0].last_error


def test_a_startup_that_cannot_be_recorded_does_not_run(worktree: Path) -> None:
    (worktree / "a.js").write_text("1")
    notebook = Notebook()
    notebook.refuse["begin"] = "the disk is full"
    with Session(recorder=notebook, plan=starting(worktree, "a.js")) as session:
        assert session.ended(5)
        assert session.engine.evaluated == []
    assert session.said[0].code == "LEDGER_UNAVAILABLE" and "the disk is full" in session.said[0].last_error


def test_containment_that_is_required_and_not_there_refuses_to_start() -> None:
    with Session(plan=plan(require_containment=True)) as session:
        assert session.ended(5)
    assert session.said[0].status == "crashed"
    assert "containment is unknown" in session.said[0].last_error


# -- loss of the engine --------------------------------------------------------------------------------------


def test_a_session_that_says_crash_is_over_with_its_engine() -> None:
    notebook = Notebook()
    with Session(recorder=notebook, plan=plan()) as session:
        client = session.client()
        lost = vm(client.run("@die", {"vm": {}}))
        assert lost["execution"]["status"] == "error" and lost["outcome"] == "EngineDied"
        assert lost["crashed"] == "the engine ended; variables are lost"
        for asked in ({"vm": {"if_busy": "refuse"}}, None):
            content = client.run("1", asked).reply["content"]
            assert (content["status"], content["ename"]) == ("error", "SessionCrashed")
            assert content["evalue"].startswith("the engine ended; variables are lost")
        assert client.ask("kernel_info_request").reply["content"]["status"] == "ok"
        assert client.ask("complete_request", {"code": "x", "cursor_pos": 1}).reply["content"]["matches"] == []
    assert session.changes == [("crashed", "the engine ended; variables are lost")]
    assert len(notebook.started) == 1


def test_cells_that_wait_behind_a_crash_are_refused_with_it() -> None:
    with Session(plan=plan()) as session:
        client = session.client()
        ids = [client.start(code, stop_on_error=False) for code in ("@die", "1", "2")]
        names = [client.hear(msg_id).reply["content"]["ename"] for msg_id in ids]
    assert names == ["EngineDied", "SessionCrashed", "SessionCrashed"]


def test_a_session_that_says_fresh_runs_its_startup_again_on_the_new_engine(worktree: Path) -> None:
    (worktree / "a.js").write_text("var base = 40")
    notebook = Notebook()
    with Session(recorder=notebook, plan=starting(worktree, "a.js", on_engine_loss="fresh")) as session:
        client, other = session.client(), session.client()
        assert vm(client.run("base", {"vm": {}}))["execution"]["result"]["json"] == 40
        assert "crashed" not in vm(client.run("@die", {"vm": {}}))
        assert within(3, lambda: len([1 for each in notebook.ended if each]) == 4), "startup waits for a cell"
        heard = other.run("base", {"vm": {}})
        assert vm(heard)["execution"]["result"]["json"] == 40
        assert "variables" in heard.text("stderr")
    assert [started.kind for started in notebook.started] == ["startup", "repl", "repl", "startup", "repl"]
    assert [started.engine_generation for started in notebook.started] == [1, 1, 1, 2, 2]
    assert session.changes == []


def test_a_startup_that_fails_on_the_new_engine_ends_the_session(worktree: Path) -> None:
    (worktree / "a.js").write_text("1")
    with Session(plan=starting(worktree, "a.js", on_engine_loss="fresh")) as session:
        client = session.client()
        client.ask("kernel_info_request")
        (worktree / "a.js").write_text('throw new Error("not again")')
        client.run("@die")
        content = client.run("1").reply["content"]
    assert (content["ename"], "not again" in content["evalue"]) == ("StartupFailed", True)
    assert [status for status, _ in session.changes] == ["crashed"]


def test_a_startup_that_takes_the_new_engine_along_refuses_the_cell_and_is_tried_again(worktree: Path) -> None:
    (worktree / "a.js").write_text("var base = 1")
    notebook = Notebook()
    with Session(recorder=notebook, plan=starting(worktree, "a.js", on_engine_loss="fresh")) as session:
        client = session.client()
        client.ask("kernel_info_request")
        (worktree / "a.js").write_text("@die")
        client.run("@die")
        record = vm(client.run("base", {"vm": {}}))["execution"]
        assert record["status"] == "error" and "a.js: EngineDied" in record["error"]["message"]
        (worktree / "a.js").write_text("var base = 2")
        assert within(3, lambda: vm(client.run("base", {"vm": {}}))["execution"]["status"] == "ok")
    assert session.changes == []


@pytest.mark.parametrize(
    ("at", "records"),
    [
        (("begin", 1), [("a.js", "error")]),
        (("finish", 1), [("a.js", "ok")]),
        (("begin", 2), [("a.js", "ok"), ("b.js", "error")]),
        (("finish", 2), [("a.js", "ok"), ("b.js", "ok")]),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_an_engine_that_dies_beside_a_startup_file_runs_no_more_of_them_and_no_record_says_otherwise(
    worktree: Path, at: tuple[str, int], records: list[tuple[str, str]]
) -> None:
    (worktree / "a.js").write_text("var base = 1")
    (worktree / "b.js").write_text("base")
    seen: list[str] = []

    def on_call(call: str, value: object) -> None:
        seen.append(call)
        if (call, seen.count(call)) == at:
            session.engine.kill()

    notebook = Notebook(on_call=on_call)
    session = Session(recorder=notebook, plan=starting(worktree, "a.js", "b.js"))
    with session:
        assert session.ended(5)
    assert [(s.metadata["path"], e.outcome.status) for s, e in paired(notebook)] == records
    assert [said.status for said in session.said] == ["crashed"]
    assert "the engine ended" in session.said[0].last_error
    for _, ended in paired(notebook):
        if ended.outcome.status == "error":
            assert "the engine ended" in str(ended.outcome), "the record does not say why"
            assert ended.engine_generation != 2, "it names an engine that never had its code"


def test_an_engine_that_dies_beside_a_renewed_startup_makes_it_run_again_from_the_first_file(worktree: Path) -> None:
    (worktree / "a.js").write_text("var base = 21")
    (worktree / "b.js").write_text("base")
    begun: list[object] = []

    def on_call(call: str, value: object) -> None:
        if call == "begin":
            begun.append(value)
            if len(begun) == 5:  # a, b, the cell, a again, and now b
                session.engine.kill()

    notebook = Notebook(on_call=on_call)
    session = Session(recorder=notebook, plan=starting(worktree, "a.js", "b.js", on_engine_loss="fresh"))
    with session:
        client = session.client()
        client.run("@die")
        assert vm(client.run("base", {"vm": {}}))["execution"]["result"]["json"] == 21
    said = [(s.metadata.get("path"), e.outcome.status) for s, e in paired(notebook)]
    assert said == [
        *[("a.js", "ok"), ("b.js", "ok"), (None, "error")],
        *[("a.js", "ok"), ("b.js", "error"), ("a.js", "ok"), ("b.js", "ok"), (None, "ok")],
    ]
    assert session.changes == []


# -- records that cannot be written --------------------------------------------------------------------------


def test_without_require_ledger_a_cell_runs_all_the_same_and_says_so() -> None:
    notebook = Notebook()
    notebook.refuse["begin"] = "the disk is full"
    with Session(recorder=notebook, plan=plan(require_ledger=False)) as session:
        client = session.client()
        heard = client.run("6 * 7", {"vm": {}})
        assert vm(heard)["execution"]["result"]["json"] == 42
        assert "not on record: the disk is full" in heard.text("stderr")
        notebook.refuse = {"finish": "the disk is full again"}
        heard = client.run("6 * 7")
        assert heard.reply["content"]["status"] == "ok"
        assert heard.text("stderr").count("not on record: the disk is full again") == 1
        notebook.refuse = {}
        assert client.run("1").text("stderr") == ""


class Forgetful(Notebook):
    """Loses the events of the cell that runs."""

    lose: Callable[[str], None]

    def begin(self, started: Started, then: Then) -> None:
        super().begin(started, then)
        self.refuse["finish"] = "the ledger is full"
        self.lose(started.execution_id)


@pytest.mark.parametrize("required", [True, False])
def test_a_page_that_cannot_be_written_stops_the_cell_where_a_record_is_required(required: bool) -> None:
    notebook = Forgetful()
    with Session(recorder=notebook, plan=plan(require_ledger=required, limits=Limits(wall_ms=300))) as session:
        notebook.lose = lambda execution_id: session.kernel.give_up(execution_id, "the ledger is full")
        heard = session.client().run("while(true){}", {"vm": {}})
    assert heard.reply["content"]["ename"] == ("LedgerUnavailable" if required else "TimedOut")
    assert ("execution" in vm(heard)) is not required
    assert ("the ledger is full" in heard.text("stderr")) is not required


# -- the session's own end -----------------------------------------------------------------------------------


def test_an_idle_session_closes_itself_and_one_in_use_does_not() -> None:
    with Session(plan=plan(idle_timeout_s=1)) as session:
        client = session.client()
        client.run("await new Promise(() => {})", {"vm": {}})  # wall_ms is 2000
        assert session.changes == [], "a session that runs a cell is not idle"
        ended = time.monotonic()
        assert session.ended(5)
        assert 0.9 < time.monotonic() - ended < 2.5
    assert session.changes == [("closed", "closed by idle_timeout_s: nothing ran for 1 s")]


def test_an_old_session_closes_itself_with_the_cell_that_runs() -> None:
    notebook = Notebook()
    with Session(recorder=notebook, plan=plan(max_age_s=1, limits=Limits(wall_ms=0, cpu_ms=0))) as session:
        client = session.client()
        heard = client.run("while(true){}", {"vm": {}})
        assert session.ended(5)
    reason = "closed by max_age_s: the session was 1 s old"
    assert session.changes == [("closed", reason)]
    assert vm(heard)["execution"]["status"] == "cancelled"
    assert reason in vm(heard)["execution"]["error"]["message"]


def test_a_session_of_jupyters_that_closes_itself_stays_and_says_so() -> None:
    with Session(plan=plan(owner=None, max_age_s=1, limits=Limits(wall_ms=0, cpu_ms=0))) as session:
        client = session.client()
        assert client.run("while(true){}").reply["content"]["ename"] == "Interrupted"
        content = client.run("1").reply["content"]
        assert (content["status"], content["ename"]) == ("error", "SessionClosed")
        assert "max_age_s" in content["evalue"]
        assert not session.ended(0.2)
    assert [status for status, _ in session.changes] == ["closed"]


def test_a_session_outlives_its_gateway_for_the_grace_and_records_why_it_ends(
    gateway: subprocess.Popen[bytes],
) -> None:
    with Session(plan=plan(owner=owners.identity(gateway.pid), orphan_grace_s=1)) as session:
        client = session.client()
        client.run("1")
        gateway.kill()
        gateway.wait()
        gone = time.monotonic()
        assert client.run("1").reply["content"]["status"] == "ok"
        assert session.ended(6)
        assert 0.9 < time.monotonic() - gone < 4
    assert session.changes == [("closed", "closed by orphan_grace_s: its gateway was gone for 1 s")]


def test_an_orphan_is_adopted_by_the_next_gateway_with_its_variables(gateway: subprocess.Popen[bytes]) -> None:
    with Session(plan=plan(owner=owners.identity(gateway.pid), orphan_grace_s=2)) as session:
        client = session.client()
        client.run("var kept = 7")
        gateway.kill()
        gateway.wait()
        owner = owners.identity(os.getpid())
        msg_id = client.send("kernel_info_request", channel="control", metadata={"vm": {"owner": owner}})
        assert client.hear(msg_id, "control").reply["content"]["status"] == "ok"
        time.sleep(3.5)
        assert vm(client.run("kept", {"vm": {}}))["execution"]["result"]["json"] == 7
    assert session.changes == []


@pytest.mark.parametrize(
    ("owner", "words"),
    [
        (None, "must be an object"),
        ({"pid": 1}, "{boot_id, pid, start_time}"),
        ({"boot_id": "", "pid": True, "start_time": 1}, "{boot_id, pid, start_time}"),
        ({"boot_id": "", "pid": 1, "start_time": 1, "more": 1}, "{boot_id, pid, start_time}"),
        ({"boot_id": "another", "pid": os.getpid(), "start_time": 1}, "no process that runs here"),
    ],
)
def test_only_a_process_that_lives_can_adopt(owner: Any, words: str) -> None:
    with Session(plan=plan()) as session:
        client = session.client()
        msg_id = client.send("kernel_info_request", channel="control", metadata={"vm": {"owner": owner}})
        content = client.hear(msg_id, "control").reply["content"]
    assert (content["status"], content["ename"]) == ("error", "InvalidRequest")
    assert words in content["evalue"]


@pytest.mark.parametrize("planned", [None, plan(owner=None)])
def test_a_session_of_jupyters_is_not_for_adoption(planned: SessionPlan | None) -> None:
    with Session(plan=planned) as session:
        client = session.client()
        metadata = {"vm": {"owner": owners.identity(os.getpid())}}
        content = client.hear(client.send("kernel_info_request", channel="control", metadata=metadata), "control").reply
        assert content["content"]["ename"] == "InvalidRequest" and "Jupyter" in content["content"]["evalue"]


def test_adoption_is_for_the_control_channel(client: Client) -> None:
    metadata = {"vm": {"owner": owners.identity(os.getpid())}}
    content = client.hear(client.send("kernel_info_request", metadata=metadata)).reply["content"]
    assert content["ename"] == "InvalidRequest" and "control" in content["evalue"]


def test_the_limits_of_the_plan_hold() -> None:
    with Session(plan=plan(limits=Limits(max_events=3))) as session:
        outcome = vm(session.client().run("for (let i = 0; i < 9; i++) console.log(i)", {"vm": {}}))["outcome"]
    assert outcome == "OutputExceeded"
