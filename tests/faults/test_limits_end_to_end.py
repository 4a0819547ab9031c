"""Each limit, given by its flag, holds for a client: an error naming it, a usable kernel, kept variables."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ..conformance.peer import Heard, Kernel, is_gone

pytestmark = pytest.mark.alone

Start = Callable[..., Kernel]


def assert_stopped(heard: Heard, outcome: str, limit: str, value: int) -> None:
    """An error reply of the outcome's name whose text names the limit and its value, told on iopub too."""
    content = heard.content
    assert (heard.status, content["ename"]) == ("error", outcome), content
    assert limit in content["evalue"] and str(value) in content["evalue"], content["evalue"]
    assert heard.contents("error") == [{name: content[name] for name in ("ename", "evalue", "traceback")}]
    assert heard.types[-2:] == ["error", "status"] and heard.states == ["busy", "idle"]
    assert any(content["evalue"] in line for line in content["traceback"])


def assert_usable(kernel: Kernel, kept: str = "'kept'") -> None:
    client = kernel.clients[0]
    for _ in range(3):
        heard = client.run("kept")
        assert (heard.status, heard.value) == ("ok", kept), heard.content
        assert heard.text("stderr") == "", "the kernel speaks of a loss"


WAITS = [
    "while (true) {}",
    "await new Promise(() => {})",
    "await (async () => { while (true) await null })()",
    "await new Promise(done => setTimeout(done, 60000))",
    "for (const f = () => queueMicrotask(f); ; ) { f(); await null }",
    "[1, 2].sort(() => { while (true) {} })",
    "({ get text() { while (true) {} }, toString() { while (true) {} } })",
    "new Proxy({}, { ownKeys() { while (true) {} } })",
    "({ [Symbol.for('Jupyter.display')]() { while (true) {} } })",
    "Promise.resolve().then(() => { while (true) {} }); 1",
]


@pytest.mark.parametrize("code", WAITS)
def test_wall_clock(start: Start, code: str) -> None:
    kernel = start("--wall-ms", "400")
    client = kernel.clients[0]
    client.run("var kept = 'kept'")
    begun = time.monotonic()
    heard = client.run(code, timeout_s=10)
    took_ms = (time.monotonic() - begun) * 1000
    if heard.status == "ok":
        # What shows a value may leave its proxies and getters alone; then there is nothing to stop.
        assert code.startswith(("({", "new Proxy")), f"{code} should not end"
        assert took_ms < 400
    else:
        assert_stopped(heard, "TimedOut", "wall_ms", 400)
        assert 380 < took_ms < 1500, f"stopped after {took_ms:.0f} ms"
    assert_usable(kernel)


def test_wall_clock_does_not_run_while_the_cell_waits_for_input(start: Start) -> None:
    client = start("--wall-ms", "400").clients[0]
    msg_id = client.start("prompt('?')", allow_stdin=True)
    client.get("stdin")
    time.sleep(0.8)
    client.send("input_reply", {"value": "slow person"}, "stdin")
    assert client.hear(msg_id).value == "'slow person'"


def test_wall_clock_starts_again_with_each_cell(start: Start) -> None:
    client = start("--wall-ms", "400").clients[0]
    for _ in range(4):
        assert client.run("await new Promise(done => setTimeout(done, 250))").status == "ok"


@pytest.mark.parametrize(
    "code",
    [
        "while (true) {}",
        "await (async () => { while (true) await null })()",
        "for (let a; ; ) a = new Array(1000).fill(1.5)",
    ],
)
def test_processor_time(start: Start, code: str) -> None:
    kernel = start("--cpu-ms", "300")
    kernel.clients[0].run("var kept = 'kept'")
    assert_stopped(kernel.clients[0].run(code, timeout_s=10), "CpuExceeded", "cpu_ms", 300)
    assert_usable(kernel)


def test_waiting_costs_no_processor_time(start: Start) -> None:
    client = start("--cpu-ms", "300").clients[0]
    assert client.run("await new Promise(done => setTimeout(done, 900)); 'rested'").value == "'rested'"


def test_memory(start: Start) -> None:
    kernel = start("--mem-mb", "64")
    kernel.clients[0].run("var kept = 'kept'")
    heard = kernel.clients[0].run(
        "let list = []; while (true) list.push(new Array(1000).fill(list.length))", timeout_s=20
    )
    assert_stopped(heard, "OutOfMemory", "mem_mb", 64)
    assert kernel.clients[0].run("kept").value == "'kept'"
    assert_usable(kernel)


@pytest.mark.parametrize("limit", [1, 2, 10, 1000])
def test_events_are_counted_strictly(start: Start, limit: int) -> None:
    """The input counts, each console call, display and clear counts, and the value counts."""
    kernel = start("--max-events", str(limit))
    client = kernel.clients[0]
    assert client.run("var kept = 'kept'", timeout_s=5).status == ("ok" if limit > 1 else "error")
    lines = max(0, limit - 2)
    fits = client.run(f"for (let i = 0; i < {lines}; i++) console.log(i); 'value'")
    if limit > 1:
        assert (fits.status, fits.value) == ("ok", "'value'"), fits.content
    over = client.run(f"for (let i = 0; i < {lines + 1}; i++) console.log(i); 'value'")
    assert_stopped(over, "OutputExceeded", "max_events", limit)
    assert over.text() == "".join(f"{number}\n" for number in range(limit - 1)), (
        "what fits is shown, nothing more"
    )
    endless = client.run("while (true) console.log('x')", timeout_s=10)
    assert_stopped(endless, "OutputExceeded", "max_events", limit)
    assert len(endless.text().splitlines()) == limit - 1
    if limit > 1:
        assert_usable(kernel)


