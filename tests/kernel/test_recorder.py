"""What a recorder is told: everything, in order, and before any client."""

from __future__ import annotations

import json
import re
import time

import pytest

from vm_kernel.outcomes import Completed, Interrupted, Raised

from .notebook import Notebook
from .session import Client, Session

UUID = "0190b2f0-1234-7abc-8def-0123456789ab"


def test_a_cell_is_recorded_from_begin_to_finish() -> None:
    notebook = Notebook()
    with Session(recorder=notebook) as session:
        client = session.client()
        client.run('console.log("a"); display({"text/plain": "b"}, {raw: true}); clearOutput(); 1+1')
    (started,), (ended,) = notebook.started, notebook.ended
    assert (started.kind, started.execution_count, started.silent) == ("repl", 1, False)
    assert started.client_session == client.session.session
    assert [(event.seq, event.type) for event in notebook.events] == list(
        enumerate(("input_echo", "console", "display", "clear", "value"), 1)
    )
    assert {event.execution_id for event in notebook.events} == {started.execution_id, ended.execution_id}
    payloads = [event.payload for event in notebook.events]
    assert payloads[1] == {"level": "log", "text": "a"}
    assert payloads[4] == {"type": "number", "preview": "2", "json": 2}
    assert isinstance(ended.outcome, Completed)
    assert ended.usage.events == 5
    assert notebook.closed


@pytest.mark.parametrize(
    ("code", "payload"),
    [
        ("'hi'", {"type": "string", "preview": "hi", "json": "hi"}),
        ("undefined", {"type": "undefined", "preview": "undefined", "json": None}),
        ("'x'.repeat(65537)", {"type": "string", "preview": "x" * 65537}),
        ("'x'.repeat(300000)", {"type": "string", "preview": "x" * 300000}),
    ],
)
def test_a_value_is_recorded_with_its_json_form_and_its_size(code: str, payload: dict[str, object]) -> None:
    notebook = Notebook()
    with Session(recorder=notebook) as session:
        session.client().run(code)
    echo, value = notebook.events
    assert value.payload == payload
    size = sum(len(json.dumps(event.payload, separators=(",", ":"))) for event in (echo, value))
    assert notebook.ended[0].usage.output_bytes == size


def test_execution_ids_are_uuid7_and_sort_by_time() -> None:
    notebook = Notebook()
    with Session(recorder=notebook) as session:
        client = session.client()
        for _ in range(20):
            client.run("1+1")
    ids = [started.execution_id for started in notebook.started]
    assert ids == sorted(ids) and len(set(ids)) == 20
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one) for one in ids)


def test_nothing_is_seen_by_a_client_before_the_recorder_saw_it() -> None:
    client: Client
    seen: list[tuple[str, bool]] = []

    def look(call: str, value: object) -> None:
        """On the kernel's thread: what has already gone out would be here within a moment."""
        time.sleep(0.05)
        shown = []
        while client.sockets["iopub"].poll(0):
            shown.append(client.get("iopub")["msg_type"])
        published.extend(shown)
        seen.append((call, "execute_result" in published or client.sockets["shell"].poll(0) != 0))
        if call == "begin":
            assert "execute_input" not in published
        if call == "append":
            types = {event.type for event in value}
            assert not ({"stream"} & set(published) and "console" in types)

    published: list[str] = []
    with Session(recorder=Notebook(on_call=look)) as session:
        client = session.client()
        msg_id = client.start('console.log("a"); 1+1')
        reply = client.get("shell")
        assert reply["parent_header"]["msg_id"] == msg_id
    assert (seen[0][0], seen[-1][0]) == ("begin", "finish")
    assert not any(early for _, early in seen), seen


def test_a_slow_recorder_holds_the_code_and_the_reply_but_not_the_kernel() -> None:
    notebook = Notebook(slow=True)
    with Session(recorder=notebook) as session:
        client = session.client()
        msg_id = client.start("1+1")
        assert client.ask("kernel_info_request").reply["content"]["status"] == "ok"
        assert session.engine.evaluated == []
        notebook.go()
        client.hear_type("execute_input")
        assert client.quiet("shell", 0.2), "the reply was sent before the end was on record"
        notebook.go()
        assert client.hear(msg_id).reply["content"]["status"] == "ok"


