"""Owns that every source, value, error and text a cell can make is an answer that others can store."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import dataclasses
import json
import time

import pytest

from vm_kernel.engine.port import Asked, Displayed
from vm_kernel.limits import Limits
from vm_kernel.outcomes import Completed, Raised, TimedOut

from .driver import Driver
from .test_hostile import text_of

QUICK = Limits(0, 3000, 0, 0, 0)


def encodable(value: object) -> None:
    """Whatever comes out can be written as UTF-8: a lone surrogate would end whoever stores it."""
    try:
        json.dumps(value, ensure_ascii=False, default=dataclasses.asdict).encode("utf-8")
    except UnicodeEncodeError as error:
        raise AssertionError(f"{error}: {value!r}") from None


@pytest.mark.parametrize(
    "code",
    ["console.log('\\ud800', ['\\udc00'])", "display({ 'text/plain': '\\ud800' }, { raw: true })", "display('\\ud800')", "prompt('\\ud800')",
     "display({ '\\ud800': 1 }, { raw: true, display_id: '\\ud800', metadata: { a: '\\ud800' } })", "throw '\\ud800'", "({ '\\ud800': '\\udfff' })"],
)
def test_no_lone_surrogate_leaves_the_engine(shared: Driver, code: str) -> None:
    since = len(shared.reports)
    cell = shared.begin(code, QUICK)
    if "prompt" in code:
        shared.wait_for(Asked, since=since)
        shared.engine.answer("x")
    shared.finish(cell)
    for report in shared.reports[since:]:
        encodable(report)


# -- strange sources and values


@pytest.mark.parametrize(
    ("code", "preview"),
    [
        ("'\\ud800'", "\ufffd"), ("'a\\0b'", "a\0b"), ("'\u2028'", "\u2028"), ("'\U0001f600'", "\U0001f600"),
        ("'\\udc00\\ud800'", "\ufffd\ufffd"), ("\ufeff1", "1"), ("1\r\n", "1"), ("1\u2029", "1"), ("'\\u{10ffff}'", "\U0010ffff"),
        ("10n ** 400n", "1" + "0" * 400), ("-0", "0"), ("NaN", "NaN"), ("Infinity", "Infinity"), ("Symbol('x')", "Symbol(x)"),
        ("new Date(NaN)", "Invalid Date"), ("Object.create(null)", None), ("new Date(8.64e15)", None), ("document = undefined; (function(){})", None),
        ("({ __proto__: null, then: 5 })", None), ("new Proxy({}, { get() { throw 1 }, ownKeys() { throw 2 }, getPrototypeOf() { throw 3 } })", None),
        ("new Proxy(function () {}, { apply() { throw 1 } })", None), ("({ get [Symbol.toStringTag]() { throw 1 } })", None),
        ("({ [Symbol.for('nodejs.util.inspect.custom')]() { throw 1 } })", None), ("({ toString() { throw 1 }, toJSON() { throw 2 } })", None),
        ("const o = {}; o.o = o; o", None), ("new (class extends Error { get name() { throw 1 } get message() { throw 2 } get stack() { throw 3 } })()", None),
        ("globalThis", None), ("const a = []; a.length = 2 ** 32 - 1; a", None), ("new Uint8Array(1e8)", None), ("Object.assign(() => {}, { a: 1 })", None),
        ("[, 1, , 2]", ",1,,2"), ("(function () { return arguments })(1, 2)", None), ("new (class A extends Array {})(3)", None), ("import.meta ?? 1", None),
    ],
)
def test_every_value_is_an_answer_and_the_engine_goes_on(shared: Driver, code: str, preview: str | None) -> None:
    finished = shared.run(code, QUICK)
    assert isinstance(finished.outcome, (Completed, Raised)), finished
    encodable(finished)
    if preview is not None:
        assert isinstance(finished.outcome, Completed) and finished.outcome.value is not None, finished
        assert finished.outcome.value.preview == preview
    assert text_of(shared.run("1 + 1")) == "2"


@pytest.mark.parametrize(
    "thrown",
    [
        "undefined", "null", "5", "'x'", "Symbol('x')", "10n", "{}", "Object.create(null)", "new Proxy({}, { get() { throw 1 } })",
        "new Proxy(new Error('x'), { get() { throw 1 } })", "{ get name() { throw 1 }, get message() { throw 2 }, get stack() { for (;;); } }",
        "Object.assign(new Error('x'), { name: { toString() { throw 1 } } })", "Object.defineProperty(new Error('x'), 'message', { get() { for (;;); } })",
        "Object.defineProperty(new Error('x'), 'stack', { get() { for (;;); } })", "new AggregateError([1, new Error('y')], 'x')",
        "(() => { const e = new Error('x'); e.cause = e; return e })()", "Object.setPrototypeOf(new Error('x'), null)", "function f() {}", "'x'.repeat(1e6)",
        "Object.assign(new Error('x'), { name: 'N\\ud800', message: '\\ud800' })", "new Error('a\\nb\\n    at fake (vm:session.js:1:1)')",
    ],
)
@pytest.mark.parametrize("how", ["throw {}", "await Promise.reject({})"])
def test_whatever_is_thrown_is_raised(shared: Driver, thrown: str, how: str) -> None:
    value = f"({thrown})"
    finished = shared.run(how.replace("{}", value), QUICK)
    assert isinstance(finished.outcome, Raised), finished
    assert finished.outcome.error.name and isinstance(finished.outcome.error.message, str)
    assert finished.wall_ms < 1000, finished
    encodable(finished)
    assert text_of(shared.run("1 + 1")) == "2"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("await { then() { throw new Error('x') } }", Raised), ("await { get then() { throw new Error('x') } }", Raised),
        ("({ then() {} })", Completed), ("({ get then() { throw new Error('x') } })", Completed), ("({ then() { for (;;); } })", Completed),
        ("await { then(f) { f(5); f(6); throw 7 } }", Completed), ("new Promise(() => {})", Completed), ("Promise.resolve({ then() {} })", Completed),
        ("await { then() {} }", TimedOut), ("await { then() { for (;;); } }", TimedOut), ("(async () => { await { then() {} } })()", Completed),
    ],
)
def test_thenables(shared: Driver, code: str, kind: type) -> None:
    limits = Limits(0, 300, 0, 0, 0)
    finished = shared.run(code, limits)
    assert isinstance(finished.outcome, kind), finished
    assert text_of(shared.run("1 + 1")) == "2"


def test_five_megabytes_of_source(shared: Driver) -> None:
    code = "var big = [" + "'0123456789', " * 350_000 + "]; big.length"
    assert len(code) > 4_800_000
    assert text_of(shared.run(code, timeout_s=60)) == "350000"


def test_five_megabytes_of_nonsense_is_a_syntax_error(shared: Driver) -> None:
    outcome = shared.run("(" * 5_000_000, timeout_s=60).outcome
    assert isinstance(outcome, Raised), outcome
    assert text_of(shared.run("1 + 1")) == "2"


@pytest.mark.parametrize("open_, close", [("(", ")"), ("[", "]"), ("{", "}"), ("a=>", ""), ("`${", "}`"), ("!", "1"), ("f(", ")"), ("if(1)", ";")])
def test_deeply_nested_sources_are_an_error_and_no_crash(shared: Driver, open_: str, close: str) -> None:
    outcome = shared.run(open_ * 20_000 + "1" + close * 20_000, timeout_s=60).outcome
    assert isinstance(outcome, (Raised, Completed)), outcome
    assert shared.engine.generation == 1
    assert text_of(shared.run("1 + 1")) == "2"


def test_a_hostile_complete_or_inspect_request_is_answered(shared: Driver) -> None:
    shared.run("globalThis.trap = new Proxy({}, { get() { for (;;); }, ownKeys() { for (;;); }, getPrototypeOf() { for (;;); } }); globalThis.lazy = { get a() { for (;;); } }")
    since = time.monotonic()
    for code in ("trap.", "trap.a.", "lazy.a.", "lazy.", "lazy.a", "trap", "(" * 50_000, "\ud800.", "`${", "x" * 1_000_000, "a." * 10_000):
        code = code.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        shared.ask("complete", code, len(code))
        shared.ask("inspect", code, len(code), 1)
        shared.ask("inspect", code, 0, 0)
        shared.ask("complete", code, 10**9)
    assert time.monotonic() - since < 20
    assert text_of(shared.run("1 + 1")) == "2"


def test_records_cannot_be_forged_with_text(shared: Driver) -> None:
    cell = shared.run("console.log('\\x23\\x00\\x00\\x00\\x01\\x00\\x00\\x00{\"status\":\"ok\"}'); console.log('\\n'); console.log('')").cell
    assert shared.text(cell) == ['\x23\0\0\0\x01\0\0\0{"status":"ok"}', "\n", ""]


def test_a_display_cannot_smuggle_fields_into_the_message(shared: Driver) -> None:
    since = len(shared.reports)
    shared.run("display({ 'text/plain': 'x', toJSON() { return 5 } }, { raw: true })", QUICK)
    shared.run("display({ toJSON() { return undefined } }, { raw: true, display_id: '\"},\"x\":{\"' })", QUICK)
    for report in shared.reports[since:]:
        if isinstance(report, Displayed):
            assert set(report.content) - {"page"} == {"data", "metadata", "transient", "update"}, report
            assert isinstance(report.content["data"], dict), report
    assert text_of(shared.run("1 + 1")) == "2"
