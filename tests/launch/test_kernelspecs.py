"""The commands that give recorded kernels to Jupyter: what they write, keep and remove; what such a kernel loads."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from vm_gateway.launch import kernelspecs
from vm_kernel import install

from ..test_architecture import loaded
from .jupyter import Jupyter, words_of

#: What no kernel waits for while it starts.
NOT_LOADED = ("starlette", "uvicorn", "traitlets", "msgspec", "asyncio", "jupyter_client", "jupyter_core", "tempfile")


def specs(home: Jupyter) -> dict[str, str]:
    """The names that Jupyter finds, with what it shows for them."""
    found = KernelSpecManager(kernel_dirs=[str(home.kernels)], ensure_native_kernel=False).get_all_specs()
    return {name: each["spec"]["display_name"] for name, each in found.items()}


def test_install_puts_the_recorded_kernel_in_the_place_of_the_bare_one(home: Jupyter) -> None:
    install.put(str(home.prefix))
    assert words_of(home.kernels / "javascript-vm")[:-2] == install.running("vm_kernel")
    said = home.command("kernelspec", "install", "--prefix", str(home.prefix), "--ledger", str(home.ledger))
    assert f"javascript-vm is installed in {home.kernels / 'javascript-vm'}" in said
    words = words_of(home.kernels / "javascript-vm")
    assert (words[0], os.path.isabs(words[0])) == (sys.executable, True)
    assert words == [
        *install.running("vm_gateway.launch"),
        *("--template", "notebook", "--mem-mb", "2048"),
        *("--ledger", str(home.ledger), "-f", "{connection_file}"),
    ]
    assert specs(home) == {"javascript-vm": "JavaScript (V8)", "typescript-vm": "TypeScript (V8)"}
    assert {path.name for path in (home.kernels / "javascript-vm").iterdir()} > {"logo-svg.svg"}
    for name, code in (("javascript-vm", "1 + 1"), ("typescript-vm", "const n: number = 2; n")):
        notebook = home.notebook(name, VM_GATEWAY_LEDGER="/nowhere")
        assert notebook.run(code).value == "2"
        assert len(home.executions(home.sessions()[0]["id"])) == 1


def test_sync_makes_one_for_each_template_and_removes_what_is_gone(home: Jupyter) -> None:
    place = ("--prefix", str(home.prefix))
    row = home.template("Small One", description="Small\n and  quick")
    home.template("resting", is_active=False)
    foreign = home.kernels / "vm-mine"
    foreign.mkdir(parents=True)
    (foreign / "kernel.json").write_text('{"argv": ["true"], "display_name": "mine", "language": "x"}')
    home.template("mine")
    unfinished = home.kernels / "vm-draft" / "notes.txt"
    unfinished.parent.mkdir()
    unfinished.write_text("no kernel.json yet")
    home.template("draft")
    said = home.command("kernelspec", "sync", *place)
    assert "Written: vm-small-one (template Small One)" in said
    assert "Left alone: vm-mine" in said and "Left alone: vm-draft" in said
    assert unfinished.read_text() == "no kernel.json yet"
    assert specs(home) == {
        "vm-default": "JavaScript (V8), default limits",
        "vm-notebook": "JavaScript (V8), notebook",
        "vm-small-one": "Small and quick",
        "vm-mine": "mine",
    }
    home.command("kernelspec", "install", *place)
    with home.opened() as ledger:
        ledger.delete_template(row["id"])
    assert "Removed: vm-small-one" in home.command("kernelspec", "sync", *place)
    assert sorted(specs(home)) == ["javascript-vm", "typescript-vm", "vm-default", "vm-mine", "vm-notebook"]
    listed = json.loads(home.command("kernelspec", "list", *place, "--json"))
    assert [(each["name"], each["template"]) for each in listed] == [
        ("javascript-vm", "notebook"),
        ("typescript-vm", "notebook"),
        ("vm-default", "default"),
        ("vm-notebook", "notebook"),
    ]
    home.command("kernelspec", "uninstall", *place)
    assert sorted(specs(home)) == ["vm-mine"]
    assert "No recorded kernels found" in home.command("kernelspec", "list", *place)


def test_sync_of_another_ledger_leaves_the_kernels_of_the_first_as_they_are(home: Jupyter) -> None:
    place = ("--prefix", str(home.prefix))
    home.template("small")
    assert "Written: vm-small (template small)" in home.command("kernelspec", "sync", *place)
    before = specs(home)
    said = home.command("kernelspec", "sync", *place, "--ledger", str(home.prefix / "other.ledger"))
    assert "Removed" not in said and "Left alone: vm-default" in said, said
    assert specs(home) == before


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["plain"], ["vm-plain"]),
        (["Über Größe"], ["vm-ber-gr-e"]),
        (["../../etc/passwd"], ["vm-..-..-etc-passwd"]),
        (["日本"], ["vm-{0}"]),
        (["A b", "a-b"], ["vm-a-b-{0}", "vm-a-b"]),
        (["x" * 200], ["vm-" + "x" * 60]),
    ],
)
def test_names_of_templates_become_names_that_jupyter_takes(names: list[str], expected: list[str]) -> None:
    import hashlib

    from jupyter_client.kernelspec import _is_valid_kernel_name

    rows = [{"id": f"id-{name}", "name": name, "created_at": str(at)} for at, name in enumerate(names)]
    found = kernelspecs.spec_names(rows)
    shorts = [hashlib.sha256(row["id"].encode()).hexdigest()[:8] for row in rows]
    assert list(map(found.get, (row["id"] for row in rows))) == [each.format(*shorts) for each in expected]
    assert all(_is_valid_kernel_name(name) for name in found.values())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("install", "--user", "--sys-prefix"), "choose one"),
        (("sync", "--prefix", ""), "--prefix needs a folder"),
        (("install", "--prefix", "{home}/tree/file"), "cannot write to"),
        (("sync", "--prefix", "{home}", "--ledger", "{home}/no/such/folder/x"), "no/such/folder"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(home: Jupyter, words: tuple[str, ...], said: str) -> None:
    home.write("file", "a file where a folder should be")
    error = home.command("kernelspec", *(word.format(home=home.path) for word in words), code=1)
    assert said in error and error.startswith("vm-gateway: ")
    assert error.count("\n") == 1, error


@pytest.mark.parametrize(
    "words", [(), ("--template",), ("--template", "x"), ("--template", "x", "-f", "y", "--mem-mb", "a"), ("-x",)]
)
def test_a_mistyped_command_line_is_answered_with_its_usage(words: tuple[str, ...], home: Jupyter) -> None:
    import subprocess

    command = [sys.executable, "-m", "vm_gateway.launch", *words]
    done = subprocess.run(command, env=home.environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "usage: python -m vm_gateway.launch --template NAME" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_start_of_a_recorded_kernel_loads_nothing_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening the ledger, finding the template and writing the row, with all that a bare kernel imports."""
    program = f"""
import os, vm_gateway.launch.__main__
from vm_kernel import launch
launch.run = lambda *a: 0
from vm_gateway.launch.notebook import Asked, serve_notebook
import vm_kernel.kernel, vm_kernel.engine.supervisor, vm_kernel.startup, vm_kernel.lifetime
asked = Asked("notebook", {str(tmp_path / "c.json")!r}, {str(tmp_path / "l")!r})
assert serve_notebook(asked, None, 2048) == 0
"""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "run"))
    loaded(program)  # makes the ledger and its fixed templates, which is done once and not light
    tops = {name.partition(".")[0] for name in loaded(program)}
    slow = tops & set(NOT_LOADED) - {name.partition(".")[0] for name in loaded("pass")}
    assert not slow, f"loaded on the way to a recorded kernel: {', '.join(sorted(slow))}"
