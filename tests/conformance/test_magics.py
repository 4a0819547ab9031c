"""Magics over a real engine: what runs, what is printed around it, what no user code can change."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from .peer import Client, Kernel

TIMES = re.compile(r"wall (?:\d+|under 1) ms, cpu (?:\d+|under 1) ms\n")

NAMES = """
var ran = 0;
const add = (a, b = 2) => a + b;
class Point { get x() { ran++; return 1 } }
let text = "x".repeat(5000), lines = "a\\nb", point = new Point, list = [1, [2, [3]]], map = new Map([[1, {a: {}}]]);
let nothing = null, missing, big = 10n, trap = () => { ran++ };
var proxy = new Proxy({}, {get: trap, ownKeys: trap, getOwnPropertyDescriptor: trap, getPrototypeOf: trap, has: trap});
Object.defineProperty(globalThis, "lazy", {get: trap, enumerable: true, configurable: true});
var alert = "mine";
var shown = {[Symbol.for("nodejs.util.inspect.custom")]: trap, a: 1};
0
"""


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("%time 6 * 7", "42"),
        ("%%time\nlet halves = 0.5;\nawait 1; halves * 4", "2"),
        ("  \n%time  {a: 1}", "{ a: 1 }"),
        ("%%time\n%%ts\nlet n: number = 3; n", "3"),
        ("%%ts let m: number = 4; m", "4"),
    ],
)
def test_a_magic_before_code_leaves_its_value(client: Client, code: str, value: str) -> None:
    heard = client.run(code)
    assert heard.value == value, heard.content
    if "time" in code:
        assert TIMES.fullmatch(heard.text())
        assert heard.types.index("stream") < heard.types.index("execute_result")


def test_time_comes_after_the_output_and_for_a_cell_that_fails_too(client: Client) -> None:
    heard = client.run("%time console.log('a'); null.x")
    assert heard.content["ename"] == "TypeError"
    assert heard.content["traceback"][1:3] == ["%time console.log('a'); null.x", " " * 29 + "^"]
    assert heard.text().startswith("a\nwall ")


def test_a_cell_under_time_is_stopped_like_any(client: Client) -> None:
    cell = client.start("%time console.log('runs'); while (true);")
    client.until("stream")
    client.send("interrupt_request", {}, "control")
    heard = client.hear(cell)
    assert heard.content["ename"] == "Interrupted"
    assert TIMES.search(heard.text())


@pytest.mark.parametrize(("code", "value"), [("7 % 4", "3"), ("let m = 9\n% 5; m", "4"), ("// c\n9\n%\n5", "4")])
def test_a_percent_sign_further_on_is_the_operator(client: Client, code: str, value: str) -> None:
    assert client.run(code).value == value


def test_who_lists_names_types_and_values_and_runs_nothing(start: Callable[..., Kernel]) -> None:
    client = start().clients[0]
    assert client.run("%who").text() == "no names yet\n"
    client.run(NAMES)
    rows = {line.split()[0]: line.split(None, 2)[1:] for line in client.run("%who").text().splitlines()[1:]}
    assert list(rows) == sorted(rows)
    assert rows == {
        "Point": ["class", "class Point"],
        "add": ["function", "(a, b = 2) =>"],
        "alert": ["string", "'mine'"],
        "big": ["bigint", "10n"],
        "lazy": ["accessor", "(not read)"],
        "lines": ["string", "'a\\nb'"],
        "list": ["Array", "[ 1, [Array] ]"],
        "map": ["Map", "Map(1) { 1 => [Object] }"],
        "missing": ["undefined", "undefined"],
        "nothing": ["null", "null"],
        "point": ["Point", "Point {}"],
        "proxy": ["Proxy", rows["proxy"][1]],
        "ran": ["number", "0"],
        "shown": ["Object", rows["shown"][1]],
        "text": ["string", "'" + "x" * 99 + "\N{HORIZONTAL ELLIPSIS}"],
        "trap": ["function", "() =>"],
    }
    assert client.run("ran").value == "0", "%who ran a getter or a proxy trap"


def test_no_user_code_takes_who_away_or_hears_it(start: Callable[..., Kernel]) -> None:
    client = start().clients[0]
    client.run(
        "var heard = 0; globalThis.__who = () => heard++; delete globalThis.__who;"
        "for (const key of ['push', 'sort', 'slice', 'map']) Array.prototype[key] = () => { heard++ };"
        "String.prototype.padEnd = String.prototype.slice = () => { heard++ };"
        "Object.getOwnPropertyDescriptor = Reflect.ownKeys = () => { heard++ };"
        "Object.defineProperty(Object.prototype, 'get', {value: () => { heard++ }, configurable: true}); 0"
    )
    text = client.run("%who").text()
    assert re.search(r"^heard +number +0$", text, re.M), text
    assert client.run("heard").value == "0"


def test_who_of_many_names_is_cut_with_a_count(start: Callable[..., Kernel]) -> None:
    client = start().clients[0]
    client.run("for (let i = 0; i < 1500; i++) globalThis['name' + i] = i")
    lines = client.run("%who").text().splitlines()
    assert len(lines) == 1002 and lines[-1] == "and 500 more"


def test_reset_takes_variables_and_timers_away(start: Callable[..., Kernel]) -> None:
    client = start().clients[0]
    client.run("let kept = 1; setInterval(() => console.log('still there'), 1)")
    assert client.run("%reset").status == "ok"
    heard = client.run("await new Promise(done => setTimeout(done, 50)); typeof kept")
    assert heard.value == "'undefined'" and heard.text() == heard.text("stderr") == ""


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("typed.ts", "enum E { A = 4 }\nlet n: number = E.A; n", "4"),
        ("element.jsx", "const h = (tag) => tag + '!'; <b/>", "'b!'"),
        ("plain.js", "typeof __ARGS__.a", "'number'"),
    ],
)
def test_run_takes_the_language_from_the_name(
    start: Callable[..., Kernel], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, text: str, value: str
) -> None:
    (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    client = start().clients[0]
    assert client.run(f'%run {name} {{"a": 1}}').value == value
    (tmp_path / name).write_text("\n\nmissing")
    assert client.run(f"%run {name}").content["traceback"][0] == f"{name}:3:1"
