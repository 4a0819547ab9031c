"""The command as a process: what it loads, exit codes, pipes, interrupts, the gateway that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from vm_gateway import places

from .gateway import ROOT, Gateway, serving

#: What a command that only speaks REST has no use for.
HEAVY = (
    "asyncio",
    "jupyter_client",
    "jupyter_core",
    "msgspec",
    "sqlite3",
    "starlette",
    "tinydb",
    "traitlets",
    "uvicorn",
    "zmq",
)


def start(gateway: Gateway, *words: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vm_gateway", *words],
        env={**gateway.environment, "VM_GATEWAY_URL": gateway.url, **more},
        cwd=gateway.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=60)
    except BaseException:
        process.kill()
        process.communicate()  # else its end and its pipes are laid to the next test's charge
        raise
    return process.returncode, out, err


def test_a_client_command_loads_nothing_of_the_server() -> None:
    code = "import sys, vm_gateway.cli.main, vm_gateway.places; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & set(HEAVY), f"loaded at each command: {', '.join(sorted(loaded & set(HEAVY)))}"


def test_exit_codes_of_the_process(gateway: Gateway) -> None:
    assert finish(start(gateway, "ops", "health"))[0] == 0
    code, _, err = finish(start(gateway, "template", "get", "x"))
    assert code == 1 and err.endswith("  `vm-gateway template list` shows the ids\n"), err
    assert finish(start(gateway, "no-such-command"))[0] == 2
    code, out, err = finish(start(gateway, "--version"))
    assert (code, out.split()[0], err) == (0, "vm-gateway", "")


def test_a_json_py_in_the_working_folder_does_not_stand_in_for_pythons_own(gateway: Gateway) -> None:
    trap = gateway.folder / "json.py"
    trap.write_text("raise SystemExit('the working folder was searched')")
    try:
        assert finish(start(gateway, "ops", "health"))[0] == 0
    finally:
        trap.unlink()


def test_a_reader_that_has_enough_is_no_error(gateway: Gateway) -> None:
    process = start(gateway, "template", "list-available-libraries")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(30), err) == (128 + signal.SIGPIPE, "")


def test_an_old_locale_shows_escapes_and_does_not_fail(gateway: Gateway, tmp_path: Path) -> None:
    session_id = gateway.session(gateway.template("old locale"), tmp_path)
    code, out, err = finish(start(gateway, "exec", "repl", session_id, "'\\u00fc'", PYTHONIOENCODING="ascii"))
    assert (code, err) == (0, "") and '"preview":"\\xfc"' in out
    gateway.run("session", "close", session_id)


def test_an_interrupt_stops_waiting_and_says_how_to_stop_the_execution(gateway: Gateway, tmp_path: Path) -> None:
    session_id = gateway.session(gateway.template("interrupted", "limits.wall_ms=0", "limits.cpu_ms=0"), tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have it ignored by what they run with &
    try:
        process = start(gateway, "exec", "repl", session_id, "while (true);")
    finally:
        signal.signal(signal.SIGINT, before)
    with gateway.client() as client:
        while not (running := [item for item in client.executions(session_id) if item["status"] == "running"]):
            assert process.poll() is None, finish(process)
        time.sleep(0.3)  # Python does not see a signal that comes between its last look and the read that blocks
        process.send_signal(signal.SIGINT)
        code, out, err = finish(process)
        assert (code, out) == (130, "")
        assert f"vm-gateway exec list {session_id}" in err and "Traceback" not in err
        assert client.cancel(running[0]["id"])["status"] == "cancelled"
        client.close_session(session_id)


@pytest.mark.parametrize("token", ["wrong", ""])
def test_a_wrong_token_is_said_in_one_line(gateway: Gateway, token: str) -> None:
    done = gateway.run("template", "list", VM_GATEWAY_TOKEN=token)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("api error (status=401, code=UNAUTHORIZED): "), done.err


def test_health_needs_no_token(gateway: Gateway) -> None:
    assert gateway.run("ops", "health", VM_GATEWAY_TOKEN="").lines


def test_serve_takes_db_for_ledger_and_options_of_its_configuration() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder, "--db", str(folder / "by-the-old-name.ledger"), "--log-level", "DEBUG") as gateway:
            assert gateway.run("template", "list").lines
            port = int(gateway.url.rpartition(":")[2])
            token = Path(gateway.environment["JUPYTER_RUNTIME_DIR"], f"vm-gateway-{port}.token")
            assert token.stat().st_mode & 0o777 == 0o600
        assert (folder / "by-the-old-name.ledger").exists()
        assert gateway.process.returncode == 0, gateway.log.read_text()
        assert not token.exists(), "the token outlives its gateway"


def test_serve_where_something_listens_already_says_so(gateway: Gateway) -> None:
    process = start(gateway, "serve", "--listen", gateway.url[7:], "--ledger", str(gateway.folder / "second.ledger"))
    code, out, err = finish(process)
    assert code != 0 and out == ""
    assert gateway.url.rpartition(":")[2] in err and "Traceback" not in err, err


def test_the_places_of_a_test_gateway_are_its_own(gateway: Gateway) -> None:
    assert os.environ.get("JUPYTER_RUNTIME_DIR") != gateway.environment["JUPYTER_RUNTIME_DIR"]
    assert not os.path.exists(places.token_path(int(gateway.url.rpartition(":")[2])))
