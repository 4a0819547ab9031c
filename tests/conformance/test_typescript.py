"""TypeScript and JSX, in cells that say so and in a kernel whose language it is."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .peer import Client, Kernel

CASES = json.loads(Path(__file__).with_name("typescript.json").read_text(encoding="utf-8"))
#: Programs without semicolons, with the values that they have when TypeScript 5.9 itself makes JavaScript of them.
ENDINGS = json.loads(Path(__file__).with_name("typescript_endings.json").read_text(encoding="utf-8"))
#: What stands before a cell, and by how many lines that moves it.
HEADS = {"javascript": ("%%ts\n", 1), "typescript": ("", 0)}


@pytest.fixture(scope="module", params=list(HEADS))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def speaker(language: str) -> Iterator[Client]:
    """A client of a kernel in each language; its cells run in the order of the file."""
    with tempfile.TemporaryDirectory(prefix="vmk") as folder, Kernel(Path(folder), "--language", language) as kernel:
        yield kernel.clients[0]


@pytest.mark.parametrize(("name", "code", "value"), CASES["values"], ids=[case[0] for case in CASES["values"]])
def test_typescript_runs(speaker: Client, language: str, name: str, code: str, value: str | None) -> None:
    heard = speaker.run(HEADS[language][0] + code)
    assert heard.status == "ok", heard.content
    assert heard.value == value


@pytest.mark.parametrize(("name", "code", "value"), ENDINGS, ids=[case[0] for case in ENDINGS])
def test_a_line_ends_where_the_compiler_ends_it(
    speaker: Client, language: str, name: str, code: str, value: str
) -> None:
    heard = speaker.run(HEADS[language][0] + code)
    assert heard.status == "ok", heard.content
    assert heard.value == value


def test_an_enum_that_is_run_again_starts_anew(speaker: Client, language: str) -> None:
    head = HEADS[language][0]
    speaker.run(f"{head}enum Again {{ Old, Both }}")
    assert speaker.run(f"{head}enum Again {{ Both = 'b' }}\nAgain").value == "{ Both: 'b' }"
    speaker.run(f"{head}let taken: number = 5")
    assert speaker.run(f"{head}enum taken {{ A = 1 }}\nawait taken.A").value == "1"
    assert speaker.run(f"{head}'use strict'; enum taken {{ A = 2 }}\ntaken.A").value == "2"


@pytest.mark.parametrize(
    ("name", "code", "ename", "evalue", "place"), CASES["errors"], ids=[case[0] for case in CASES["errors"]]
)
def test_an_error_names_the_place_in_what_was_written(
    speaker: Client, language: str, name: str, code: str, ename: str, evalue: str, place: str
) -> None:
    head, moved = HEADS[language]
    heard = speaker.run(head + code)
    content = heard.content
    assert (content["ename"], content["evalue"]) == (ename, evalue)
    line, column = place.split(":")
    assert content["traceback"][0] == f"cell [{content['execution_count']}]:{int(line) + moved}:{column}"
    shown = code.split("\n")[int(line) - 1]
    assert content["traceback"][1:3] == [shown, " " * (int(column) - 1) + "^"]


def test_a_text_without_bottom_is_told_as_such(speaker: Client, language: str) -> None:
    content = speaker.run(HEADS[language][0] + "(" * 30_000 + "1 as number" + ")" * 30_000).content
    assert (content["ename"], content["evalue"]) == ("RangeError", "the cell is nested too deeply to be parsed")


@pytest.mark.parametrize(("code", "reply"), CASES["complete"], ids=[repr(case[0]) for case in CASES["complete"]])
def test_is_complete_reads_types(shared_typescript: Client, code: str, reply: dict[str, Any]) -> None:
    content = shared_typescript.ask("is_complete_request", {"code": code}).content
    assert {key: content[key] for key in reply} == reply


@pytest.fixture(scope="module")
def shared_typescript(shared: Kernel) -> Iterator[Client]:
    client = shared.client()
    yield client
    client.close()
    shared.clients.remove(client)


def test_kernel_info_tells_the_language(start: Callable[..., Kernel]) -> None:
    kernel = start("--language=typescript")
    client = kernel.clients[0]
    info = client.ask("kernel_info_request").content
    language = info["language_info"]
    assert (language["name"], language["file_extension"], language["mimetype"]) == (
        "typescript",
        ".ts",
        "text/typescript",
    )
    assert info["banner"].startswith("TypeScript")
    assert client.ask("is_complete_request", {"code": "let a: number = 1"}).content["status"] == "complete"
    assert client.ask("is_complete_request", {"code": "type A = {"}).content["status"] == "incomplete"


def test_a_stop_while_typescript_is_loaded_ends_the_cell_and_the_next_one_runs(start: Callable[..., Kernel]) -> None:
    client = start().clients[0]
    long = "%%ts\n" + "let a: number = 1;\n" * 200_000
    cell = client.start(long)
    client.until("execute_input")
    client.send("interrupt_request", {}, "control")
    assert client.hear(cell).content["ename"] == "Interrupted"
    assert client.run("%%ts\nlet b: number = 2; b").value == "2"
