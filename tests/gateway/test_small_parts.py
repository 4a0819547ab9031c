"""Owns the gateway's pure parts: errors, states, ids, settings, views, places; asserts them without any process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vm_gateway import capabilities, lifecycle, models, places, settings, templates
from vm_gateway.errors import STATUS, GatewayError
from vm_gateway.identifiers import required, uuid_of, whole_number
from vm_gateway.server import bodies
from vm_gateway.server.answers import encode

ROOT = Path(__file__).resolve().parent.parent.parent
ID = "0188f1a0-3c1e-7a10-8a11-0123456789ab"


def test_every_code_that_is_raised_has_a_status() -> None:
    raised = set()
    for path in (ROOT / "vm_gateway").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        raised |= set(re.findall(r'GatewayError\(\s*"([A-Z_]+)"', text))
    assert raised
    assert raised <= set(STATUS), raised - set(STATUS)


def test_a_code_without_a_status_is_a_fault_of_ours() -> None:
    with pytest.raises(KeyError):
        _ = GatewayError("NO_SUCH_CODE", "text").status
    assert GatewayError("SESSION_BUSY", "text").callers_fault
    assert not GatewayError("LEDGER_UNAVAILABLE", "text").callers_fault


@pytest.mark.parametrize("kind", ["session", "execution"])
def test_states_move_only_as_their_table_says(kind: str) -> None:
    table = lifecycle.TABLES[kind]
    for before in table:
        for after in table:
            if after in table[before]:
                assert lifecycle.move(kind, before, after) == after
                assert before in lifecycle.before(kind, after)
            else:
                with pytest.raises(lifecycle.IllegalMove):
                    lifecycle.move(kind, before, after)


@pytest.mark.parametrize("state", ["closed", "ok", "error", "timeout", "cancelled"])
def test_what_has_ended_stays_so(state: str) -> None:
    table = lifecycle.SESSION if state == "closed" else lifecycle.EXECUTION
    assert table[state] == frozenset()


@pytest.mark.parametrize(
    "text", [ID, ID.upper(), f" {ID}\n", f"urn:uuid:{ID}", f"URN:UUID:{ID}", f"{{{ID}}}", ID.replace("-", "")]
)
def test_a_uuid_is_read_however_it_is_written(text: str) -> None:
    assert uuid_of(text, "id") == ID


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "x", ID[:-1], ID + "0", f"{{{ID}", f"{ID}}}", ID.replace("-", "_"), ID.replace("0", "\u0660")),
        *("-" + ID[1:], ID.replace("-", "", 1), ID[:-1] + "g", f"uuid:{ID}", f"{ID} {ID}"),
    ],
)
def test_what_is_no_uuid_is_refused_by_name(text: str) -> None:
    with pytest.raises(GatewayError, match="thing_id must be a valid UUID"):
        uuid_of(text, "thing_id")


@pytest.mark.parametrize(
    ("text", "expected"), [(None, 50), ("", 50), ("1", 1), ("+7", 7), ("007", 7), (str(2**63 - 1), 2**63 - 1)]
)
def test_a_number_in_a_query_is_read(text: str | None, expected: int) -> None:
    assert whole_number(text, "limit", 50, 1) == expected


@pytest.mark.parametrize("text", ["0", "-1", "1.0", "1e3", " 1", "1_0", "٣", "x", str(2**63), "9" * 5000])
def test_what_is_no_such_number_is_refused(text: str) -> None:
    with pytest.raises(GatewayError, match="limit must be a positive integer"):
        whole_number(text, "limit", 50, 1)


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(GatewayError, match="a, c are required"):
        required(a="", b="x", c=None)


def test_a_merge_keeps_what_is_not_named_and_the_defaults_themselves() -> None:
    before = repr(settings.DEFAULTS)
    change = settings.Settings(limits=settings.Limits(wall_ms=1), resolver=settings.Resolver(roots=["lib"]))
    merged = settings.merged(settings.DEFAULTS, change)
    assert merged["limits"] == {**settings.DEFAULTS["limits"], "wall_ms": 1}
    assert merged["resolver"]["roots"] == ["lib"]
    assert merged["runtime"] == settings.DEFAULTS["runtime"]
    merged["resolver"]["roots"].append("x")
    assert repr(settings.DEFAULTS) == before


def test_the_defaults_are_those_of_the_kernel() -> None:
    from vm_kernel.limits import NOTEBOOK, Limits

    assert Limits(**settings.DEFAULTS["limits"]) == Limits()
    assert Limits(**settings.NOTEBOOK["limits"]) == NOTEBOOK


def test_fixed_templates_have_the_same_ids_everywhere() -> None:
    assert templates.FIXED == {
        "2b1cddce-cefc-5db1-bc07-f824e45ef7e1": "default",
        "6494d2e8-3649-5c2d-82db-12d2ff4f9024": "notebook",
    }


def test_fixed_templates_are_made_once_and_a_foreign_holder_of_the_name_yields() -> None:
    from tinydb import TinyDB
    from tinydb.storages import MemoryStorage

    from vm_gateway.ledger.tiny import TinyLedger

    ledger = TinyLedger(TinyDB(storage=MemoryStorage))
    foreign = templates.new_row("default")
    ledger.put_template(foreign)
    for _ in range(2):
        templates.ensure_fixed(ledger)
    names = {row["id"]: row["name"] for row in ledger.list_templates().documents}
    assert names == {**templates.FIXED, foreign["id"]: "default (renamed)"}


@pytest.mark.parametrize("kind", capabilities.KINDS)
def test_a_capability_that_is_not_enabled_has_no_effect(kind: str) -> None:
    assert capabilities.shortcoming(kind, "x", False, {}) == "it is not enabled"


@pytest.mark.parametrize(
    "hosts", [["a"], ["a.b"], ["*.a.b"], ["127.0.0.1"], ["[::1]:80"], ["a.b:65535"], ["xn--a-b.c"]]
)
def test_hosts_of_a_net_capability(hosts: list[str]) -> None:
    assert capabilities.shortcoming("net", "n", True, {"hosts": hosts}) == ""


@pytest.mark.parametrize(
    "host", ["", "*", "a.*.b", "a b", "http://a", "a/b", "-a", "a-", "a:b", "a..b", 1, None, "é.org"]
)
def test_what_is_no_host_of_a_net_capability(host: Any) -> None:
    assert capabilities.shortcoming("net", "n", True, {"hosts": [host]})


def test_a_view_never_shows_what_is_ours() -> None:
    row = {
        "id": ID,
        "vm_id": ID,
        "workspace_id": "w",
        "base_commit_oid": "c",
        "worktree_path": "/w",
        "status": "ready",
        "created_at": "t",
        "owner": {"pid": 1},
        "snapshot": {},
        "last_error": "",
    }
    assert set(models.session(row)) == set(row) - {"owner", "snapshot", "last_error"}
    execution = {"id": ID, "session_id": ID, "kind": "repl", "status": "ok", "started_at": "t", "owner": {}, "x": 1}
    assert set(models.execution(execution)) == {
        "id",
        "session_id",
        "kind",
        "status",
        "started_at",
        "args",
        "env",
        "metrics",
    }


def test_startup_files_of_equal_order_stand_as_they_were_added() -> None:
    files = [
        {"id": name, "path": name, "order_index": order, "mode": "eval"}
        for name, order in (("c", 1), ("a", 1), ("b", 0))
    ]
    assert [each["path"] for each in models.startup_files({"id": ID, "startup_files": files})] == ["b", "c", "a"]


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}, 10**30, [float(1)], "é", None])
def test_any_value_of_a_session_can_be_sent(value: Any) -> None:
    import json

    assert json.loads(encode(value)) == value


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\ud83d"', "\ufffd"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        (b'"\xff"', "\ufffd"),
    ],
)
def test_what_is_no_unicode_is_replaced(sent: bytes, read: str) -> None:
    assert bodies.decode(b'{"name":' + sent + b"}", bodies.AddName).name == read


def test_depth_is_measured_in_levels_not_in_brackets() -> None:
    wide = b'{"session_id":"x","path":"y","args":{"a":[' + b",".join([b"[]"] * 1000) + b"]}}"
    assert len(bodies.decode(wide, bodies.RunFile).args["a"]) == 1000
    text = b'{"name":"' + b"[" * 5000 + b'"}'
    assert bodies.decode(text, bodies.AddName).name == "[" * 5000


class TestPlaces:
    def test_a_private_file_replaces_what_is_there(self, tmp_path: Path) -> None:
        path = tmp_path / "f" / "x"
        for text in ("one", "two"):
            places.write_private(str(path), text)
            assert path.read_text() == text
            assert path.stat().st_mode & 0o777 == 0o600
        assert [each.name for each in path.parent.iterdir()] == ["x"]

    def test_a_token_that_others_could_read_or_that_is_a_link_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "run"))
        monkeypatch.delenv("VM_GATEWAY_TOKEN", raising=False)
        assert places.read_token(1) == ""
        places.write_token(1, "secret", "{}")
        assert places.read_token(1) == "secret"
        os.chmod(places.token_path(1), 0o644)
        with pytest.raises(places.PlaceError, match="not yours alone"):
            places.read_token(1)
        os.chmod(places.token_path(1), 0o600)
        os.symlink(places.token_path(1), places.token_path(2))
        with pytest.raises(places.PlaceError, match="cannot be read"):
            places.read_token(2)
        monkeypatch.setenv("VM_GATEWAY_TOKEN", " given ")
        assert places.read_token(2) == "given"

    def test_sockets_have_a_short_folder_even_where_names_are_long(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deep = tmp_path / ("x" * 100)
        deep.mkdir()
        for name in ("XDG_RUNTIME_DIR", "TMPDIR"):
            monkeypatch.setenv(name, str(deep))
        monkeypatch.setattr("tempfile.tempdir", None)
        folder = places.sockets_folder("12345678")
        try:
            assert len(folder) <= places.LONGEST_SOCKET_FOLDER
            assert os.stat(folder).st_mode & 0o777 == 0o700
        finally:
            os.rmdir(folder)

    def test_a_folder_that_is_a_link_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path)
        with pytest.raises(places.PlaceError):
            places.own_folder(str(tmp_path / "link"))

    def test_the_runtime_folder_is_jupyters(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from jupyter_core.paths import jupyter_runtime_dir

        for variables in (
            {},
            {"JUPYTER_RUNTIME_DIR": "/a"},
            {"JUPYTER_DATA_DIR": "/b"},
            {"XDG_DATA_HOME": "/c"},
            {"JUPYTER_PLATFORM_DIRS": "1"},
        ):
            for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "XDG_DATA_HOME", "JUPYTER_PLATFORM_DIRS"):
                monkeypatch.delenv(name, raising=False)
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            assert places.runtime_folder() == jupyter_runtime_dir(), variables


@pytest.mark.parametrize(
    "text",
    [f"'{'f' * 300_000}'", "let [ " * 50_000, "let {" + "} " * 150_000, "import " * 43_000, f"import{' ' * 300_000}x",
     f"a{' ' * 300_000}b", "a\n" * 150_000, f"globalThis{' ' * 300_000}", "x." * 150_000, "let" + " " * 300_000,
     "'a' " * 75_000, "/[" * 150_000, "(f(0));" * 40_000],
    ids=["digits", "lists", "braces", "imports", "an import", "blanks", "lines", "global", "members", "let",
         "quotes", "lists that may be patterns", "calls"],
)  # fmt: skip
def test_causes_of_differences_are_found_in_time_linear_in_the_text(text: str) -> None:
    """A picture as hexadecimal digits in a cell is nothing unusual; 16 kB took 7 s, twice as many four times that."""
    script = (
        "import sys; from vm_gateway.causes import Causes; causes = Causes(); "
        "causes.spread(sys.stdin.read(), 'time'); print(*causes._names)"
    )
    text = f"{text}; picture = 1; count += 1; n ++; a == b; c => d; let e; const {{ f, g: [h] }} = i; import j from 'k'"
    done = subprocess.run(
        [sys.executable, "-c", script], input=text, capture_output=True, text=True, timeout=20, check=True
    )
    assert {"picture", "count", "n", "e", "f", "h", "j"} == {*done.stdout.split()} - {"g", "import", "let"}, done.stdout
