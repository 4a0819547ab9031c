"""Interrupts, shutdown, and the loss of the engine."""

from __future__ import annotations

import time
from typing import Any

import pytest

from vm_kernel.engine import port
from vm_kernel.engine.fake import FakeEngine
from vm_kernel.limits import Limits
from vm_kernel.outcomes import EngineDied

from .session import Client, Session

pytestmark = pytest.mark.alone

LOOPS = ["while(true){}", "await new Promise(() => {})"]


@pytest.mark.parametrize("code", LOOPS)
def test_interrupt_ends_the_cell_and_keeps_the_state(client: Client, code: str) -> None:
    client.run("let kept = 7")
    msg_id = client.start(code)
    client.hear_type("execute_input")
    started = time.monotonic()
    assert client.ask("interrupt_request", {}, "control").reply["content"] == {"status": "ok"}
    while (reply := client.get("shell"))["parent_header"]["msg_id"] != msg_id:
        pass
    assert time.monotonic() - started < 1
    assert (reply["content"]["status"], reply["content"]["ename"]) == ("error", "Interrupted")
    assert client.run("kept").contents("execute_result")[0]["data"] == {"text/plain": "7"}


def test_interrupt_aborts_what_waits(client: Client) -> None:
    running, waiting = client.start("while(true){}"), client.start("1+1")
    client.hear_type("execute_input")
    client.send("interrupt_request", {}, "control")
    assert client.hear(running).reply["content"]["ename"] == "Interrupted"
    assert client.hear(waiting).reply["content"]["status"] == "aborted"


def test_interrupt_without_a_running_cell_is_harmless(client: Client) -> None:
    assert client.ask("interrupt_request", {}, "control").reply["content"] == {"status": "ok"}
    assert client.run("1+1").reply["content"]["status"] == "ok"


def test_interrupt_stops_code_between_cells_and_says_so_on_its_cell(client: Client) -> None:
    first = client.start("setTimeout(() => { while(true){} }, 10)")
    client.hear(first)
    time.sleep(0.1)
    client.send("interrupt_request", {}, "control")
    notice = client.hear_type("stream")
    assert notice["parent_header"]["msg_id"] == first
    assert notice["content"]["name"] == "stderr"
    assert notice["content"]["text"].startswith("Interrupted: ")
    assert client.run("1+1").reply["content"]["status"] == "ok"


def test_wall_limit_is_an_error_of_its_own_name() -> None:
    with Session(Limits(wall_ms=80)) as session:
        reply = session.client().run("while(true){}").reply["content"]
        assert (reply["status"], reply["ename"]) == ("error", "TimedOut")


def test_a_limit_holds_however_busy_the_other_channels_are() -> None:
    with Session(Limits(wall_ms=150)) as session:
        client, other = session.client(), session.client(subscribe=False)
        msg_id = client.start("while(true){}")
        client.hear_type("execute_input")
        started = time.monotonic()
        while client.quiet("shell", 0):
            assert time.monotonic() - started < 2, "messages put the deadline of the engine off"
            other.send("kernel_info_request")
            other.get("shell")
        assert client.hear(msg_id).reply["content"]["ename"] == "TimedOut"


def test_kernel_info_and_questions_are_answered_while_a_cell_runs(client: Client) -> None:
    running = client.start("while(true){}")
    client.hear_type("execute_input")
    for msg_type in ("kernel_info", "comm_info", "history", "is_complete", "complete", "inspect"):
        heard = client.ask(f"{msg_type}_request", {"code": "con", "cursor_pos": 3})
        assert heard.reply["msg_type"] == f"{msg_type}_reply"
        assert heard.states == ["busy", "idle"]
    client.send("interrupt_request", {}, "control")
    client.hear(running)


@pytest.mark.parametrize("channel", ["control", "shell"])
@pytest.mark.parametrize("restart", [True, False])
def test_shutdown_answers_on_its_channel_and_on_iopub_then_ends(channel: str, restart: bool) -> None:
    with Session() as session:
        client = session.client()
        msg_id = client.send("shutdown_request", {"restart": restart}, channel)
        heard = client.hear(msg_id, channel)
        assert heard.reply["content"] == {"status": "ok", "restart": restart}
        assert heard.contents("shutdown_reply") == [{"status": "ok", "restart": restart}]
        assert heard.states == ["busy", "idle"]
        assert session.ended(3)
        assert session.engine.fileno() is None, "the engine was not closed"


