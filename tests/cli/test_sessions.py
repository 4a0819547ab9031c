"""The commands about sessions and executions against a real gateway: the lines of contract section 12."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .gateway import Gateway
from .test_templates import NOBODY, TIME, UUID


def execution_id(lines: list[str]) -> str:
    found = re.fullmatch(rf"Execution ID: ({UUID})", lines[0])
    assert found, lines
    return found[1]


@pytest.fixture(scope="module")
def session(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A session that the tests of this file share, with a worktree."""
    worktree = tmp_path_factory.mktemp("shared")
    (worktree / "app.js").write_text("console.log('in the file', __ARGS__.a); const once = 1; once + __ARGS__.a")
    (worktree / "bad.js").write_text("\nnull.x")
    return gateway.session(gateway.template("shared"), worktree)


def test_the_life_of_a_session_line_by_line(gateway: Gateway, worktree: Path) -> None:
    template_id = gateway.template("life")
    words = ["--template-id", template_id, "--workspace-id", "ws 1", "--base-commit", "deadbeef"]
    created = gateway.run("session", "create", *words, "--worktree-path", str(worktree)).lines
    session_id = created[0].split()[2]
    described = [
        "Status: ready",
        f"Template ID: {template_id}",
        "Workspace ID: ws 1",
        "Base Commit: deadbeef",
        f"Worktree Path: {worktree}",
    ]
    assert re.fullmatch(rf"Created session: {UUID}", created[0]) and created[1:] == described
    assert gateway.data("ops", "runtime-summary")["active_sessions"] >= 1
    got = gateway.run("session", "get", session_id).lines
    assert got[:6] == [f"Session ID: {session_id}", *described]
    assert re.fullmatch(f"Created: {TIME}", got[6]) and len(got) == 7
    heading, _, first, *_ = gateway.run("session", "list", "--status", "ready").lines
    assert re.split(r"\s{2,}", heading) == ["Session ID", "Template ID", "Status", "Created"]
    assert first.split()[:3] == [session_id, template_id, "ready"]
    assert re.fullmatch(r"\S+T\d\d:\d\d:\d\dZ", first.split()[3])
    gateway.run("exec", "repl", session_id, "var kept = 1")
    restarted = gateway.run("session", "restart", session_id).lines
    assert restarted == [f"Restarted session: {session_id}", "Status: ready"]
    assert (
        'Result: {"type":"string","preview":"undefined"' in gateway.run("exec", "repl", session_id, "typeof kept").out
    )
    for _ in range(2):
        assert gateway.run("session", "close", session_id.upper()).lines == [f"Closed session: {session_id}"]
    got = gateway.run("session", "get", session_id).lines
    assert got[1] == "Status: closed" and re.fullmatch(f"Closed: {TIME}", got[7])
    done = gateway.run("exec", "repl", session_id, "1")
    assert (done.code, done.err.split(":")[0]) == (1, "api error (status=409, code=SESSION_NOT_READY)")


def test_without_sessions_the_list_says_so(gateway: Gateway) -> None:
    assert gateway.run("session", "list", "--status", "no-such-status").lines == ["No sessions found"]
    assert gateway.data("session", "list", "--status", "no-such-status") == []


