"""The gateway's part of `make demo`, and the worktree that it and the README use."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from .gateway import ROOT


@pytest.mark.slow
def test_the_demo_shows_limits_events_and_summary_and_leaves_nothing() -> None:
    with tempfile.TemporaryDirectory() as name:
        done = subprocess.run(
            [str(ROOT / "examples" / "gateway_demo.sh"), sys.executable],
            env={**os.environ, "TMPDIR": name},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert done.stderr == ""
        assert os.listdir(name) == []
    for line in (
        'Result: {"type":"number","preview":"1.1","json":1.1}',
        '{"level":"log","text":"4 x plum 1.00"}',
        "Status: timeout",
        "api error (status=422, code=OUTPUT_LIMIT_EXCEEDED): ",
        '"active_sessions": 1',
        "Closed session: ",
    ):
        assert line in done.stdout, f"{line!r} is not in\n{done.stdout}"


def test_the_makefile_and_the_readme_name_the_files_that_exist() -> None:
    assert "examples/gateway_demo.sh $(PY)" in (ROOT / "Makefile").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in ("examples/worktree", "docs/gateway.md", "docs/cli.md"):
        assert path in readme and (ROOT / path).exists(), path
    assert Path(ROOT, "examples", "worktree", "runtime", "init.js").exists()
