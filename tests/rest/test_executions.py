"""Owns executions over HTTP and real kernels: records, events, busy, cancel, files; asserts contract 6 to 8."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from .running import Running, wait_until


@pytest.mark.covers("POST /executions/repl", "201")
@pytest.mark.covers("GET /executions/{id}", "200")
@pytest.mark.covers("GET /executions/{id}/events", "200")
@pytest.mark.covers("weakness 27")
def test_a_repl_gives_its_record_and_its_events(gateway: Running, session: str) -> None:
    record = gateway.repl(session, "console.log('hi', {a: 1}); console.warn('w'); 1 + 1")
    assert record["session_id"] == session
    assert (record["kind"], record["status"], record["args"], record["env"]) == ("repl", "ok", [], {})
    assert record["input"].startswith("console.log")
    assert record["result"] == {"type": "number", "preview": "2", "json": 2}
    assert "error" not in record
    assert "path" not in record
    assert record["started_at"] < record["ended_at"]
    assert record["metrics"]["events"] == 4
    assert record["metrics"]["wall_ms"] >= 0
    assert record["actor"]["surface"] == "rest"
    assert record["engine_generation"] == 1
    assert gateway.ask("GET", f"/executions/{record['id']}", 200) == record
    events = gateway.events(record["id"])
    assert [(each["seq"], each["type"]) for each in events] == [
        (1, "input_echo"),
        (2, "console"),
        (3, "console"),
        (4, "value"),
    ]
    assert events[0]["payload"] == {"text": record["input"]}
    assert events[1]["payload"] == {"level": "log", "text": "hi { a: 1 }"}
    assert events[2]["payload"]["level"] == "warn"
    assert events[3]["payload"] == record["result"]
    assert {each["execution_id"] for each in events} == {record["id"]}
    path = f"/executions/{record['id']}/events"
    assert gateway.ask("GET", f"{path}?after_seq=2", 200) == events[2:]
    assert gateway.ask("GET", f"{path}?after_seq=1&limit=2", 200) == events[1:3]
    assert gateway.ask("GET", f"{path}?after_seq=4", 200) == []
    assert gateway.ask("GET", f"{path}?after_seq=9223372036854775807", 200) == []


@pytest.mark.covers("POST /executions/repl", "201")
@pytest.mark.covers("weakness 16")
@pytest.mark.covers("weakness 17")
@pytest.mark.covers("weakness 18")
@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("'hi'", {"type": "string", "preview": "hi", "json": "hi"}),
        ("undefined", {"type": "undefined", "preview": "undefined", "json": None}),
        ("null", {"type": "null", "preview": "null", "json": None}),
        ("true", {"type": "boolean", "preview": "true", "json": True}),
        ("[1,2,3]", {"type": "object", "preview": "1,2,3", "json": [1, 2, 3]}),
        ("({a: 1})", {"type": "object", "preview": "[object Object]", "json": {"a": 1}}),
        ("NaN", {"type": "number", "preview": "NaN"}),
        ("10n ** 30n", {"type": "bigint", "preview": "1" + "0" * 30}),
        ("Symbol('s')", {"type": "symbol", "preview": "Symbol(s)"}),
        ("var x = 1", {"type": "undefined", "preview": "undefined", "json": None}),
        ("const c = {}; c.c = c; console.log(c); c", {"type": "object", "preview": "[object Object]"}),
    ],
)
def test_values_come_as_the_contract_says(gateway: Running, session: str, code: str, result: Any) -> None:
    assert gateway.repl(session, code)["result"] == result


@pytest.mark.covers("POST /executions/repl", "201")
@pytest.mark.covers("weakness 18")
@pytest.mark.parametrize(
    "code",
    [
        "({toString() { throw 1 }})",
        "({get a() { throw 1 }})",
        "new Proxy({}, {get() { throw 1 }, ownKeys() { throw 2 }})",
        "({toJSON() { for (;;); }})",
        "'\\ud800'",
        "({'\\ud800': '\\udfff'})",
        "Array.from({length: 3000}).reduce((inner) => [inner], 1)",
        "1e20 + 0; 100000000000000000000",
    ],
)
def test_values_that_resist_are_shown_all_the_same(gateway: Running, session: str, code: str) -> None:
    record = gateway.repl(session, code)
    assert record["status"] in ("ok", "timeout"), record
    assert gateway.http.get(f"/executions/{record['id']}").status_code == 200
    assert gateway.http.get(f"/executions/{record['id']}/events").status_code == 200


@pytest.mark.covers("POST /executions/repl", "201")
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("throw new Error('boom')", "Error: boom"),
        ("throw 'text'", "text"),
        ("throw ''", ""),
        ("missing", "ReferenceError: missing is not defined"),
        ("let let", "SyntaxError"),
        ("require('http')", ""),
        ("process.exit()", "process is not defined"),
        ("!ls", ""),
    ],
)
def test_an_error_of_the_code_is_a_record_not_a_refusal(gateway: Running, session: str, code: str, said: str) -> None:
    record = gateway.repl(session, code)
    assert record["status"] == "error", record
    assert said in record["error"]["message"]
    assert record["error"]["message"]
    assert "result" not in record
    last = gateway.events(record["id"])[-1]
    assert last["type"] == "exception"
    assert last["payload"]["message"] == record["error"]["message"]


@pytest.mark.covers("POST /executions/repl", "201")
@pytest.mark.covers("POST /executions/run-file", "201")
@pytest.mark.covers("weakness 15")
def test_state_goes_on_from_cell_to_file_to_cell(gateway: Running, session: str) -> None:
    gateway.repl(session, "let a = 1; const b = 2; function f() { return a + b }")
    gateway.home.write("more.js", "a = 10; var fromFile = f(); fromFile")
    record = gateway.run_file(session, "more.js", args={"x": [1]}, env={"K": "v"})
    assert (record["kind"], record["path"], record["status"]) == ("run_file", "more.js", "ok")
    assert (record["args"], record["env"]) == ({"x": [1]}, {"K": "v"})
    assert record["result"]["preview"] == "12"
    assert [each["type"] for each in gateway.events(record["id"])] == ["value"]
    assert gateway.repl(session, "fromFile + a")["result"]["preview"] == "22"
    assert gateway.repl(session, "let a = 'again'; await a")["result"]["preview"] == "again"


@pytest.mark.covers("POST /executions/run-file", "201")
def test_args_are_a_global_while_the_file_runs(gateway: Running, session: str) -> None:
    gateway.home.write("args.js", "JSON.stringify(__ARGS__)")
    assert gateway.run_file(session, "args.js", args={"a": 1})["result"]["preview"] == '{"a":1}'
    plain = gateway.run_file(session, "args.js")
    assert (plain["result"]["preview"], plain["args"], plain["env"]) == ("{}", {}, {})
    assert gateway.repl(session, "typeof __ARGS__")["result"]["preview"] == "undefined"


@pytest.mark.covers("POST /executions/run-file", "201")
def test_a_file_is_in_the_language_that_its_name_says(gateway: Running, session: str) -> None:
    gateway.home.write("typed.ts", "const twice = (n: number): number => 2 * n\ntwice(__ARGS__.n as number)")
    record = gateway.run_file(session, "typed.ts", args={"n": 21})
    assert (record["status"], record["result"]["preview"]) == ("ok", "42"), record
    gateway.home.write("untyped.js", "const n: number = 1")
    refused = gateway.run_file(session, "untyped.js")
    assert refused["status"] == "error" and "SyntaxError" in str(refused["error"]), refused


@pytest.mark.covers("POST /executions/run-file", "201")
@pytest.mark.covers("weakness 34")
def test_links_that_stay_inside_are_followed_and_recorded_as_what_they_lead_to(gateway: Running, session: str) -> None:
    gateway.home.write("sub/real.js", "'real'")
    tree = gateway.home.worktree
    (tree / "link.js").symlink_to("sub/real.js")
    (tree / "absolute.js").symlink_to(tree / "sub" / "real.js")
    for given in ("link.js", "absolute.js", "./sub//real.js", "sub/../link.js"):
        record = gateway.run_file(session, given)
        assert (record["path"], record["result"]["preview"]) == ("sub/real.js", "real"), given


@pytest.mark.covers("GET /executions", "200")
def test_the_list_is_newest_first_with_fifty_at_first(gateway: Running) -> None:
    session = gateway.session()["id"]
    made = [gateway.repl(session, str(number))["id"] for number in range(53)]
    listed = gateway.ask("GET", f"/executions?session_id={session}", 200)
    assert [each["id"] for each in listed] == made[::-1][:50]
    answer = gateway.http.get(f"/executions?session_id={session}&limit=52")
    assert len(answer.json()) == 52
    rest = gateway.http.get(f"/executions?session_id={session}&cursor={answer.headers['x-next-cursor']}")
    assert [each["id"] for each in rest.json()] == made[:1]
    assert "x-next-cursor" not in rest.headers
    assert len(gateway.ask("GET", f"/executions?session_id={session}&limit=1000", 200)) == 53
    gateway.close(session)
    assert len(gateway.ask("GET", f"/executions?session_id={session}", 200)) == 50


@pytest.mark.covers("POST /executions/repl", "202", "409 SESSION_BUSY")
@pytest.mark.covers("POST /executions/run-file", "409 SESSION_BUSY", "422 INVALID_PATH")
@pytest.mark.covers("POST /executions/{id}/cancel", "200")
@pytest.mark.covers("weakness 21")
def test_a_busy_session_refuses_at_once_and_can_be_cancelled(gateway: Running) -> None:
    session = gateway.session(gateway.limited(wall_ms=0, cpu_ms=0))["id"]
    running = gateway.repl(session, "var n = 7; console.log('on'); for (;;);", 202, wait=False)
    assert running["status"] == "running"
    wait_until(lambda: len(gateway.events(running["id"])) == 2, what="the first line of the cell")
    assert gateway.ask("GET", f"/executions/{running['id']}", 200)["status"] == "running"
    assert gateway.events(running["id"])[0]["type"] == "input_echo"
    gateway.home.write("file.js", "1")
    began = time.monotonic()
    assert gateway.repl(session, "1", 409)["error"]["code"] == "SESSION_BUSY"
    assert time.monotonic() - began < 1
    assert gateway.repl(session, "1", 409, wait=False)["error"]["code"] == "SESSION_BUSY"
    for path, status, code in (
        ("file.js", 409, "SESSION_BUSY"),
        ("missing.js", 409, "SESSION_BUSY"),
        ("../out.js", 422, "INVALID_PATH"),
    ):
        assert gateway.run_file(session, path, status)["error"]["code"] == code
    assert len(gateway.ask("GET", f"/executions?session_id={session}", 200)) == 1, "a refusal left a record"
    cancelled = gateway.ask("POST", f"/executions/{running['id']}/cancel", 200)
    assert cancelled["status"] == "cancelled"
    assert cancelled["ended_at"]
    assert "result" not in cancelled
    again = gateway.repl(session, "n")
    assert again["status"] == "ok", again
    assert again["result"]["preview"] == "7"
    error = gateway.ask("POST", f"/executions/{running['id']}/cancel", 409)["error"]
    assert error["code"] == "EXECUTION_NOT_RUNNING"
    gateway.close(session)


@pytest.mark.covers("POST /executions/repl", "202")
@pytest.mark.covers("POST /executions/run-file", "202")
def test_who_does_not_wait_finds_the_end_in_the_record(gateway: Running, session: str) -> None:
    def over(record: dict[str, Any]) -> dict[str, Any] | None:
        return record if record["status"] != "running" else None

    gateway.home.write("slow.js", "await new Promise((done) => setTimeout(() => done(5), 300))")
    for made in (
        gateway.ask("POST", "/executions/run-file?wait=false", 202, {"session_id": session, "path": "slow.js"}),
        None,
    ):
        record = made or gateway.repl(session, "await new Promise((d) => setTimeout(() => d(5), 100))", 202, wait=False)
        assert record["status"] == "running"
        assert "ended_at" not in record
        path = f"/executions/{record['id']}"
        ended = wait_until(lambda path=path: over(gateway.ask("GET", path, 200)))
        assert (ended["status"], ended["result"]["preview"]) == ("ok", "5")


@pytest.mark.covers("POST /executions/repl", "201")
def test_whoever_has_seen_a_record_end_is_not_told_that_its_session_is_busy(gateway: Running) -> None:
    session = gateway.session()["id"]
    for _ in range(40):
        running = gateway.repl(session, "1", 202, wait=False)["id"]
        while gateway.ask("GET", f"/executions/{running}", 200)["status"] == "running":
            pass
        assert gateway.repl(session, "2")["status"] == "ok"
    gateway.close(session)



@pytest.mark.covers("POST /executions/repl", "201", "409 SESSION_BUSY")
def test_of_many_at_once_one_runs_and_all_others_are_refused_or_run_later(gateway: Running) -> None:
    session = gateway.session()["id"]
    statuses: list[int] = []

    def ask() -> None:
        body = {"session_id": session, "input": "for (const end = Date.now() + 50; Date.now() < end;); 1"}
        statuses.append(gateway.http.post("/executions/repl", json=body).status_code)

    for number in range(1, 13):
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(statuses) == 8 * number, "a request was never answered"
    assert set(statuses) <= {201, 409}
    assert statuses.count(201) >= 12
    records = gateway.ask("GET", f"/executions?session_id={session}&limit=1000", 200)
    assert len(records) == statuses.count(201)
    gateway.close(session)


@pytest.mark.covers("POST /executions/repl", "201")
@pytest.mark.covers("weakness 32")
def test_a_client_that_goes_away_does_not_stop_its_execution(gateway: Running, session: str) -> None:
    code = "await new Promise((done) => setTimeout(() => done('late'), 400))"
    with pytest.raises(Exception, match="timed out"):
        gateway.http.post("/executions/repl", json={"session_id": session, "input": code}, timeout=0.1)

    def ended() -> Any:
        newest = gateway.ask("GET", f"/executions?session_id={session}&limit=1", 200)[0]
        return newest if newest["status"] != "running" else None

    assert wait_until(ended)["result"]["preview"] == "late"


@pytest.mark.covers("POST /executions/repl", "201")
def test_the_record_names_who_asked(gateway: Running, session: str) -> None:
    body = {"session_id": session, "input": "1"}
    answer = gateway.http.post("/executions/repl", json=body, headers={"user-agent": "vm-gateway-cli/1.0"})
    assert answer.json()["actor"]["surface"] == "cli"


@pytest.mark.covers("weakness 22")
@pytest.mark.covers("GET /executions/{id}", "200")
def test_a_closed_session_leaves_its_history_readable(gateway: Running) -> None:
    session = gateway.session()["id"]
    record = gateway.repl(session, "console.log(1)")
    gateway.close(session)
    assert gateway.ask("GET", f"/executions/{record['id']}", 200) == record
    assert len(gateway.events(record["id"])) == 3


@pytest.mark.covers("POST /executions/{id}/cancel", "200")
def test_a_cancel_that_comes_late_never_hits_the_next_execution(gateway: Running) -> None:
    session = gateway.session(gateway.limited(wall_ms=0, cpu_ms=0))["id"]
    for _ in range(20):
        first = gateway.repl(session, "for (const end = Date.now() + 20; Date.now() < end;); 1", 202, wait=False)["id"]
        cancelling = threading.Thread(target=gateway.http.post, args=(f"/executions/{first}/cancel",))
        cancelling.start()
        status = 409
        while status == 409:
            answer = gateway.http.post("/executions/repl", json={"session_id": session, "input": "2"})
            status = answer.status_code
        cancelling.join()
        assert (status, answer.json()["status"]) == (201, "ok"), answer.text
    gateway.close(session)


@pytest.mark.parametrize("end", ["close", "restart"])
def test_a_cell_that_ends_with_its_session_has_its_time_on_record(gateway: Running, end: str) -> None:
    session = gateway.session(gateway.limited(wall_ms=0, cpu_ms=0))["id"]
    running = gateway.repl(session, "console.log('on'); for (;;);", 202, wait=False)["id"]
    wait_until(lambda: len(gateway.events(running)) == 2, what="the first line of the cell")
    time.sleep(0.3)
    gateway.ask("POST", f"/sessions/{session}/{end}", 200)
    record = gateway.ask("GET", f"/executions/{running}", 200)
    assert record["status"] == "cancelled"
    assert record["metrics"]["wall_ms"] >= 300, record
    if end != "close":
        gateway.close(session)
