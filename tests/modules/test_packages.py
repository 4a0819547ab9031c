"""Which file a package's name means; the packages themselves are imported by a kernel in tests/peers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vm_kernel.packages import places


def found(specifier: str, package: Any, by: str = "import", folder: str = "", at: str = "node_modules/p") -> list[str]:
    text = package if isinstance(package, str) else json.dumps(package)
    files = {f"{at}/package.json": text}
    return list(places(specifier, folder, by, files.get))


CONDITIONS = {".": {"types": "./t.d.ts", "node": "./n.js", "require": "./c.cjs", "default": "./m.mjs"}, "./x": "./x.js"}


@pytest.mark.parametrize(
    ("specifier", "package", "by", "expected"),
    [
        ("p", {}, "import", ["index.js"]),
        ("p", {"main": "lib/a.js"}, "import", ["lib/a.js", "index.js"]),
        ("p", {"main": "lib/a.js", "module": "m.mjs"}, "import", ["m.mjs", "lib/a.js", "index.js"]),
        ("p", {"main": "lib/a.js", "module": "m.mjs"}, "require", ["lib/a.js", "index.js"]),
        ("p/sub/b.js", {"main": "a.js"}, "import", ["sub/b.js"]),
        ("p", {"exports": "./only.js", "main": "no.js"}, "import", ["only.js"]),
        ("p", {"exports": CONDITIONS}, "import", ["m.mjs"]),
        ("p", {"exports": CONDITIONS}, "require", ["c.cjs"]),
        ("p/x", {"exports": CONDITIONS}, "import", ["x.js"]),
        ("p/closed", {"exports": CONDITIONS}, "import", []),
        ("p", {"exports": {"import": {"default": "./deep.js"}}}, "import", ["deep.js"]),
        ("p", {"exports": {".": [{"node": "./n.js"}, "./second.js"]}}, "import", ["second.js"]),
        ("p/f/one", {"exports": {"./f/*": "./src/*.js"}}, "import", ["src/one.js"]),
        ("p/f/one", {"exports": {"./f/*": None}}, "import", []),
        ("p", "not json", "import", ["index.js"]),
        ("p", "[1]", "import", ["index.js"]),
        ("p", {"main": 5}, "import", ["index.js"]),
        ("p/", {}, "import", []),
        ("p/f/" + "x" * 4000, {"exports": {"./f/*": "*" * 5000}}, "import", []),
    ],
)
def test_package_json_says_which_file(specifier: str, package: Any, by: str, expected: list[str]) -> None:
    assert found(specifier, package, by) == [f"node_modules/p/{each}" for each in expected]


def test_a_scope_belongs_to_the_name() -> None:
    assert found("@s/p/x.js", {}, at="node_modules/@s/p") == ["node_modules/@s/p/x.js"]
    assert found("@s", {}, at="node_modules/@s") == []


def test_the_nearest_folder_comes_first_and_the_ones_above_follow() -> None:
    files = {"a/node_modules/p/package.json": "{}", "node_modules/p/package.json": "{}"}
    expected = ["a/node_modules/p/index.js", "node_modules/p/index.js"]
    assert list(places("p", "a/b", "import", files.get)) == expected
    assert list(places("p", "node_modules/q", "import", files.get)) == expected[1:]


def test_a_package_without_package_json_is_its_index() -> None:
    assert list(places("p", "", "import", {"node_modules/p/index.js": ""}.get)) == ["node_modules/p/index.js"]


def test_exports_nested_without_end_are_closed() -> None:
    deep: Any = "./x.js"
    for _ in range(100):
        deep = {"default": deep}
    assert found("p", {"exports": deep}) == []
