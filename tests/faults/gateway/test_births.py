"""Owns gateways and kernels that are killed while a session starts: it is ready or over then, never in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import httpx
import psutil
import pytest

from vm_gateway.ledger import owners

from ...rest.running import PATIENCE_S, TOKEN, Home, Running, wait_until
from . import processes

#: From the request for a session to the kill; a session needs about 150 ms.
DELAYS_MS = (5, 30, 60, 90, 120, 160)
#: From the first sight of the engine's process to its end; the files run some 80 ms after it.
ENGINE_DELAYS_MS = (0, 20, 40, 50, 60, 70, 80, 90, 100, 120)


class Birth:
    """A session that is asked for in a thread. answer: None when the gateway died over it."""

    def __init__(self, gateway: Running, template_id: str) -> None:
        self._body = {
            "template_id": template_id,
            "workspace_id": "w",
            "base_commit_oid": "c",
            "worktree_path": str(gateway.home.worktree),
        }
        self._url = f"{gateway.origin}/api/v1/sessions"
        self.answer: httpx.Response | None = None
        self._asking = threading.Thread(target=self._ask)
        self._asking.start()

    def _ask(self) -> None:
        try:
            with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE_S) as http:
                self.answer = http.post(self._url, json=self._body)
        except httpx.TransportError:
            pass

    def over(self) -> None:
        self._asking.join(PATIENCE_S)
        assert not self._asking.is_alive(), "who asked for a session has no answer"


def settled(gateway: Running) -> list[Any]:
    """All sessions, when none starts any more."""
    return wait_until(
        lambda: [
            rows
            for rows in [gateway.ask("GET", "/sessions", 200)]
            if all(row["status"] in ("ready", "closed", "crashed") for row in rows)
        ],
        10,
        "the end of all starts",
    )[0]


def check(gateway: Running, rows: list[Any]) -> None:
    """The ready ones work, the others say why, and no process runs for nobody."""
    for row in rows:
        if row["status"] == "ready":
            assert gateway.repl(row["id"], "6 * 7")["result"]["json"] == 42
        else:
            assert row["last_error"], row
            assert gateway.repl(row["id"], "1", 409)["error"]["code"] == "SESSION_NOT_READY"
    kernels = {gateway.pid_of(row["id"]) for row in rows if row["status"] == "ready"}
    wait_until(lambda: not strangers(gateway, kernels), 30, f"the end of {strangers(gateway, kernels)}")


def strangers(gateway: Running, kernels: set[int]) -> list[str]:
    ours = kernels | {gateway.process.pid}
    return processes.described(
        [each for each in processes.of(gateway.home) if each.pid not in ours and each.ppid() not in kernels]
    )


def newest_engine(home: Home) -> psutil.Process | None:
    """The engine of the one session that runs; None while it has none."""
    kernels = [each for each in processes.of(home) if "vm_gateway.launch" in each.cmdline()]
    return processes.engine_of(kernels[0].pid) if kernels else None


@pytest.mark.covers("rule adoption")
@pytest.mark.covers("rule restart of the gateway")
def test_a_session_that_starts_while_its_gateway_is_killed_is_ready_or_over_afterwards(home: Home) -> None:
    gateway = Running(home)
    template = gateway.template()["id"]
    acknowledged = []
    for delay_ms in DELAYS_MS:
        birth = Birth(gateway, template)
        time.sleep(delay_ms / 1000)
        gateway.end(signal.SIGKILL)
        birth.over()
        gateway = Running(home)
        if birth.answer is not None and birth.answer.status_code == 201:
            acknowledged.append(birth.answer.json()["id"])
        rows = settled(gateway)
        check(gateway, rows)
        ready = [row["id"] for row in rows if row["status"] == "ready"]
        assert set(acknowledged) <= set(ready), f"killed after {delay_ms} ms: an acknowledged session is gone: {rows}"
    with gateway:
        pass
    assert not processes.of(home), processes.described(processes.of(home))
    left = [path.name for folder in (home.runtime, home.path / "vmg") for path in folder.glob("*")]
    assert not left, f"files of sessions and gateways are left: {left}"


@pytest.mark.covers("rule adoption")
@pytest.mark.parametrize("lives", [True, False], ids=["a process that lives", "a process that was killed too"])
def test_a_gateway_killed_before_it_wrote_down_whom_it_started_leaves_nothing_unfound(home: Home, lives: bool) -> None:
    gateway = Running(home)
    session = gateway.session(gateway.template()["id"])["id"]
    gateway.repl(session, "globalThis.kept = 42")
    note_file = home.runtime / f"vmgw-{session}.json"
    note = json.loads(note_file.read_text())
    note_file.write_text(json.dumps(note | {"owner": owners.owner(gateway.process.pid)}))
    gateway.end(signal.SIGKILL)
    if not lives:
        psutil.Process(note["owner"]["pid"]).kill()
    reader = subprocess.Popen([sys.executable, "-c", "input()", "-f", note["connection_file"]], stdin=subprocess.PIPE)
    with Running(home) as gateway:
        assert reader.poll() is None, "somebody else who reads the connection file was ended"
        reader.communicate(b"\n")
        row = gateway.ask("GET", f"/sessions/{session}", 200)
        if lives:
            assert row["status"] == "ready", row
            assert gateway.repl(session, "kept")["result"]["json"] == 42
        else:
            assert row["status"] == "closed", row
            assert not list(home.runtime.glob(f"*{session}*"))
    assert not processes.of(home), processes.described(processes.of(home))


@pytest.mark.covers("POST /sessions", "422 STARTUP_FAILED")
@pytest.mark.parametrize("victim", ["kernel", "engine"])
def test_a_session_whose_process_is_killed_while_it_starts_is_crashed_and_says_why(home: Home, victim: str) -> None:
    home.write("slow.js", "const end = Date.now() + 1500; while (Date.now() < end);")
    with Running(home) as gateway:
        template = gateway.limited(wall_ms=0, cpu_ms=0)
        gateway.ask("POST", f"/templates/{template}/startup-files", 201, {"path": "slow.js", "order_index": 1})
        birth = Birth(gateway, template)
        [row] = wait_until(lambda: gateway.ask("GET", "/sessions", 200), what="the row")
        wait_until(lambda: gateway.ask("GET", f"/executions?session_id={row['id']}", 200), what="the startup execution")
        time.sleep(0.3)  # on record is not yet in the engine, and this is about what runs there
        [kernel] = [each for each in processes.of(home) if "vm_gateway.launch" in each.cmdline()]
        engine = wait_until(lambda: processes.engine_of(kernel.pid), what="the engine")
        os.kill(kernel.pid if victim == "kernel" else engine.pid, signal.SIGKILL)
        birth.over()
        assert birth.answer is not None
        assert birth.answer.status_code == 422, birth.answer.text
        error = birth.answer.json()["error"]
        assert (error["code"], error["details"]["session_id"]) == ("STARTUP_FAILED", row["id"])
        assert "SIGKILL" in error["message"], error
        rows = settled(gateway)
        assert [each["status"] for each in rows] == ["crashed"], rows
        check(gateway, rows)
        [record] = gateway.ask("GET", f"/executions?session_id={row['id']}", 200)
        assert (record["kind"], record["status"]) == ("startup", "error"), record
        assert record["error"]["message"], record
        events = gateway.events(record["id"])
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


@pytest.mark.covers("rule engine loss")
def test_an_engine_killed_at_any_moment_of_a_start_leaves_no_startup_file_as_run_that_was_not(home: Home) -> None:
    """Dead before its first file or between two, it must not hand the rest to the next engine and call that `ok`."""
    names = [home.write(f"{at}.js", f"globalThis.ran = (globalThis.ran ?? 0) + 1; console.log({at})") for at in (1, 2)]
    with Running(home) as gateway:
        template = gateway.template()["id"]
        for at, name in enumerate(names):
            gateway.ask("POST", f"/templates/{template}/startup-files", 201, {"path": name, "order_index": at})
        for delay_ms in ENGINE_DELAYS_MS:
            known = {row["id"] for row in gateway.ask("GET", "/sessions", 200)}
            birth = Birth(gateway, template)
            engine = wait_until(lambda: newest_engine(home), what="the engine")
            time.sleep(delay_ms / 1000)
            engine.kill()
            birth.over()
            assert birth.answer is not None
            [row] = [each for each in gateway.ask("GET", "/sessions", 200) if each["id"] not in known]
            records = gateway.ask("GET", f"/executions?session_id={row['id']}", 200)[::-1]
            said = f"{delay_ms} ms: {birth.answer.text}, {row}, {records}"
            assert [record["path"] for record in records] == names[: len(records)], said
            statuses = [record["status"] for record in records]
            if birth.answer.status_code == 201:
                assert statuses == ["ok", "ok"], said
            else:
                assert (birth.answer.status_code, row["status"]) == (422, "crashed"), said
                assert "SIGKILL" in row["last_error"], said
                assert statuses in ([], ["error"], ["ok"], ["ok", "error"], ["ok", "ok"]), said
            for record in records:
                assert record["engine_generation"] == 1, said
                if record["status"] == "ok":
                    assert [event["type"] for event in gateway.events(record["id"])] == ["console", "value"], said
                else:
                    assert record["status"] == "error" and "SIGKILL" in record["error"]["message"], said
            gateway.close(row["id"])