@pytest.mark.parametrize("refused", [False, True])
def test_what_comes_late_while_the_end_goes_on_record_follows_the_result(refused: bool) -> None:
    notebook = Notebook(slow=True)
    if refused:
        notebook.refuse["finish"] = "the disk is full"
    with Session(recorder=notebook) as session:
        client = session.client()
        code = 'setTimeout(() => console.log("late"), 20); setTimeout(() => console.warn("later"), 40); 7'
        msg_id = client.start(code)
        client.hear_type("status")  # its beginning is on its way to the record
        notebook.go()
        client.hear_type("execute_input")
        assert client.quiet("iopub", 0.3), "late output was published before the end that it came after"
        notebook.go()
        heard = client.hear(msg_id)
        end = "error" if refused else "execute_result"
        assert heard.types == ["status", "execute_input", end, "stream", "stream", "status"], heard.types
        assert [event.type for event in notebook.events][-2:] == ["console", "console"]


def test_an_interrupt_while_the_recorder_begins_means_the_code_never_runs() -> None:
    notebook = Notebook(slow=True)
    with Session(recorder=notebook) as session:
        client = session.client()
        msg_id = client.start("1+1")
        client.hear_type("status")
        client.ask("interrupt_request", {}, "control")
        notebook.go()
        client.hear_type("execute_input")
        notebook.go()
        assert client.hear(msg_id).reply["content"]["ename"] == "Interrupted"
        assert session.engine.evaluated == []


def test_a_cell_that_cannot_be_recorded_is_not_run() -> None:
    notebook = Notebook()
    notebook.refuse["begin"] = "the disk is full; make room and run the cell again"
    with Session(recorder=notebook) as session:
        heard = session.client().run("1+1")
        assert session.engine.evaluated == []
    content = heard.reply["content"]
    assert (content["status"], content["ename"]) == ("error", "LedgerUnavailable")
    assert "disk is full" in content["evalue"]
    assert heard.types == ["status", "error", "status"]


def test_an_end_that_cannot_be_recorded_is_an_error() -> None:
    notebook = Notebook()
    notebook.refuse["finish"] = "the disk is full"
    with Session(recorder=notebook) as session:
        heard = session.client().run("1+1")
    assert heard.reply["content"]["ename"] == "LedgerUnavailable"
    assert "execute_result" not in heard.types


def test_errors_and_silent_cells_are_recorded_too() -> None:
    notebook = Notebook()
    with Session(recorder=notebook) as session:
        session.client().run('throw new Error("boom")', silent=True)
    assert notebook.started[0].silent
    assert isinstance(notebook.ended[0].outcome, Raised)
    assert [event.type for event in notebook.events] == ["input_echo", "exception"]
    assert notebook.events[1].payload["message"] == "Error: boom"


def test_input_is_recorded_and_passwords_are_masked() -> None:
    notebook = Notebook()
    with Session(recorder=notebook) as session:
        client = session.client()
        for code in ('prompt("who? ")', 'prompt("key? ", {password: true})'):
            msg_id = client.start(code, allow_stdin=True)
            client.get("stdin")
            client.send("input_reply", {"value": "Ada"}, "stdin")
            client.hear(msg_id)
    asked = [event.payload for event in notebook.events if event.type == "input_request"]
    heard = [event.payload for event in notebook.events if event.type == "input_reply"]
    assert asked == [{"prompt": "who? ", "password": False}, {"prompt": "key? ", "password": True}]
    assert heard == [{"text": "Ada"}, {"text": "********"}]


def test_a_shutdown_records_the_end_of_the_running_cell() -> None:
    notebook = Notebook()
    with Session(recorder=notebook) as session:
        client = session.client()
        client.start("while(true){}")
        client.hear_type("execute_input")
        client.send("shutdown_request", {"restart": False}, "control")
        assert session.ended(3)
    assert isinstance(notebook.ended[0].outcome, Interrupted)
    assert notebook.calls[-1] == "finish"


def test_a_given_execution_id_is_used_and_echoed() -> None:
    notebook = Notebook()
    with Session(recorder=notebook) as session:
        heard = session.client().run("1+1", {"vm": {"execution_id": UUID, "if_busy": "refuse"}})
    assert heard.reply["content"]["status"] == "ok"
    assert heard.reply["metadata"]["vm"]["execution_id"] == UUID
    assert notebook.started[0].execution_id == UUID


def test_a_busy_session_refuses_without_a_record_or_a_count() -> None:
    notebook = Notebook()
    with Session(recorder=notebook) as session:
        client, second = session.client(), session.client()
        running = client.start("while(true){}")
        client.hear_type("execute_input")
        refused = second.run("1+1", {"vm": {"if_busy": "refuse"}})
        assert (refused.reply["content"]["status"], refused.reply["content"]["ename"]) == (
            "error",
            "SessionBusy",
        )
        assert refused.types == ["status", "status"]
        client.send("interrupt_request", {}, "control")
        client.hear(running)
        accepted = second.run("1+1", {"vm": {"if_busy": "refuse"}})
    assert accepted.reply["content"]["execution_count"] == 2
    assert len(notebook.started) == 2
