"""Owns that console methods say what Node's say (recorded in console_cases.json), live, whole and in order."""
# ruff: noqa: E501 -- a cell's code stands on one line

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytest

from vm_kernel.engine.port import Cleared, Finished, Printed
from vm_kernel.outcomes import Completed, Interrupted

from .conftest import Open
from .driver import Driver

pytestmark = pytest.mark.alone

RECORDED = json.loads((Path(__file__).parent / "console_cases.json").read_text("utf-8"))
CASES = {case["name"]: case for case in RECORDED["cases"]}
STDERR = ("warn", "error", "trace")
LIVE_MS = 50  # the promise of live output


def streams(driver: Driver, cell: int) -> tuple[str, str]:
    out, error = "", ""
    for report in driver.reports:
        if isinstance(report, Printed) and report.cell == cell:
            text = report.text + ("\n" if report.last else "")
            if report.level in STDERR:
                error += text
            else:
                out += text
    return out, error


@pytest.mark.parametrize("name", CASES)
def test_a_console_call_writes_what_node_writes(open_engine: Open, name: str) -> None:
    case = CASES[name] | CASES[name].get("ours", {})  # where we differ on purpose, `why` says so
    driver = open_engine()
    # In a function, as it was recorded: declarations of the case stay its own.
    finished = driver.run(f"await (async () => {{{case['code']}\n}})()")
    assert isinstance(finished.outcome, Completed), finished
    assert streams(driver, finished.cell) == (case["stdout"], case["stderr"])


def test_every_method_of_nodes_console_is_there(shared: Driver) -> None:
    names = (
        "log warn dir time timeEnd timeLog trace assert clear count countReset group groupEnd table debug info dirxml error "
        "groupCollapsed profile profileEnd timeStamp"
    )
    result = shared.run(f"JSON.stringify({names.split()}.filter((name) => typeof console[name] !== 'function'))").outcome
    assert isinstance(result, Completed) and result.value is not None and result.value.preview == "[]"


@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("console.log(1)", "log"), ("console.info(1)", "info"), ("console.debug(1)", "debug"), ("console.warn(1)", "warn"), ("console.error(1)", "error"),
        ("console.trace(1)", "trace"), ("console.dir(1)", "dir"), ("console.table([1])", "table"), ("console.assert(false)", "warn"), ("console.count()", "log"),
        ("console.dirxml(1)", "log"), ("console.group('g'); console.groupEnd()", "log"), ("console.timeEnd('never')", "warn"), ("console.countReset('never')", "warn"),
    ],
)
def test_each_method_reports_its_level_once(shared: Driver, code: str, level: str) -> None:
    cell = shared.run(code).cell
    assert [report.level for report in shared.reports if isinstance(report, Printed) and report.cell == cell] == [level]


def test_time_measures_and_ends(shared: Driver) -> None:
    code = "console.time('t'); const end = Date.now() + 30; while (Date.now() < end); console.timeLog('t', 'half', 1); console.timeEnd('t'); console.timeEnd('t')"
    first, second, third = shared.text(shared.run(code).cell)
    assert first.startswith("t: ") and first.endswith("ms half 1"), first
    assert 29 <= float(first.split()[1].removesuffix("ms")) < 300
    assert second.startswith("t: ") and second.endswith("ms"), second
    assert "No such label 't'" in third


def test_trace_shows_the_cells_frames_only(shared: Driver) -> None:
    cell = shared.run("function outer() { console.trace('where %s', 'am I') }\nouter()").cell
    [text] = shared.text(cell, "trace")
    lines = text.split("\n")
    assert lines[0] == "Trace: where am I"
    assert lines[1].startswith(f"    at outer (cell [{cell}]:1:"), text
    assert lines[2].startswith(f"    at cell [{cell}]:2:"), text
    assert len(lines) == 3, text


def test_console_clear_clears_the_output(shared: Driver) -> None:
    cell = shared.run("console.clear()").cell
    assert [report for report in shared.reports if isinstance(report, Cleared)][-1].cell == cell


# -- live


