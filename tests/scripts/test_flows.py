"""The shell flows: each passes alone, four pass at once, and none leaves a process or a file behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

FLOWS = Path(__file__).resolve().parent
LONGEST_S = 180


@pytest.fixture()
def folder() -> Iterator[Path]:
    """The temporary folder of the flows; short, because sockets lie in it."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def start(flow: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(FLOWS / f"{flow}.sh")],
        env={**os.environ, "PYTHON": sys.executable, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    try:
        output, _ = process.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        raise
    return output


def left_behind(folder: Path) -> list[str]:
    """Files in the folder, and processes that have it in their command line; those may take a moment to go."""
    deadline = time.monotonic() + 10
    while True:
        found = [str(path) for path in folder.iterdir()]
        for process in psutil.process_iter(["pid", "cmdline"]):
            if any(str(folder) in word for word in process.info["cmdline"] or ()):
                found.append(f"{process.info['pid']}: {' '.join(process.info['cmdline'])}")
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("flow", ["smoke", "e2e"])
def test_a_flow_passes_and_leaves_nothing(flow: str, folder: Path) -> None:
    process = start(flow, folder)
    output = finish(process)
    assert process.returncode == 0, output
    assert output.splitlines()[-1] == f"{flow}: passed"
    assert left_behind(folder) == []


@pytest.mark.slow
def test_four_flows_at_once_do_not_see_each_other(folder: Path) -> None:
    processes = [start(flow, folder) for flow in ("smoke", "e2e", "smoke", "e2e")]
    outputs = [finish(process) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], "\n".join(outputs)
    assert left_behind(folder) == []


@pytest.mark.slow
def test_a_flow_that_is_stopped_halfway_leaves_nothing(folder: Path) -> None:
    process = start("e2e", folder)
    assert process.stdout is not None
    for line in process.stdout:
        if "1 + 2" in line:
            break
    process.send_signal(signal.SIGTERM)
    output = finish(process)
    assert process.returncode == 128 + signal.SIGTERM, output
    assert "e2e: failed at:" in output
    assert left_behind(folder) == []


@pytest.mark.slow
def test_a_flow_fails_with_the_step_that_did(folder: Path) -> None:
    """The same flow with another value in its startup file: it must not pass."""
    text = (FLOWS / "smoke.sh").read_text(encoding="utf-8")
    flows = folder / "tests" / "scripts"
    flows.mkdir(parents=True)
    (flows / "gateway.sh").write_text((FLOWS / "gateway.sh").read_text(encoding="utf-8"), encoding="utf-8")
    broken = flows / "smoke.sh"
    broken.write_text(text.replace("SMOKE_VALUE = 40", "SMOKE_VALUE = 41"), encoding="utf-8")
    broken.chmod(0o755)
    (folder / "tmp").mkdir()
    done = subprocess.run(
        [str(broken)],
        env={
            **os.environ,
            "PYTHON": sys.executable,
            "TMPDIR": str(folder / "tmp"),
            "PYTHONPATH": os.pathsep.join([str(FLOWS.parents[1]), os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    assert done.returncode == 1, done
    assert "smoke: failed at: a repl sees what the startup file defined" in done.stderr
    assert 'expected "preview":"42" in:' in done.stderr
    assert left_behind(folder / "tmp") == []
