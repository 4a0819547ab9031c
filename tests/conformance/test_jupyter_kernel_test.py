"""The conformance suite of the Jupyter project, whole, over the installed kernelspec."""

from __future__ import annotations

import jupyter_kernel_test
import pytest


@pytest.fixture(autouse=True)
def nothing_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test of that suite which finds no sample skips itself: here it fails instead."""
    monkeypatch.setattr(jupyter_kernel_test, "SkipTest", AssertionError)


class TestKernel(jupyter_kernel_test.KernelTests):
    kernel_name = "javascript-vm"
    language_name = "javascript"
    file_extension = ".js"
    code_hello_world = "console.log('hello, world')"
    code_stderr = "console.error('oops')"
    completion_samples = [
        {"text": "Math.flo", "matches": {"floor"}},
        {"text": "JSON.str", "matches": {"stringify"}},
        {"text": "globalThi", "matches": {"globalThis"}},
        {"text": "'x'.padS", "matches": {"padStart"}},
        {"text": "no_such_thing."},
    ]
    complete_code_samples = [
        "1",
        "",
        "// only a comment",
        "const f = x => {\n  return x + 1\n}",
        "await Promise.resolve(1)",
        "/[(]/.test('(')",
        "`a ${'}'} b`",
        "class A { #x = 1; get x() { return this.#x } }",
    ]
    incomplete_code_samples = [
        "function f(",
        "if (true) {",
        "const a = [1,",
        "`open",
        "/* open",
        "1 +",
        "await (async () => {",
    ]
    invalid_code_samples = ["let = = 1", "}", "const a = 1; const a = 2", "1 2", "'open"]
    code_generate_error = "throw new Error('on purpose')"
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": "'a' + 'b'", "result": "'ab'"},
        {"code": "[1, , { a: 1n }]", "result": "[ 1, <1 empty item>, { a: 1n } ]"},
        {"code": "new Map([[1, { a: 2 }]])", "result": "Map(1) { 1 => { a: 2 } }"},
        {"code": "await new Promise(done => setTimeout(done, 5, null))", "result": "null"},
    ]
    code_display_data = [
        {"code": "display({ 'text/html': '<b>b</b>' }, { raw: true })", "mime": "text/html"},
        {
            "code": "display({ 'image/svg+xml': '<svg/>', 'text/plain': 's' }, { raw: true })",
            "mime": "image/svg+xml",
        },
        {"code": "display({ 'application/json': { a: [1] } }, { raw: true })", "mime": "application/json"},
        {"code": "display(1)", "mime": "text/plain"},
    ]
    code_history_pattern = "6 [*]*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "Math.floor"
    code_clear_output = "clearOutput()"
    code_page_something = "display({'text/plain': 'a page'}, {raw: true, page: true})"


class TestWelcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "javascript-vm"
    support_iopub_welcome = True
