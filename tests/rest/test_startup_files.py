"""Owns startup files over HTTP and real kernels: what may be one, their order, their limits; asserts contract 8, 9."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from .running import Running, wait_until


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A worktree of one test."""
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


def template_with(gateway: Running, *paths: str, **limits: int) -> str:
    template = gateway.limited(**limits)
    for path in paths:
        gateway.ask("POST", f"/templates/{template}/startup-files", 201, {"path": path, "order_index": 3})
    return template


def records_of(gateway: Running, session: str) -> list[Any]:
    """Oldest first."""
    listed: list[Any] = gateway.ask("GET", f"/executions?session_id={session}", 200)
    return listed[::-1]


@pytest.mark.covers("rule startup files")
def test_files_of_one_order_run_as_they_were_added_and_know_no_args(gateway: Running) -> None:
    for name in ("z", "a", "m"):
        gateway.home.write(f"{name}.js", f"globalThis.order = (globalThis.order ?? '') + '{name}'; typeof __ARGS__")
    session = gateway.session(template_with(gateway, "z.js", "a.js", "m.js"))["id"]
    assert gateway.repl(session, "order")["result"]["preview"] == "zam"
    records = records_of(gateway, session)
    assert [each["path"] for each in records[:3]] == ["z.js", "a.js", "m.js"]
    for each in records[:3]:
        assert (each["kind"], each["status"], each["result"]["preview"]) == ("startup", "ok", "undefined")
        assert "input" not in each
        assert [event["type"] for event in gateway.events(each["id"])] == ["value"]
    gateway.close(session)


@pytest.mark.covers("rule startup files")
def test_a_startup_file_is_in_the_language_that_its_name_says(gateway: Running) -> None:
    gateway.home.write("typed.ts", "enum Size { Small = 7 }; globalThis.size = Size.Small as number")
    session = gateway.session(template_with(gateway, "typed.ts"))["id"]
    assert gateway.repl(session, "size")["result"]["preview"] == "7"
    gateway.close(session)


@pytest.mark.covers("rule startup files")
@pytest.mark.covers("weakness 34")
def test_a_link_is_followed_and_recorded_as_what_it_leads_to(gateway: Running, tree: Path) -> None:
    (tree / "sub").mkdir()
    (tree / "sub" / "real.js").write_text("globalThis.real = 1")
    (tree / "link.js").symlink_to("sub/real.js")
    (tree / "absolute.js").symlink_to(tree / "sub" / "real.js")
    root = tree.parent / "root"
    root.symlink_to(tree)
    session = gateway.session(template_with(gateway, "link.js", "absolute.js"), worktree=root)["id"]
    assert [each["path"] for each in records_of(gateway, session)] == ["sub/real.js", "sub/real.js"]
    assert gateway.ask("GET", f"/sessions/{session}", 200)["worktree_path"] == str(root)
    assert gateway.run_file(session, "link.js")["path"] == "sub/real.js"
    gateway.close(session)


@pytest.mark.covers("POST /sessions", "422 STARTUP_FAILED", "422 INVALID_PATH")
@pytest.mark.covers("weakness 34")
@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("pipe", "STARTUP_FAILED"),
        ("huge.js", "STARTUP_FAILED"),
        ("etc/passwd", "INVALID_PATH"),
        ("etc/no-such", "INVALID_PATH"),
        ("null", "INVALID_PATH"),
        ("sibling.js", "INVALID_PATH"),
    ],
)
def test_what_is_no_file_of_the_worktree_is_not_run(gateway: Running, tree: Path, path: str, code: str) -> None:
    """An existing target outside and a missing one get the same answer; nothing waits for a FIFO."""
    os.mkfifo(tree / "pipe")
    (tree / "file.js").write_text("1")
    with open(tree / "huge.js", "wb") as file:
        file.truncate(9 << 20)
    (tree.parent / "tree-evil").mkdir()
    (tree.parent / "tree-evil" / "x.js").write_text("'a secret'")
    for name, target in {"etc": "/etc", "null": "/dev/null", "sibling.js": "../tree-evil/x.js"}.items():
        (tree / name).symlink_to(target)
    error = gateway.session(template_with(gateway, "file.js", path), 422, worktree=tree)["error"]
    assert error["code"] == code, error
    session = error["details"]["session_id"]
    row = gateway.ask("GET", f"/sessions/{session}", 200)
    assert (row["status"], row["last_error"]) == ("crashed", error["message"])
    assert row["last_error"].startswith("startup failed: ") and path in row["last_error"]
    assert "passwd" not in row["last_error"].replace(path, "") and "secret" not in row["last_error"]
    assert [(each["path"], each["status"]) for each in records_of(gateway, session)] == [("file.js", "ok")]


