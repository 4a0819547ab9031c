"""Lines as scripts read them: one value is one line, whatever is in it."""

from __future__ import annotations

import json

import pytest

from vm_gateway.cli.output import clock, compact, cut, fields, indented, plain, seconds, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünï 😀 text", "plain ünï 😀 text"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("\x1b[31mred\x9b0m\x7f\x00", "\\u001b[31mred\\u009b0m\\u007f\\u0000"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("\u2028 \ud800", "\\u2028 \\ud800"),
    ],
)
def test_nothing_that_a_terminal_obeys_or_that_ends_a_line_gets_through(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "\u2028", "\x85", "line\nline", "\ud800", "é"])
def test_escaped_json_is_still_the_same_json(text: str) -> None:
    assert json.loads(compact({"text": text})) == {"text": text}
    assert json.loads(indented({"text": [text]})) == {"text": [text]}
    assert "\n" not in compact({"text": text})


def test_json_has_no_spaces_where_scripts_look_for_it() -> None:
    assert compact({"type": "number", "preview": "42", "json": 42}) == '{"type":"number","preview":"42","json":42}'


def test_fields_leave_out_what_is_not_there() -> None:
    assert list(fields({"ID": "x", "Closed": None, "Active": True, "Args": {"a": 1}})) == [
        "ID: x",
        "Active: true",
        'Args: {"a":1}',
    ]


def test_a_table_has_columns_as_wide_as_their_widest_value() -> None:
    rows = [("1", "a long name"), ("22222", "b\nc")]
    assert list(table(("ID", "Name"), rows, "nothing")) == [
        "ID     Name",
        "------------------",
        "1      a long name",
        "22222  b\\nc",
    ]
    assert list(table(("ID", "Name"), [], "No names found")) == ["No names found"]


@pytest.mark.parametrize(("length", "shown"), [(30, "x" * 30), (31, "x" * 27 + "...")])
def test_what_is_cut_is_exactly_as_wide_as_allowed(length: int, shown: str) -> None:
    assert cut("x" * length, 30) == shown


def test_times_in_tables() -> None:
    assert seconds("2026-02-08T10:43:00.123456Z") == "2026-02-08T10:43:00Z"
    assert clock("2026-02-08T10:43:00.123456Z") == "10:43:00.123"
    assert clock("2026-02-08T10:43:00Z") == "10:43:00"
