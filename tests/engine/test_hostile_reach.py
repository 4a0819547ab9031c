"""Owns that a cell finds no name, native, frame, function or buffer of ours, and cannot leave its wrapper."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import json

import pytest

from vm_kernel.limits import Limits
from vm_kernel.outcomes import Completed, Raised

from .conftest import Open
from .driver import Driver
from .test_hostile import prelude_run, text_of

QUICK = Limits(0, 3000, 0, 0, 0)


# -- nothing of ours to take hold of


@pytest.mark.parametrize("name", ["__host", "__buffer", "__entry", "__natives", "__hook", "0", "1"])
def test_no_name_of_ours_is_left(shared: Driver, name: str) -> None:
    assert text_of(shared.run(f"Reflect.has(globalThis, {name!r})")) == "false"


def test_globals_are_those_of_the_language_and_the_documented_ones(shared: Driver) -> None:
    ours = {
        "console", "display", "clearOutput", "prompt", "confirm", "alert", "password", "html", "svg", "md", "image", "table",
        "progress", "setTimeout", "setInterval", "setImmediate", "clearTimeout",
        "clearInterval", "clearImmediate", "queueMicrotask", "structuredClone", "atob", "btoa", "crypto", "performance", "require",
        "__import", "__who",
    }
    code = "JSON.stringify(Reflect.ownKeys(globalThis).filter((k) => typeof k === 'string' && /^[_a-z]/.test(k)))"
    result = shared.run(code).outcome
    assert isinstance(result, Completed) and result.value is not None
    language = {
        "globalThis", "parseFloat", "parseInt", "undefined", "isFinite", "isNaN", "decodeURI", "decodeURIComponent", "encodeURI",
        "encodeURIComponent", "escape", "unescape", "eval",
    }
    extra = set(json.loads(result.value.preview)) - ours - language
    assert extra <= {"leaked", "seen", "x"}, f"unexpected globals: {extra}"


NATIVES = [
    "%DebugPrint(1)", "eval('%SystemBreak()')", "(0, eval)('%AbortJS(1)')", "new Function('return %TheHole()')()",
    "Function('%PerformMicrotaskCheckpoint()')()", "(async () => {}).constructor('%SystemBreak()')()",
    "(function*(){}).constructor('%SystemBreak()')().next()", "[].constructor.constructor('%SystemBreak()')()",
    "setTimeout('%SystemBreak()', 0)", "eval('`${%SystemBreak()}`')", "Reflect.construct(Function, ['%GetOptimizationStatus(eval)'])()",
]


@pytest.mark.parametrize("code", NATIVES)
def test_natives_are_refused_in_every_way(shared: Driver, code: str) -> None:
    outcome = shared.run(code, QUICK).outcome
    assert isinstance(outcome, Raised) and outcome.error.name in ("SyntaxError", "TypeError"), outcome
    assert text_of(shared.run("1 + 1")) == "2"
    assert shared.engine.generation == 1


ERRORS = [
    "throw new Error('x')", "null.x", "await Promise.reject(new Error('x'))", "await null; null.x", "eval('null.x')",
    "new Function('null.x')()", "[1].map(() => null.x)", "JSON.parse('{')", "new Promise(() => null.x); await 0; null.x",
    "const f = () => f(); f()", "setTimeout(5)", "queueMicrotask(5)", "console.log('%s', { toString() { throw new Error('x') } })",
    "display(1n, { raw: true })", "await new Promise((done, fail) => setTimeout(() => fail(new Error('x')), 5))",
    "Promise.resolve().then(() => null.x); await new Promise((done) => setTimeout(done, 20))",
    "setTimeout(() => null.x, 1); await new Promise((done) => setTimeout(done, 20))",
]


@pytest.mark.parametrize("code", ERRORS)
def test_no_frame_and_no_name_of_ours_is_in_a_stack(shared: Driver, code: str) -> None:
    finished = shared.run(code, QUICK)
    texts = shared.text(finished.cell)
    if isinstance(finished.outcome, Raised):
        texts += [finished.outcome.error.stack, *finished.outcome.error.traceback]
    assert texts, finished
    for text in texts:
        for ours in ("vm:", "session.js", "parser.js", "runCell", "runTimer", "perform", "__entry", "natives", "sourceURL"):
            assert ours not in text, (ours, text)


def test_a_prepare_stack_trace_of_the_users_gets_no_function_and_no_this_of_ours(shared: Driver) -> None:
    code = """
    const seen = [];
    const keep = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
    Error.prepareStackTrace = (error, sites) => {
      for (const site of sites) seen.push([site.getFileName(), site.getScriptNameOrSourceURL(), typeof site.getFunction(), String(site.getThis() === globalThis), site.getFunctionName()]);
      return '';
    };
    try { new Error('x').stack; [1].forEach(() => new Error('y').stack); setTimeoutless?.() } catch (e) { e.stack }
    Object.defineProperty(Error, 'prepareStackTrace', keep);
    JSON.stringify(seen)
    """
    outcome = shared.run(code).outcome
    assert isinstance(outcome, Completed) and outcome.value is not None
    for file, url, function, is_global, _ in json.loads(outcome.value.preview):
        if "vm:" in f"{file}{url}":  # V8 lists strict frames, but gives neither their function nor their `this`
            assert (function, is_global) == ("undefined", "false"), outcome.value.preview


def test_callsites_hand_out_no_function_and_no_this_of_ours(shared: Driver) -> None:
    code = """
    const got = [];
    const keep = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
    Error.prepareStackTrace = (error, sites) => { for (const site of sites) { const f = site.getFunction(); if (typeof f === 'function') got.push(Function.prototype.toString.call(f).slice(0, 300)) } return '' };
    function mine() { new Error('x').stack; }
    mine();
    console.log({ get a() { mine(); return 1 } });
    [3, 1].sort(mine);
    Object.defineProperty(Error, 'prepareStackTrace', keep);
    JSON.stringify(got)
    """
    outcome = shared.run(code).outcome
    assert isinstance(outcome, Completed) and outcome.value is not None
    for ours in ("emit(", "header[", "checkpoint", "currentCell", "natives"):
        assert ours not in outcome.value.preview, outcome.value.preview


@pytest.mark.parametrize(
    "code",
    [
        "(function f() { return typeof f.caller === 'function' ? String(f.caller) : 'none' })()",
        "(function f() { return f.arguments && typeof arguments.callee.caller === 'function' ? String(arguments.callee.caller) : 'none' })()",
        "let r = 'none'; function spy() { let at = spy.caller; for (let i = 0; i < 20 && at; i++) { r += String(at); at = at.caller } } [1].forEach(spy); r",
    ],
)
def test_caller_does_not_lead_to_our_functions(shared: Driver, code: str) -> None:
    text = text_of(shared.run(code, QUICK))
    for ours in ("emit(", "header", "checkpoint", "perform", "=>{"):
        assert ours not in text, text


def test_no_shared_buffer_of_ours_is_reached_through_patched_constructors(open_engine: Open) -> None:
    driver = open_engine()
    prelude_run(driver, """
    globalThis.caught = [];
    for (const C of [Int32Array, Uint8Array, SharedArrayBuffer]) {
      const P = C.prototype;
      for (const k of Reflect.ownKeys(P)) try { const f = P[k]; if (typeof f === 'function') P[k] = function (...a) { caught.push(this); return f.apply(this, a) } } catch {}
    }
    for (const k of Reflect.ownKeys(Uint8Array.prototype.__proto__)) try { const f = Uint8Array.prototype.__proto__[k]; if (typeof f === 'function' && k !== 'constructor') Uint8Array.prototype.__proto__[k] = function (...a) { caught.push(this); return f.apply(this, a) } } catch {}
    for (const k of ['load', 'store', 'notify', 'wait']) Atomics[k] = function (...a) { caught.push(a[0]) }
    """)
    driver.run("console.log('x', { a: [1, 2, 3] }, new Error('e')); await 1; setTimeout(() => console.log('y'), 1)")
    driver.run("await new Promise((done) => setTimeout(done, 30)); ({ a: 1 })")
    assert text_of(driver.run("caught.length")) == "0"


# -- breaking out of the wrapper


@pytest.mark.parametrize(
    "code",
    [
        "})(); console.log('out'); (() => {", "await 0 })(); console.log('out'); (async () => {", "} catch {} ; (() => { try {",
        "*/ 1 /*", "`}`", "1 }); (0, () => { 2", "await 1; }; console.log('out'); {", "<!-- x", "--> x\n1 }",
    ],
)
def test_a_cell_that_closes_our_brackets_is_a_syntax_error_or_itself(shared: Driver, code: str) -> None:
    finished = shared.run(code, QUICK)
    assert shared.text(finished.cell) == [], finished
    assert isinstance(finished.outcome, (Raised, Completed)), finished
    if isinstance(finished.outcome, Raised):
        assert finished.outcome.error.name == "SyntaxError", finished


@pytest.mark.parametrize(
    "code",
    [
        "//# sourceURL=vm:session.js\nthrow new Error('x')", "throw new Error('x') //# sourceURL=other.js", "//# sourceURL=%20\nnull.x",
        "eval('null.x //# sourceURL=vm:session.js')", "//# sourceMappingURL=data:,x\nnull.x", "/* //# sourceURL=x */ null.x //",
    ],
)
def test_source_url_comments_do_not_confuse(shared: Driver, code: str) -> None:
    finished = shared.run(code, QUICK)
    assert isinstance(finished.outcome, Raised), finished
    assert finished.outcome.error.message
    assert text_of(shared.run("1 + 1")) == "2"
