"""The command line that puts the kernelspec where Jupyter looks, run as a person runs it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from vm_kernel import __version__
from vm_kernel.install import NAME, NAMES, running

ROOT = Path(__file__).resolve().parent.parent
FILES = {"kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"}


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m vm_kernel` with these words."""
    return subprocess.run(
        [sys.executable, "-m", "vm_kernel", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "100", **environment},
    )


#: Name of a kernelspec, what people see, its language, the end of its command line.
SPECS = [
    ("javascript-vm", "JavaScript (V8)", "javascript", [*running("vm_kernel")[1:], "-f", "{connection_file}"]),
    ("typescript-vm", "TypeScript (V8)", "typescript", ["-f", "{connection_file}", "--language", "typescript"]),
]


def test_install_below_a_prefix_gives_jupyter_kernels_that_stand_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = command("install", "--prefix", str(tmp_path))
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))
    assert [name for name, *_ in SPECS] == list(NAMES)
    for name, title, language, words in SPECS:
        spec = KernelSpecManager().get_kernel_spec(name)
        assert Path(spec.resource_dir) == tmp_path / "share" / "jupyter" / "kernels" / name
        assert (spec.display_name, spec.language) == (title, language)
        assert spec.interrupt_mode == "message"
        assert spec.argv[0] == sys.executable and os.path.isabs(spec.argv[0])
        assert spec.argv[-len(words) :] == words
        assert {path.name for path in Path(spec.resource_dir).iterdir()} == FILES
        assert f"{name} is installed in {spec.resource_dir}" in done.stdout


def test_install_for_the_user_honours_jupyter_data_dir(tmp_path: Path) -> None:
    done = command("install", "--user", JUPYTER_DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "kernels" / NAME / "kernel.json").is_file()
    assert str(tmp_path) in done.stdout


def test_install_into_a_place_that_jupyter_does_not_search_says_how_to_make_it(tmp_path: Path) -> None:
    done = command("install", "--prefix", str(tmp_path), JUPYTER_PATH="")
    share = tmp_path / "share" / "jupyter"
    assert f"JUPYTER_PATH={share}" in done.stdout or "finds another one first" in done.stdout


def test_install_again_replaces_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "share" / "jupyter" / "kernels" / NAME
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text("{}")
    (folder / "left_from_before").write_text("")
    assert command("install", "--prefix", str(tmp_path)).returncode == 0
    assert {path.name for path in folder.iterdir()} == FILES
    assert json.loads((folder / "kernel.json").read_text())["display_name"] == "JavaScript (V8)"


def test_install_where_nothing_can_be_written_says_what_to_choose_instead(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a folder should be: no account can write below it")
    done = command("install", "--prefix", str(tmp_path / "file"))
    assert done.returncode == 1
    assert "cannot write to" in done.stderr and "--user" in done.stderr and "--prefix P" in done.stderr
    assert "Traceback" not in done.stderr


def test_other_accounts_can_read_what_was_installed(tmp_path: Path) -> None:
    command("install", "--prefix", str(tmp_path))
    folder = tmp_path / "share" / "jupyter" / "kernels" / NAME
    modes = {path.name: oct(path.stat().st_mode & 0o444) for path in (folder, *folder.iterdir())}
    assert set(modes.values()) == {"0o444"}, modes


@pytest.mark.parametrize("place", ["prefix", "user", "wherever Jupyter finds it"])
def test_uninstall_takes_it_away_and_says_so_when_there_is_nothing_left(place: str, tmp_path: Path) -> None:
    environment = {"JUPYTER_DATA_DIR": str(tmp_path), "JUPYTER_PREFER_ENV_PATH": "0"}
    words = ["--prefix", str(tmp_path)] if place == "prefix" else ["--user"]
    assert command("install", *words, **environment).returncode == 0
    done = command("uninstall", *(() if place.startswith("wherever") else words), **environment)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("kernel.json"))
    done = command("uninstall", *words, **environment)
    assert done.returncode == 1
    assert "jupyter kernelspec list" in done.stderr and "Traceback" not in done.stderr


def test_version_is_that_of_the_package() -> None:
    done = command("--version")
    assert (done.returncode, done.stdout) == (0, f"vm-kernel {__version__}\n")
    try:
        assert importlib.metadata.version("vm-kernel") == __version__
    except importlib.metadata.PackageNotFoundError:
        pass  # run from a source tree that was never installed


@pytest.mark.parametrize(
    "words", [(), ("instal",), ("install", "--user", "--sys-prefix"), ("install", "--prefix")]
)
def test_a_mistyped_command_line_is_answered_with_its_usage(words: tuple[str, ...]) -> None:
    done = command(*words)
    assert done.returncode == 2
    assert "usage: python -m vm_kernel" in done.stderr


def test_help_names_both_commands_and_what_jupyter_uses() -> None:
    done = command("--help")
    assert done.returncode == 0
    for word in ("install", "uninstall", "--version", "-f CONNECTION_FILE"):
        assert word in done.stdout


@pytest.mark.parametrize("package", ["vm_kernel", "vm_gateway.launch"])
def test_files_beside_the_notebook_do_not_stand_in_for_pythons_own(tmp_path: Path, package: str) -> None:
    """A connection file that is absent ends the kernel with its own sentence, not the stranger's."""
    for name in ("json.py", "zmq.py", "hmac.py", "vm_kernel.py", "vm_gateway.py"):
        (tmp_path / name).write_text("raise SystemExit('a stranger was imported')")
    words = [*running(package), "-f", str(tmp_path / "absent.json")]
    if package == "vm_gateway.launch":
        words += ["--template", "notebook", "--ledger", str(tmp_path / "ledger")]
    # The source tree's own path, for a run without an installed package.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert "a stranger was imported" not in done.stderr
    assert done.returncode != 0 and "absent.json" in done.stderr, done.stderr