@pytest.mark.covers("POST /sessions", "422 STARTUP_FAILED")
@pytest.mark.covers("rule limits")
@pytest.mark.parametrize(
    ("limits", "code", "status", "said"),
    [
        ({"wall_ms": 300}, "for (;;);", "timeout", "wall_ms"),
        ({"wall_ms": 0, "cpu_ms": 300}, "for (;;);", "timeout", "cpu_ms"),
        ({"max_events": 3}, "for (;;) console.log(1)", "error", "max_events"),
        ({"mem_mb": 64}, "const a = []; for (;;) a.push(new Array(1e5).fill(1.5))", "error", "mem_mb"),
    ],
)
def test_limits_hold_in_startup_files_and_the_record_names_them(
    gateway: Running, limits: dict[str, int], code: str, status: str, said: str
) -> None:
    gateway.home.write("first.js", "1")
    gateway.home.write("greedy.js", code)
    gateway.home.write("never.js", "1")
    template = template_with(gateway, "first.js", "greedy.js", "never.js", **{"wall_ms": 9000, "cpu_ms": 0, **limits})
    error = gateway.session(template, 422)["error"]
    assert error["code"] == "STARTUP_FAILED" and said in error["message"], error
    records = records_of(gateway, error["details"]["session_id"])
    assert [(each["path"], each["status"]) for each in records] == [("first.js", "ok"), ("greedy.js", status)]
    assert said in records[1]["error"]["message"] and records[1]["ended_at"]
    events = gateway.events(records[1]["id"])
    assert len(events) <= limits.get("max_events", 3) + 2
    assert [each["seq"] for each in events] == list(range(1, len(events) + 1))


@pytest.mark.covers("POST /sessions/{id}/restart", "200", "422 STARTUP_FAILED")
def test_a_session_that_its_startup_crashed_is_ready_after_a_restart_with_a_mended_file(gateway: Running) -> None:
    gateway.home.write("mended.js", "throw new Error('not yet')")
    session = gateway.session(template_with(gateway, "mended.js"), 422)["error"]["details"]["session_id"]
    error = gateway.ask("POST", f"/sessions/{session}/restart", 422)["error"]
    assert (error["code"], error["details"]["session_id"]) == ("STARTUP_FAILED", session)
    assert gateway.is_crashed(session)
    gateway.home.write("mended.js", "globalThis.mended = 7")
    row = gateway.ask("POST", f"/sessions/{session}/restart", 200)
    assert row["status"] == "ready" and "last_error" not in row
    assert gateway.repl(session, "mended")["result"]["json"] == 7
    assert [each["status"] for each in records_of(gateway, session)] == ["error", "error", "ok", "ok"]
    gateway.close(session)


@pytest.mark.covers("rule startup files")
@pytest.mark.covers("rule late output")
def test_what_a_startup_file_prints_later_is_its_own(gateway: Running) -> None:
    gateway.home.write("timer.js", "setTimeout(() => console.log('later'), 100)")
    session = gateway.session(template_with(gateway, "timer.js"))["id"]
    record = records_of(gateway, session)[0]
    events = wait_until(lambda: [e for e in gateway.events(record["id"]) if e.get("late")], what="the late line")
    assert [event["payload"]["text"] for event in events] == ["later"]
    gateway.close(session)
