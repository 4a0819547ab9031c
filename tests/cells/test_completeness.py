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
    "x.await",
    "'await'",
    "// await",
    "/* a */ /re/g.test(b)",
    "a\n++b",
    "<!-- c",
    "label: for (;;) { break label }",
    "class A { static { 1 } #p = 2 }",
    "for (const a of b) ;",
    "a?.b ?? c",
    "#!/usr/bin/env x\n1",
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
    ("const a = await", ""),
    ("x = await // for it", ""),
    ("a ?? ", ""),
    ("new", ""),
    ("label:", ""),
    ("class A { static {", "  "),
    ("`${a}b", ""),
    ("`a\n  ${ {", "    "),
    ("x = y =>", ""),
    ("async x => {\n", "  "),
    ("[...", "  "),
    ("for (const a of", "  "),
    ("a\n  ? b", "  "),
    ("({a, ", "  "),
    ("f(`${1}`, ", "  "),
    ("export default", ""),
]
INVALID = [
    "let a = ;",
    "@dec class A {}",
    "class A { @dec x }",
    "a = 08n",
    "({a: 1)",
    "# a",
    ")",
    "}",
    "a b",
    '"a',
    "let a; let a",
    "foo(]",
    "%x()",
    "/re",
    "return",
]


@pytest.mark.parametrize("source", COMPLETE)
def test_complete(isolate: Isolate, source: str) -> None:
    assert isolate.call("parser", "parser.isComplete", source) == {"status": "complete", "indent": ""}


@pytest.mark.parametrize(("source", "indent"), INCOMPLETE)
def test_incomplete(isolate: Isolate, source: str, indent: str) -> None:
    assert isolate.call("parser", "parser.isComplete", source) == {"status": "incomplete", "indent": indent}


@pytest.mark.parametrize("source", INVALID)
def test_invalid(isolate: Isolate, source: str) -> None:
    assert isolate.call("parser", "parser.isComplete", source) == {"status": "invalid", "indent": ""}


#: Cells with a head: the whole of it is looked at as the session would run it.
HEADS = [
    ("%who", "complete", ""),
    ("%nope (", "complete", ""),
    ("%run a.js {", "complete", ""),
    ("%time", "complete", ""),
    ("%time foo(", "incomplete", "  "),
    ("%time let a = ;", "invalid", ""),
    ("%%time", "incomplete", ""),
    ("%%time\n\n", "incomplete", ""),
    ("%%time\n{a: 1}", "complete", ""),
    ("%%time\nif (x) {", "incomplete", "  "),
    ("\n  %time %who", "complete", ""),
    ("5\n% 3", "complete", ""),
]


@pytest.mark.parametrize(("source", "status", "indent"), HEADS)
def test_a_cell_with_a_magic(isolate: Isolate, source: str, status: str, indent: str) -> None:
    assert isolate.call("parser", "parser.isCompleteCell", source) == {"status": status, "indent": indent}
