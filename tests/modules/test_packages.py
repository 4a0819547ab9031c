"""What package.json says where Node is no measure: bundlers' conditions and fields, errors in words, texts without end.

What it says as in Node is asked in test_resolution.py; packages are imported by a kernel in tests/peers.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from vm_kernel.packages import Closed, places


def found(specifier: str, package: Any, by: str = "import", folder: str = "", at: str = "node_modules/p") -> list[str]:
    text = package if isinstance(package, str) else json.dumps(package)
    files = {f"{at}/package.json": text}
    return [place.path for place in places(specifier, folder, by, files.get)]


BUNDLER = {".": {"types": "./t.d.ts", "node": "./n.js", "browser": "./b.js", "default": "./m.mjs"}}


@pytest.mark.parametrize(
    ("specifier", "package", "by", "first"),
    [
        ("p", {"main": "lib/a.js", "module": "m.mjs"}, "import", "m.mjs"),
        ("p", {"main": "lib/a.js", "module": 5}, "import", "lib/a.js"),
        ("p", {"module": "m.mjs"}, "import", "m.mjs"),
        ("p", {"exports": BUNDLER}, "import", "b.js"),
        ("p", {"exports": BUNDLER}, "require", "b.js"),
        ("p", {"exports": {"module": "./m.mjs", "default": "./d.js"}}, "import", "m.mjs"),
        ("p/sub/b.js", {"main": "a.js"}, "import", "sub/b.js"),
        ("p", [1], "import", ""),
        ("p", {"main": "x" * 5000}, "import", ""),
    ],
)
def test_bundlers_conditions_and_fields(specifier: str, package: Any, by: str, first: str) -> None:
    assert found(specifier, package, by)[0] == f"node_modules/p/{first}"


def test_require_of_a_package_without_exports_is_a_path_like_any_other() -> None:
    assert found("p", {"main": "lib/a.js"}, "require") == ["node_modules/p"]


DEEP: Any = "./x.js"
LISTS: Any = "./x.js"
for _ in range(100):
    DEEP, LISTS = {"default": DEEP}, [LISTS]


@pytest.mark.parametrize(
    ("specifier", "package", "code", "says"),
    [
        ("p/x", {"exports": {".": "./a.js"}}, "PATH_NOT_EXPORTED", 'p/package.json does not export "./x" to import'),
        ("p", '{\n "main": }', "PACKAGE_CONFIG", "node_modules/p/package.json:2:10 is not JSON: Expecting value"),
        ("p", "[" * 100_000, "PACKAGE_CONFIG", "node_modules/p/package.json is not JSON that can be read"),
        ("p", {"exports": "../q.js"}, "PACKAGE_TARGET", 'leads "." to "../q.js", which is no path inside the package'),
        ("p/f/" + "x" * 4000, {"exports": {"./f/*": "./" + "*" * 4000}}, "PACKAGE_TARGET", "which is no path inside"),
        ("p", {"exports": "./" + "x" * 5000}, "PACKAGE_TARGET", "which is no path inside"),
        ("p", {"exports": DEEP}, "PATH_NOT_EXPORTED", "does not export"),
        ("p", {"exports": LISTS}, "PATH_NOT_EXPORTED", "does not export"),
        ("#x", {}, "IMPORT_NOT_DEFINED", "there is no package.json to list it"),
    ],
)
def test_a_name_that_leads_nowhere_is_told_by_what(specifier: str, package: Any, code: str, says: str) -> None:
    with pytest.raises(Closed) as caught:
        found(specifier, package)
    assert (caught.value.code.endswith(code), says in str(caught.value)) == (True, True), caught.value


def test_many_patterns_and_stars_take_no_long_time() -> None:
    exports = {f"./{'a' * (number % 3000)}*{number}": "./x.js" for number in range(20_000)}
    began = time.process_time()
    with pytest.raises(Closed):
        found("p/" + "a" * 4000, {"exports": exports})
    assert time.process_time() - began < 5


def test_names_that_call_each_other_end() -> None:
    imports = {"#a": "#b", "#b": "#a", "#p": "p", "#deep": "p/deep"}
    files = {"package.json": json.dumps({"name": "p", "exports": {"./deep": "./d.js"}, "imports": imports})}
    assert [place.path for place in places("#a", "", "import", files.get)][-1].endswith("#b")
    assert [place.path for place in places("#deep", "", "import", files.get)] == ["d.js"]
    with pytest.raises(Closed):
        list(places("#p", "", "import", files.get))
