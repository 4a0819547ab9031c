"""Which file a specifier means, by the session's settings; what is refused, whatever lies there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from vm_kernel.imports import Imports

FILES = {
    "a.js": "", "b.mjs": "", "c.json": "{}", "d.es6": "", "lib/e.js": "", "lib/index.js": "", "both": "",
    "both.js": "", "folder/index.mjs": "", "name.js/index.js": "", "src/f.js": "", "src/a.js": "", "src/sub/g.js": "",
    "secret/k.js": "", "x y.js": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("w") / "tree"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "o.js").write_text("")
    (root.parent / "tree-sibling").mkdir()
    (root.parent / "tree-sibling" / "s.js").write_text("")
    (root / "inner.js").symlink_to("lib/e.js")
    (root / "absolute.js").symlink_to(root / "lib" / "e.js")
    (root / "escape.js").symlink_to("../outside/o.js")
    (root / "away").symlink_to("../outside")
    (root / "broken.js").symlink_to("nowhere.js")
    (root / "round.js").symlink_to("round.js")
    os.mkfifo(root / "fifo.js")
    return root


def ask(root: Path, specifier: Any, folder: Any = "", by: str = "require", **settings: Any) -> dict[str, Any]:
    return Imports(str(root), **settings).answer({"specifier": specifier, "from": folder, "by": by}).content


def test_a_folder_of_any_number_of_levels_is_not_walked_up(root: Path) -> None:
    assert "at most 4096" in ask(root, "name", "a/" * 1_000_000)["problem"]


def test_a_link_to_a_name_that_is_no_text_is_refused_in_words(root: Path) -> None:
    with open(os.fsencode(root) + b"/\xff.js", "wb"):
        pass
    (root / "strange.js").symlink_to(os.fsdecode(b"\xff.js"))
    assert ask(root, "./strange.js")["problem"].endswith("strange.js is not UTF-8 text, or its name is not")


@pytest.mark.parametrize(
    ("specifier", "folder", "path"),
    [
        ("./a.js", "", "a.js"),
        ("./a", "", "a.js"),
        ("./b", "", "b.mjs"),
        ("./c.json", "", "c.json"),
        ("./both", "", "both"),
        ("./folder", "", "folder/index.mjs"),
        ("./name.js", "", "name.js/index.js"),
        ("./lib/", "", "lib/index.js"),
        ("./lib", "", "lib/index.js"),
        (".", "lib", "lib/index.js"),
        ("..", "lib/sub", "lib/index.js"),
        ("./e", "lib", "lib/e.js"),
        ("../a.js", "lib", "a.js"),
        ("./lib/../a.js", "", "a.js"),
        (".//lib///e.js", "", "lib/e.js"),
        ("a.js", "lib", "a.js"),
        ("lib/e", "src/sub", "lib/e.js"),
        ("/lib/e.js", "src", "lib/e.js"),
        ("inner.js", "", "lib/e.js"),
        ("absolute.js", "", "lib/e.js"),
        ("{root}/lib/e.js", "src", "lib/e.js"),
        ("file://{root}/x%20y.js?x#y", "", "x y.js"),
        ("./x y.js", "", "x y.js"),
    ],
)
def test_found(root: Path, specifier: str, folder: str, path: str) -> None:
    content = ask(root, specifier.replace("{root}", str(root)), folder)
    assert (content.get("path"), content.get("problem")) == (path, None)
    assert content["filename"] == f"{os.path.realpath(root)}/{path}"


@pytest.mark.parametrize(
    ("specifier", "folder", "says"),
    [
        ("./gone.js", "lib", "there is no such file; tried lib/gone.js, lib/gone.js.js, lib/gone.js.mjs,"),
        ("./c", "", "there is no such file; tried c, c.js, c.mjs, c/index.js, c/index.mjs"),
        ("fs", "", "no module of that name is granted, and there is no such file; tried fs, fs.js,"),
        ("./", "src", "there is no such file; tried src/index.js, src/index.mjs"),
        ("../a.js", "", "leaves the worktree"),
        ("../../a.js", "lib", "leaves the worktree"),
        ("./lib/../../tree/a.js", "", "leaves the worktree"),
        ("lib/../../tree/a.js", "", "leaves the worktree"),
        ("/../tree/a.js", "", "leaves the worktree"),
        ("./escape.js", "", "leaves the worktree"),
        ("./away/o.js", "", "leaves the worktree"),
        ("./away/nothing.js", "", "leaves the worktree"),
        ("./round.js", "", "leaves the worktree or cannot be a path"),
        ("./broken.js", "", "there is no such file"),
        ("./fifo.js", "", "there is no such file"),
        ("{root}-sibling/s.js", "", "there is no such file"),
        ("file://{root}-sibling/s.js", "", "there is no such file"),
        ("file://{root}/../outside/o.js", "", "leaves the worktree"),
        ("./a.js\0", "", "cannot be a path"),
        ("./a\n.js", "", "cannot be a path"),
        ("./\ud800.js", "", "cannot be a path"),
        ("./" + "x" * 300 + ".js", "", "cannot be a path"),
        ("./d.es6", "", "d.es6 is none of the files that can be imported: .js, .mjs, .cjs, .json"),
        ("node:fs", "", "only files of the worktree can be imported, nothing of node:"),
        ("http://example.org/a.js", "", "nothing of http:"),
        ("C:\\a.js", "", "nothing of C:"),
        ("", "", "there is no such file; tried nothing"),
        (5, "", "a specifier is a text"),
        ("./a.js", None, "a specifier is a text"),
        ("x" * 5000, "", "a specifier is a text of at most 4096 characters"),
    ],
)
def test_refused(root: Path, specifier: Any, folder: Any, says: str) -> None:
    if isinstance(specifier, str):
        specifier = specifier.replace("{root}", str(root))
    content = ask(root, specifier, folder)
    assert says in content.get("problem", ""), content
    assert content["problem"].startswith("Invalid module")
    assert str(root.parent) not in content["problem"].replace(str(root), ""), "it tells of folders outside"
    json.dumps(content).encode("ascii")


SETTINGS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"roots": ["src"]}, "f", "path", "src/f.js"),
    ({"roots": ["src"]}, "a.js", "path", "src/a.js"),
    ({"roots": ["src", "."]}, "b", "path", "b.mjs"),
    ({"roots": [".", "src"]}, "a.js", "path", "a.js"),
    ({"roots": ["src"]}, "lib/e.js", "problem", "tried src/lib/e.js, src/lib/e.js.js,"),
    ({"roots": ["src"]}, "./lib/e.js", "path", "lib/e.js"),
    ({"roots": []}, "a.js", "problem", "there is no such file; tried node_modules/a.js, "),
    ({"roots": ["src/sub"]}, "../f.js", "problem", "leaves the worktree"),  # relative to the file, not to a root
    ({"extensions": [".es6"]}, "./d", "path", "d.es6"),
    ({"extensions": [".es6"]}, "./a", "problem", "tried a, a.es6, a/index.es6"),
    ({"extensions": []}, "./a", "problem", "tried a"),
    ({"extensions": [".json", ".js"]}, "./c", "path", "c.json"),
    ({"allow_absolute_repo_imports": False}, "/a.js", "problem", "allow_absolute_repo_imports is false"),
    ({"allow_absolute_repo_imports": False}, "{root}/a.js", "path", "a.js"),
    ({"allow_absolute_repo_imports": False}, "a.js", "path", "a.js"),
]


@pytest.mark.parametrize(("resolver", "specifier", "key", "says"), SETTINGS)
def test_resolver_settings(root: Path, resolver: dict[str, Any], specifier: str, key: str, says: str) -> None:
    content = ask(root, specifier.replace("{root}", str(root)), resolver=resolver)
    assert says in content.get(key, ""), content


def test_import_is_switched_off_and_require_is_not(root: Path) -> None:
    assert "import is switched off" in ask(root, "./a.js", by="import", esm=False)["problem"]
    assert ask(root, "./a.js", by="require", esm=False)["path"] == "a.js"


def test_denied_folders_are_not_read(root: Path) -> None:
    assert "may not be read" in ask(root, "./secret/k.js", denied=(str(root / "secret"),))["problem"]
    assert ask(root, "./secret/k.js")["path"] == "secret/k.js"


def test_a_worktree_that_went_away(tmp_path: Path) -> None:
    imports = Imports(str(tmp_path / "tree"))
    content = imports.answer({"specifier": "./a", "from": "", "by": "import"}).content
    assert "the worktree is not there any more" in content["problem"]


def test_the_parser_gets_the_text_and_json_goes_straight(root: Path) -> None:
    imports = Imports(str(root))
    module = imports.answer({"specifier": "./b.mjs", "from": "", "by": "import"})
    assert module.source is not None and json.loads(module.source) == {"text": "", "format": "esm"}
    data = imports.answer({"specifier": "./c.json", "from": "", "by": "import"})
    assert (data.source, data.content["text"], data.content["format"]) == (None, "{}", "json")


def test_a_root_whose_name_is_no_text(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path) + b"/n\xff"
    os.mkdir(root)
    Path(os.fsdecode(root), "a.js").write_text("")
    content = ask(Path(os.fsdecode(root)), "./a.js")
    assert content["filename"] == f"{tmp_path}/n\ufffd/a.js"
    assert ask(Path(os.fsdecode(root)), content["filename"])["path"] == "a.js"


#: Questions that a kernel cannot look at for as long as they would take.
ENDLESS = {
    "a thousand folders": ({}, "a/" * 1000, "more than 1000 files were looked for"),
    "a package.json without end": ({"": 600_000}, "", "node_modules/p/package.json is larger than 512 KB"),
    "many of them": ({"a/" * depth: 500_000 for depth in range(20)}, "a/" * 20, "are larger than 4 MB in all"),
}


@pytest.mark.parametrize(("files", "folder", "says"), ENDLESS.values(), ids=list(ENDLESS))
@pytest.mark.parametrize("by", ["import", "require"])
def test_looking_for_a_package_ends(tmp_path: Path, files: dict[str, int], folder: str, says: str, by: str) -> None:
    for above, size in files.items():
        package = tmp_path / above / "node_modules" / "p"
        package.mkdir(parents=True)
        (package / "package.json").write_text('{"x": "' + "x" * size + '"}')
    content = ask(tmp_path, "p/deep", folder, by=by)
    assert says in content.get("problem", ""), str(content)[:500]
