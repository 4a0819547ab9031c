"""Values as text, in a real engine: what Node's inspector prints, checked against Node itself where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.driver import Driver
from vm_kernel.engine.supervisor import Supervisor
from vm_kernel.limits import Limits
from vm_kernel.outcomes import Completed, TimedOut

from .conftest import load
from .record_inspected import answers, key

TABLE = load("inspected.json")
ROWS: list[dict[str, str]] = TABLE["values"]


@pytest.fixture(scope="module")
def engine() -> Iterator[Driver]:
    driver = Driver(lambda sink: Supervisor(512, sink))
    yield driver
    driver.close()


def text_of(driver: Driver, source: str) -> str:
    outcome = driver.run(f"({source}\n)").outcome
    assert isinstance(outcome, Completed), outcome
    return "undefined" if outcome.value is None else outcome.value.text


def wanted(row: dict[str, Any]) -> str:
    """The newest Node's text, unless the row has its reason for another."""
    return str(row.get("ours", row.get("node24", row["node"])))


@pytest.mark.parametrize("row", ROWS, ids=[row["source"] for row in ROWS])
def test_text_is_nodes(engine: Driver, row: dict[str, str]) -> None:
    assert text_of(engine, row["source"]) == wanted(row), row.get("why", "")


def test_what_is_recorded_is_what_node_says() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node here: the recorded answers count")
    version, texts = answers(node, [row["source"] for row in ROWS])
    recorded = TABLE["recorded"][key(version)]
    if version.split(".")[0] != recorded.split(".")[0]:
        pytest.skip(f"Node {version} is here, the answers are those of {recorded}")
    changed = [
        (row["source"], before, now)
        for row, now in zip(ROWS, texts, strict=True)
        if now != (before := row.get(key(version), row["node"]))
    ]
    assert not changed, f"python -m tests.cells.record_inspected writes them anew: {changed[:3]}"


def test_differences_are_few_and_have_their_reasons() -> None:
    ours = [row for row in ROWS if "ours" in row]
    changed = [row for row in ROWS if "node24" in row]
    assert all(row.get("why") for row in ours + changed)
    assert all(row["ours"] != row.get("node24", row["node"]) for row in ours)
    assert len(ROWS) >= 450 and len(ours) <= 2 and len(changed) <= 20, (len(ROWS), len(ours), len(changed))


#: Values that would run user code, or never end, in a careless inspector; each counts what it ran in `hits`.
HOSTILE = load("values.json")["hostile"]


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_values_run_nothing_in_a_real_engine_either(engine: Driver, source: str) -> None:
    engine.run("var hits = 0")
    engine.run(f"var value = ({source})")
    engine.run("hits = 0")
    assert text_of(engine, "value")
    engine.run("console.log(value, [value]); console.log('%o', value)")
    engine.run("console.dir(value, {showHidden: true, showProxy: true})")
    assert text_of(engine, "hits") == "0"


CUSTOM = "Symbol.for('nodejs.util.inspect.custom')"


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (f"({{[{CUSTOM}]() {{ throw new Error('no') }}, a: 1}})", "a: 1"),
        (f"({{[{CUSTOM}]: (d, o, i) => {{ i.defaultOptions = {{depth: 9, colors: true}}; return 'set' }}}})", "set"),
        ("({a: {b: {c: {d: 1}}}})", "{ a: { b: { c: [Object] } } }"),
        (f"({{[{CUSTOM}]() {{ Array.prototype.push2 = 1; console.log('printed'); return [1, 2] }}}})", "[ 1, 2 ]"),
        (f"new Proxy({{[{CUSTOM}]: () => 'of the target'}}, {{}})", "of the target"),
    ],
)
def test_an_inspector_of_the_users_cannot_harm_ours(engine: Driver, code: str, shown: str) -> None:
    assert shown in text_of(engine, code)
    assert text_of(engine, "[{a: 'x'}]") == "[ { a: 'x' } ]"


def test_an_inspector_that_does_not_end_is_stopped_with_its_cell(engine: Driver) -> None:
    ended = engine.run(f"({{[{CUSTOM}]() {{ while (true); }}}})", Limits(0, 300, 0, 0, 0)).outcome
    assert isinstance(ended, TimedOut), ended
    assert text_of(engine, "1 + 1") == "2"


def test_looking_at_a_name_runs_no_inspector_of_the_users(engine: Driver) -> None:
    engine.run(f"var hits = 0; var looked = {{[{CUSTOM}]() {{ hits++; return 'run' }}, a: 1}}")
    found = engine.ask("inspect", "looked", 6, 0)
    assert found["found"] and "a: 1" in found["data"]["text/plain"]
    assert text_of(engine, "hits") == "0"
