"""Owns limits over HTTP and real kernels: what trips, what the record says, what of it is kept; asserts contract 7."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .running import Running


def payload_bytes(events: list[dict[str, Any]]) -> int:
    import json

    return sum(len(json.dumps(each["payload"], separators=(",", ":"), ensure_ascii=False)) for each in events)


@pytest.mark.covers("POST /executions/repl", "422 OUTPUT_LIMIT_EXCEEDED")
@pytest.mark.covers("POST /executions/run-file", "422 OUTPUT_LIMIT_EXCEEDED")
@pytest.mark.covers("weakness 2")
@pytest.mark.covers("weakness 3")
@pytest.mark.parametrize(
    ("limits", "code", "name"),
    [
        ({"max_events": 1, "max_output_kb": 1}, "1", "max_events"),
        ({"max_events": 1}, "console.log(1)", "max_events"),
        ({"max_events": 5}, "for (let i = 0; i < 100000; i++) console.log(i)", "max_events"),
        ({"max_output_kb": 1}, "console.log('x'.repeat(2000))", "max_output_kb"),
        ({"max_output_kb": 1}, "'x'.repeat(2000)", "max_output_kb"),
        ({"max_output_kb": 1}, "throw new Error('x'.repeat(2000))", "max_output_kb"),
        ({"max_output_kb": 1}, "'" + "x" * 2000 + "'.length", "max_output_kb"),
        ({"max_output_kb": 4}, "for (;;) console.log('x'.repeat(100))", "max_output_kb"),
    ],
)
@pytest.mark.parametrize("way", ["repl", "run-file"])
def test_too_much_output_ends_the_run_and_the_record_says_so(
    gateway: Running, limits: dict[str, int], code: str, name: str, way: str
) -> None:
    if way == "run-file" and ("x" * 2000 in code or code in ("1", "console.log(1)")):
        code = f"console.log('{'x' * 2000}'); 1" if name == "max_output_kb" else "console.log(1); 1"
    session = gateway.session(gateway.limited(**limits))["id"]
    gateway.home.write("flood.js", code)
    answer = gateway.repl(session, code, 422) if way == "repl" else gateway.run_file(session, "flood.js", 422)
    error = answer["error"]
    assert error["code"] == "OUTPUT_LIMIT_EXCEEDED"
    assert name in error["message"]
    assert error["details"]["session_id"] == session
    record = gateway.ask("GET", f"/executions/{error['details']['execution_id']}", 200)
    assert record["status"] == "error"
    assert name in record["error"]["message"]
    assert record["ended_at"]
    assert "result" not in record
    events = gateway.events(record["id"])
    why = [each for each in events if each["type"] in ("system", "exception")]
    assert why
    assert len(events) <= limits.get("max_events", 10**9) + 2, [each["type"] for each in events]
    kept = [each for each in events if each not in why[-2:]]
    assert payload_bytes(kept) <= limits.get("max_output_kb", 10**6) * 1024
    assert [each["seq"] for each in events] == list(range(1, len(events) + 1))
    small = gateway.session_is_usable(session)
    assert small
    gateway.close(session)


@pytest.mark.covers("POST /executions/repl", "201")
@pytest.mark.parametrize(("events", "status"), [(3, 201), (2, 422)])
def test_exactly_as_much_as_allowed_is_allowed(gateway: Running, events: int, status: int) -> None:
    session = gateway.session(gateway.limited(max_events=events))["id"]
    gateway.repl(session, "console.log(1); 2", status)
    gateway.close(session)


@pytest.mark.covers("POST /executions/repl", "201")
@pytest.mark.covers("weakness 1")
@pytest.mark.covers("rule limits")
@pytest.mark.parametrize(
    ("limits", "code", "statuses", "said"),
    [
        ({"wall_ms": 300, "cpu_ms": 0}, "for (;;);", {"timeout"}, "wall"),
        ({"wall_ms": 300, "cpu_ms": 0}, "await new Promise(() => {})", {"timeout"}, "wall"),
        ({"wall_ms": 300, "cpu_ms": 0}, "const f = () => Promise.resolve().then(f); await f()", {"timeout"}, "wall"),
        ({"wall_ms": 0, "cpu_ms": 300}, "for (;;);", {"timeout"}, "cpu"),
        (
            {"wall_ms": 20000, "cpu_ms": 0, "mem_mb": 64},
            "const a = []; for (;;) a.push(new Array(1e5).fill(1.5))",
            {"error", "timeout"},
            "memory",
        ),
        (
            {"wall_ms": 20000, "cpu_ms": 0, "mem_mb": 64},
            "const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1))",
            {"error", "timeout"},
            "memory",
        ),
        ({"wall_ms": 20000, "cpu_ms": 0}, "(function f() { f() })()", {"error"}, "RangeError"),
    ],
)
def test_time_and_memory_end_the_run_and_nothing_else(
    gateway: Running, session: str, limits: dict[str, int], code: str, statuses: set[str], said: str
) -> None:
    limited = gateway.session(gateway.limited(**limits))["id"]
    began = time.monotonic()
    record = gateway.repl(limited, code)
    took = time.monotonic() - began
    assert record["status"] in statuses, record
    assert said in record["error"]["message"].lower() + record["error"]["message"]
    assert record["ended_at"]
    assert "result" not in record
    if said in ("wall", "cpu"):
        assert took < 3, f"{took:.1f} s for a limit of 300 ms"
    assert gateway.ask("GET", f"/executions/{record['id']}", 200) == record
    assert gateway.session_is_usable(limited) or gateway.is_crashed(limited)
    assert gateway.repl(session, "1 + 1")["result"]["preview"] == "2"
    gateway.close(limited)


@pytest.mark.covers("rule limits")
def test_a_limit_of_nothing_is_off(gateway: Running) -> None:
    limits = {"cpu_ms": 0, "wall_ms": 0, "mem_mb": 0, "max_events": 0, "max_output_kb": 0}
    session = gateway.session(gateway.limited(**limits))["id"]
    record = gateway.repl(session, "for (let i = 0; i < 2000; i++) console.log('x'.repeat(1000)); 'done'")
    assert record["result"]["preview"] == "done"
    assert len(gateway.events(record["id"])) == 2002
    gateway.close(session)


@pytest.mark.covers("rule late output")
def test_late_output_belongs_to_the_execution_that_started_it(gateway: Running) -> None:
    session = gateway.session(gateway.limited(max_events=4))["id"]
    record = gateway.repl(session, "let n = 0; setInterval(() => console.log(n++), 20); 'started'")
    assert record["status"] == "ok"

    def late() -> Any:
        events = gateway.events(record["id"])
        return events if [each for each in events if each["type"] == "system"] else None

    from .running import wait_until

    events = wait_until(late, 10)
    assert [each["type"] for each in events[:4]] == ["input_echo", "value", "console", "console"]
    assert [each.get("late", False) for each in events[:4]] == [False, False, True, True]
    assert len(events) <= 6
    assert gateway.ask("GET", f"/executions/{record['id']}", 200)["status"] == "ok"
    gateway.close(session)
