"""What values and display() show besides text, over a real kernel; the data lies in rich_outputs.json."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .peer import Client, Kernel

CASES = json.loads(Path(__file__).with_name("rich_outputs.json").read_text(encoding="utf-8"))

#: What may have happened to the built-ins before a cell shows something.
HOSTILE = """
{
  const define = Object.defineProperty, { ownKeys } = Reflect, refuse = () => { throw "replaced" };
  const replaced = [Array.prototype, String.prototype, Map.prototype, RegExp.prototype, Function.prototype, Math, JSON, Object, Reflect, Date];
  const keep = { constructor: 1, length: 1, name: 1, prototype: 1 };
  for (let i = 0; i < replaced.length; i++) {
    const names = ownKeys(replaced[i]);
    for (let k = 0; k < names.length; k++) {
      if (!keep[names[k]]) try { replaced[i][names[k]] = refuse } catch {}
    }
  }
  Uint8Array.prototype.toBase64 = Uint8Array.fromBase64 = refuse;
  Object.prototype.toJSON = () => "toJSON";
  const trap = { get() { throw "get" }, set() { throw "set" }, configurable: true };
  define(Object.prototype, "update", trap);
  define(Object.prototype, "text/html", trap);
}
undefined
"""


@pytest.mark.parametrize("case", CASES["values"], ids=lambda case: case["situation"])
def test_a_value_shows(client: Client, case: dict[str, Any]) -> None:
    heard = client.hear(client.start(f"{case.get('before', '')};{case['code']}"))
    assert heard.status == "ok", heard.content
    assert heard.contents("execute_result")[0]["data"] == case["data"]
    assert heard.contents("execute_result")[0]["metadata"] == case.get("metadata", {})
    told = heard.text("stderr")
    assert case["stderr"] in told if "stderr" in case else told == ""


@pytest.mark.parametrize("case", CASES["errors"], ids=lambda case: case["code"])
def test_what_cannot_be_shown_is_an_error_that_says_what_is_expected(client: Client, case: dict[str, Any]) -> None:
    heard = client.hear(client.start(case["code"]))
    assert (heard.content["ename"], heard.content["evalue"]) == ("TypeError", case["message"])
    assert not [line for line in heard.content["traceback"] if "vm:" in line]


@pytest.mark.parametrize("case", CASES["values"], ids=lambda case: case["situation"])
def test_display_shows_the_same_as_the_value_of_a_cell(client: Client, case: dict[str, Any]) -> None:
    heard = client.hear(client.start(f"{case.get('before', '')};0;await display({case['code']})"))
    assert heard.status == "ok", heard.content
    assert heard.contents("execute_result") == [], "a handle was shown"
    shown = heard.contents("display_data")[0]
    assert (shown["data"], shown["metadata"]) == (case["data"], case.get("metadata", {}))


def table_of(client: Client, code: str) -> str:
    heard = client.hear(client.start(code))
    return str(heard.contents("execute_result")[0]["data"]["text/html"])


def test_a_long_table_is_cut_after_100_rows_and_says_how_many_more(client: Client) -> None:
    html = table_of(client, "Array.from({ length: 1050 }, (_, i) => ({ i }))")
    assert html.count("<tr>") == 101 and "<th>99</th>" in html
    assert html.endswith("</table>\n<p>\u2026 950 more rows</p>")


def test_a_wide_table_is_cut_after_30_columns_and_says_how_many_more(client: Client) -> None:
    html = table_of(client, "[Object.fromEntries(Array.from({ length: 31 }, (_, i) => ['c' + i, i]))]")
    assert "<th>c29</th>" in html and "<th>c30</th>" not in html
    assert html.endswith("<p>\u2026 1 more column</p>")


def test_a_table_of_long_texts_stays_small(client: Client) -> None:
    html = table_of(client, "Array.from({ length: 100 }, () => Object.fromEntries(Array.from({ length: 40 }, (_, i) => ['c' + i, '&'.repeat(1e4)])))")
    assert len(html) < 100_000, len(html)
    assert "more rows, 10 more columns" in html


def test_a_handle_updates_its_display_and_is_no_value(client: Client) -> None:
    heard = client.hear(client.start("var handle = display(html`<b>1</b>`); handle.update(html`<b>2</b>`); handle"))
    first, second = heard.contents("display_data")[0], heard.contents("update_display_data")[0]
    assert first["data"]["text/html"] == "<b>1</b>" and second["data"]["text/html"] == "<b>2</b>"
    assert first["transient"] == second["transient"] and len(first["transient"]["display_id"]) > 10
    assert heard.contents("execute_result") == []
    later = client.hear(client.start("handle.update({ 'text/plain': '3' }, { raw: true, metadata: { a: 1 } }).display_id === handle.display_id"))
    assert later.contents("update_display_data") == [{"data": {"text/plain": "3"}, "metadata": {"a": 1}, "transient": first["transient"]}]
    assert later.value == "true"


def test_two_sessions_never_use_the_same_display_id(client: Client, start: Callable[..., Kernel]) -> None:
    other = start().clients[0]
    ids = [
        heard.contents("display_data")[0]["transient"]["display_id"]
        for each in (client, other)
        for heard in (each.hear(each.start("display(1)")), each.hear(each.start("display(1)")))
    ]
    assert len({display_id.rpartition("-")[0] for display_id in ids}) == 2 and len(set(ids)) == 4, ids


def test_clear_output_waits_when_told(client: Client) -> None:
    heard = client.hear(client.start("clearOutput(); clearOutput({ wait: true })"))
    assert heard.contents("clear_output") == [{"wait": False}, {"wait": True}]


def test_a_value_whose_bundle_does_not_fit_is_shown_as_text(start: Callable[..., Kernel]) -> None:
    client = start("--max-output-kb", "64").clients[0]
    heard = client.hear(client.start("({ [Jupyter.$display]: () => ({ 'text/plain': 'short', 'text/html': 'x'.repeat(1e5) }) })"))
    assert heard.status == "ok" and heard.contents("execute_result")[0]["data"] == {"text/plain": "short"}
    assert heard.text("stderr") == "The value is shown as text: in full it is longer than max_output_kb allows.\n"
    display = client.hear(client.start("display({ 'text/html': 'x'.repeat(1e5) }, { raw: true })"))
    assert display.content["ename"] == "OutputExceeded"


def test_a_jupyter_display_that_never_ends_is_stopped_like_any_cell(start: Callable[..., Kernel]) -> None:
    client = start("--wall-ms", "300").clients[0]
    for body in ("() { for (;;); }", "() { return new Promise(() => {}) }"):
        heard = client.hear(client.start(f"var kept = 1; ({{ [Jupyter.$display]{body} }})"))
        assert heard.content["ename"] == "TimedOut", body
        assert client.hear(client.start("kept")).value == "1"


def test_rich_output_survives_replaced_built_ins(start: Callable[..., Kernel]) -> None:
    client = start().clients[0]
    before = "var bytes = new Uint8Array([0xff, 0xd8, 0xff])"
    assert client.hear(client.start(before + HOSTILE)).status == "ok"
    rich = {
        "[{ a: '<' }]": "<td>&lt;</td>",
        "html`${'<'}`": "&lt;",
        "bytes": "/9j/",
        "({ $schema: 'https://vega.github.io/schema/vega-lite/v5.json' })": "vega-lite",  # its toJSON gives no object
    }
    for code, shown in rich.items():
        heard = client.hear(client.start(code))
        assert shown in json.dumps(heard.contents("execute_result")), (code, heard.published)
        heard = client.hear(client.start(f"display({code})"))
        assert shown in json.dumps(heard.contents("display_data")), (code, heard.published)


@pytest.mark.parametrize(
    "code",
    [
        "display({ 'application/json': deep(201) }, { raw: true })",
        "display(1, { metadata: { deep: deep(200) } })",
        "Jupyter.comms.open('t', deep(5000))",
    ],
)
def test_what_is_nested_too_deeply_for_its_readers_is_an_error_and_the_engine_lives(client: Client, code: str) -> None:
    client.hear(client.start("var kept = 1; function deep(levels) { let at = '[['; while (levels-- > 0) at = [at]; return at }"))
    heard = client.hear(client.start(code))
    assert (heard.content["ename"], heard.content["evalue"]) == ("RangeError", "JSON nested deeper than 200 levels")
    assert client.hear(client.start("kept")).value == "1"


@pytest.mark.parametrize("number", ["'1e400'", "'-1E+309'", "'9'.repeat(5000)"])
def test_a_number_that_no_reader_has_is_an_error_and_the_engine_lives(client: Client, number: str) -> None:
    client.hear(client.start(f"var kept = 1, far = {{ a: [JSON.rawJSON({number})] }}"))
    for code in ("display({ 'application/json': far }, { raw: true })", "Jupyter.comms.open('t', far)"):
        heard = client.hear(client.start(code))
        assert heard.content.get("ename") == "RangeError", (code, heard.content)
    assert client.hear(client.start("kept")).value == "1"


def test_numbers_of_any_other_kind_are_shown(client: Client) -> None:
    code = "[1e308, -5e-324, 0.1, 12, JSON.rawJSON('123456789012345678901234567890'), '1e400', { e: true }]"
    heard = client.hear(client.start(f"display({{ 'application/json': {code} }}, {{ raw: true }})"))
    shown = [1e308, -5e-324, 0.1, 12, 123456789012345678901234567890, "1e400", {"e": True}]
    assert heard.contents("display_data")[0]["data"]["application/json"] == shown


def test_what_is_nested_as_deeply_as_its_readers_go_is_shown(client: Client) -> None:
    code = r"""let at = ['"[[', '\\', '\\"{']; for (let i = 1; i < 200; i++) at = [at]; display({ 'application/json': at }, { raw: true })"""
    shown = client.hear(client.start(code)).contents("display_data")[0]["data"]["application/json"]
    for _ in range(199):
        (shown,) = shown
    assert shown == ['"[[', "\\", '\\"{']


def test_a_users_expressions_are_as_rich_as_values(client: Client) -> None:
    expressions = {"table": "[{ a: 1 }]", "image": "image(new Uint8Array([0xff, 0xd8, 0xff]), { width: 3 })", "text": "1"}
    shown = client.hear(client.start("1", user_expressions=expressions)).content["user_expressions"]
    assert shown["table"]["data"]["text/html"].startswith("<table>") and shown["table"]["data"]["text/plain"] == "[ { a: 1 } ]"
    assert shown["image"]["metadata"] == {"image/jpeg": {"width": 3}}
    assert shown["image"]["data"] == {"text/plain": "[image/jpeg, 3 bytes]", "image/jpeg": "/9j/"}
    assert shown["text"]["data"] == {"text/plain": "1"}


# -- progress


def bars(client: Client, code: str) -> tuple[list[str], list[str]]:
    """The texts of the bar and of its HTML, in order; it is one display."""
    heard = client.hear(client.start(code))
    assert heard.status == "ok", heard.content
    first, updates = heard.contents("display_data"), heard.contents("update_display_data")
    assert len(first) == 1 and all(update["transient"] == first[0]["transient"] for update in updates)
    shown = [content["data"] for content in first + updates]
    return [data["text/plain"] for data in shown], [data["text/html"] for data in shown]


def test_progress_shows_the_first_and_the_last_state_at_once_and_little_between(client: Client) -> None:
    texts, htmls = bars(client, "for (const i of progress(Array.from({ length: 1e5 }, (_, i) => i), { label: 'rows' })) i * i")
    assert texts[0].startswith("rows 0% |") and "| 0/100000 " in texts[0]
    assert texts[-1].startswith("rows 100% |") and "| 100000/100000 " in texts[-1]
    assert '<progress value="100000" max="100000">' in htmls[-1]
    assert len(texts) < 30, "1e5 steps in a moment were shown one by one"


def test_progress_moves_while_the_loop_waits(client: Client) -> None:
    texts, _ = bars(client, "for await (const i of progress([1, 2, 3, 4], { total: 4 })) await new Promise((done) => setTimeout(done, 120))")
    assert [text.partition("%")[0] for text in texts] == ["0", "25", "50", "75", "100", "100"]


@pytest.mark.parametrize(
    ("iterated", "last"),
    [
        ("new Set([1, 2])", "2/2"),
        ("new Map([[1, 2]])", "1/1"),
        ("'abc'", "3/3"),
        ("[]", "0/0"),
        ("(function* () { yield 1; yield 2 })()", "2 ["),
    ],
)
def test_progress_knows_the_length_of(client: Client, iterated: str, last: str) -> None:
    texts, _ = bars(client, f"for (const each of progress({iterated}));")
    assert last in texts[-1], texts


def test_progress_iterates_asynchronous_generators_and_lets_go_of_them(client: Client) -> None:
    code = """
    var seen = [];
    async function* source() { try { yield 1; yield 2; yield 3 } finally { seen.push("closed") } }
    for await (const each of progress(source())) { seen.push(each); if (each === 2) break }
    console.log(seen.join())
    """
    heard = client.hear(client.start(code))
    assert heard.text() == "1,2,closed\n"
    assert heard.contents("update_display_data")[-1]["data"]["text/plain"].startswith("1 [")


def test_an_error_of_what_is_iterated_reaches_the_loop(client: Client) -> None:
    heard = client.hear(client.start("for (const i of progress((function* () { yield 1; throw new RangeError('mine') })())); "))
    assert heard.content["evalue"] == "mine"
