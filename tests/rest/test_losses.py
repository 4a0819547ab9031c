"""Owns lost engines, code that runs on and what a session requires, over HTTP; asserts contract 18.1, 18.3, 18.4."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from .running import Running, wait_until
from .test_sessions import children_of


def lose_engine(gateway: Running, session: str) -> Any:
    """Kills the engine under a cell; the cell's record."""
    running = gateway.repl(session, "console.log('in it'); for (;;);", 202, wait=False)["id"]
    # An engine that ends before it has begun with a cell leaves that cell to the next one.
    wait_until(lambda: [each for each in gateway.events(running) if each["type"] == "console"], what="its line")
    for pid in wait_until(lambda: children_of(gateway.pid_of(session)), what="the engine"):
        os.kill(pid, signal.SIGKILL)
    return wait_until(
        lambda: [r for r in [gateway.ask("GET", f"/executions/{running}", 200)] if r["status"] != "running"],
        what="the end of the record",
    )[0]


@pytest.mark.covers("rule engine loss")
def test_three_losses_within_a_minute_refuse_cells_and_a_restart_helps(gateway: Running) -> None:
    settings = {"runtime": {"on_engine_loss": "fresh"}, "limits": {"wall_ms": 0, "cpu_ms": 0}}
    session = gateway.session(gateway.template(settings=settings)["id"])["id"]
    for generation in (1, 2, 3):
        record = lose_engine(gateway, session)
        assert (record["status"], record["engine_generation"]) == ("error", generation), record
        assert "SIGKILL" in record["error"]["message"]
        if generation < 3:
            after = gateway.repl(session, "1")
            assert (after["status"], after["engine_generation"]) == ("ok", generation + 1)
            said = [event["payload"]["message"] for event in gateway.events(after["id"]) if event["type"] == "system"]
            assert len(said) == 1 and "variables" in said[0], "one notice that variables are lost"
            again = [event["type"] for event in gateway.events(gateway.repl(session, "1")["id"])]
            assert again == ["input_echo", "value"], "the notice came twice"
    refused = gateway.repl(session, "1")
    assert refused["status"] == "error" and "3 times within a minute" in refused["error"]["message"], refused
    assert gateway.ask("GET", f"/sessions/{session}", 200)["status"] == "ready"
    assert gateway.ask("POST", f"/sessions/{session}/restart", 200)["status"] == "ready"
    assert gateway.repl(session, "1")["status"] == "ok"
    gateway.close(session)


@pytest.mark.covers("rule late output")
@pytest.mark.covers("rule limits")
@pytest.mark.parametrize(
    ("limits", "said"), [({"wall_ms": 300, "cpu_ms": 0}, "wall_ms"), ({"wall_ms": 0, "cpu_ms": 300}, "cpu_ms")]
)
def test_code_between_cells_that_breaks_a_limit_is_ended_and_its_execution_says_so(
    gateway: Running, limits: dict[str, int], said: str
) -> None:
    session = gateway.session(gateway.limited(**limits))["id"]
    code = "globalThis.n = 0; setInterval(() => n++, 10); setTimeout(() => { for (;;); }, 60); 1"
    record = gateway.repl(session, code)
    assert record["status"] == "ok"
    system = wait_until(
        lambda: [event for event in gateway.events(record["id"]) if event["type"] == "system"], what="the system event"
    )
    assert [event.get("late") for event in system] == [True]
    assert said in system[0]["payload"]["message"] and system[0]["payload"]["level"] == "error"
    assert gateway.ask("GET", f"/executions/{record['id']}", 200) == record, "a record that had ended has changed"
    ran = gateway.repl(session, "n")["result"]["json"]
    assert gateway.repl(session, "await new Promise((done) => setTimeout(done, 100)); n")["result"]["json"] == ran
    assert ran > 0, "its timers were not cancelled, or never ran"
    gateway.close(session)


@pytest.mark.covers("POST /sessions", "422 STARTUP_FAILED")
def test_a_session_that_requires_containment_starts_where_it_is_whole_and_nowhere_else(gateway: Running) -> None:
    plain = gateway.session()
    template = gateway.template(settings={"session": {"require_containment": True}})["id"]
    if plain["runtime_meta"]["containment"] == "full":
        gateway.close(gateway.session(template)["id"])
    else:
        error = gateway.session(template, 422)["error"]
        assert error["code"] == "STARTUP_FAILED" and plain["runtime_meta"]["containment"] in error["message"]
        assert gateway.is_crashed(error["details"]["session_id"])
    gateway.close(plain["id"])


@pytest.mark.covers("GET /executions/{id}/events", "200")
def test_what_a_notebook_would_show_is_in_the_events(gateway: Running, session: str) -> None:
    code = "display({'text/plain': 'shown'}, {raw: true}); clearOutput(true); console.error('e');"
    code += "throw new TypeError('t')"
    record = gateway.repl(session, code)
    events = gateway.events(record["id"])
    assert [event["type"] for event in events] == ["input_echo", "display", "clear", "console", "exception"]
    assert events[1]["payload"]["data"] == {"text/plain": "shown"}
    assert events[2]["payload"] == {"wait": True}
    assert events[3]["payload"] == {"level": "error", "text": "e"}
    assert events[4]["payload"]["message"] == record["error"]["message"] == "TypeError: t"
    assert record["metrics"]["events"] == 5
    assert record["metrics"]["output_bytes"] > 40
    assert record["metrics"].keys() == {"cpu_ms", "wall_ms", "peak_mem_mb", "events", "output_bytes"}
