"""Files are opened inside the root or not at all, whatever the path says and whatever changes meanwhile."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vm_kernel import worktree
from vm_kernel.worktree import PathError, Worktree, clean

INSIDE = b"inside"
SECRET = b"secret"


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "tree"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "f.js").write_bytes(INSIDE)
    (root / "sub" / "real.js").write_bytes(INSIDE)
    (root / "%2e%2e").mkdir()
    (tmp_path / "tree-evil").mkdir()
    (tmp_path / "tree-evil" / "x").write_bytes(SECRET)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f").write_bytes(SECRET)
    links = {
        "abs-in": str(root / "sub" / "real.js"),
        "abs-in-folder": str(root / "sub"),
        "rel-in": "sub/real.js",
        "sub/up": "../f.js",
        "chain": "chain2",
        "chain2": "abs-in",
        "rel-out": "../outside/f",
        "abs-out": str(tmp_path / "outside" / "f"),
        "sibling": str(tmp_path / "tree-evil" / "x"),
        "dout": "../outside",
        "dout-abs": str(tmp_path / "outside"),
        "c1": "c2",
        "c2": "c3",
        "c3": "../outside/f",
        "loop": "loop2",
        "loop2": "loop",
        "dangling": "nothing",
        "dangling-out": "../nothing",
        "proc": "/proc/self/environ",
        "proc-root": "/proc/self/root",
        "fd": "/proc/self/fd/0",
        "zero": "/dev/zero",
        "root": str(root),
        "inside-then-out": str(root) + "/../outside/f",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo")
    short = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(root)
    try:
        short.bind("socket")
    finally:
        os.chdir(here)
    yield root
    short.close()


REFUSED = {
    "INVALID_PATH": (
        "..", "../x", "a/../../x", "../tree/f.js", "../tree-evil/x", "/etc/passwd", "//etc/passwd", "///..", "/",
        "/proc/self/environ", "/proc/self/fd/0", "f.js\0", "f.js\0.png", "..\0/", "a\nb", "a\r\nb", "\x1b[2J", "\x7f",
        "\udcff", "\ud800", "x" * 256, "a/" * 2048 + "b", "rel-out", "abs-out", "sibling", "dout/f", "dout-abs/f",
        "dout/missing", "dout-abs/missing", "c1", "loop", "loop/x", "dangling-out", "proc", "proc-root/etc/passwd",
        "fd", "zero", "inside-then-out", "abs-in-folder/../../outside/f",
    ),
    "EMPTY": ("", " ", "   ", ".", "./", "a/..", "./.", "sub/.."),
    "NOT_FOUND": (
        "nope", "sub/nope", "f.js/x", "dangling", "%2e%2e/x", "..%2f", "%252f", "%c0%af", "\uff0e\uff0e/x",
        "\u2024\u2024/x",
        "..\\x", "C:\\x", "\\\\host\\share", "CON", "f.js::$DATA", "~/x", "$HOME/x", "`id`", "*.js", "F.JS", "file:///f.js",
        "http://f.js", "f.js?x", "\u202egpj", "e\u0301.js",
    ),
    "NOT_A_FILE": ("sub", "sub/deep", "fifo", "socket", "root", "f.js/", "f.js/.", "abs-in-folder"),
}
CASES = [(path, code) for code, paths in REFUSED.items() for path in paths]


@pytest.mark.parametrize(("path", "code"), CASES, ids=[ascii(path)[:40] for path, _ in CASES])
def test_a_hostile_path_is_refused_with_its_reason(tree: Path, path: str, code: str) -> None:
    with Worktree(str(tree)) as root, pytest.raises(PathError) as refused:
        root.read(path, 1 << 20)
    assert refused.value.code == code
    assert "outside" not in str(refused.value).replace(ascii(path)[1:-1], ""), "the text names what the path leads to"


@pytest.mark.parametrize(
    ("path", "opened"),
    [
        ("f.js", "f.js"), ("./f.js", "f.js"), ("sub//real.js", "sub/real.js"), ("sub/../f.js", "f.js"),
        ("dout/../f.js", "f.js"), ("rel-in", "sub/real.js"), ("sub/up", "f.js"), ("abs-in", "sub/real.js"),
        ("abs-in-folder/real.js", "sub/real.js"), ("chain", "sub/real.js"), ("root/f.js", "f.js"),
    ],
)  # fmt: skip
def test_a_path_that_stays_inside_is_opened_under_its_own_name(tree: Path, path: str, opened: str) -> None:
    with Worktree(str(tree)) as root:
        found = root.read(path, 1 << 20)
    assert (found.path, found.content) == (opened, INSIDE)


def test_forty_one_links_are_too_many(tree: Path) -> None:
    for number in range(41):
        (tree / f"n{number}").symlink_to(str(tree / f"n{number + 1}"))
    (tree / "n41").write_bytes(INSIDE)
    with Worktree(str(tree)) as root:
        with pytest.raises(PathError, match="leaves the worktree"):
            root.read("n0", 100)
        assert root.read("n2", 100).content == INSIDE


def test_a_file_over_the_limit_is_not_read(tree: Path) -> None:
    with open(tree / "sparse", "wb") as file:
        file.truncate(8 << 30)
    with Worktree(str(tree)) as root:
        with pytest.raises(PathError) as refused:
            root.read("sparse", 1 << 20)
        assert refused.value.code == "TOO_LARGE"
        assert root.read("f.js", len(INSIDE)).content == INSIDE


def test_without_openat2_every_link_is_refused(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worktree, "HAS_OPENAT2", False)
    with Worktree(str(tree)) as root:
        assert root.read("sub/real.js", 100).content == INSIDE
        for path in ("rel-in", "abs-in", "rel-out", "dout/f", "proc", "loop"):
            with pytest.raises(PathError):
                root.read(path, 100)


@pytest.mark.parametrize("openat2", [True, False])
@pytest.mark.parametrize("seconds", [0.5, pytest.param(4.0, marks=pytest.mark.full)])
def test_a_folder_swapped_for_a_link_all_the_time_never_leaks(
    tree: Path, monkeypatch: pytest.MonkeyPatch, openat2: bool, seconds: float
) -> None:
    if openat2 and not worktree.HAS_OPENAT2:
        pytest.skip("this system has no openat2")
    monkeypatch.setattr(worktree, "HAS_OPENAT2", openat2)
    (tree / "swap").mkdir()
    (tree / "swap" / "f").write_bytes(INSIDE)
    (tree / "evil").symlink_to("../outside")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(tree / "swap", tree / "aside")
            os.rename(tree / "evil", tree / "swap")
            os.rename(tree / "swap", tree / "evil")
            os.rename(tree / "aside", tree / "swap")

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = {INSIDE: 0, SECRET: 0}
    end = time.monotonic() + seconds
    try:
        with Worktree(str(tree)) as root:
            while time.monotonic() < end:
                try:
                    seen[root.read("swap/f", 100).content] += 1
                except PathError:
                    pass
    finally:
        stop.set()
        swapper.join()
    assert seen[SECRET] == 0 and seen[INSIDE] > 50, seen


def test_cleaning_is_by_text_alone() -> None:
    assert clean("a/../b.js") == "b.js"
    assert clean("./runtime//init.js") == "runtime/init.js"
    assert clean("dir\\file") == "dir\\file"


def test_what_is_denied_is_not_read_either_while_it_is_replaced(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Worktree(str(tree), (str(tree / "f.js"),)) as root:
        name_of = root._name_of

        def replaced_first(descriptor: int, path: str) -> str:
            (tree / "new").write_bytes(b"new")
            (tree / "new").replace(tree / "f.js")
            return name_of(descriptor, path)

        monkeypatch.setattr(root, "_name_of", replaced_first)
        with pytest.raises(PathError, match="no such file"):
            root.read("f.js", 100)


def test_what_is_denied_is_read_by_no_path_and_what_only_sounds_like_it_is(tree: Path) -> None:
    (tree / "secrets").symlink_to("sub")
    (tree / "submarine.js").write_bytes(INSIDE)
    denied = (str(tree / "secrets"), str(tree / "f.js"), str(tree / "not there"))
    with Worktree(str(tree), denied) as root:
        for path in ("sub/real.js", "rel-in", "chain", "abs-in-folder/real.js", "secrets/real.js", "f.js", "sub/up"):
            with pytest.raises(PathError) as refused:
                root.read(path, 100)
            assert refused.value.code == "DENIED", path
        assert root.read("submarine.js", 100).content == INSIDE
        with pytest.raises(PathError, match="no such file"):
            root.read("sub/nope", 100)
    with Worktree(str(tree / "sub"), (str(tree),)) as below, pytest.raises(PathError, match="may not be read"):
        below.read("real.js", 100)
