"""Whether a text can be run or waits for more lines."""

from __future__ import annotations

import pytest

from .isolate import Isolate

COMPLETE = [
    "1",
    "",
    "// c",
    "{a: 1}",
    "foo()",
    "await x",
    "class A {}",
    "if (x) {}",
    "let a = `x`",
    "x => x",
    "import a from 'b'",
    "using r = x",
    "for await (const a of b) {}",
    "`${a}`",
    "a\n  .b()",
]
INCOMPLETE = [
    ("foo(", "  "),
    ("`a", ""),
    ("/* x", ""),
    ("{a: 1, b:", "  "),
    ("{", "  "),
    ("[1,\n  2", "  "),
    ("function f() {\n  if (x) {", "    "),
    ("x = {\n  y: [", "    "),
    ("a.", ""),
    ("if (x)", ""),
    ("() =>", ""),
    ("a ? b :", ""),
    ("async () => {", "  "),
    ("class A {", "  "),
    ("`a ${", "  "),
    ("foo(`\n", ""),
    ("import {a} from", ""),
    ("try {", "  "),
    ("do", ""),
    ('"a\\', ""),
    ("let {a", "  "),
    ("switch (x) {\n\tcase 1:", "  "),
    ("\tif (x) {", "\t  "),
    ("  a +", "  "),
]
INVALID = ["let a = ;", ")", "}", "a b", '"a', "let a; let a", "foo(]", "%x()", "/re", "return"]


@pytest.mark.parametrize("source", COMPLETE)
def test_complete(isolate: Isolate, source: str) -> None:
    assert isolate.call("parser", "parser.isComplete", source) == {"status": "complete", "indent": ""}


@pytest.mark.parametrize(("source", "indent"), INCOMPLETE)
def test_incomplete(isolate: Isolate, source: str, indent: str) -> None:
    assert isolate.call("parser", "parser.isComplete", source) == {"status": "incomplete", "indent": indent}


@pytest.mark.parametrize("source", INVALID)
def test_invalid(isolate: Isolate, source: str) -> None:
    assert isolate.call("parser", "parser.isComplete", source) == {"status": "invalid", "indent": ""}
