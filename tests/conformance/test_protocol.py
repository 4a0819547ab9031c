"""The rules that every request meets: busy and idle, parents, order, counts; ignores how cells run."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from .peer import Client, Kernel

Start = Callable[..., Kernel]

CODE = {"code": "Math.", "cursor_pos": 5}
REQUESTS = {
    "kernel_info_request": {},
    "comm_info_request": {},
    "connect_request": {},
    "history_request": {"hist_access_type": "tail", "n": 1, "output": False, "raw": True},
    "is_complete_request": CODE,
    "complete_request": CODE,
    "inspect_request": CODE | {"detail_level": 0},
    "interrupt_request": {},
}
RUN = "console.log('text'); 42"


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize("msg_type", REQUESTS)
def test_every_request_has_busy_reply_idle_with_its_header_as_parent(
    client: Client, msg_type: str, channel: str
) -> None:
    header = client.session.msg_header(msg_type)
    client.session.send(
        client.sockets[channel], client.session.msg(msg_type, REQUESTS[msg_type], header=header)
    )
    heard = client.hear(header["msg_id"], channel)
    assert heard.reply["msg_type"] == msg_type.replace("_request", "_reply")
    assert heard.status == "ok" or msg_type == "is_complete_request"
    assert heard.types == ["status", "status"]
    assert heard.states == ["busy", "idle"]
    for message in (heard.reply, *heard.published):
        parent = message["parent_header"]
        assert {name: parent[name] for name in ("msg_id", "msg_type", "session", "username", "version")} == {
            name: header[name] for name in ("msg_id", "msg_type", "session", "username", "version")
        }


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize(
    "msg_type", ["no_such_request", "comm_msg", "x" * 300, "kernel_info_reply", "__class__"]
)
def test_an_unknown_type_gets_busy_and_idle_and_nothing_else(
    client: Client, msg_type: str, channel: str
) -> None:
    msg_id = client.send(msg_type, {"comm_id": "1", "data": {}}, channel)
    published = client.until_idle(msg_id)
    assert [message["content"].get("execution_state") for message in published] == ["busy", "idle"]
    assert client.is_quiet(channel, 0.05), "an unknown type was answered"
    assert client.run("1").status == "ok"


@pytest.mark.parametrize(
    "msg_type", ["execute_request", "complete_request", "inspect_request", "is_complete_request"]
)
@pytest.mark.parametrize("content", [{}, {"code": 1}, {"code": None}, {"code": ["a"]}, {"code": {"a": 1}}])
def test_a_request_without_text_is_an_error_reply_and_the_kernel_goes_on(
    client: Client, msg_type: str, content: dict[str, object]
) -> None:
    heard = client.ask(msg_type, content)
    assert heard.status == "error"
    assert heard.content["ename"] and heard.content["evalue"] and "traceback" in heard.content
    assert heard.states == ["busy", "idle"]
    assert client.run("1").status == "ok"


def test_ids_dates_and_versions_of_messages(client: Client) -> None:
    messages = []
    for code in (RUN, "throw 1", RUN):
        heard = client.run(code)
        messages += [heard.reply, *heard.published]
    ids = [message["header"]["msg_id"] for message in messages]
    assert len(set(ids)) == len(ids), "a msg_id was used twice"
    sessions = {message["header"]["session"] for message in messages}
    assert len(sessions) == 1 and sessions != {client.session.session}
    for message in messages:
        header = message["header"]
        date = header["date"]
        assert isinstance(date, datetime) and date.utcoffset() == timedelta(0), f"date without UTC: {date!r}"
        assert abs(datetime.now(timezone.utc) - date) < timedelta(minutes=1)
        assert re.fullmatch(r"5\.\d+", header["version"])
        assert header["username"]
        assert header["msg_type"] == message["msg_type"]


def test_the_messages_of_a_cell_come_in_the_order_of_the_specification(client: Client) -> None:
    heard = client.run(RUN)
    assert heard.types == ["status", "execute_input", "stream", "execute_result", "status"]
    assert heard.states == ["busy", "idle"]
    failed = client.run("console.log('text'); throw new TypeError('no')")
    assert failed.types == ["status", "execute_input", "stream", "error", "status"]
    error = failed.contents("error")[0]
    assert {name: failed.content[name] for name in error} == error
    assert (error["ename"], error["evalue"]) == ("TypeError", "no")
    assert all(isinstance(line, str) for line in error["traceback"]) and error["traceback"]


def test_replies_carry_all_their_fields(client: Client) -> None:
    good, bad = client.run("1").content, client.run("throw new Error('x')").content
    assert (good["payload"], good["user_expressions"]) == ([], {})
    assert type(bad["execution_count"]) is int and bad["execution_count"] == good["execution_count"] + 1
    result = client.run("({ a: 1 })").contents("execute_result")[0]
    assert result["metadata"] == {} and result["data"] == {"text/plain": "{ a: 1 }"}
    info = client.ask("kernel_info_request").content
    assert info["language_info"]["name"] == "javascript" and info["language_info"]["file_extension"] == ".js"
    assert {"mimetype", "version", "pygments_lexer", "codemirror_mode"} <= set(info["language_info"])
    assert info["status"] == "ok" and info["banner"] and isinstance(info["help_links"], list)
    assert info["supported_features"] == []
    assert client.ask("comm_info_request").content == {"status": "ok", "comms": {}}
    assert client.ask("comm_info_request", {"target_name": "x"}).content == {"status": "ok", "comms": {}}


def test_a_comm_for_a_target_that_does_not_exist_is_closed(client: Client) -> None:
    msg_id = client.send("comm_open", {"comm_id": "c1", "target_name": "none", "data": {}})
    published = client.until_idle(msg_id)
    assert [m["msg_type"] for m in published] == ["status", "comm_close", "status"]
    assert published[1]["content"]["comm_id"] == "c1"


def test_late_output_keeps_the_cell_that_started_it_as_parent(client: Client) -> None:
    first = client.start(
        "setTimeout(() => { console.log('late'); display({'text/plain': 'd'}, {raw: true}) }, 150); 'first'"
    )
    second = client.start("setTimeout(() => console.error('later'), 250); 'second'")
    assert client.hear(first).value == "'first'" and client.hear(second).value == "'second'"
    late = [client.until("stream"), client.until("display_data"), client.until("stream")]
    assert [m["parent_header"]["msg_id"] for m in late] == [first, first, second]
    assert late[0]["content"] == {"name": "stdout", "text": "late\n"}
    assert late[2]["content"] == {"name": "stderr", "text": "later\n"}


def test_late_output_keeps_its_parent_while_another_cell_runs(client: Client) -> None:
    first = client.start("setTimeout(() => console.log('of the first'), 100)")
    client.hear(first)
    second = client.start("await new Promise(done => setTimeout(done, 300)); console.log('of the second')")
    came = [client.until("stream"), client.until("stream")]
    assert [(m["content"]["text"], m["parent_header"]["msg_id"]) for m in came] == [
        ("of the first\n", first),
        ("of the second\n", second),
    ]
    client.hear(second)


def test_unhandled_rejections_and_errors_in_timers_are_shown_on_their_cell(client: Client) -> None:
    first = client.start("setTimeout(() => { throw new Error('in a timer') }, 50)")
    client.hear(first)
    client.run("1")
    shown = client.until("stream")
    assert shown["parent_header"]["msg_id"] == first and shown["content"]["name"] == "stderr"
    assert "in a timer" in shown["content"]["text"]
    heard = client.run("Promise.reject(new Error('nobody cares')); 1")
    text = heard.text("stderr")
    if not text:
        text = client.until("stream")["content"]["text"]
    assert "nobody cares" in text


def test_silent_runs_publish_status_only_and_raise_no_count(client: Client) -> None:
    before = client.run("1").content["execution_count"]
    heard = client.run(
        "var hidden = 5; console.log('x'); display({'text/plain': 'x'}, {raw: true}); hidden", silent=True
    )
    assert heard.types == ["status", "status"] and heard.status == "ok"
    failed = client.run("throw new Error('x')", silent=True)
    assert (
        failed.types == ["status", "status"] and failed.status == "error" and failed.content["evalue"] == "x"
    )
    after = client.run("hidden")
    assert (after.content["execution_count"], after.value) == (before + 1, "5")
    history = client.ask(
        "history_request", {"hist_access_type": "tail", "n": 1, "raw": True, "output": False}
    ).content
    assert history["history"][0][2] == "hidden"
    client.run("'first'")
    found = {"hist_access_type": "search", "pattern": "var hidden*", "raw": True, "output": False}
    assert client.ask("history_request", found).content["history"] == []


def test_store_history_false_raises_no_count_but_publishes(client: Client) -> None:
    before = client.run("1").content["execution_count"]
    heard = client.run("console.log('shown'); 2", store_history=False)
    assert heard.types == ["status", "execute_input", "stream", "execute_result", "status"]
    assert client.run("3").content["execution_count"] == before + 1


def test_counts_rise_by_one_for_each_stored_run_failed_or_empty(start: Start) -> None:
    client = start().clients[0]
    counts = []
    for code in ("1", "throw 1", "let = ;", "", "  \n", "// nothing", "undefined"):
        heard = client.run(code)
        counts.append(heard.content["execution_count"])
        assert heard.contents("execute_input")[0]["execution_count"] == counts[-1]
        if code != "1":
            assert heard.value is None, f"{code!r} shows a value"
    assert counts == [1, 2, 3, 4, 5, 6, 7]


def test_prompt_without_stdin_is_an_error_of_the_cell_and_no_question_is_sent(client: Client) -> None:
    heard = client.run("prompt('name? ')", allow_stdin=False)
    assert (heard.status, heard.content["ename"]) == ("error", "StdinNotImplementedError")
    assert client.is_quiet("stdin")


def test_prompt_to_a_client_without_a_stdin_channel_is_an_error(client: Client) -> None:
    client.sockets.pop("stdin").close(0)
    time.sleep(0.3)  # until the kernel's side of the connection knows
    msg_id = client.start("prompt('name? ')", allow_stdin=True)
    try:
        heard = client.hear(msg_id, timeout_s=5)
    except TimeoutError:
        client.ask("interrupt_request", channel="control")
        client.hear(msg_id)
        raise AssertionError("the cell waits for ever for a client that nobody can ask") from None
    assert (heard.status, heard.content["ename"]) == ("error", "StdinNotImplementedError")


def test_prompt_asks_the_client_that_runs_the_cell_and_no_other(shared: Kernel, client: Client) -> None:
    other = shared.client()
    msg_id = client.start("const answer = prompt('name? '); answer + '!'", allow_stdin=True)
    asked = client.get("stdin")
    assert asked["msg_type"] == "input_request" and asked["parent_header"]["msg_id"] == msg_id
    assert asked["content"] == {"prompt": "name? ", "password": False}
    assert other.is_quiet("stdin")
    other.send("input_reply", {"value": "forged"}, "stdin")
    client.send("input_reply", {"value": "Ada \N{GRINNING FACE}"}, "stdin")
    assert client.hear(msg_id).value == "'Ada \N{GRINNING FACE}!'"
    other.close()
    shared.clients.remove(other)


#: Until what is sent behind it has arrived.
BUSY = "const until = Date.now() + 300; while (Date.now() < until) {}"


def test_stop_on_error_aborts_what_was_sent_with_the_failing_cell(client: Client) -> None:
    ids = [client.start(code) for code in (f"{BUSY} throw new Error('first')", "1", "2")]
    heard = [client.hear(msg_id) for msg_id in ids]
    assert [each.status for each in heard] == ["error", "aborted", "aborted"]
    assert [each.states for each in heard] == [["busy", "idle"]] * 3
    assert heard[1].types == ["status", "status"], "an aborted cell published something"
    assert client.run("3").value == "3", "the queue stayed closed"


def test_without_stop_on_error_the_rest_runs(client: Client) -> None:
    ids = [
        client.start("throw new Error('first')", stop_on_error=False),
        client.start("1"),
        client.start("2"),
    ]
    assert [client.hear(msg_id).status for msg_id in ids] == ["error", "ok", "ok"]


def test_a_later_subscriber_gets_its_own_welcome(shared: Kernel, client: Client) -> None:
    for _ in range(3):
        other = shared.client()
        assert other.welcome["msg_type"] == "iopub_welcome"
        assert other.welcome["content"] == {"subscription": ""} and other.welcome["parent_header"] == {}
        assert other.run("'hello'").value == "'hello'"
        other.close()
        shared.clients.remove(other)
    assert client.welcome["msg_type"] == "iopub_welcome"


def test_two_clients_hear_each_other_and_share_the_state(shared: Kernel, client: Client) -> None:
    other = shared.client()
    mine, theirs = client.start("var common = 1; 'mine'"), other.start("'theirs'")
    assert client.hear(mine).value == "'mine'" and other.hear(theirs).value == "'theirs'"
    assert [m["msg_type"] for m in client.until_idle(theirs)] == [
        "status",
        "execute_input",
        "execute_result",
        "status",
    ]
    assert [m["msg_type"] for m in other.until_idle(mine)][-1] == "status"
    assert client.is_quiet("shell", 0.05), "a reply went to the wrong client"
    assert other.run("common").value == "1"
    other.close()
    shared.clients.remove(other)


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_both_transports_work_on_every_channel(start: Start, transport: str) -> None:
    client = start(transport=transport).clients[0]
    for channel in ("shell", "control"):
        assert client.ask("kernel_info_request", channel=channel).status == "ok"
    msg_id = client.start("prompt('?')", allow_stdin=True)
    client.get("stdin")
    client.send("input_reply", {"value": "yes"}, "stdin")
    assert client.hear(msg_id).value == "'yes'"
