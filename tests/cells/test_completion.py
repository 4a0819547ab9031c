"""What can follow a name and what a name means, without running anything of the user's."""

from __future__ import annotations

import pytest

from vm_kernel import magics

from .conftest import Cells, load
from .isolate import Isolate

SESSION = """
var touched = 0;
class P { get lazy() { touched++; return 1 } method(a, {b} = {}, ...c) {} }
class Sub extends P { static make() {} }
var obj = {foo: new P, get side() { touched++; return {x: 1} }, s: "str", "al pha": 1, alpha: 2};
obj.foo.bar = {baz: 1, bat(x, y = 2) {}, barrr: 3};
var trap = () => { touched++ };
var traps = {get: trap, has: trap, ownKeys: trap, getOwnPropertyDescriptor: trap, getPrototypeOf: trap};
var proxy = new Proxy({a: 1}, traps);
const inherits = Object.create(proxy);
let list = [1, {deep: 1}];
function add(a, {b = 2, c} = {}, ...rest) {
  /** Adds things.
   * @param a the first
   */
  return a;
}
var odd = {"it's": 1, 'say "hi"': 2, "line\\nbreak": 3, "back\\\\slash": 4};
let Mine = 1;
const chain = {__proto__: null, one: 1, two: {__proto__: null, three: 3, four: 4}};

/** Doubles a number.
 * @param n the number
 */
const twice = (n, by = 2) => n * by;

// How many there are.
// At most.
let count = 7;

class Shape {
  constructor(width, height = 2) { this.width = "constructor("; }
  /** Its area. */
  area(scale = 1) { return 1 }
}
const shape = new Shape(1);
/** What the class is for. */
class Documented { /** About a member. */ member() {} }
const tools = {
  // Goes there.
  go: function (where) {},

  stop: function (why) {},
};
"""

TABLES = load("completion.json")

#: Text up to the cursor, the matches, the type of the first.
MATCHES = TABLES["matches"]


@pytest.fixture(scope="module")
def session(shared_cells: Cells) -> Cells:
    assert shared_cells.run(SESSION)["status"] == "ok"
    return shared_cells


@pytest.mark.parametrize(("source", "matches", "kind"), MATCHES, ids=[row[0] for row in MATCHES])
def test_completion(session: Cells, source: str, matches: list[str], kind: str) -> None:
    units = len(source.encode("utf-16-le")) // 2
    answer = session.complete(source, units)
    assert answer["matches"] == matches
    types = answer["metadata"]["_jupyter_types_experimental"]
    assert [item["text"] for item in types] == matches
    if matches:
        assert types[0]["type"] == kind
    assert session.value("touched") == "0", "completion ran a getter or a proxy trap"


def test_a_thousand_matches_at_most(cells: Cells) -> None:
    cells.run("var many = {}; for (let i = 0; i < 5000; i++) many['k' + i] = i")
    assert len(cells.complete("many.")["matches"]) == 1000


#: Text, cursor, detail, and what the answer holds; an empty list: nothing is found.
INSPECTED = TABLES["inspected"]


@pytest.mark.parametrize(
    ("source", "cursor", "detail", "parts"), INSPECTED, ids=[f"{row[0]} {row[2]}" for row in INSPECTED]
)
def test_inspection(session: Cells, source: str, cursor: int | None, detail: int, parts: list[str]) -> None:
    answer = session.inspect(source, cursor, detail)
    assert answer["found"] == bool(parts)
    for part in parts:
        assert part in answer["data"]["text/plain"]
    assert session.value("touched") == "0", "inspection ran a getter or a proxy trap"


def test_the_parser_knows_the_magics_of_the_kernel(isolate: Isolate) -> None:
    assert isolate.evaluate("parser", "__stringify(parser.MAGICS)") == {
        name: list(words) for name, words in magics.HELP.items()
    }


def test_completion_of_a_busy_session_knows_names_and_built_ins(isolate: Isolate) -> None:
    isolate.call("parser", "parser.transform", "const remembered_one = 1", "cell [1]")

    def texts(source: str) -> list[str]:
        return [
            match["text"] for match in isolate.call("parser", "parser.completeStatic", source, len(source))["matches"]
        ]

    assert "remembered_one" in texts("remem")
    assert texts('"abc".toU') == ["toUpperCase"]
    assert texts("Math.ata") == ["atan", "atan2", "atanh"]
    assert {"atan", "max"} <= set(texts("Math?."))
    assert {"atan", "max"} <= set(texts('Math?.["'))
    assert texts("let zed = 1; ze") == ["zed"]
    assert "await" in texts("aw")
    assert texts("remembered_one.x") == []
