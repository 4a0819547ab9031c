"""max_events and max_output_kb, held where output arrives (contract sections 6.1, 7 and 18.3)."""

from __future__ import annotations

import json
import time

import pytest

from vm_kernel.events import Page
from vm_kernel.execution import Execution
from vm_kernel.limits import Limits
from vm_kernel.outcomes import OutputExceeded
from vm_kernel.protocol.iopub import IOPub
from vm_kernel.protocol.wire import Wire

from .notebook import Notebook
from .session import Session

pytestmark = pytest.mark.alone


def limited(**limits: int) -> Limits:
    return Limits(**{"cpu_ms": 0, "wall_ms": 0, "max_events": 0, "max_output_kb": 0, **limits})


def lines(number: int) -> str:
    return f"for (let i = 0; i < {number}; i++) console.log(i)"


def test_exactly_max_events_is_allowed_the_input_and_the_value_included() -> None:
    notebook = Notebook()
    with Session(limited(max_events=10), notebook) as session:
        heard = session.client().run(lines(8))
    assert heard.reply["content"]["status"] == "ok"
    assert [event.type for event in notebook.events] == ["input_echo", *["console"] * 8, "value"]


def test_one_event_more_ends_the_cell_and_nothing_further_is_kept_or_shown() -> None:
    notebook = Notebook()
    with Session(limited(max_events=10), notebook) as session:
        client = session.client()
        heard = client.run(lines(100_000))
        assert client.run("1+1").reply["content"]["status"] == "ok", "the session must stay usable"
    assert heard.reply["content"]["ename"] == "OutputExceeded"
    assert "max_events" in heard.reply["content"]["evalue"]
    first = notebook.started[0].execution_id
    types = [event.type for event in notebook.events if event.execution_id == first]
    assert types == ["input_echo", *["console"] * 9, "system", "exception"]
    assert heard.text() == "".join(f"{number}\n" for number in range(9))
    assert notebook.ended[0].outcome.status == "error"


def test_a_cell_whose_own_text_is_too_long_is_told_that_and_what_to_do() -> None:
    with Session(limited(max_output_kb=1)) as session:
        client = session.client()
        heard = client.run("'" + "x" * 2000 + "'.length")
        assert session.engine.evaluated == []
        assert client.run("1+1").reply["content"]["status"] == "ok", "the session must stay usable"
    content = heard.reply["content"]
    assert (content["ename"], content["evalue"]) == (
        "OutputExceeded",
        "the cell's own text counts as output and is longer than max_output_kb allows (1 KiB);"
        " move part of it to a file for %run or import, or raise the limit",
    )


def test_a_value_that_is_one_event_too_many_is_not_shown() -> None:
    notebook = Notebook()
    with Session(limited(max_events=3), notebook) as session:
        heard = session.client().run(lines(2) + "\n1+1")
    assert heard.reply["content"]["ename"] == "OutputExceeded"
    assert "execute_result" not in heard.types
    assert isinstance(notebook.ended[0].outcome, OutputExceeded)


@pytest.mark.parametrize("text", ["plain", 'quo"tes \\ and\n\t\x01 controls', "é ∑ 😀", "\ud800"])
def test_exactly_max_output_is_allowed_and_one_byte_more_is_not(text: str) -> None:
    def payload(of: object) -> int:
        return len(json.dumps(of, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"))

    end = payload({"type": "undefined", "preview": "undefined", "json": None})
    for spare, status in ((0, "ok"), (1, "error")):
        # The padding fills what the text leaves of 4 KiB, counted by json itself.
        code = ""
        for padding in (1000, None):
            if padding is None:
                used = payload({"text": code}) + payload({"level": "log", "text": text}) + end
                used += payload({"level": "log", "text": "x" * 1000})
                padding = 1000 + (4096 - used) // 2 + spare
                if (4096 - used) % 2:
                    code_tail = " "
                else:
                    code_tail = ""
            else:
                code_tail = ""
            code = f'console.log({json.dumps(text)});console.log("{"x" * padding}"){code_tail}'
        with Session(limited(max_output_kb=4)) as session:
            heard = session.client().run(code)
        assert heard.reply["content"]["status"] == status, f"{spare} bytes over"


def test_code_longer_than_the_limit_is_not_run() -> None:
    with Session(limited(max_output_kb=1)) as session:
        heard = session.client().run(f'"{"x" * 2000}"')
        assert heard.reply["content"]["ename"] == "OutputExceeded"
        assert session.engine.evaluated == []


def test_late_output_counts_and_stops_its_timers_with_one_notice() -> None:
    notebook = Notebook()
    with Session(limited(max_events=6), notebook) as session:
        client = session.client()
        msg_id = client.start('setInterval(() => console.log("tick"), 5)')
        client.hear(msg_id)
        streams = [client.hear_type("stream")]
        while streams[-1]["content"]["name"] != "stderr":
            streams.append(client.hear_type("stream"))
        assert "max_events" in streams[-1]["content"]["text"]
        time.sleep(0.1)
        assert client.run("1+1").text() == ""
    execution_id = notebook.started[0].execution_id
    late = [event for event in notebook.events if event.execution_id == execution_id and event.late]
    assert [event.type for event in late] == ["console"] * 4 + ["system"]
    assert [event.seq for event in late] == [3, 4, 5, 6, 7]


@pytest.mark.parametrize("keep", [False, True])
def test_counting_is_cheap(keep: bool) -> None:
    """200,000 one-line events: the count itself must stay a small part of what a line costs elsewhere."""
    page = Page(keep)
    iopub = IOPub(Wire(b"k"), lambda frames, pass_over: True)
    limits = limited(max_events=10**9)
    execution = Execution(1, "id", "", "repl", False, 1, b"{}", limits, page, iopub, lambda why: None)
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        for _ in range(20_000):
            execution.console("log", "a line of ordinary length, as cells print them")
        best = min(best, time.process_time() - started)
        page.take()
        iopub.send()
    assert best / 20_000 < 10e-6, f"{best / 20_000 * 1e6:.1f} us for one event"
