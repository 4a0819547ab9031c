"""An execute_request from its arrival to its idle."""

from __future__ import annotations

import pytest

from .session import Client, Session


def test_messages_of_a_cell_come_in_order(client: Client) -> None:
    heard = client.run('console.log("a"); console.error("b"); console.log("c"); 1+1')
    assert heard.types == [
        "status",
        "execute_input",
        "stream",
        "stream",
        "stream",
        "execute_result",
        "status",
    ]
    assert heard.states == ["busy", "idle"]
    assert [c["name"] for c in heard.contents("stream")] == ["stdout", "stderr", "stdout"]
    assert heard.contents("execute_result") == [
        {"execution_count": 1, "data": {"text/plain": "2"}, "metadata": {}, "transient": {}}
    ]
    assert heard.reply["content"] == {
        "status": "ok",
        "execution_count": 1,
        "payload": [],
        "user_expressions": {},
    }


def test_idle_comes_after_the_reply(session: Session) -> None:
    client = session.client()
    msg_id = client.start("1+1")
    client.hear_idle(msg_id)
    assert not client.quiet("shell", 1.0), "idle was published before the reply was sent"
    reply = client.get("shell")
    assert reply["parent_header"]["msg_id"] == msg_id


def test_parent_header_is_the_request_header_unchanged(client: Client) -> None:
    message = client.session.msg("execute_request", {"code": "1+1"})
    message["header"]["subshell_id"] = None
    message["header"]["unknown"] = {"kept": ["as", "it", 1.0, "came"]}
    client.session.send(client.sockets["shell"], message)
    heard = client.hear(message["header"]["msg_id"])
    for answer in [heard.reply, *heard.published]:
        assert answer["parent_header"]["unknown"] == {"kept": ["as", "it", 1.0, "came"]}
        assert answer["parent_header"]["msg_id"] == message["header"]["msg_id"]


def test_every_message_has_an_id_of_its_own_and_a_date_with_zone(client: Client) -> None:
    heard = [client.run('console.log("x"); 1+1') for _ in range(5)]
    messages = [message for one in heard for message in [one.reply, *one.published]]
    ids = [message["header"]["msg_id"] for message in messages]
    assert len(set(ids)) == len(ids)
    for message in messages:
        assert message["header"]["date"].tzinfo is not None
        assert message["header"]["version"] == "5.5"


def test_error_is_published_and_replied_with_the_count(client: Client) -> None:
    heard = client.run('throw new TypeError("boom")')
    assert heard.types == ["status", "execute_input", "error", "status"]
    content = heard.reply["content"]
    assert (content["status"], content["ename"], content["evalue"]) == ("error", "TypeError", "boom")
    assert content["traceback"][0] == "TypeError: boom"
    assert content["execution_count"] == 1
    assert heard.contents("error") == [{key: content[key] for key in ("ename", "evalue", "traceback")}]


@pytest.mark.parametrize("code", ["", "   \n", "undefined", "let x = 1", 'console.log("x")'])
def test_no_result_for_a_cell_without_a_value(client: Client, code: str) -> None:
    heard = client.run(code)
    assert "execute_result" not in heard.types
    assert heard.reply["content"]["status"] == "ok"


def test_silent_publishes_nothing_but_status_and_counts_nothing(client: Client) -> None:
    heard = client.run('console.log("x"); 1+1', silent=True)
    assert heard.types == ["status", "status"]
    failed = client.run('throw new Error("boom")', silent=True)
    assert failed.types == ["status", "status"]
    assert failed.reply["content"]["ename"] == "Error"
    assert client.run("1+1").reply["content"]["execution_count"] == 1
    history = client.ask("history_request", {"hist_access_type": "tail", "n": 10, "output": False, "raw": True})
    assert history.reply["content"]["history"] == [[1, 1, "1+1"]]


def test_store_history_false_shows_the_result_and_keeps_the_count(client: Client) -> None:
    heard = client.run("1+1", store_history=False)
    assert heard.contents("execute_result")[0]["data"] == {"text/plain": "2"}
    assert [client.run("1+1").reply["content"]["execution_count"] for _ in range(2)] == [1, 2]


def test_state_is_kept_between_cells(client: Client) -> None:
    client.run("let answer = 42")
    assert client.run("answer").contents("execute_result")[0]["data"] == {"text/plain": "42"}


