"""Owns a gateway in a process of its own, its folders and a client of it over HTTP; asserts only its clean end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "a token of the tests"
PATIENCE_S = 30.0
READY = "vm-gateway is ready at "


def wait_until(holds: Any, within_s: float = PATIENCE_S, what: str = "it") -> Any:
    """What `holds` gives as soon as it is true."""
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{what} did not come true within {within_s} s"
        time.sleep(0.02)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


class Home:
    """The folders of one gateway and of those that come after it on the same ledger."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="vmg-test-"))
        self.ledger = self.path / "vm.ledger"
        self.runtime = self.path / "run"
        self.worktree = self.path / "tree"
        self.worktree.mkdir()

    def environment(self, **more: str) -> dict[str, str]:
        names = {
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "JUPYTER_CONFIG_DIR": str(self.path / "config"),
            "XDG_RUNTIME_DIR": str(self.path),
            "VM_GATEWAY_DATA_DIR": str(self.path / "data"),
            "VM_GATEWAY_TOKEN": TOKEN,
            "PYTHONPATH": os.getcwd(),
        }
        return {**os.environ, **names, **more}

    def write(self, name: str, text: str) -> str:
        path = self.worktree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class Running:
    """A gateway that serves; a context manager. `http` has the token and the base path."""

    def __init__(self, home: Home, *arguments: str, **environment: str) -> None:
        self.home = home
        command = [sys.executable, "-m", "vm_gateway.server", "--ledger", str(home.ledger), "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [*command, "--log-level", "warning", *arguments],
            env=home.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read_log)
        self._reader.start()
        line = self.process.stdout.readline()
        assert line.startswith(READY), f"the gateway said {line!r} and {self.log}"
        self.origin = line.removeprefix(READY).strip()
        token = environment.get("VM_GATEWAY_TOKEN", TOKEN)
        self.http = httpx.Client(
            base_url=self.origin + "/api/v1",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=PATIENCE_S,
        )

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)

    # -- what tests ask of it ----------------------------------------------------------------------------

    def ask(self, method: str, path: str, status: int, body: Any = None, **options: Any) -> Any:
        """The JSON answer, whose status must be `status`."""
        answer = self.http.request(method, path, **({"json": body} if body is not None else {}), **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def template(self, name: str = "", status: int = 201, **fields: Any) -> Any:
        return self.ask("POST", "/templates", status, {"name": name or f"t-{time.monotonic_ns()}", **fields})

    def limited(self, **limits: int) -> str:
        """The id of a template with these limits."""
        return str(self.template(settings={"limits": limits})["id"])

    def session(self, template_id: str | None = None, status: int = 201, worktree: Any = None) -> Any:
        return self.ask(
            "POST",
            "/sessions",
            status,
            {
                "template_id": template_id or self.template()["id"],
                "workspace_id": "ws-1",
                "base_commit_oid": "deadbeef",
                "worktree_path": str(worktree or self.home.worktree),
            },
        )

    def repl(self, session_id: str, code: str, status: int = 201, wait: bool = True) -> Any:
        query = "" if wait else "?wait=false"
        return self.ask("POST", f"/executions/repl{query}", status, {"session_id": session_id, "input": code})

    def run_file(self, session_id: str, path: str, status: int = 201, **more: Any) -> Any:
        return self.ask("POST", "/executions/run-file", status, {"session_id": session_id, "path": path, **more})

    def events(self, execution_id: str) -> Any:
        return self.ask("GET", f"/executions/{execution_id}/events", 200)

    def close(self, session_id: str) -> Any:
        return self.ask("POST", f"/sessions/{session_id}/close", 200)

    def pid_of(self, session_id: str) -> int:
        return int(self.ask("GET", f"/sessions/{session_id}", 200)["runtime_meta"]["pid"])

    def session_is_usable(self, session_id: str) -> bool:
        """Whether it still takes code; what it may print does not matter."""
        body = {"session_id": session_id, "input": "0"}
        return self.http.post("/executions/repl", json=body).status_code in (201, 422)

    def is_crashed(self, session_id: str) -> bool:
        """Whether it says that it is crashed, and why."""
        row = self.ask("GET", f"/sessions/{session_id}", 200)
        return row["status"] == "crashed" and bool(row["last_error"])

    # -- its end -----------------------------------------------------------------------------------------

    def end(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal and waits; its exit code."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return code

    def __enter__(self) -> Running:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        code = self.end()
        if kind is None:
            assert code == 0, f"the gateway ended with {code}: {''.join(self.log)}"
            assert not [line for line in self.log if "Traceback" in line], "".join(self.log)
