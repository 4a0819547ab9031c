"""Requests that run no code."""

from __future__ import annotations

import time
from typing import Any

import pytest
import zmq

from .session import Client, Session, endpoint


def test_kernel_info_has_every_field_of_the_specification(client: Client) -> None:
    content = client.ask("kernel_info_request").reply["content"]
    assert content["status"] == "ok"
    assert content["protocol_version"] == "5.5"
    assert content["implementation"] == "vm_kernel"
    assert content["supported_features"] == []
    assert isinstance(content["banner"], str) and isinstance(content["help_links"], list)
    language = content["language_info"]
    assert (language["name"], language["file_extension"], language["mimetype"]) == (
        "javascript",
        ".js",
        "text/javascript",
    )
    assert {"version", "pygments_lexer", "codemirror_mode", "nbconvert_exporter"} <= set(language)


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize("msg_type", ["kernel_info", "comm_info", "connect", "history"])
def test_busy_and_idle_stand_around_every_request(client: Client, channel: str, msg_type: str) -> None:
    heard = client.ask(f"{msg_type}_request", {}, channel)
    assert heard.types == ["status", "status"]
    assert heard.states == ["busy", "idle"]
    assert heard.reply["msg_type"] == f"{msg_type}_reply"
    assert heard.reply["content"]["status"] == "ok"


@pytest.mark.parametrize("msg_type", ["comm_msg", "comm_close", "no_such_request", "restart_request"])
def test_a_type_without_a_reply_still_gets_busy_and_idle(client: Client, msg_type: str) -> None:
    published = client.hear_idle(client.send(msg_type, {"comm_id": "c", "data": {}}))
    assert [message["content"]["execution_state"] for message in published] == ["busy", "idle"]
    assert client.quiet("shell")


def test_a_comm_for_an_unknown_target_is_closed(client: Client) -> None:
    msg_id = client.send("comm_open", {"comm_id": "c1", "target_name": "jupyter.widget", "data": {}})
    published = client.hear_idle(msg_id)
    assert [message["msg_type"] for message in published] == ["status", "comm_close", "status"]
    assert published[1]["content"]["comm_id"] == "c1"


def test_is_complete_complete_and_inspect_are_the_engines_answers(client: Client) -> None:
    client.run("let consequence = 3")

    def ask(name: str, code: str, **content: Any) -> Any:
        return client.ask(f"{name}_request", {"code": code, **content}).reply["content"]

    assert ask("is_complete", "1+1") == {"status": "complete"}
    assert ask("is_complete", "while(true){") == {"status": "incomplete", "indent": "  "}
    assert ask("is_complete", "let let") == {"status": "invalid"}
    assert ask("complete", "x cons", cursor_pos=6) == {
        "status": "ok",
        "matches": ["consequence", "console"],
        "cursor_start": 2,
        "cursor_end": 6,
        "metadata": {},
    }
    assert ask("complete", "cons")["cursor_end"] == 4, "without cursor_pos the end of the code is meant"
    found = ask("inspect", "consequence", cursor_pos=3, detail_level=0)
    assert (found["status"], found["found"], found["data"]) == ("ok", True, {"text/plain": "3"})
    assert ask("inspect", "nothing", cursor_pos=3)["found"] is False


@pytest.fixture
def remembering(client: Client) -> Client:
    for code in ("1+1", 'console.log("x")', "2+2", "1+1"):
        client.run(code)
    return client


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"hist_access_type": "tail", "n": 2}, [[1, 3, "2+2"], [1, 4, "1+1"]]),
        ({"hist_access_type": "tail", "n": 0}, []),
        ({"hist_access_type": "tail", "n": 1, "output": True}, [[1, 4, ["1+1", "2"]]]),
        (
            {"hist_access_type": "range", "session": 0, "start": 2, "stop": 4},
            [[1, 2, 'console.log("x")'], [1, 3, "2+2"]],
        ),
        (
            {"hist_access_type": "range", "session": 0, "start": 2, "stop": 3, "output": True},
            [[1, 2, ['console.log("x")', None]]],
        ),
        ({"hist_access_type": "range", "session": 7, "start": 1, "stop": 9}, []),
        ({"hist_access_type": "search", "pattern": "?+?"}, [[1, 1, "1+1"], [1, 3, "2+2"], [1, 4, "1+1"]]),
        ({"hist_access_type": "search", "pattern": "?+?", "unique": True}, [[1, 3, "2+2"], [1, 4, "1+1"]]),
        ({"hist_access_type": "search", "pattern": "*", "n": 1}, [[1, 4, "1+1"]]),
        ({"hist_access_type": "search", "pattern": "[z"}, []),
    ],
)
def test_history(remembering: Client, request_: dict[str, Any], expected: list[Any]) -> None:
    reply = remembering.ask("history_request", {"output": False, "raw": True, **request_}).reply
    assert reply["content"] == {"status": "ok", "history": expected}


