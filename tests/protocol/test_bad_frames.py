"""Frames that no honest client sends: dropped or answered with an error, with one log line each.

`bad_frames.json` holds the cases. A frame is text, an object (JSON, merged into a well-formed header) or made
by `hex`, `utf16`, `repeat` or `join`; `expect` is `dropped` (no answer), `error` (an error reply between busy
and idle), `ignored` (busy and idle, no reply) or `silent` (nothing at all, no log line either).
"""

from __future__ import annotations

import hmac
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from tests.kernel.session import KEY, Client, Session, endpoint

CASES = json.loads((Path(__file__).parent / "bad_frames.json").read_text())
MANY = 60


def made(of: Any) -> bytes:
    """The bytes of one frame as the table describes it."""
    if isinstance(of, str):
        return of.encode()
    if "hex" in of:
        return bytes.fromhex(of["hex"])
    if "utf16" in of:
        return str(of["utf16"]).encode("utf-16")
    if "repeat" in of:
        return made(of["repeat"][0]) * int(of["repeat"][1])
    if "join" in of:
        return b"".join(map(made, of["join"]))
    return json.dumps(
        {key: made(v).decode() if isinstance(v, dict) and "repeat" in v else v for key, v in of.items()}
    ).encode()


def signature(kind: Any, joined: bytes) -> bytes:
    right = hmac.digest(KEY, joined, "sha256").hex().encode()
    kinds = {
        "right": right,
        "none": b"",
        "other key": hmac.digest(b"another key", joined, "sha256").hex().encode(),
        "cut": right[:-1],
        "longer": right + b"0",
        "capitals": right.upper() if right.upper() != right else b"A" * 64,
        "raw": bytes.fromhex(right.decode()),
    }
    return kinds[kind] if isinstance(kind, str) and kind in kinds else made(kind)


def frames(case: dict[str, Any], msg_id: str) -> list[bytes]:
    if "raw" in case:
        return [made(frame) for frame in case["raw"]]
    header = case.get("header", {"msg_type": "kernel_info_request"})
    if isinstance(header, dict) and "msg_type" in header:
        header = {"msg_id": msg_id, "session": "s", "username": "u", "version": "5.3", **header}
    parts = [made(header), *(made(case.get(name, {})) for name in ("parent", "metadata", "content"))]
    sign = signature(case.get("signature", "right"), b"".join(parts))
    if case.get("tamper") == "exchange":
        parts[0], parts[3] = parts[3], parts[0]
    elif "tamper" in case:
        at = {"header": 0, "content": 3}[case["tamper"]]
        parts[at] = parts[at].replace(b"1", b"2", 1) if at else parts[at].replace(b"kernel_info", b"kernel_inf0")
    delimiter = case.get("delimiter", "<IDS|MSG>")
    whole = [b"i"] * case.get("identities", 0) + ([delimiter.encode()] if delimiter else []) + [sign, *parts]
    return whole[: len(whole) - case.get("cut", 0)]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session() as session:
        yield session


@pytest.fixture(scope="module")
def client(session: Session) -> Client:
    return session.client()


def log_lines(capsys: pytest.CaptureFixture[str], expected: int) -> list[str]:
    """The log so far; waits a moment for a line that is late."""
    text = ""
    for _ in range(20):
        text += capsys.readouterr().err
        if text.count("\n") >= expected:
            break
        time.sleep(0.01)
    return text.splitlines()


def test_the_table_is_large_and_its_names_are_unique() -> None:
    assert len(CASES) >= MANY
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_bad_frames(case: dict[str, Any], session: Session, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    if case.get("digits_limited") and not hasattr(sys, "get_int_max_str_digits"):  # before 3.10.7
        pytest.skip("this Python reads numbers of any length; the case needs its limit on digits")
    capsys.readouterr()
    msg_id = f"bad {case['name']}"
    message = frames(case, msg_id)
    channel = case.get("channel", "shell")
    if channel == "iopub":
        sender = client.context.socket(zmq.XSUB)
        sender.linger = 0
        sender.connect(endpoint(session.connection, "iopub"))
        time.sleep(0.05)
        sender.send_multipart(message)
        sender.close()
    else:
        client.sockets[channel].send_multipart(message)
        if case.get("send") == 2:
            assert client.hear(msg_id).reply["content"]["status"] == "ok", "the first of the two is honest"
            again = [b"i"] * case.get("second_identities", 0) + message
            client.sockets[case.get("second_channel", channel)].send_multipart(again)
    if case["expect"] == "error":
        heard = client.hear(msg_id, channel)
        assert heard.reply["content"]["status"] == "error"
        assert heard.reply["content"]["ename"] in ("InvalidMessage", "InvalidRequest")
        assert heard.reply["content"]["evalue"]
        assert heard.states == ["busy", "idle"]
    elif case["expect"] == "ignored":
        states = [message["content"].get("execution_state") for message in client.hear_idle(msg_id)]
        assert states == ["busy", "idle"]
    # The kernel goes on, and has answered nothing else meanwhile.
    for name in ("shell", "control"):
        after = client.ask("kernel_info_request", {}, name)
        assert after.reply["content"]["status"] == "ok"
    expected = 0 if case["expect"] == "silent" else 1
    lines = log_lines(capsys, expected)
    assert len(lines) == expected, lines
    assert all(len(line) <= 1100 and line.isprintable() and KEY.decode() not in line for line in lines)
    assert client.quiet("shell", 0) and client.quiet("control", 0) and client.quiet("stdin", 0)
    assert not client._replies, "an answer to nobody"


def test_code_still_runs_after_all_of_them(client: Client) -> None:
    assert client.run("1+1").contents("execute_result")[0]["data"] == {"text/plain": "2"}


def test_a_peer_that_sends_a_frame_beyond_all_bounds_is_cut_off_and_others_go_on(session: Session) -> None:
    from vm_kernel.protocol.channels import MAX_FRAME_BYTES

    flooder, honest = session.client(), session.client()
    flooder.sockets["shell"].send(b"\0" * (MAX_FRAME_BYTES + 1))
    assert honest.ask("kernel_info_request").reply["content"]["status"] == "ok"
    assert honest.run("1+1").reply["content"]["status"] == "ok"


def test_an_empty_key_means_unsigned_as_the_connection_file_says_and_is_warned_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Session(key=b"") as session:
        assert session.client().run("1+1").reply["content"]["status"] == "ok"
    assert "not signed" in capsys.readouterr().err
