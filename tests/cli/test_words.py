"""Words and options: what a command line means, and that the documentation has all of it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from vm_gateway.cli.command import Refused
from vm_gateway.cli.parser import COMMANDS, build, parse
from vm_gateway.cli.reference import document
from vm_gateway.cli.templates import parse_settings

from .gateway import ROOT, run

UUID = "6f035b5c-6a0e-4a2c-9f0a-3b1c5d2e4f60"
#: Contract section 12.
PROMISED = """
serve
template create, template list, template get, template set, template delete
template add-module, template remove-module, template list-modules
template add-library, template remove-library, template list-libraries
template list-available-modules, template list-available-libraries
template add-capability, template list-capabilities, template add-startup, template list-startup
session create, session list, session get, session close, session restart
exec repl, exec run-file, exec list, exec get, exec events, exec cancel
ops health, ops runtime-summary
kernelspec install, kernelspec sync, kernelspec list, kernelspec uninstall
"""


def leaves(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that the parser takes."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield words
    for action in below:
        for name, child in action.choices.items():
            yield from leaves(child, (*words, name))


def test_every_promised_command_exists() -> None:
    promised = {tuple(words.split()) for words in re.split(r"[,\n]+", PROMISED.strip())}
    assert promised - set(leaves(build())) == set()


def test_every_command_and_option_is_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    headings = {tuple(found.split()) for found in re.findall(r"^### (.+)$", page, re.M)}
    assert set(leaves(build())) == headings == {command.words for command in COMMANDS}
    for command in COMMANDS:
        section = page.split(f"### {' '.join(command.words)}\n", 1)[1].split("\n#", 1)[0]
        for argument in command.arguments:
            name = argument.name if argument.name.startswith("-") else argument.options.get("metavar", argument.name)
            assert f"`{name}`" in section, f"{' '.join(command.words)}: {name} is not in docs/cli.md"


def test_the_page_of_commands_is_the_one_that_the_table_makes() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == document(), (
        "docs/cli.md is old: python -m vm_gateway.cli.reference > docs/cli.md"
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: "-".join(command.words))
def test_each_command_explains_itself(command: object) -> None:
    done = run(*command.words, "--help")
    assert (done.code, done.err) == (0, "")
    assert "usage: vm-gateway" in done.out
    assert "prints:" in done.out


@pytest.mark.parametrize(
    "words",
    [
        ["--server-url", "http://h:1", "--db", "x.db", "template", "list"],
        ["template", "--server-url", "http://h:1", "list", "--db", "x.db"],
        ["template", "list", "--server-url=http://h:1", "--ledger=x.db"],
    ],
)
def test_general_options_may_stand_anywhere(words: list[str]) -> None:
    arguments, rest = parse(words)
    assert (arguments.server_url, arguments.ledger, rest) == ("http://h:1", "x.db", [])


def test_what_serve_does_not_know_goes_to_the_configuration() -> None:
    arguments, rest = parse(["serve", "--listen", "127.0.0.1:0", "--Gateway.max_sessions=3", "--db", "x"])
    assert (arguments.listen, arguments.ledger, rest) == ("127.0.0.1:0", "x", ["--Gateway.max_sessions=3"])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["-"], "-"),
        (["-1"], "-1"),
        (["--", "-x"], "-x"),
        (["--", "--x"], "--x"),
        (["1 + 1", "--json"], "1 + 1"),
        ([""], ""),
    ],
)
def test_code_of_a_repl(words: list[str], code: str) -> None:
    arguments, _ = parse(["exec", "repl", UUID, *words])
    assert (arguments.session_id, arguments.code) == (UUID, code)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "required: COMMAND"),
        (["template"], "required: COMMAND"),
        (["session", "delete", UUID], "invalid choice: 'delete'"),
        (["template", "create"], "required: --name"),
        (["session", "create", "--template-id", UUID], "required: --workspace-id, --base-commit, --worktree-path"),
        (["exec", "list", UUID, "--limit", "ten"], "invalid int value: 'ten'"),
        (["template", "list", "--nam", "x"], "unknown: --nam x"),
        (["exec", "repl", UUID, "1", "-x"], "code that begins with a dash comes after --"),
        (["template", "list", "--timeout-s", "0"], "--timeout-s must be more than 0"),
        (["template", "add-capability", UUID, "--name", "x", "--enabled", "yes"], "neither true nor false"),
    ],
)
def test_wrong_words_are_code_2_and_a_sentence(words: list[str], sentence: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, ""), done
    assert sentence in done.err


@pytest.mark.parametrize(
    ("assignments", "changes"),
    [
        (
            ["limits.wall_ms=1000", "limits.cpu_ms=0"],
            {"settings": {"limits": {"wall_ms": 1000, "cpu_ms": 0}}},
        ),
        (['resolver.roots=["lib","."]'], {"settings": {"resolver": {"roots": ["lib", "."]}}}),
        (["runtime.console=false", "name=1"], {"settings": {"runtime": {"console": False}}, "name": "1"}),
        (["runtime.on_engine_loss=fresh"], {"settings": {"runtime": {"on_engine_loss": "fresh"}}}),
        (["is_active=false", "description=a=b"], {"is_active": False, "description": "a=b"}),
        (["limits.wall_ms="], {"settings": {"limits": {"wall_ms": ""}}}),
    ],
)
def test_assignments_become_the_body_of_a_change(assignments: list[str], changes: dict[str, object]) -> None:
    assert parse_settings(assignments) == changes


@pytest.mark.parametrize("assignment", ["wall_ms=1", "limits.wall_ms", "=1", ".x=1", "limits.=1", "engine=v8"])
def test_an_assignment_of_nothing_is_refused_with_an_example(assignment: str) -> None:
    with pytest.raises(Refused, match=r"limits\.wall_ms"):
        parse_settings([assignment])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["template", "add-startup", UUID, "--path", "a.js", "--mode", "import"], "only eval is supported"),
        (["template", "add-capability", UUID, "--name", "x", "--config", "{a:1}"], "--config is no JSON"),
        (["exec", "run-file", UUID, "a.js", "--args", "{"], "--args is no JSON"),
        (["exec", "run-file", UUID, "a.js", "--env", "[1]"], "--env is no JSON object"),
        (["template", "create", "--name", "x", "--set", "name=y"], "--set takes settings only"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(words: list[str], sentence: str) -> None:
    done = run(*words, "--server-url", "http://127.0.0.1:9")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("vm-gateway: ") and sentence in done.err


def test_the_catalogues_need_no_gateway() -> None:
    import json

    nowhere = ("--server-url", "http://127.0.0.1:9")
    modules = json.loads("\n".join(run("template", "list-available-modules", *nowhere).lines))
    assert {entry["id"]: entry["functions"] for entry in modules} == {
        "database": ["configure", "query", "exec", "close"],
        "exec": ["run"],
        "fs": ["readFileSync", "writeFileSync"],
    }
    libraries = json.loads("\n".join(run("template", "list-available-libraries", *nowhere).lines))
    assert {(entry["id"], entry["version"], entry["config"]["global"]) for entry in libraries} == {
        ("lodash", "4.17.21", "_"),
        ("moment", "2.29.4", "moment"),
        ("axios", "1.6.0", "axios"),
        ("ramda", "0.29.0", "R"),
        ("dayjs", "1.11.10", "dayjs"),
        ("zustand", "4.4.7", "zustand"),
    }


def test_the_script_of_the_package_is_this_command() -> None:
    from configparser import ConfigParser

    parser = ConfigParser()
    parser.read(Path(ROOT) / "setup.cfg", encoding="utf-8")
    assert "vm-gateway = vm_gateway.cli.main:main" in parser["options.entry_points"]["console_scripts"]
