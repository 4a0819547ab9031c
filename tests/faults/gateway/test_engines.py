"""Owns cells that come in the moments around an engine's death: each is answered, truthfully, none waits for ever."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from ...rest.running import Home, Running, wait_until
from . import processes

#: From the kill of the engine to the cell; the kernel notices the loss within these.
DELAYS_MS = (0.0, 0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 5.0)
WITHIN_S = 8.0


def after_a_kill(gateway: Running, session: str, delay_ms: float) -> httpx.Response:
    """The answer to a cell that is sent so long after the engine was killed."""
    gateway.repl(session, "var kept = 1")
    wait_until(lambda: processes.engine_of(gateway.pid_of(session)), what="the engine").kill()
    time.sleep(delay_ms / 1000)
    body = {"session_id": session, "input": "typeof kept"}
    try:
        return gateway.http.post("/executions/repl", json=body, timeout=WITHIN_S)
    except httpx.ReadTimeout:
        row = gateway.ask("GET", f"/sessions/{session}", 200)
        [record, *_] = gateway.ask("GET", f"/executions?session_id={session}", 200)
        raise AssertionError(
            f"a cell {delay_ms} ms after the engine's death has no answer within {WITHIN_S} s: {record}; {row}"
        ) from None


@pytest.mark.covers("rule engine loss")
def test_a_cell_that_meets_a_dying_engine_of_a_session_that_crashes_is_answered_and_recorded(home: Home) -> None:
    with Running(home) as gateway:
        for delay_ms in DELAYS_MS:
            session = gateway.session()["id"]
            answer = after_a_kill(gateway, session, delay_ms)
            assert answer.status_code in (201, 409), answer.text
            if answer.status_code == 201:
                record = answer.json()
                assert record["status"] == "error", f"{delay_ms} ms after its engine's death a cell ran: {record}"
                assert "SIGKILL" in record["error"]["message"], record
            else:
                assert answer.json()["error"]["code"] == "SESSION_NOT_READY"
            wait_until(lambda session=session: gateway.is_crashed(session), what="the crash")
            for row in gateway.ask("GET", f"/executions?session_id={session}", 200):
                assert row["status"] in ("ok", "error"), f"{delay_ms} ms after its engine's death: {row}"
            assert gateway.ask("POST", f"/sessions/{session}/restart", 200)["status"] == "ready"
            assert gateway.repl(session, "typeof kept")["result"]["json"] == "undefined"
            gateway.close(session)


@pytest.mark.covers("rule engine loss")
def test_a_cell_that_meets_a_dying_engine_of_a_session_that_goes_on_names_the_engine_that_ran_it(home: Home) -> None:
    with Running(home) as gateway:
        template = gateway.template(settings={"runtime": {"on_engine_loss": "fresh"}})["id"]
        for delay_ms in DELAYS_MS:
            session = gateway.session(template)["id"]
            answer = after_a_kill(gateway, session, delay_ms)
            assert answer.status_code == 201, answer.text
            record: Any = answer.json()
            said = f"{delay_ms} ms after its engine's death: {record}"
            if record["status"] == "ok":
                assert record["result"]["json"] == "undefined", said
                assert record["engine_generation"] == 2, said
                notices = [event for event in gateway.events(record["id"]) if event["type"] == "system"]
                assert len(notices) == 1, said
            else:
                assert (record["status"], record["engine_generation"]) == ("error", 1), said
                assert "SIGKILL" in record["error"]["message"], said
            after = gateway.repl(session, "kept = 2; kept")
            assert (after["status"], after["engine_generation"]) == ("ok", 2), after
            gateway.close(session)