def test_a_worktree_is_meant_from_where_the_command_runs(
    gateway: Gateway, worktree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(worktree.parent)
    session_id = gateway.session(gateway.template("relative"), Path("worktree"))
    assert f"Worktree Path: {worktree}" in gateway.run("session", "get", session_id).lines
    gateway.run("session", "close", session_id)


def test_a_session_that_does_not_start_names_the_record_that_says_why(gateway: Gateway, worktree: Path) -> None:
    template_id = gateway.template("broken")
    (worktree / "bad.js").write_text("throw new Error('not today')")
    gateway.run("template", "add-startup", template_id, "--path", "bad.js")
    words = [
        "--template-id",
        template_id,
        "--workspace-id",
        "w",
        "--base-commit",
        "c",
        "--worktree-path",
        str(worktree),
    ]
    done = gateway.run("session", "create", *words)
    assert (done.code, done.out) == (1, "")
    first, *more = done.err.splitlines()
    assert first.startswith("api error (status=422, code=STARTUP_FAILED): ") and "not today" in first
    (session_id,) = re.findall(rf"^  session_id: ({UUID})$", "\n".join(more), re.M)
    assert not [line for line in more if template_id in line], "the caller knows the template"
    lines = gateway.run("session", "get", session_id).lines
    assert lines[1] == "Status: crashed"
    assert any(line.startswith("Last Error: startup failed: ") and "not today" in line for line in lines), lines


def test_a_repl_shows_result_and_events(gateway: Gateway, session: str) -> None:
    lines = gateway.run("exec", "repl", session, "console.log('hi'); 42").lines
    execution_id(lines)
    assert lines[1:] == [
        "Status: ok",
        'Result: {"type":"number","preview":"42","json":42}',
        "",
        "Events:",
        '[1] input_echo: {"text":"console.log(\'hi\'); 42"}',
        '[2] console: {"level":"log","text":"hi"}',
        '[3] value: {"type":"number","preview":"42","json":42}',
    ]


def test_an_error_in_javascript_is_a_result_and_exit_code_0(gateway: Gateway, session: str) -> None:
    lines = gateway.run("exec", "repl", session, "throw new Error('boom')").lines
    assert lines[1] == "Status: error"
    assert lines[2].startswith('Error: {"message":"Error: boom'), lines
    assert not [line for line in lines if line.startswith("Result:")]
    assert [line.split()[1] for line in lines[5:]] == ["input_echo:", "exception:"]


def test_a_file_is_run_with_arguments_and_shows_no_result(gateway: Gateway, session: str) -> None:
    for _ in range(2):
        lines = gateway.run("exec", "run-file", session, "app.js", "--args", '{"a": 5}', "--env", '{"E": "1"}').lines
        assert lines[1:4] == ["Status: ok", "", "Events:"]
        assert lines[4:] == [
            '[1] console: {"level":"log","text":"in the file 5"}',
            '[2] value: {"type":"number","preview":"6","json":6}',
        ]
    got = gateway.run("exec", "get", execution_id(lines)).lines
    assert {'Args: {"a":5}', 'Env: {"E":"1"}', "Path: app.js", "Kind: run_file"} <= set(got)


@pytest.mark.parametrize(
    ("stdin", "preview"),
    [
        (b"let a = 1;\nlet b = 2;\na + b\n", "3"),
        ("'ü😀'.length".encode(), "3"),
        (b"\xef\xbb\xbf1 + 1", "2"),
        (b"'\xff'.charCodeAt(0)", str(0xFFFD)),
    ],
)
def test_code_from_standard_input(gateway: Gateway, session: str, stdin: bytes, preview: str) -> None:
    done = gateway.run("exec", "repl", session, "-", stdin=stdin)
    assert done.code == 0 and f'"preview":"{preview}"' in done.out, done


def test_a_program_cannot_drive_the_terminal_or_forge_a_line(gateway: Gateway, session: str) -> None:
    code = "console.log('\\x1b]0;owned\\x07\\nExecution ID: fake\\u202e'); '\\x9b2J'"
    done = gateway.run("exec", "repl", session, code)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", done.out), ascii(done.out)
    assert len(re.findall("^Execution ID:", done.out, re.M)) == 1


def test_the_list_is_newest_first_and_as_long_as_asked(gateway: Gateway, worktree: Path) -> None:
    session_id = gateway.session(gateway.template("listing"), worktree)
    assert gateway.run("exec", "list", session_id).lines == ["No executions found"]
    ids = [execution_id(gateway.run("exec", "repl", session_id, str(n)).lines) for n in range(3)]
    heading, _, *rows = gateway.run("exec", "list", session_id, "--limit", "2").lines
    assert re.split(r"\s{2,}", heading) == ["Execution ID", "Kind", "Status", "Started"]
    assert [row.split()[:3] for row in rows] == [[ids[2], "repl", "ok"], [ids[1], "repl", "ok"]]
    assert [item["id"] for item in gateway.data("exec", "list", session_id)] == ids[::-1]
    done = gateway.run("exec", "list", session_id, "--limit", "0")
    assert (done.code, done.err.split(":")[0]) == (1, "api error (status=400, code=VALIDATION_ERROR)")
    gateway.run("session", "close", session_id)


def test_a_record_has_one_field_per_line(gateway: Gateway, session: str) -> None:
    done = gateway.run("exec", "repl", session, "1 +\n1")
    lines = gateway.run("exec", "get", execution_id(done.lines)).lines
    names = [line.split(":")[0] for line in lines]
    assert names[:5] == ["Execution ID", "Session ID", "Kind", "Status", "Started"]
    assert "Input: 1 +\\n1" in lines and 'Result: {"type":"number","preview":"2","json":2}' in lines
    assert names[-1] == "Metrics" and len(names) == len(set(names))
    assert all(name in ("Execution ID", "Session ID") or name.isalpha() for name in names), names


def test_events_are_a_table_and_continue_behind_a_number(gateway: Gateway, session: str) -> None:
    code = "for (let n = 0; n < 3; n++) console.warn('x'.repeat(60))"
    ran = execution_id(gateway.run("exec", "repl", session, code).lines)
    heading, _, *rows = gateway.run("exec", "events", ran).lines
    assert heading.split() == ["Seq", "Timestamp", "Type", "Payload"]
    seqs, times, types, payloads = zip(*(re.split(r"\s{2,}", row) for row in rows), strict=True)
    assert seqs == ("1", "2", "3", "4", "5")
    assert types == ("input_echo", "console", "console", "console", "value")
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", time) for time in times), times
    assert payloads[1] == '{"level":"warn","text":"' + "x" * 23 + "..." and len(payloads[1]) == 50
    assert [event["seq"] for event in gateway.data("exec", "events", ran, "--after-seq", "3")] == [4, 5]
    assert gateway.run("exec", "events", ran, "--after-seq", "5").lines == ["No events found"]
    done = gateway.run("exec", "events", ran, "--after-seq", "-1")
    assert (done.code, done.err.split(":")[0]) == (1, "api error (status=400, code=VALIDATION_ERROR)")


def test_json_of_a_run_has_the_record_and_its_events(gateway: Gateway, session: str) -> None:
    ran = gateway.data("exec", "repl", session, "6 * 7")
    assert (ran["status"], ran["result"]["json"]) == ("ok", 42)
    assert [event["type"] for event in ran["events"]] == ["input_echo", "value"]
    assert gateway.data("exec", "get", ran["id"])["result"] == ran["result"]


def test_the_command_line_is_named_in_the_record(gateway: Gateway, session: str) -> None:
    ran = gateway.data("exec", "repl", session, "1")
    assert gateway.data("exec", "get", ran["id"])["actor"]["surface"] == "cli"


def test_a_broken_limit_is_a_refusal_that_names_its_record(gateway: Gateway, worktree: Path) -> None:
    session_id = gateway.session(gateway.template("narrow", "limits.max_events=20"), worktree)
    done = gateway.run("exec", "repl", session_id, "for (let n = 0; n < 1000; n++) console.log(n)")
    assert (done.code, done.out) == (1, "")
    first, *more = done.err.splitlines()
    assert first.startswith("api error (status=422, code=OUTPUT_LIMIT_EXCEEDED): ")
    (ran,) = re.findall(rf"^  execution_id: ({UUID})$", "\n".join(more), re.M)
    assert "Status: error" in gateway.run("exec", "get", ran).lines
    assert '"preview":"2"' in gateway.run("exec", "repl", session_id, "1 + 1").out
    gateway.run("session", "close", session_id)


def test_a_running_execution_can_be_cancelled_and_the_session_used_again(gateway: Gateway, worktree: Path) -> None:
    template_id = gateway.template("endless", "limits.wall_ms=0", "limits.cpu_ms=0")
    session_id = gateway.session(template_id, worktree)
    with gateway.client() as client:
        started = client.repl(session_id, "while (true);", wait=False)
    assert started["status"] == "running"
    busy = gateway.run("exec", "repl", session_id, "1")
    assert (busy.code, busy.err.split(":")[0]) == (1, "api error (status=409, code=SESSION_BUSY)")
    cancelled = gateway.run("exec", "cancel", started["id"]).lines
    assert cancelled == [f"Cancelled execution: {started['id']}", "Status: cancelled"]
    assert '"preview":"2"' in gateway.run("exec", "repl", session_id, "1 + 1").out
    done = gateway.run("exec", "cancel", started["id"])
    assert (done.code, done.err.split(":")[0]) == (1, "api error (status=409, code=EXECUTION_NOT_RUNNING)")
    gateway.run("session", "close", session_id)


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["session", "get", NOBODY], 404, "SESSION_NOT_FOUND"),
        (["session", "close", NOBODY], 404, "SESSION_NOT_FOUND"),
        (["session", "restart", "x"], 400, "VALIDATION_ERROR"),
        (["exec", "repl", NOBODY, "1"], 404, "SESSION_NOT_FOUND"),
        (["exec", "list", NOBODY], 404, "SESSION_NOT_FOUND"),
        (["exec", "get", NOBODY], 404, "EXECUTION_NOT_FOUND"),
        (["exec", "events", NOBODY], 404, "EXECUTION_NOT_FOUND"),
        (["exec", "cancel", NOBODY], 404, "EXECUTION_NOT_FOUND"),
    ],
)
def test_what_does_not_exist_is_said_in_one_line(gateway: Gateway, words: list[str], status: int, code: str) -> None:
    done = gateway.run(*words)
    assert (done.code, done.out) == (1, "")
    hint = "  `vm-gateway session list` shows the ids\n" if code == "VALIDATION_ERROR" else ""
    assert re.fullmatch(rf"api error \(status={status}, code={code}\): \S.*\n{hint}", done.err), done