@pytest.mark.parametrize(
    "statement",
    [
        "display({ 'text/plain': 'x' }, { raw: true })",
        "clearOutput()",
        "console.error('x')",
        "console.table([[1]])",
    ],
)
def test_every_kind_of_output_counts_as_an_event(start: Start, statement: str) -> None:
    kernel = start("--max-events", "50")
    client = kernel.clients[0]
    client.run("var kept = 'kept'")
    assert client.run(f"for (let i = 0; i < 48; i++) {statement}; undefined").status == "ok"
    assert_stopped(client.run(f"while (true) {statement}", timeout_s=10), "OutputExceeded", "max_events", 50)
    assert_usable(kernel)


@pytest.mark.parametrize(
    "code",
    [
        "while (true) console.log('some words')",
        "console.log('x'.repeat(1e6))",
        "'x'.repeat(1e6)",
        "for (;;) display({ 'text/plain': 'x'.repeat(1000) }, { raw: true })",
        "display({ 'text/plain': 'x'.repeat(1e6) }, { raw: true })",
        "throw new Error('x'.repeat(1e6))",
        "console.log('\\u{1F600}'.repeat(20000))",
    ],
)
def test_output_is_counted_in_kilobytes(start: Start, code: str) -> None:
    kernel = start("--max-output-kb", "64")
    client = kernel.clients[0]
    client.run("var kept = 'kept'")
    heard = client.run(code, timeout_s=10)
    assert_stopped(heard, "OutputExceeded", "max_output_kb", 64)
    shown = heard.text() + "".join(c["data"]["text/plain"] for c in heard.contents("display_data"))
    assert len(shown.encode()) <= 64 * 1024
    assert_usable(kernel)


def test_output_below_the_limit_is_whole(start: Start) -> None:
    client = start("--max-output-kb", "64").clients[0]
    heard = client.run("console.log('x'.repeat(60000)); 'value'")
    assert (heard.text(), heard.value) == ("x" * 60_000 + "\n", "'value'")


def test_a_timer_between_cells_is_held_by_the_limits_too(start: Start) -> None:
    kernel = start("--wall-ms", "400")
    client = kernel.clients[0]
    first = client.start("var kept = 'kept'; setTimeout(() => { while (true) {} }, 20)")
    client.hear(first)
    shown = client.until("stream", 5)
    assert shown["parent_header"]["msg_id"] == first and shown["content"]["name"] == "stderr"
    assert "TimedOut" in shown["content"]["text"] and "wall_ms" in shown["content"]["text"]
    assert_usable(kernel)


@pytest.mark.parametrize("how", ["limit", "interrupt"])
def test_a_reaction_that_v8_runs_by_itself_and_never_ends_costs_the_engine_and_its_cell_is_told(
    start: Start, how: str
) -> None:
    kernel = start(*(["--wall-ms", "400"] if how == "limit" else []))
    client, engine = kernel.clients[0], kernel.engine()
    soon = "Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20).value"
    first = client.start(soon + ".then(() => { while (true) {} }); 1")
    client.hear(first)
    if how == "interrupt":
        time.sleep(0.3)
        client.ask("interrupt_request", channel="control")
    shown = client.until("stream", 5)
    assert shown["parent_header"]["msg_id"] == first and shown["content"]["name"] == "stderr"
    words = ("TimedOut", "wall_ms") if how == "limit" else ("Interrupted",)
    assert all(word in shown["content"]["text"] for word in (*words, "lost")), shown["content"]
    assert is_gone(engine)
    assert client.run("1 + 1").value == "2"


def test_late_output_is_held_by_the_limit_of_its_cell(start: Start) -> None:
    kernel = start("--max-events", "50")
    client = kernel.clients[0]
    first = client.start("var kept = 'kept'; setInterval(() => console.log('x'), 1)")
    client.hear(first)
    lines = 0
    while "OutputExceeded" not in (text := client.until("stream", 5)["content"]["text"]):
        lines += text.count("x")
    # The input and the value of the cell are two of the fifty.
    assert lines + text.count("x\n") == 48
    time.sleep(0.2)
    assert client.is_quiet("iopub", 0.2), "it prints on"
    assert_usable(kernel)


def test_the_queue_behind_a_stopped_cell_is_aborted(start: Start) -> None:
    client = start("--wall-ms", "300").clients[0]
    first, second = client.start("while (true) {}"), client.start("1")
    assert client.hear(first).content["ename"] == "TimedOut"
    assert client.hear(second).status == "aborted"


def test_zero_switches_a_limit_off(start: Start) -> None:
    client = start(
        "--wall-ms", "0", "--cpu-ms", "0", "--max-events", "0", "--max-output-kb", "0", "--mem-mb", "0"
    ).clients[0]
    heard = client.run("for (let i = 0; i < 2000; i++) console.log('x'.repeat(1000)); 'value'")
    assert (heard.value, len(heard.text())) == ("'value'", 2_002_000)