def test_shutdown_while_a_cell_runs_answers_it_and_aborts_the_rest() -> None:
    with Session() as session:
        client = session.client()
        running, waiting = client.start("while(true){}"), client.start("1+1")
        client.hear_type("execute_input")
        client.send("shutdown_request", {"restart": False}, "control")
        replies = {message["parent_header"]["msg_id"]: message["content"] for message in map(client.get, ["shell"] * 2)}
        assert replies[running]["ename"] == "Interrupted"
        assert replies[waiting]["status"] == "aborted"
        assert session.ended(3)


def test_the_end_answers_all_that_has_arrived_also_what_was_not_read_yet() -> None:
    session = Session()
    client = session.client(subscribe=False)
    cells = [client.start("1+1") for _ in range(300)]
    asked = [client.send(name) for name in ("kernel_info_request", "history_request", "comm_info_request")]
    ended = client.send("shutdown_request", {"restart": False}, "control")
    time.sleep(0.5)  # all lies in the kernel's sockets, and nobody reads yet
    with session:
        replies = [client.get("shell") for _ in (*cells, *asked)]
        found = {message["parent_header"]["msg_id"]: message["content"]["status"] for message in replies}
        assert found == {**dict.fromkeys(cells, "aborted"), **dict.fromkeys(asked, "ok")}
        assert client.get("control")["parent_header"]["msg_id"] == ended
        assert session.ended(3)


def test_a_lost_engine_is_an_error_and_the_next_cell_works(client: Client) -> None:
    client.run("let gone = 1")
    reply = client.run("@die").reply["content"]
    assert (reply["status"], reply["ename"]) == ("error", "EngineDied")
    heard = client.run("1+1")
    assert heard.reply["content"]["status"] == "ok"
    assert heard.text("stderr") == "", "the error reply of the lost cell had already said so"


def test_another_client_is_told_once_that_variables_are_lost(session: Session) -> None:
    first, second = session.client(), session.client()
    first.run("@die")
    assert "variables" in second.run("1+1").text("stderr")
    assert second.run("1+1").text("stderr") == ""
    assert first.run("1+1").text("stderr") == ""


class Refusing(FakeEngine):
    """Lost, and for a while no new one is started: cells end as they do after three losses within a minute."""

    refusing = False

    def evaluate(self, cell: int, name: str, code: str, limits: Limits, *extras: Any) -> None:
        if self.refusing:
            self._tell(port.Finished(cell, EngineDied("the engine was lost too often", lost=True), 0, 0, 0))
        else:
            super().evaluate(cell, name, code, limits, *extras)


def test_a_cell_refused_after_a_loss_is_not_told_that_an_engine_was_restarted() -> None:
    with Session(engine=Refusing) as session:
        client, other = session.client(), session.client()
        client.run("let kept = 1")
        Refusing.refusing = True
        try:
            session.engine._tell(port.Lost(1, "the engine ended"))
            refused = other.run("1+1")
        finally:
            Refusing.refusing = False
        assert refused.reply["content"]["ename"] == "EngineDied"
        assert "restarted" not in refused.text("stderr"), "no engine was restarted"
        session.engine._tell(port.Ready(2, 1))
        assert "restarted" in client.run("1+1").text("stderr")
        assert other.run("1+1").text("stderr") == ""


def test_a_finally_lost_engine_answers_every_cell_with_what_to_do(client: Client) -> None:
    client.run("@die for good")
    for _ in range(3):
        reply = client.run("1+1", stop_on_error=False).reply["content"]
        assert (reply["status"], reply["ename"]) == ("error", "EngineDied")
        assert "restart the kernel" in reply["evalue"]
    for msg_type in ("is_complete", "complete", "inspect"):
        assert (
            client.ask(f"{msg_type}_request", {"code": "x", "cursor_pos": 1}).reply["msg_type"] == f"{msg_type}_reply"
        )
    assert client.ask("kernel_info_request").reply["content"]["status"] == "ok"


def test_many_cells_behind_a_finally_lost_engine_are_all_answered(client: Client) -> None:
    ids = [
        client.start("@die for good", stop_on_error=False),
        *(client.start("1", stop_on_error=False) for _ in range(1500)),
    ]
    for msg_id in ids:
        assert client.hear(msg_id).reply["content"]["ename"] == "EngineDied"
