"""Completion and inspection over a real engine: cursors, what comes along, and what is answered while a cell runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .peer import Client, Kernel

#: Ten times what a person notices.
CEILING_S = 2.0

CELL = """
// Adds up.
const total = (list, start = 0) => list.reduce((a, b) => a + b, start);
/** A place. */
class Place { constructor(name) { this.name = name } }
let here = new Place("x"), ran = 0;
Object.defineProperty(globalThis, "lazy", {get() { ran++; return here }, configurable: true});
0
"""


@pytest.fixture(scope="module")
def asker(shared: Kernel) -> Iterator[Client]:
    client = shared.client()
    assert client.run(CELL).status == "ok"
    yield client
    client.close()
    shared.clients.remove(client)


def complete(client: Client, code: str, cursor: int | None = None) -> dict[str, Any]:
    content = {"code": code, "cursor_pos": len(code) if cursor is None else cursor}
    return client.ask("complete_request", content, timeout_s=CEILING_S).content


def inspect(client: Client, code: str, detail: int = 0) -> dict[str, Any]:
    content = {"code": code, "cursor_pos": len(code), "detail_level": detail}
    return client.ask("inspect_request", content, timeout_s=CEILING_S).content


@pytest.mark.parametrize(
    ("code", "cursor", "matches", "start", "end"),
    [
        ("here.na", None, ["name"], 5, 7),
        ("here.na + here", 7, ["name"], 5, 7),
        ("'\U0001f600\U0001f600'; here.na", None, ["name"], 11, 13),
        ("here['na", None, ["name"], 6, 8),
        ("let \U00020bb7x = 1; \U00020bb7", None, ["\U00020bb7x"], 12, 13),
        ("%%ts\nlet typed: number = 1; typ", None, ["typed"], 28, 31),
    ],
)
def test_cursors_count_code_points(
    asker: Client, code: str, cursor: int | None, matches: list[str], start: int, end: int
) -> None:
    content = complete(asker, code, cursor)
    assert content["matches"][: len(matches)] == matches
    assert (content["cursor_start"], content["cursor_end"]) == (start, end)
    for item in content["metadata"]["_jupyter_types_experimental"]:
        assert (item["start"], item["end"]) == (start, end)


@pytest.mark.parametrize(
    ("code", "item"),
    [
        ("tota", {"text": "total", "type": "function", "signature": "(list, start = 0)"}),
        ("Plac", {"text": "Place", "type": "class", "signature": "(name)"}),
        ("Math.ma", {"text": "max", "type": "method", "signature": "(...values)"}),
        ("her", {"text": "here", "type": "variable"}),
        ("performan", {"text": "performance", "type": "variable"}),
        ("URLSea", {"text": "URLSearchParams", "type": "class"}),
        ("here.nam", {"text": "name", "type": "property"}),
        ("%whe", None),
        ("%who", {"text": "%who", "type": "magic"}),
    ],
)
def test_types_and_signatures_come_with_the_matches(asker: Client, code: str, item: dict[str, str] | None) -> None:
    found = complete(asker, code)["metadata"]["_jupyter_types_experimental"]
    bare = [{key: each[key] for key in ("text", "type", "signature") if key in each} for each in found]
    assert bare == ([item] if item else [])


def test_inspection_has_text_and_markdown(asker: Client) -> None:
    content = inspect(asker, "total(")
    assert content["found"] is True
    assert content["data"]["text/plain"] == "total: function\n\n(list, start = 0) =>\n\nAdds up."
    assert content["data"]["text/markdown"] == "`total: function`\n\n```js\n(list, start = 0) =>\n```\n\nAdds up."
    assert "list.reduce" in inspect(asker, "total", 1)["data"]["text/plain"]
    assert inspect(asker, "here")["data"]["text/plain"] == "here: Place\n\nPlace { name: 'x' }"
    assert inspect(asker, "nothing_here")["found"] is False
    about_html = "html: function\n\nhtml(text)\n\nmarkup to be shown; as a tag, what is inserted is escaped"
    assert inspect(asker, "html")["data"]["text/plain"] == about_html
    assert "setTimeout(callback, ms?, ...values)" in inspect(asker, "setTimeout")["data"]["text/plain"]


def test_nothing_is_run_for_an_answer(asker: Client) -> None:
    assert complete(asker, "lazy.")["matches"] == []
    assert inspect(asker, "lazy")["data"]["text/plain"] == "lazy: getter, not run"
    assert asker.run("ran").value == "0"


@pytest.mark.parametrize("made", ["new Float64Array(4e7)", "new Array(2e7).fill(0)"])
def test_a_list_of_millions_is_completed_at_once(asker: Client, made: str) -> None:
    asker.run(f"var vast = {made}; 0")
    assert complete(asker, "vast.fil")["matches"][0] == "fill"
    asker.run("vast = null")


def test_a_global_that_waits_for_its_script_has_members(start: Callable[..., Kernel]) -> None:
    client = start().clients[0]
    assert "canParse" in complete(client, "URL.")["matches"]
    assert inspect(client, "structuredClone")["found"] is True


def test_while_a_cell_is_awaited_answers_are_live(asker: Client) -> None:
    cell = asker.started("let live = {inside: 1}; await new Promise(done => setTimeout(done, 60_000))")
    assert complete(asker, "live.in")["matches"] == ["inside"]
    assert inspect(asker, "live")["data"]["text/plain"] == "live: Object\n\n{ inside: 1 }"
    asker.send("interrupt_request", {}, "control")
    assert asker.hear(cell).content["ename"] == "Interrupted"


def test_while_a_cell_loops_answers_come_from_texts(start: Callable[..., Kernel]) -> None:
    client = start().clients[0]
    client.run(CELL)
    cell = client.started("\n// How far.\nlet far = 1; while (true);")
    assert complete(client, "tota")["matches"] == ["total"]
    assert complete(client, "fa")["matches"][0] == "far"
    assert complete(client, "let close = new Map(); close.cl")["matches"] == ["clear"]
    assert complete(client, "'a'.toU")["matches"] == ["toUpperCase"]
    assert complete(client, "%wh")["matches"] == ["%who"]
    assert complete(client, "here.na")["matches"] == [], "a value was guessed"
    for code, words in (
        ("total", ["(list, start = 0) =>", "Adds up."]),
        ("Place", ["Place: class", "A place."]),
        ("far", ["let far = 1", "How far."]),
        ("Math.max(", ["max(...values)"]),
        ("%who", ["the session's names"]),
    ):
        content = inspect(client, code)
        for part in words:
            assert part in content["data"]["text/plain"]
            assert part in content["data"]["text/markdown"]
    assert inspect(client, "here.name")["found"] is False
    client.send("interrupt_request", {}, "control")
    assert client.hear(cell).content["ename"] == "Interrupted"
    assert complete(client, "here.na")["matches"] == ["name"], "the session is free again"


def test_the_same_globals_are_known_while_a_cell_loops(start: Callable[..., Kernel]) -> None:
    client = start().clients[0]
    live = complete(client, "")["matches"]
    cell = client.started("while (true);")
    missing = set(live) - set(complete(client, "")["matches"])
    client.send("interrupt_request", {}, "control")
    client.hear(cell)
    assert len(live) > 100 and not missing, f"unknown to the parser's list of globals: {missing}"


def test_answers_come_while_typescript_is_the_language(start: Callable[..., Kernel]) -> None:
    client = start("--language=typescript").clients[0]
    assert complete(client, "let a: Map<string, number> = x, zed: number = 1; ze")["matches"] == ["zed"]
    assert "readonly" in complete(client, "reado")["matches"]
    client.run("/** Twice. */\nfunction twice(n: number): {value: number} { return {value: 2 * n} }")
    client.run("let later = 1")
    head = "twice: function\n\nfunction twice(n: number): {value: number}\n\nTwice."
    assert inspect(client, "twice")["data"]["text/plain"] == head
    whole = "function twice(n: number): {value: number} { return {value: 2 * n} }"
    assert inspect(client, "twice", 1)["data"]["text/plain"] == f"{head}\n\n{whole}"
