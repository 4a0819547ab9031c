"""The commands about templates, each against a real gateway: the lines of contract section 12."""

from __future__ import annotations

import re

import pytest

from .gateway import Gateway

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
NOBODY = "6f035b5c-6a0e-4a2c-9f0a-3b1c5d2e4f60"


def test_create_says_name_and_id_and_the_list_has_it_first(gateway: Gateway) -> None:
    (line,) = gateway.run("template", "create", "--name", "listed", "--engine", "v8").lines
    found = re.fullmatch(rf"Created template: listed \(ID: ({UUID})\)", line)
    assert found, line
    heading, rule, first, *_ = gateway.run("template", "list").lines
    assert heading.split() == ["ID", "Name", "Engine", "Active"]
    assert set(rule) == {"-"}
    assert first.split() == [found[1], "listed", "v8", "yes"]


def test_the_fixed_templates_are_there_from_the_start(gateway: Gateway) -> None:
    names = [line.split()[1] for line in gateway.run("template", "list").lines[2:]]
    assert {"default", "notebook"} <= set(names)


def test_get_shows_everything_that_a_template_has(gateway: Gateway) -> None:
    template_id = gateway.template("whole", "limits.wall_ms=1234", "runtime.esm=false")
    bare = gateway.run("template", "get", template_id).lines
    assert bare[:4] == ["Template: whole", f"ID: {template_id}", "Engine: v8", "Active: true"]
    assert re.fullmatch(f"Created: {TIME}", bare[4]) and re.fullmatch(f"Updated: {TIME}", bare[5])
    assert bare[6:8] == ["", "Settings:"]
    assert bare[8] == ('  Limits: {"cpu_ms":2000,"wall_ms":1234,"mem_mb":128,"max_events":50000,"max_output_kb":256}')
    assert bare[9] == '  Resolver: {"roots":["."],"extensions":[".js",".mjs"],"allow_absolute_repo_imports":true}'
    assert bare[10].startswith('  Runtime: {"esm":false,"strict":true,"console":true')
    assert not {"Capabilities:", "Startup Files:", "Exposed Modules:", "Loaded Libraries:"} & set(bare)
    for words in (
        ["add-module", "--name", "fs"],
        ["add-library", "--name", "lodash"],
        ["add-startup", "--path", "late.js", "--order", "20"],
        ["add-startup", "--path", "early.js", "--order", "5"],
        ["add-capability", "--kind", "global", "--name", "answer", "--config", '{"value": 42}'],
        ["add-capability", "--kind", "env", "--name", "HOME", "--enabled", "false"],
    ):
        assert gateway.run("template", words[0], template_id, *words[1:]).code == 0
    text = "\n".join(gateway.run("template", "get", template_id).lines)
    assert '\n\nCapabilities:\n  [enabled] global:answer (config: {"value":42})\n' in text
    assert "\n  [disabled] env:HOME (config: {})\n" in text
    assert "\n\nStartup Files:\n  [5] early.js (mode: eval)\n  [20] late.js (mode: eval)\n" in text
    assert "\n\nExposed Modules:\n  - fs\n" in text
    assert re.search(r"\n\nLoaded Libraries:\n  - lodash(-4\.17\.21)?$", text), text


def test_set_changes_what_it_names_and_nothing_else(gateway: Gateway) -> None:
    template_id = gateway.template("before", "limits.wall_ms=1000")
    words = ["limits.cpu_ms=0", "runtime.console=false", "name=after", "is_active=false"]
    assert gateway.run("template", "set", template_id, *words).lines == [f"Updated template: after (ID: {template_id})"]
    detail = gateway.data("template", "get", template_id)
    assert (detail["template"]["name"], detail["template"]["is_active"]) == ("after", False)
    assert (detail["settings"]["limits"]["cpu_ms"], detail["settings"]["limits"]["wall_ms"]) == (0, 1000)
    assert (detail["settings"]["runtime"]["console"], detail["settings"]["runtime"]["esm"]) == (False, True)
    row = next(line for line in gateway.run("template", "list").lines if template_id in line)
    assert row.split() == [template_id, "after", "v8", "no"]


@pytest.mark.parametrize("setting", ["limits.wall_ms=-1", "limits.wall_ms=1.5", "limits.speed=1", "nothing.at_all=1"])
def test_a_setting_that_the_gateway_refuses_changes_nothing(gateway: Gateway, setting: str) -> None:
    template_id = gateway.template(f"refused {setting}")
    before = gateway.data("template", "get", template_id)
    done = gateway.run("template", "set", template_id, "limits.cpu_ms=7", setting)
    assert (done.code, done.out) == (1, "")
    assert re.match(r"api error \(status=400, code=(INVALID_REQUEST|VALIDATION_ERROR)\): .+", done.err), done
    assert gateway.data("template", "get", template_id) == before


def test_delete_says_so_and_then_it_is_gone(gateway: Gateway) -> None:
    template_id = gateway.template("short-lived")
    assert gateway.run("template", "delete", template_id).lines == [f"Deleted template: {template_id}"]
    done = gateway.run("template", "get", template_id)
    assert (done.code, done.out) == (1, "")
    assert re.fullmatch(r"api error \(status=404, code=TEMPLATE_NOT_FOUND\): .+\n", done.err), done.err