def test_empty_code_and_a_missing_file_are_refused(gateway: Gateway, session: str) -> None:
    for words, expected in (
        (["repl", session, ""], "api error (status=400, code=VALIDATION_ERROR)"),
        (["run-file", session, "missing.js"], "api error (status=404, code=FILE_NOT_FOUND)"),
        (["run-file", session, "../x.js"], "api error (status=422, code=INVALID_PATH)"),
    ):
        done = gateway.run("exec", *words)
        assert (done.code, done.err.split(":")[0]) == (1, expected), done


def test_the_gateway_itself(gateway: Gateway, session: str) -> None:
    assert json.loads(gateway.run("ops", "health").out) == {"status": "ok"}
    lines = gateway.run("ops", "runtime-summary").lines
    assert lines[0] == "{" and lines[1].startswith('  "'), lines
    summary = json.loads("\n".join(lines))
    assert session in summary["active_session_ids"] == sorted(summary["active_session_ids"])
    assert summary["active_sessions"] == len(summary["active_session_ids"])


def test_a_list_longer_than_a_page_is_read_to_its_end(gateway: Gateway, worktree: Path) -> None:
    """A page has 50 executions; the client goes on behind it."""
    session_id = gateway.session(gateway.template("pages"), worktree)
    with gateway.client() as client:
        ids = [client.repl(session_id, str(n))["id"] for n in range(53)][::-1]
        assert [item["id"] for item in client.executions(session_id)] == ids
        assert [item["id"] for item in client.executions(session_id, limit=51)] == ids[:51]
        assert [item["id"] for item in client.executions(session_id, limit=100)] == ids
        client.close_session(session_id)
    assert len(gateway.data("exec", "list", session_id)) == 50
