"""What a stranger or a broken client puts on the wire changes nothing; cursors count what Jupyter counts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
from jupyter_client.session import Session

from .peer import Client, Kernel

FACE = "\N{GRINNING FACE}"


def frames_of(client: Client, code: str) -> list[bytes]:
    """A good execute_request as it goes over the wire."""
    message = client.session.msg("execute_request", {"code": code, "silent": False, "allow_stdin": False})
    return client.session.serialize(message)


def assert_ignored(client: Client, frames: list[bytes]) -> None:
    """No reply, no status, no effect."""
    client.sockets["shell"].send_multipart(frames)
    client.sockets["control"].send_multipart(frames)
    heard = client.run("typeof intruder")
    assert heard.value == "'undefined'", "unauthorised code ran"
    assert client.is_quiet("shell", 0.05) and client.is_quiet("control", 0.05), "a stranger was answered"
    assert client.is_quiet("iopub", 0.05) and not client._published, "a stranger's message was announced"


INTRUDER = "var intruder = 1"


def test_an_unsigned_message_is_ignored(client: Client) -> None:
    frames = frames_of(client, INTRUDER)
    frames[1] = b""
    assert_ignored(client, frames)


def test_a_message_signed_with_another_key_is_ignored(client: Client) -> None:
    other = Session(key=b"another key")
    assert_ignored(client, other.serialize(other.msg("execute_request", {"code": INTRUDER})))


def test_a_message_changed_after_signing_is_ignored(client: Client) -> None:
    frames = frames_of(client, "1")
    frames[5] = frames[5].replace(b'"1"', json.dumps(INTRUDER).encode())
    assert_ignored(client, frames)


@pytest.mark.parametrize("keep", range(6))
def test_a_truncated_message_is_ignored(client: Client, keep: int) -> None:
    assert_ignored(client, frames_of(client, INTRUDER)[:keep] or [b""])


def test_a_replayed_message_is_ignored(client: Client) -> None:
    frames = frames_of(client, "globalThis.runs = (globalThis.runs ?? 0) + 1")
    client.sockets["shell"].send_multipart(frames)
    client.hear(json.loads(frames[2])["msg_id"])
    for channel in ("shell", "control"):
        client.sockets[channel].send_multipart(frames)
    assert client.run("runs").value == "1"
    assert client.is_quiet("shell", 0.05) and client.is_quiet("control", 0.05)


def test_random_frames_leave_the_kernel_working(client: Client) -> None:
    for number in range(200):
        frames = [os.urandom(size) for size in range(number % 9 + 1)]
        for channel in ("shell", "control", "stdin"):
            client.sockets[channel].send_multipart(frames)
    assert client.run("'well'").value == "'well'"


def test_each_refused_message_leaves_one_line_in_the_log(start: Callable[..., Kernel]) -> None:
    kernel = start()
    client = kernel.clients[0]
    for _ in range(3):
        frames = frames_of(client, INTRUDER)
        frames[1] = b"0" * 64
        client.sockets["shell"].send_multipart(frames)
    client.run("1")
    assert len(kernel.log.read_text().splitlines()) == 3


def test_the_connection_key_is_in_no_log_and_no_message(start: Callable[..., Kernel]) -> None:
    kernel = start()
    client = kernel.clients[0]
    key = kernel.connection["key"].decode()
    client.sockets["shell"].send_multipart([b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"])
    heard = client.run("Object.getOwnPropertyNames(globalThis).map(String).join()")
    assert key not in str(heard.published) and key not in kernel.log.read_text()


def complete(client: Client, code: str, cursor: int) -> tuple[str, list[str]]:
    """The replaced text and the matches."""
    content = client.ask("complete_request", {"code": code, "cursor_pos": cursor}).content
    return code[content["cursor_start"] : content["cursor_end"]], content["matches"]


@pytest.mark.parametrize(
    ("before", "after"), [("", ""), (f"'{FACE}'; ", ""), (f"/* {FACE * 3} */ ", f"; '{FACE}'")]
)
def test_completion_counts_in_code_points(client: Client, before: str, after: str) -> None:
    """JavaScript counts UTF-16 units, in which each face is two."""
    replaced, matches = complete(client, f"{before}Math.flo{after}", len(before) + 8)
    assert replaced == "flo" and matches == ["floor"]


def test_completion_of_a_string_with_an_astral_character(client: Client) -> None:
    code = f"'{FACE}{FACE}'.codePo"
    assert complete(client, code, len(code)) == ("codePo", ["codePointAt"])


@pytest.mark.parametrize("before", ["", f"'{FACE}'; ", f"/* {FACE * 3} */ "])
def test_inspection_counts_in_code_points(client: Client, before: str) -> None:
    client.run("function known(first, second) { return first }")
    for offset in (0, 2, 5):
        content = {"code": f"{before}known(1, 2)", "cursor_pos": len(before) + offset, "detail_level": 0}
        reply = client.ask("inspect_request", content).content
        assert reply["found"] is True and "known" in reply["data"]["text/plain"]


@pytest.mark.parametrize("cursor", [-5, 0, 10**9, 2**70])
@pytest.mark.parametrize("msg_type", ["complete_request", "inspect_request"])
def test_a_cursor_outside_of_the_code_is_answered(client: Client, msg_type: str, cursor: int) -> None:
    heard = client.ask(msg_type, {"code": f"{FACE}Math.flo", "cursor_pos": cursor, "detail_level": 0})
    assert heard.status == "ok" and heard.states == ["busy", "idle"]
    if msg_type == "complete_request":
        assert 0 <= heard.content["cursor_start"] <= heard.content["cursor_end"] <= 9


@pytest.mark.parametrize("text", [FACE, "\u2028", "\x00", "é", "\ufeff", "</script>", '"\\'])
def test_any_text_survives_the_way_there_and_back(client: Client, text: str) -> None:
    heard = client.run(
        f"const text = {json.dumps(text)}; console.log(text); display({{'text/plain': text}}, {{raw: true}})"
    )
    assert heard.text() == text + "\n"
    assert heard.contents("display_data")[0]["data"]["text/plain"] == text


def test_a_lone_surrogate_costs_neither_line_nor_kernel(client: Client) -> None:
    heard = client.run("console.log('a\\ud800b'); 'c\\udfffd'")
    assert heard.status == "ok" and heard.types[-1] == "status"
    assert heard.text().startswith("a") and heard.text().endswith("b\n")
    assert client.run("1").value == "1"


def test_history_can_be_asked_in_all_three_ways(start: Callable[..., Kernel]) -> None:
    client = start().clients[0]
    for code in ("1 + 1", "throw new Error('x')", f"'{FACE}'", "console.log('no value')", "1 + 1"):
        client.run(code)

    def ask(**content: object) -> list[list[object]]:
        fields = {"raw": True, "output": False, **content}
        history: list[list[object]] = client.ask("history_request", fields).content["history"]
        return history

    assert [entry[2] for entry in ask(hist_access_type="tail", n=2)] == ["console.log('no value')", "1 + 1"]
    assert [entry[1] for entry in ask(hist_access_type="tail", n=100)] == [1, 2, 3, 4, 5]
    assert ask(hist_access_type="tail", n=0) == []
    assert [entry[1] for entry in ask(hist_access_type="range", session=0, start=2, stop=4)] == [2, 3]
    assert ask(hist_access_type="range", session=99, start=1, stop=4) == []
    assert [entry[1] for entry in ask(hist_access_type="search", pattern="1*", n=10)] == [1, 5]
    assert [entry[1] for entry in ask(hist_access_type="search", pattern="1*", n=10, unique=True)] == [5]
    assert ask(hist_access_type="tail", n=3, output=True)[0][2] == [f"'{FACE}'", f"'{FACE}'"]
    assert client.ask("history_request", {"hist_access_type": "guess"}).status == "error"