@pytest.mark.parametrize(
    ("noun", "nouns", "name", "stored"),
    [("module", "modules", "fs", "fs"), ("library", "libraries", "lodash-4.17.21", None)],
)
def test_modules_and_libraries(gateway: Gateway, noun: str, nouns: str, name: str, stored: str | None) -> None:
    template_id = gateway.template(f"with {nouns}")
    assert gateway.run("template", f"list-{nouns}", template_id).lines == [f"No {nouns} configured"]
    added = gateway.run("template", f"add-{noun}", template_id, "--name", name).lines
    assert added == [f"Added {noun}: {name} to template {template_id}"]
    assert gateway.run("template", f"list-{nouns}", template_id).lines == [stored or name]
    removed = gateway.run("template", f"remove-{noun}", template_id, "--name", name).lines
    assert removed == [f"Removed {noun}: {name} from template {template_id}"]
    assert gateway.data("template", f"list-{nouns}", template_id) == []


def test_a_built_in_is_no_module(gateway: Gateway) -> None:
    done = gateway.run("template", "add-module", gateway.template("json"), "--name", "json")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("api error (status=422, code=MODULE_NOT_ALLOWED): ")


def test_capabilities(gateway: Gateway) -> None:
    template_id = gateway.template("with capabilities")
    assert gateway.run("template", "list-capabilities", template_id).lines == ["No capabilities found"]
    config = '{"value": {"long": "0123456789012345678901234567890123456789"}}'
    words = ["--kind", "global", "--name", "settings", "--config", config]
    added = gateway.run("template", "add-capability", template_id, *words).lines
    assert added == [f"Added capability: global:settings to template {template_id}"]
    gateway.run("template", "add-capability", template_id, "--name", "fs", "--enabled=false")
    heading, _, *rows = gateway.run("template", "list-capabilities", template_id).lines
    assert heading.split() == ["Kind", "Name", "Enabled", "Config"]
    assert sorted(row.split() for row in rows) == [
        ["global", "settings", "yes", '{"value":{"long":"012345678...'],
        ["module", "fs", "no", "{}"],
    ]
    assert len('{"value":{"long":"012345678...') == 30
    removed = gateway.run("template", "remove-capability", template_id, "--name", "fs").lines
    assert removed == [f"Removed capability: module:fs from template {template_id}"]
    assert [item["name"] for item in gateway.data("template", "list-capabilities", template_id)] == ["settings"]
    done = gateway.run("template", "remove-capability", template_id, "--name", "fs")
    assert (done.code, "the template has no capability module:fs" in done.err) == (1, True)


def test_startup_files(gateway: Gateway) -> None:
    template_id = gateway.template("with startup files")
    assert gateway.run("template", "list-startup", template_id).lines == ["No startup files found"]
    added = gateway.run("template", "add-startup", template_id, "--path", "a/../b.js").lines
    assert added == [f"Added startup file: b.js (order: 10) to template {template_id}"]
    gateway.run("template", "add-startup", template_id, "--path", "first.js", "--order", "-1", "--mode", " EVAL ")
    heading, _, *rows = gateway.run("template", "list-startup", template_id).lines
    assert heading.split() == ["Order", "Mode", "Path"]
    assert [row.split() for row in rows] == [["-1", "eval", "first.js"], ["10", "eval", "b.js"]]
    removed = gateway.run("template", "remove-startup", template_id, "--path", "b.js").lines
    assert removed == [f"Removed startup file: b.js from template {template_id}"]
    assert len(gateway.data("template", "list-startup", template_id)) == 1
    done = gateway.run("template", "add-startup", template_id, "--path", "../x.js")
    assert (done.code, done.err.split(":")[0]) == (1, "api error (status=422, code=INVALID_PATH)")


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["template", "get", NOBODY], 404, "TEMPLATE_NOT_FOUND"),
        (["template", "delete", NOBODY], 404, "TEMPLATE_NOT_FOUND"),
        (["template", "list-modules", NOBODY], 404, "TEMPLATE_NOT_FOUND"),
        (["template", "set", NOBODY, "name=x"], 404, "TEMPLATE_NOT_FOUND"),
        (["template", "get", "no-uuid"], 400, "VALIDATION_ERROR"),
        (["template", "create", "--name", ""], 400, "VALIDATION_ERROR"),
        (["template", "create", "--name", "x", "--engine", "none"], 422, "ENGINE_UNSUPPORTED"),
    ],
)
def test_a_refusal_is_one_line_with_status_and_code_and_exit_code_1(
    gateway: Gateway, words: list[str], status: int, code: str
) -> None:
    done = gateway.run(*words)
    assert (done.code, done.out) == (1, "")
    assert re.match(rf"api error \(status={status}, code={code}\): \S.*\n", done.err), done


def test_a_name_with_a_line_break_stays_on_its_line(gateway: Gateway) -> None:
    lines = gateway.run("template", "create", "--name", "a\n(ID: fake)\x1b[2J").lines
    assert len(lines) == 1
    assert re.fullmatch(rf"Created template: a\\n\(ID: fake\)\\u001b\[2J \(ID: {UUID}\)", lines[0]), lines