@pytest.mark.parametrize("after", ["while (true) {}", "await new Promise(() => {})", "new Array(2 ** 31).indexOf(5)"])
def test_a_line_comes_within_50_ms_also_when_silence_follows(open_engine: Open, after: str) -> None:
    driver = open_engine()
    times = []
    for _ in range(5):
        driver.run("1")
        started = time.monotonic()
        since = len(driver.reports)
        cell = driver.begin(f"console.log('now'); {after}")
        line = driver.wait_for(Printed, since=since)
        times.append((driver.times[driver.reports.index(line, since)] - started) * 1000)
        assert line.text == "now"
        driver.engine.stop(Interrupted("stopped"))
        driver.finish(cell)
    print("ms until the line:", [round(ms, 1) for ms in times])
    assert sorted(times)[2] <= LIVE_MS, times
    assert max(times) <= 10 * LIVE_MS, times


def test_lines_come_at_their_own_time(open_engine: Open) -> None:
    driver = open_engine()
    code = "for (let i = 0; i < 4; i++) { console.log(Date.now()); const end = Date.now() + 100; while (Date.now() < end); }"
    cell = driver.run(code).cell
    stamps = [at for report, at in zip(driver.reports, driver.times, strict=True) if isinstance(report, Printed) and report.cell == cell]
    gaps = [later - earlier for earlier, later in itertools.pairwise(stamps)]
    assert all(0.05 < gap < 0.4 for gap in gaps), gaps


@pytest.mark.slow
def test_two_hundred_thousand_lines_come_whole_and_in_order(open_engine: Open) -> None:
    driver = open_engine()
    finished = driver.run("for (let i = 0; i < 200000; i++) console.log('line ' + i)", timeout_s=60)
    assert isinstance(finished.outcome, Completed)
    lines = [report.text for report in driver.reports if isinstance(report, Printed)]
    assert lines == [f"line {number}" for number in range(200_000)]
    assert isinstance(driver.reports[-1], Finished)


def test_levels_keep_their_order_among_each_other(open_engine: Open) -> None:
    driver = open_engine()
    cell = driver.run("for (let i = 0; i < 2000; i++) console[i % 3 ? 'log' : 'error'](i)").cell
    assert driver.text(cell) == [str(number) for number in range(2000)]


def test_ten_megabytes_in_one_line_come_whole(open_engine: Open) -> None:
    driver = open_engine()
    cell = driver.run("console.log('0123456789'.repeat(1 << 20))", timeout_s=30).cell
    assert driver.text(cell) == ["0123456789" * (1 << 20)]


def test_ten_megabytes_as_a_value_come_whole(open_engine: Open) -> None:
    driver = open_engine()
    outcome = driver.run("'0123456789'.repeat(1 << 20)", timeout_s=30).outcome
    assert isinstance(outcome, Completed) and outcome.value is not None
    assert outcome.value.preview == "0123456789" * (1 << 20)


@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("text", ["\U0001f600", "\u00e9", "\u6f22", "a\U0001f600\u6f22"])
def test_characters_at_chunk_borders_are_whole(shared: Driver, text: str, shift: int) -> None:
    long = "x" * shift + text * 40_000
    cell = shared.run(f"console.log('x'.repeat({shift}) + {json.dumps(text)}.repeat(40000))").cell
    assert shared.text(cell) == [long]


def test_lone_surrogates_become_replacement_characters(shared: Driver) -> None:
    cell = shared.run("console.log('\\ud800a\\udc00'); console.log('x'.repeat(32767) + '\\ud800' + 'y')").cell
    assert shared.text(cell) == ["\ufffda\ufffd", "x" * 32767 + "\ufffdy"]


def test_a_stopped_long_line_is_closed(open_engine: Open) -> None:
    driver = open_engine()
    cell = driver.begin("const s = 'x'.repeat(1e8); console.log(s); console.log(s); console.log(s)")
    driver.until(lambda: any(isinstance(report, Printed) and not report.last for report in driver.reports))
    driver.engine.stop(Interrupted("stopped"))
    driver.finish(cell)
    pieces = [report for report in driver.reports if isinstance(report, Printed)]
    assert pieces[-1].last, "a line was left open"
    assert driver.text(driver.run("console.log('next')").cell) == ["next"]


def test_groups_live_on_in_the_next_cell_as_in_node(open_engine: Open) -> None:
    driver = open_engine()
    driver.run("console.group('g')")
    assert driver.text(driver.run("console.log('a')").cell) == ["  a"]
    driver.run("console.groupEnd()")
    assert driver.text(driver.run("console.log('a')").cell) == ["a"]
