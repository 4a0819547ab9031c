"""Values as text where Node is no measure: beyond its inspector, hostile, very large, after built-ins were replaced."""

from __future__ import annotations

import re
import time

import pytest

from .conftest import Cells, load


def shown(cells: Cells, expression: str) -> dict[str, str]:
    ended = cells.run(f"({expression}\n)")
    assert ended["status"] == "ok", ended
    return {key: str(value) if key != "json" else value for key, value in ended.items()}


TABLES = load("values.json")

#: What the inspector of the package shows wrongly or not at all.
BEYOND = TABLES["beyond"]


@pytest.mark.parametrize(("source", "text"), BEYOND, ids=[row[0] for row in BEYOND])
def test_text_beyond_the_package(shared_cells: Cells, source: str, text: str) -> None:
    assert shown(shared_cells, source)["text"] == text


#: An expression, its type, its string conversion and its JSON.
CONVERTED = TABLES["converted"]


@pytest.mark.parametrize(("source", "kind", "preview", "text"), CONVERTED, ids=[row[0] for row in CONVERTED])
def test_type_preview_and_json(shared_cells: Cells, source: str, kind: str, preview: str, text: str | None) -> None:
    shared_cells.run("var hits = 0")
    ended = shown(shared_cells, source)
    assert (ended["type"], ended["preview"], ended["json"]) == (kind, preview, text)
    assert shared_cells.value("hits") == "0"


#: Values that would run user code, or never end, in a careless inspector; each counts what it ran in `hits`.
HOSTILE = TABLES["hostile"]


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_values_are_shown_without_running_anything(cells: Cells, source: str) -> None:
    cells.run("var hits = 0")
    cells.run(f"var value = ({source})")
    cells.run("hits = 0")
    ended = shown(cells, "value")
    assert ended["text"]
    assert "cannot be shown" not in ended["text"]
    assert cells.value("hits") == "0", ended["text"]
    assert cells.logged("[value, 'and', [value]]")
    assert cells.value("hits") == "0", "the console ran user code"


#: Cells that replace what an inspector stands on.
PATCHES = TABLES["patches"]


# The inspector's quotes, or those of the plainer text that stands in for it.
NULL = r"(\[Object: null prototype\] )?"
PLAIN = NULL + r"""\{ a: 1, b: \[ ['"]x['"], """ + NULL + r"\{ c: 2 \} \] \}"


@pytest.mark.parametrize("patch", PATCHES)
def test_values_are_shown_after_built_ins_were_replaced(cells: Cells, patch: str) -> None:
    cells.run("var hits = 0; var plain = {a: 1, b: ['x', {c: 2}]}, map = new Map([[1, 2]]), error = new Error('bo')")
    cells.run(patch)
    cells.run("hits = 0")
    assert cells.value("1 + 1") == "2"
    assert re.fullmatch(PLAIN, str(cells.value("plain")))
    assert "1 => 2" in str(cells.value("map"))
    assert "Error: bo" in str(cells.value("error"))
    assert cells.value("await 5") == "5"
    assert cells.complete("pla")["matches"] == ["plain"]
    assert cells.value("hits") == "0"


#: Arguments of one console call, and the line.
LOGGED = TABLES["logged"]


@pytest.mark.parametrize(("arguments", "line"), LOGGED, ids=[row[0] for row in LOGGED])
def test_console_arguments_read_as_in_node(shared_cells: Cells, arguments: str, line: str) -> None:
    assert shared_cells.logged(arguments) == line


@pytest.mark.parametrize(
    ("source", "length"),
    [
        ("'x'.repeat(1e7)", 10_000_002),
        ("'line of text\\n'.repeat(8e5)", 11_200_002),
        ("new Uint8Array(1e8)", None),
        ("Array.from({length: 1e6}, (_, i) => i)", None),
        ("new Set(Array.from({length: 1e5}, (_, i) => i))", None),
    ],
)
def test_large_values_take_a_moment_only(cells: Cells, source: str, length: int | None) -> None:
    cells.run(f"var value = {source}")
    start = time.monotonic()
    ended = cells.run("value")
    assert time.monotonic() - start < 5, "rendering took seconds"
    if length is None:
        assert "more items" in ended["text"] and len(ended["text"]) < 20_000
    else:
        assert len(ended["text"]) == length
