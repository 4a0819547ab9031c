"""The globals of the web's standards, held to samples of what the web-platform tests ask (URL, Encoding, HTML, DOM,
User Timing, Web Cryptography); rows and words are our own, derived from the standards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vm_kernel.engine.supervisor import Supervisor
from vm_kernel.outcomes import Completed

from ..engine.driver import Driver


def load(name: str) -> Any:
    return json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


URLS = load("urls.json")
#: What it is about, a cell, and the JSON of its value.
CASES = [(f"{feature}: {row[0]}", row[1], row[2]) for feature, rows in load("cases.json").items() for row in rows]
#: The name of what a function throws.
FAILS = "function fails(f) { try { f() } catch (e) { return e.name } return 'nothing thrown' }"


@pytest.fixture(scope="module")
def engine() -> Iterator[Driver]:
    driver = Driver(lambda sink: Supervisor(512, sink))
    driver.run(FAILS)
    yield driver
    driver.close()


def value(engine: Driver, code: str) -> Any:
    ended = engine.run(code)
    assert isinstance(ended.outcome, Completed), f"{code}\n{ended.outcome}"
    assert ended.outcome.value is not None, f"{code}\nhas no value"
    preview = ended.outcome.value.preview
    return json.loads(ended.outcome.value.json) if ended.outcome.value.json is not None else preview


@pytest.mark.parametrize(("about", "code", "expected"), CASES, ids=[case[0] for case in CASES])
def test_standard_global(engine: Driver, about: str, code: str, expected: Any) -> None:
    assert value(engine, code) == expected, code


@pytest.mark.parametrize("row", URLS, ids=[ascii(row["input"])[:60] + ascii(row.get("base", "")) for row in URLS])
def test_url_is_parsed_as_the_standard_says(engine: Driver, row: dict[str, Any]) -> None:
    base = json.dumps(row["base"]) if "base" in row else "undefined"
    names = [name for name in row if name not in ("input", "base", "failure")]
    read = ",".join(f"u.{name}" for name in names)
    code = f"{{ const u = URL.parse({json.dumps(row['input'])}, {base}); u ? [{read}] : null }}"
    assert value(engine, f"eval({json.dumps(code)})") == (None if "failure" in row else [row[name] for name in names])
