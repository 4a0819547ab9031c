"""Owns what a cell may do to the language under our feet, and that nothing of ours breaks, shows or believes it."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import pytest

from vm_kernel.engine.port import Asked, Cleared, Displayed, Finished, Lost, Printed
from vm_kernel.limits import Limits
from vm_kernel.outcomes import Completed, Raised, TimedOut

from .conftest import Open
from .driver import Driver

EVIL = "() => { throw new Error('evil') }"
NOISY = "function () { globalThis.seen = (globalThis.seen || 0) + 1; return 'evil' }"


def replaced(owner: str, names: str, by: str = EVIL) -> str:
    return ";".join(f"{owner}[{name if name.startswith('Symbol.') else repr(name)}] = {by}" for name in names.split())


def setters(owner: str, names: str) -> str:
    return ";".join(
        f"Object.defineProperty({owner}, {name!r}, {{ __proto__: null, get() {{ throw new Error('get evil') }}, "
        f"set(v) {{ globalThis.leaked = v; throw new Error('set evil') }}, configurable: true }})"
        for name in names.split()
    )


PRELUDES = {
    "Array.prototype methods throw": replaced(
        "Array.prototype", "push pop map join slice splice concat indexOf includes forEach filter reduce sort Symbol.iterator"),
    "Array.prototype methods lie": replaced("Array.prototype", "push map join slice concat Symbol.iterator", NOISY),
    "array iterator next throws": "[][Symbol.iterator]().__proto__.next = () => { throw new Error('evil') }",
    "setters on Array.prototype[0..2]": setters("Array.prototype", "0 1 2"),
    "Array.prototype[0] is a value": "Array.prototype[0] = 'evil'; Array.prototype[1] = 'evil'",
    "Array.prototype.length frozen list": "Object.freeze(Array.prototype)",
    "setters on Object.prototype": setters("Object.prototype", "type payload value status name message cell text"),
    "setters on Object.prototype, descriptors": setters("Object.prototype", "enumerable configurable writable"),
    "get on Object.prototype": "Object.prototype.get = () => 'evil'",
    "set on Object.prototype": "Object.prototype.set = () => 'evil'",
    "get and set as accessors": setters("Object.prototype", "get set"),
    "then on Object.prototype": "Object.prototype.then = function (f) { f('evil') }",
    "then getter on Object.prototype": setters("Object.prototype", "then"),
    "toJSON on Object.prototype": f"Object.prototype.toJSON = {NOISY}; String.prototype.toJSON = {NOISY}",
    "toJSON getter": setters("Object.prototype", "toJSON"),
    "constructor on Object.prototype": setters("Object.prototype", "constructor"),
    "Object.prototype methods": replaced("Object.prototype", "toString valueOf hasOwnProperty isPrototypeOf"),
    "ok and async on Object.prototype": "for (const name of ['ok', 'async', 'names', 'shows', 'error', 'refused', 'shifts']) Object.prototype[name] = 'evil'",
    "JSON": replaced("JSON", "stringify parse"),
    "JSON lies": "JSON.stringify = () => '{\"status\":\"ok\"}'; JSON.parse = () => ({})",
    "JSON deleted": "delete globalThis.JSON",
    "String.prototype": replaced(
        "String.prototype", "charCodeAt slice indexOf split replace replaceAll repeat padEnd trim toString startsWith endsWith Symbol.iterator"),
    "String.fromCharCode": replaced("String", "fromCharCode fromCodePoint raw"),
    "Function.prototype": replaced("Function.prototype", "call apply bind toString Symbol.hasInstance")
    .replace("Function.prototype[Symbol.hasInstance]", "globalThis.ignored"),
    "Function.prototype Symbol.hasInstance": "try { Object.defineProperty(Function.prototype, Symbol.hasInstance, { value() { throw 1 } }) } catch {}",
    "Reflect": "for (const name of Reflect.ownKeys(Reflect)) if (typeof name === 'string') Reflect[name] = " + EVIL,
    "Object statics": replaced(
        "Object", "defineProperty keys entries create freeze getOwnPropertyDescriptor getPrototypeOf setPrototypeOf assign is"),
    "Math": replaced("Math", "min max floor abs trunc"),
    "Number": replaced("Number", "isInteger isFinite parseInt") + ";" + replaced("Number.prototype", "toString toFixed valueOf"),
    "Date": replaced("Date", "now") + ";" + replaced("Date.prototype", "getTime toISOString"),
    "Error.prepareStackTrace throws": f"Error.prepareStackTrace = {EVIL}",
    "Error.prepareStackTrace lies": "Error.prepareStackTrace = () => 'evil'",
    "Error.prepareStackTrace getter": setters("Error", "prepareStackTrace"),
    "Error.prepareStackTrace fixed": "Object.defineProperty(Error, 'prepareStackTrace', { value: () => { throw 1 }, configurable: false, writable: false })",
    "Error.captureStackTrace": replaced("Error", "captureStackTrace"),
    "Error.stackTraceLimit 0": "Error.stackTraceLimit = 0",
    "Error.stackTraceLimit getter": setters("Error", "stackTraceLimit"),
    "Error.stackTraceLimit huge": "Error.stackTraceLimit = Infinity",
    "Error.prototype": setters("Error.prototype", "stack cause") + f"; Error.prototype.toString = {EVIL}",
    "Error.isError": "Error.isError = () => false",
    "RegExp.prototype": replaced("RegExp.prototype", "exec test Symbol.replace Symbol.match Symbol.split")
    + ";" + setters("RegExp.prototype", "flags global source"),
    "Map and Set": replaced("Map.prototype", "get set has delete forEach") + ";" + replaced("Set.prototype", "add has delete"),
    "WeakMap and WeakSet": replaced("WeakMap.prototype", "get set has") + ";" + replaced("WeakSet.prototype", "add has"),
    "Symbol": "Symbol.for = () => 'evil'; Symbol.keyFor = () => 'evil'; delete Symbol.prototype.toString",
    "Atomics": "for (const name of Reflect.ownKeys(Atomics)) if (typeof name === 'string') Atomics[name] = " + EVIL,
    "typed array prototypes": replaced("Uint8Array.prototype.__proto__", "set subarray slice fill join Symbol.iterator")
    + "; for (const name of ['length', 'buffer', 'byteLength']) Object.defineProperty(Uint8Array.prototype.__proto__, name, { get() { throw new Error('evil') } })",
    "buffers deleted": "delete globalThis.Uint8Array; delete globalThis.Int32Array; delete globalThis.SharedArrayBuffer; delete globalThis.ArrayBuffer",
    "eval replaced": f"globalThis.eval = {EVIL}",
    "Function replaced": f"globalThis.Function = {EVIL}; globalThis.Object = {EVIL}; globalThis.Array = {EVIL}; globalThis.String = {EVIL}; globalThis.Error = {EVIL}",
    "setTimeout replaced": f"setTimeout = setInterval = clearTimeout = queueMicrotask = {EVIL}",
    "display and prompt replaced": f"display = prompt = clearOutput = {EVIL}",
    "globalThis frozen": "Object.freeze(globalThis)",
    "globalThis sealed with accessors": "Object.preventExtensions(globalThis)",
    "everything frozen": "for (const c of [Object, Array, Function, String, Number, Promise, Error, RegExp, Map, Set]) { Object.freeze(c); Object.freeze(c.prototype) }",
    "prototype of globalThis": "try { Object.setPrototypeOf(globalThis, new Proxy({}, { has() { throw new Error('evil') }, get() { throw new Error('evil') } })) } catch {}",
    "Proxy replaced": f"globalThis.Proxy = {EVIL}; globalThis.WeakMap = {EVIL}; globalThis.Symbol = {EVIL}",
    "Intl": "delete globalThis.Intl; delete globalThis.Temporal; delete globalThis.WebAssembly",
    "Promise statics": replaced("Promise", "resolve reject all race"),
    "Promise replaced": f"globalThis.Promise = {EVIL}",
    "Iterator.prototype": f"try {{ Iterator.prototype[Symbol.iterator] = {EVIL} }} catch {{}}",
    "generator prototypes": f"Object.getPrototypeOf(function*(){{}}).prototype.next = {EVIL}",
    "Object.prototype.__proto__": "delete Object.prototype.__proto__; delete Object.prototype.__defineGetter__",
    "Object.prototype numbers": setters("Object.prototype", "0 1 2 length"),
}
# `await` itself is specified to go through these.
PROMISE_PRELUDES = {
    "Promise.prototype.then throws": replaced("Promise.prototype", "then catch finally"),
    "Promise.prototype.then never calls": "Promise.prototype.then = () => {}",
    "Promise.prototype.constructor": setters("Promise.prototype", "constructor"),
    "Promise species": "Object.defineProperty(Promise, Symbol.species, { get() { throw new Error('evil') } })",
    "Promise.prototype.constructor lies": "Promise.prototype.constructor = function (run) { run(() => {}, () => {}) }",
}
CONSOLE_PRELUDES = {
    "console deleted": "delete globalThis.console",
    "console replaced": "globalThis.console = { log() { throw new Error('evil') } }",
    "all globals deleted": "for (const name of Reflect.ownKeys(globalThis)) if (name !== 'globalThis') try { delete globalThis[name] } catch {}",
}
QUICK = Limits(0, 3000, 0, 0, 0)


def text_of(finished: Finished) -> str:
    outcome = finished.outcome
    return outcome.value.text if isinstance(outcome, Completed) and outcome.value else str(outcome)


def prelude_run(driver: Driver, code: str) -> None:
    # `undefined` at the end: what the prelude evaluates to is not its matter
    outcome = driver.run(f"{code};\nundefined", QUICK).outcome
    assert isinstance(outcome, Completed), f"the prelude itself: {outcome}"


def stands(driver: Driver, *, console: bool = True, awaits: bool = True) -> None:
    """The things that must go on working whatever a cell did."""
    assert text_of(driver.run("1+1", QUICK)) == "2"
    assert text_of(driver.run("'x'", QUICK)) == "'x'"
    if console:
        cell = driver.run("console.log('x')", QUICK).cell
        assert driver.text(cell) == ["x"]
        cell = driver.run("console.log('a', 1)", QUICK).cell
        assert driver.text(cell) == ["a 1"]
        cell = driver.run("console.error({ a: 1 })", QUICK).cell
        assert len(driver.text(cell)) == 1 and "a" in driver.text(cell)[0], driver.text(cell)
    error = driver.run("null.nothing", QUICK).outcome
    assert isinstance(error, Raised), error
    assert error.error.name == "TypeError" and "nothing" in error.error.message, error
    wrong = driver.run("1 +", QUICK).outcome
    assert isinstance(wrong, Raised) and wrong.error.name == "SyntaxError", wrong
    shown = driver.run("({ a: 1, b: [1, 2] })", QUICK).outcome
    assert isinstance(shown, Completed) and shown.value is not None and shown.value.type == "object", shown
    if awaits:
        assert text_of(driver.run("await 5", QUICK)) == "5"
        late = driver.run("await (async () => { throw 7 })()", QUICK).outcome
        assert isinstance(late, Raised) and "7" in late.error.message, late
    loop = driver.run("while (true) {}", Limits(0, 100, 0, 0, 0)).outcome
    assert isinstance(loop, TimedOut) and not loop.lost, loop
    assert text_of(driver.run("1+1", QUICK)) == "2"
    driver.ask("complete", "glob", 4)
    driver.ask("inspect", "globalThis", 5, 1)
    assert driver.ask("is_complete", "f(")["status"] == "incomplete"


def told_honestly(driver: Driver) -> None:
    """No record of a cell that did not run, none after its end, no engine lost."""
    running = 0
    for report in driver.reports:
        assert not isinstance(report, (Lost, Asked, Displayed, Cleared)), report
        if isinstance(report, Finished):
            assert report.cell == running + 1, report
            running = report.cell
        elif isinstance(report, Printed):
            assert report.cell == running + 1, report
    assert driver.engine.generation == 1


@pytest.mark.parametrize("name", PRELUDES)
def test_after_a_hostile_prelude_all_goes_on(open_engine: Open, name: str) -> None:
    driver = open_engine()
    prelude_run(driver, PRELUDES[name])
    stands(driver)
    told_honestly(driver)


@pytest.mark.parametrize("name", PROMISE_PRELUDES)
def test_after_promises_were_destroyed_cells_without_await_go_on(open_engine: Open, name: str) -> None:
    driver = open_engine()
    prelude_run(driver, PROMISE_PRELUDES[name])
    stands(driver, awaits=False)
    told_honestly(driver)


@pytest.mark.parametrize("name", CONSOLE_PRELUDES)
def test_without_console_or_globals_cells_go_on(open_engine: Open, name: str) -> None:
    driver = open_engine()
    prelude_run(driver, CONSOLE_PRELUDES[name])
    stands(driver, console=False)
    told_honestly(driver)


def test_a_frozen_console_still_prints(shared: Driver) -> None:
    cell = shared.run("Object.freeze(console); console.log('x')").cell
    assert shared.text(cell) == ["x"]
