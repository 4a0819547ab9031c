"""Log lines, ids and the bounds of the history."""

from __future__ import annotations

import io
import os
import sys
import uuid

import pytest

from vm_kernel import history, ids, log
from vm_kernel.history import History


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "vm_kernel: plain\n"),
        ("two\nlines\r\x1b[31m\x00", "vm_kernel: two\\x0alines\\x0d\\x1b[31m\\x00\n"),
        ("é 😀 \ud800 \u2028", "vm_kernel: \\xe9 \\U0001f600 \\ud800 \\u2028\n"),
        ("x" * 5000, "vm_kernel: " + "x" * 1021 + "...\n"),
    ],
)
def test_a_log_entry_is_one_bounded_printable_line(text: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.log(text)
    assert capsys.readouterr().err == line


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes that can be watched")
def test_a_full_stderr_does_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    with os.fdopen(writer, "w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", full)
        log.log("this would block for ever")
    os.close(reader)


def test_a_closed_or_missing_stderr_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stderr in (closed, None):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", stderr)
            log.log("to nobody")


def test_uuid7_is_a_uuid_of_version_7_in_order() -> None:
    made = [ids.uuid7() for _ in range(1000)]
    assert all(uuid.UUID(one).version == 7 and uuid.UUID(one).variant == uuid.RFC_4122 for one in made)
    assert len(set(made)) == 1000
    assert [one[:18] for one in made] == sorted(one[:18] for one in made)
    assert all(map(ids.is_uuid, made))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        7,
        None,
        "0190b2f012347abc8def0123456789ab",
        "0190B2F0-1234-7ABC-8DEF-0123456789AB",
        "{0190b2f0-1234-7abc-8def-0123456789ab}",
        "0190b2f0-1234-7abc-8def-0123456789a\n",
        "gggggggg-1234-1234-1234-000000000000",
    ],
)
def test_what_is_no_uuid(text: object) -> None:
    assert not ids.is_uuid(text)


def test_the_history_is_bounded_in_entries_and_in_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_ENTRIES", 3)
    monkeypatch.setattr(history, "MAX_CHARACTERS", 100)
    kept = History()
    for line in range(1, 6):
        kept.add(line, f"{line}", None)
    assert [entry[1] for entry in kept.answer({"hist_access_type": "tail"})] == [3, 4, 5]
    kept.add(6, "x" * 90, "y" * 9)
    assert [entry[1] for entry in kept.answer({"hist_access_type": "tail"})] == [5, 6]
    kept.add(7, "x" * 101, None)
    assert kept.answer({"hist_access_type": "tail"}) == []
    kept.add(8, "1", None)
    assert [entry[1] for entry in kept.answer({"hist_access_type": "tail"})] == [8]
