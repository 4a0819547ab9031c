"""Owns that records are read as bridge.js writes them, in any pieces, and that nonsense is BadFrame and nothing else."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import json
import random
import struct

import pytest

from vm_kernel.engine.frames import BadFrame
from vm_kernel.engine.port import Answered, Asked, Cleared, Displayed, Printed
from vm_kernel.engine.records import MORE, Reader, TooLong, Verdict
from vm_kernel.outcomes import Completed, Raised, Value


def record(kind: int, number: int, text: str | bytes, flags: int = 0) -> bytes:
    data = text.encode("utf-8") if isinstance(text, str) else text
    return struct.pack("<BBxxII", kind, flags, number, len(data)) + data + bytes(-len(data) % 4)


def read(*records: bytes, longest_bytes: int = 1 << 20) -> list[object]:
    reader = Reader(longest_bytes)
    return [item for data in records for item in reader.read(data)]


@pytest.mark.parametrize("text", ["", "a", "ab", "abc", "abcd", "\u00e9", "\U0001f600", "x" * 70_000])
def test_a_console_record_is_one_printed(text: str) -> None:
    assert read(record(4, 7, text) + record(1, 8, "next")) == [Printed(7, "warn", text), Printed(8, "log", "next")]


def test_pieces_of_a_console_text_come_one_by_one_and_the_last_says_so() -> None:
    assert read(record(1, 7, "ab", MORE), record(1, 7, "c")) == [Printed(7, "log", "ab", False), Printed(7, "log", "c", True)]


def test_a_text_that_is_cut_off_is_closed_once() -> None:
    reader = Reader()
    assert list(reader.read(record(1, 7, "ab", MORE))) == [Printed(7, "log", "ab", False)]
    assert list(reader.close()) == [Printed(7, "log", "", True)]
    assert list(reader.close()) == []


def test_pieces_whose_rest_a_stop_cut_off_are_no_part_of_the_next_text() -> None:
    pieces = record(32, 7, '{"data": {"text/plain": "never', MORE), record(37, 9, '{"matches": ["nev', MORE)
    assert read(*pieces, record(33, 7, "true"), record(37, 10, "{}")) == [Cleared(7, True), Answered(10, {})]


def test_an_answer_is_not_measured_by_what_a_cell_may_put_out_and_never_missing() -> None:
    answer = json.dumps({"matches": ["a" * 2000]})
    assert read(record(37, 9, answer), longest_bytes=1000) == [Answered(9, {"matches": ["a" * 2000]})]
    part = "a" * (1 << 20)
    too_long = [record(37, 9, part, MORE) for _ in range(5)]
    assert read(*too_long, record(37, 9, part), record(37, 10, "{}")) == [Answered(9, {}), Answered(10, {})]


def test_pieces_of_other_records_are_put_together() -> None:
    content = {"data": {"text/plain": "\U0001f600" * 5}, "metadata": {}, "transient": {}, "update": False}
    text = json.dumps(content)
    cut = len(text) // 2
    assert read(record(32, 7, text[:cut], MORE), record(32, 7, text[cut:])) == [Displayed(7, content)]


def test_clear_ask_and_answer() -> None:
    assert read(record(33, 1, "true"), record(33, 1, "false")) == [Cleared(1, True), Cleared(1, False)]
    assert read(record(34, 1, '{"prompt":"who? ","password":true}')) == [Asked(1, "who? ", True)]
    assert read(record(37, 9, '{"matches":[]}')) == [Answered(9, {"matches": []})]


def test_outcomes() -> None:
    assert read(record(35, 1, '{"status":"ok"}')) == [Verdict(1, Completed(None))]
    value = read(record(36, 1, "{ a: 1 }"), record(35, 1, '{"status":"ok","type":"object","preview":"[object Object]","json":"{}"}'))
    assert value == [Verdict(1, Completed(Value("object", "{ a: 1 }", "[object Object]", "{}")))]
    plain = read(record(36, 1, "hi"), record(35, 1, '{"status":"ok","type":"string","plain":true}'))
    assert plain == [Verdict(1, Completed(Value("string", "'hi'", "hi")))]
    error = read(record(35, 1, '{"status":"error","name":"E","message":"m","traceback":["t"],"stack":"s"}'))
    [verdict] = error
    assert isinstance(verdict, Verdict) and isinstance(verdict.outcome, Raised)
    assert verdict.outcome.error.traceback == ("t",)


@pytest.mark.parametrize(
    "head",
    [
        '{"status":"error"}', '{"status":"error","name":5,"message":null,"traceback":"x","stack":[]}', '{"type":null}', '{"type":"string","plain":true}',
        '{"type":"x","preview":5,"json":5,"mime":5}', "{}", '{"status":"ok","type":{"a":1}}',
    ],
)
def test_heads_with_wrong_types_are_read_without_an_error(head: str) -> None:
    [verdict] = read(record(35, 1, head))
    assert isinstance(verdict, Verdict)


@pytest.mark.parametrize(
    "data",
    [
        b"a", bytes(11), record(1, 1, "abcd")[:-1], record(1, 1, "abcd")[:13], record(0, 1, "{}"), record(255, 1, "{}"), record(31, 1, ""), record(99, 1, "{}"), record(38, 1, '{"buffers":[5]}'), record(38, 1, '{"buffers":5}'),
        record(35, 1, ""), record(35, 1, "[]"), record(35, 1, "{"), record(32, 1, "1"), record(34, 1, "null"), record(37, 1, b"\xff\xfe"),
        record(32, 1, "[" * 100_000), record(32, 1, '{"a":' * 100_000), struct.pack("<BBxxII", 1, 0, 1, (1 << 32) - 1),
    ],
    ids=range(19),
)
def test_what_bridge_js_never_writes_is_a_bad_frame(data: bytes) -> None:
    with pytest.raises(BadFrame):
        read(data)


def test_bytes_that_are_not_utf_8_become_replacement_characters() -> None:
    assert read(record(1, 1, b"a\xffb")) == [Printed(1, "log", "a\ufffdb")]


def test_a_value_longer_than_allowed_is_told_and_dropped() -> None:
    pieces = [record(36, 1, "x" * 1000, MORE) for _ in range(20)] + [record(36, 1, "x"), record(35, 1, '{"status":"ok"}')]
    got = read(*pieces, longest_bytes=5000)
    assert got[0] == TooLong(1)
    assert got[-1] == Verdict(1, Completed(None))


def test_random_records_end_in_reports_or_bad_frame_only() -> None:
    chance = random.Random(4)
    for _ in range(20_000):
        kind = chance.choice([*range(0, 12), *range(30, 40), 255])
        text = chance.choice([b"{}", b"true", b"[1]", b'{"status":"error"}', chance.randbytes(chance.randrange(30))])
        data = bytearray(record(kind, chance.randrange(1 << 32), text, chance.randrange(4)))
        for _ in range(chance.randrange(3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            read(bytes(data[: chance.randrange(len(data) + 1)] if chance.random() < 0.3 else data))
        except BadFrame:
            pass
