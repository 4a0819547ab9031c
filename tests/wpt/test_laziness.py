"""Standard globals wait for their first use: feature tests see them, nothing else loads them, cells may take them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from vm_kernel.engine.supervisor import Supervisor
from vm_kernel.outcomes import Completed, Raised

from ..engine.driver import Driver

NAMES = [
    "AbortController", "AbortSignal", "Crypto", "CustomEvent", "Event", "EventTarget", "Performance",
    "PerformanceEntry", "PerformanceMark", "PerformanceMeasure", "TextDecoder", "TextEncoder", "URL",
    "URLSearchParams", "atob", "btoa",
    "crypto", "performance", "structuredClone",
]  # fmt: skip
WAITING = f"{json.dumps(NAMES)}.filter((name) => 'get' in Object.getOwnPropertyDescriptor(globalThis, name))"

Run = Callable[[str], Any]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs a cell of a new engine; its JSON value, or the name of its error."""
    driver = Driver(lambda sink: Supervisor(512, sink))

    def run(code: str) -> Any:
        outcome = driver.run(code).outcome
        if isinstance(outcome, Raised):
            return outcome.error.name
        assert isinstance(outcome, Completed), outcome
        if outcome.value is None:
            return None
        return json.loads(outcome.value.json) if outcome.value.json is not None else outcome.value.preview

    run.ask = driver.ask
    yield run
    driver.close()


def test_a_new_session_has_them_all_and_has_loaded_none(run: Run) -> None:
    assert run(WAITING) == NAMES
    assert run(f"{json.dumps(NAMES)}.every((name) => name in globalThis)") is True
    assert run("Object.keys(globalThis)") == []


def test_completion_of_names_loads_none(run: Run) -> None:
    matches = run.ask("complete", "URL", 3)["matches"]
    assert {"URL", "URLSearchParams"} <= set(matches)
    run.ask("complete", "", 0)
    assert run(WAITING) == NAMES


def test_who_asks_for_members_is_shown_them(run: Run) -> None:
    matches = run.ask("complete", "crypto.", 7)["matches"]
    assert {"getRandomValues", "randomUUID"} <= set(matches)
    assert run.ask("inspect", "URL", 3, 0)["found"] is True
    assert {"TextDecoder", "TextEncoder"} == set(run(WAITING)), "of the scripts that nobody asked for"


@pytest.mark.parametrize("first", ["EventTarget", "TextEncoder", "URLSearchParams"])
def test_after_the_first_use_they_are_plain_properties(run: Run, first: str) -> None:
    assert run(f"typeof {first}") == "function"
    plain = [name for name in NAMES if name not in run(WAITING)]
    assert first in plain
    for name in plain:
        found = run(f"(({{value, ...rest}}) => rest)(Object.getOwnPropertyDescriptor(globalThis, '{name}'))")
        assert found == {"writable": True, "enumerable": False, "configurable": True}, name
        assert run(f"{name} === globalThis.{name} && ['function', 'object'].includes(typeof {name})") is True, name


@pytest.mark.parametrize(
    "code",
    [
        "URL = 5; URL",
        "var URL = 5; URL",
        "let URL = 5; URL",
        "const URL = 5; await 0; URL",
        "'use strict'; URL = 5; URL",
        "globalThis.URL = 5; URL",
        "Object.defineProperty(globalThis, 'URL', {value: 5}); URL",
        "function URL() {} URL = 5; URL",
    ],
)
def test_a_cell_may_take_the_name_for_itself(run: Run, code: str) -> None:
    assert run(code) == 5
    assert run("new URLSearchParams('a=1').get('a')") == "1", "the other global of the same script"
    assert run("URL") == 5


def test_deleted_it_stays_away(run: Run) -> None:
    assert run("delete globalThis.atob; btoa('a'); typeof atob") == "undefined"


HOSTILE = [
    "Object.freeze(globalThis)",
    "Object.prototype.get = () => 1; Object.prototype.set = 1; Object.prototype.value = 1;"
    " Object.prototype.writable = false",
    "for (const key of [0, 1, 'type', 'name', 'message', 'target'])"
    " Object.defineProperty(Object.prototype, key, {set() { throw 1 }, configurable: true})",
    "Array.prototype.push = Array.prototype.forEach = () => { throw 1 }",
    "Function.prototype.call = Function.prototype.apply = () => { throw 1 }",
    "Map.prototype.get = Map.prototype.set = WeakMap.prototype.get = Set.prototype.add = () => { throw 1 }",
    "Array.prototype[Symbol.iterator] = () => { throw 1 }",
    "Object.defineProperty = Object.create = Reflect.ownKeys = Object.getPrototypeOf = () => { throw 1 }",
    "eval = Function = Symbol = Promise = WeakMap = Error = () => { throw 1 }",
    "Error.prepareStackTrace = () => { throw 1 }; Error.stackTraceLimit = 0",
]
OWN_CODE = """(() => {
  const target = new EventTarget(); let heard = 0;
  target.addEventListener("a", () => { heard++ });
  target.dispatchEvent(new Event("a"));
  const controller = new AbortController();
  controller.signal.onabort = () => { heard++ };
  controller.abort();
  const copy = structuredClone({a: [1, new Date(5)], b: new Uint8Array(2)});
  performance.mark("m");
  const sizes = "" + copy.a.length + copy.b.length;
  return heard + controller.signal.reason.name + sizes + atob(btoa("x")) + crypto.randomUUID().length;
})()"""


@pytest.mark.parametrize("prelude", HOSTILE, ids=range(len(HOSTILE)))
def test_ours_stand_on_the_built_ins_as_they_were_at_the_start(run: Run, prelude: str) -> None:
    run(prelude)
    assert run(OWN_CODE) == "2AbortError22x36"
    # Packages that run on the built-ins as they find them: they may fail, for their own cell.
    run("new URL('http://ex\\u00e4mple.org/?a=b').searchParams.get('a')")
    run("new TextDecoder().decode(new TextEncoder().encode('x'))")
    assert run("1 + 1") == 2


def test_first_used_on_a_full_stack_it_loads_the_next_time(run: Run) -> None:
    run("var depth = 0; function dive() { depth++; try { dive() } catch { try { new URL('a:b') } catch {} } } dive()")
    assert run("new URL('a:b').href") == "a:b"
    assert run("new AbortController().signal.aborted") is False


def test_a_failing_listener_is_reported_and_stops_nobody() -> None:
    driver = Driver(lambda sink: Supervisor(512, sink))
    code = """const t = new EventTarget();
t.addEventListener("a", () => { throw new TypeError("mine") });
t.addEventListener("a", () => console.log("heard"));
t.dispatchEvent(new Event("a"))"""
    ended = driver.run(code)
    text = driver.text(ended.cell)
    driver.close()
    assert text[0].startswith("cell [1]:2:39\n") and "\nUncaught TypeError: mine\n    at " in text[0]
    assert text[1] == "heard"
    assert isinstance(ended.outcome, Completed)


def test_an_error_of_the_platform_reads_as_in_node() -> None:
    driver = Driver(lambda sink: Supervisor(512, sink))
    ended = driver.run("1;\natob('*')")
    driver.close()
    assert isinstance(ended.outcome, Raised)
    error = ended.outcome.error
    assert error.name == "InvalidCharacterError"
    assert error.traceback[:3] == ("cell [1]:2:1", "atob('*')", "^")
    assert error.traceback[4].startswith("DOMException [InvalidCharacterError]: ")
    assert not any("vm:" in line for line in error.traceback)