def test_display_update_and_clear_have_all_their_fields(client: Client) -> None:
    heard = client.run(
        'display({"text/plain": "x"}, {raw: true, display_id: "d"})\n'
        'display({"text/plain": "y"}, {raw: true, display_id: "d", update: true})\n'
        "clearOutput(true)"
    )
    assert heard.types[2:-1] == ["display_data", "update_display_data", "clear_output"]
    transient = {"display_id": "d"}
    assert heard.contents("display_data") == [{"data": {"text/plain": "x"}, "metadata": {}, "transient": transient}]
    assert heard.contents("update_display_data")[0]["data"] == {"text/plain": "y"}
    assert heard.contents("clear_output") == [{"wait": True}]


def test_a_page_is_in_the_reply_and_not_among_the_outputs(client: Client) -> None:
    heard = client.run('display({"text/plain": "long help"}, {raw: true, page: true})')
    assert heard.reply["content"]["payload"] == [{"source": "page", "data": {"text/plain": "long help"}, "start": 0}]
    assert heard.types == ["status", "execute_input", "status"]


def test_queued_cells_are_aborted_after_an_error(client: Client) -> None:
    failing = client.start('prompt("go? "); throw new Error("boom")', allow_stdin=True)
    waiting = [client.start("1+1"), client.start("2+2", stop_on_error=False)]
    client.get("stdin")
    client.ask("kernel_info_request")  # its answer says that all three have arrived
    client.send("input_reply", {"value": "go"}, "stdin")
    assert client.hear(failing).reply["content"]["status"] == "error"
    for msg_id in waiting:
        heard = client.hear(msg_id)
        assert heard.reply["content"]["status"] == "aborted"
        assert heard.types == ["status", "status"]
    assert client.run("1+1").reply["content"] == {
        "status": "ok",
        "execution_count": 2,
        "payload": [],
        "user_expressions": {},
    }


def test_queued_cells_run_after_an_error_without_stop_on_error(client: Client) -> None:
    failing = client.start('throw new Error("boom")', stop_on_error=False)
    waiting = client.start("1+1")
    assert client.hear(failing).reply["content"]["status"] == "error"
    assert client.hear(waiting).reply["content"]["status"] == "ok"


def test_cells_run_one_after_another_in_the_order_of_arrival(session: Session) -> None:
    client = session.client()
    ids = [client.start(f"{number}+0") for number in range(50)]
    for number, msg_id in enumerate(ids):
        assert client.hear(msg_id).contents("execute_result")[0]["data"] == {"text/plain": str(number)}
    assert session.engine.evaluated == [f"{number}+0" for number in range(50)]


def test_a_cell_that_comes_before_the_engine_is_ready_waits_for_it() -> None:
    with Session(ready=False) as session:
        client = session.client()
        msg_id = client.start("1+1")
        assert client.ask("kernel_info_request").reply["content"]["status"] == "ok"
        session.engine.start()
        assert client.hear(msg_id, timeout_s=5).reply["content"]["status"] == "ok"


@pytest.mark.parametrize("text", ["\ud800 alone", "é ∑ 😀", "\x00\x1b[31m", "</script>"])
def test_any_text_comes_back_unchanged(client: Client, text: str) -> None:
    import json

    assert client.run(f"console.log({json.dumps(text)})").text() == text + "\n"


def test_late_output_keeps_the_parent_of_its_own_cell(client: Client) -> None:
    first = client.start('setTimeout(() => console.log("late"), 60); setTimeout(() => console.warn("careful"), 80)')
    client.hear(first)
    client.run("1+1")
    late = client.hear_type("stream")
    assert late["parent_header"]["msg_id"] == first
    assert late["content"] == {"name": "stdout", "text": "late\n"}
    assert client.hear_type("stream")["content"] == {"name": "stderr", "text": "careful\n"}


def test_first_line_is_seen_while_a_silent_loop_follows(client: Client) -> None:
    import time

    client.start('console.log("seen"); while(true){}')
    started = time.monotonic()
    assert client.hear_type("stream")["content"]["text"] == "seen\n"
    assert time.monotonic() - started < 0.5
    client.send("interrupt_request", {}, "control")