def test_the_heartbeat_echoes(session: Session, client: Client) -> None:
    socket = client.sockets["hb"] = client.context.socket(zmq.REQ)
    socket.linger = 0
    socket.connect(endpoint(session.connection, "hb"))
    for word in (b"ping", b"", b"\xff" * 100):
        socket.send(word)
        assert socket.poll(3000), "no heartbeat"
        assert socket.recv() == word


def test_every_subscriber_is_welcomed_with_its_topic(session: Session) -> None:
    for _ in range(3):
        welcome = session.client().welcome
        assert welcome["msg_type"] == "iopub_welcome"
        assert welcome["content"] == {"subscription": ""}
        assert welcome["parent_header"] == {}


def test_a_client_whose_subscription_comes_behind_its_first_cell_hears_that_cell_whole() -> None:
    """libzmq connects each channel on its own and tries again every 100 ms: with a plain client it was 16 of 40."""
    with Session() as session:
        client = session.client(subscribe=False)
        cell = client.start("console.log('line'); 1 + 1")
        client.get("shell")
        client.sockets["iopub"] = client.connect(zmq.SUB, "iopub")
        assert client.get("iopub")["msg_type"] == "iopub_welcome"
        types = [message["msg_type"] for message in client.hear_idle(cell)]
    assert types == ["status", "execute_input", "stream", "execute_result", "status"]


def test_a_peer_that_cancels_what_it_never_subscribed_to_takes_nothing_from_the_others(session: Session) -> None:
    client = session.client()
    stranger = client.context.socket(zmq.XSUB)
    stranger.linger = 0
    stranger.connect(endpoint(session.connection, "iopub"))
    for _ in range(20):
        stranger.send(b"\x00")
        stranger.send(b"\x00topic")
    time.sleep(0.1)
    assert client.run("1 + 1").types == ["status", "execute_input", "execute_result", "status"]
    stranger.close()


@pytest.mark.alone  # `channels.SUBSCRIPTIONS_S` is a time, which a busy machine stretches
def test_a_subscriber_that_comes_in_the_middle_of_a_flood_hears_its_welcome_first(session: Session) -> None:
    """A kernel that loses the processor between its look for subscribers and its next message lets one line by."""
    client = session.client()
    client.start('for (let i = 0; i < 300000; i++) console.log("line " + i)')
    client.hear_type("stream")
    late = 0
    for _ in range(10):
        if (come := session.client()).welcome["msg_type"] != "iopub_welcome":
            late += 1
            come.hear_type("iopub_welcome")
    assert late <= 2, f"{late} of 10 heard a line before their welcome"
    client.send("interrupt_request", {}, "control")


def test_a_client_that_comes_back_with_its_identity_is_answered(session: Session) -> None:
    first = session.client()
    first.ask("kernel_info_request")
    second = session.client()
    second.sockets["shell"].close()
    second.session.session = first.session.session
    second.sockets["shell"] = second.connect(zmq.DEALER, "shell")
    assert second.sockets["shell"].identity == first.sockets["shell"].identity
    assert second.ask("kernel_info_request").reply["content"]["status"] == "ok"


def test_starting_is_published_once_without_a_parent_after_the_welcome() -> None:
    session = Session()
    client = session.client(subscribe=False)
    client.sockets["iopub"] = client.connect(zmq.SUB, "iopub")
    time.sleep(0.3)  # the subscription lies in the kernel's socket before it runs
    with session:
        heard = [client.get("iopub"), client.get("iopub")]
        client.run("1+1")
        client.ask("kernel_info_request")
    assert [message["msg_type"] for message in heard] == ["iopub_welcome", "status"]
    assert heard[1]["content"] == {"execution_state": "starting"} and heard[1]["parent_header"] == {}
    assert "" not in client._published, f"published for nobody: {client._published.get('')}"
