"""The wire layer against jupyter_client's own Session, both ways, and against what must be refused."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest
from jupyter_client.session import Session as JupyterSession

from vm_kernel.protocol import wire
from vm_kernel.protocol.wire import DELIMITER, Malformed, Refused, Wire

KEY = b"a key of the tests"
CONTENTS: list[Any] = [
    {},
    {"code": "1+1", "silent": False},
    {"text": "é ∑ 😀 \u2028 \x00"},
    {"n": [1, -1.5, 1e300, None, True, {"deep": [[[]]]}]},
    {"big": "x" * 1_000_000},
]


def signed(*parts: bytes, key: bytes = KEY) -> list[bytes]:
    return [DELIMITER, hmac.digest(key, b"".join(parts), "sha256").hex().encode(), *parts]


def header(**fields: Any) -> bytes:
    return json.dumps({"msg_id": "1", "msg_type": "t", "session": "s", **fields}).encode()


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("key", [KEY, b""])
def test_what_jupyter_client_sends_is_read_whole(content: Any, key: bytes) -> None:
    session = JupyterSession(key=key)
    message = session.msg("execute_request", content, metadata={"m": 1})
    frames = [b"identity", *session.serialize(message), b"buffer one", b"two"]
    read = Wire(key).read(frames)
    assert read.identities == [b"identity"]
    assert read.msg_type == "execute_request"
    assert (read.content, read.metadata) == (content, {"m": 1})
    assert read.buffers == [b"buffer one", b"two"]
    assert read.session == session.session
    assert json.loads(read.header_bytes)["msg_id"] == message["header"]["msg_id"]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("key", [KEY, b""])
def test_jupyter_client_reads_what_we_send(content: Any, key: bytes) -> None:
    parent = JupyterSession(key=key).msg("execute_request", {})
    parent_bytes = json.dumps(parent["header"], default=str).encode()
    msg_id, frames = Wire(key).write("stream", wire.encode(content), parent_bytes, [b"a", b"b"], b'{"m":1}')
    session = JupyterSession(key=key)
    identities, rest = session.feed_identities(frames)
    read = session.deserialize(rest)
    assert identities == [b"a", b"b"]
    assert (read["msg_id"], read["msg_type"]) == (msg_id, "stream")
    assert (read["content"], read["metadata"]) == (content, {"m": 1})
    assert read["parent_header"]["msg_id"] == parent["header"]["msg_id"]
    assert read["header"]["version"] == "5.5"
    assert read["header"]["date"].tzinfo is not None


def test_lone_surrogates_survive_the_way_out() -> None:
    frames = Wire(KEY).write("stream", wire.encode({"text": "a\ud800b"}))[1]
    assert json.loads(frames[-1]) == {"text": "a\ud800b"}


def test_ids_are_unique_over_wires_and_messages() -> None:
    wires = [Wire(KEY) for _ in range(20)]
    ids = [one.write("t", b"{}")[0] for one in wires for _ in range(50)]
    assert len(set(ids)) == len(ids)


def test_nan_does_not_leave_the_house() -> None:
    with pytest.raises(ValueError):
        wire.encode({"x": float("nan")})


def test_the_signature_is_checked_before_anything_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(frame: bytes) -> Any:
        raise AssertionError("an unverified frame was parsed")

    monkeypatch.setattr(wire, "decode_object", parse)
    for signature in (b"", b"0" * 64, b"\xff" * 64, b"short"):
        with pytest.raises(Refused, match="sign"):
            Wire(KEY).read([DELIMITER, signature, header(), b"{}", b"{}", b"{}"])


def test_the_comparison_takes_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(expected: bytes, given: bytes) -> bool:
        compared.append((expected, given))
        return True

    monkeypatch.setattr(hmac, "compare_digest", compare)
    frames = signed(header(), b"{}", b"{}", b"{}")
    Wire(KEY).read([DELIMITER, b"anything", *frames[2:]])
    assert [b for _, b in compared] == [b"anything"]


def test_a_replay_is_refused_as_long_as_it_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "REMEMBERED_SIGNATURES", 10)
    reader = Wire(KEY)
    messages = [signed(header(msg_id=str(number)), b"{}", b"{}", b"{}") for number in range(11)]
    for message in messages[:10]:
        reader.read(message)
    for message in messages[:10]:
        with pytest.raises(Refused, match="replayed"):
            reader.read(message)
    reader.read(messages[10])
    reader.read(messages[0])  # forgotten by now: the memory is bounded
    assert len(reader._seen) == len(reader._order) == 10


def test_jupyter_client_remembers_as_many_signatures() -> None:
    assert JupyterSession(key=KEY).digest_history_size == wire.REMEMBERED_SIGNATURES


@pytest.mark.parametrize("number", range(5))
def test_a_truncated_message_is_refused(number: int) -> None:
    with pytest.raises(Refused, match="truncated"):
        Wire(KEY).read([b"id", *signed(header(), b"{}", b"{}", b"{}")[: number + 1]])


def test_a_readable_header_makes_an_error_answerable() -> None:
    for frames in (
        signed(header(), b"[]", b"{}", b"{}"),
        signed(header(), b"{}", b"\xff", b"{}"),
        signed(header(), b"{}", b"{}", b'{"x": NaN}'),
        signed(header(), b"{}", b"{}", b"[" * 100_000),
        signed(header(), b"{}", b"{}", b'{"x":' + b"1" * 10_000 + b"}x"),
    ):
        with pytest.raises(Malformed) as caught:
            Wire(KEY).read(frames)
        assert caught.value.message.header["msg_id"] == "1"


def test_a_message_over_the_size_limit_is_answerable_and_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_MESSAGE_BYTES", 1000)
    with pytest.raises(Malformed, match="at most 1000"):
        Wire(KEY).read(signed(header(), b"{}", b"{}", b" " * 1001))


@pytest.mark.parametrize("key", [b"k", b"k" * 63, b"k" * 64, b"k" * 65, b"k" * 1000, bytes(range(256))])
def test_the_signature_is_hmac_sha256_for_keys_of_any_length(key: bytes) -> None:
    _, frames = Wire(key).write("status", b'{"execution_state":"busy"}', b'{"msg_id":"1"}')
    assert frames[1] == hmac.new(key, b"".join(frames[2:]), "sha256").hexdigest().encode()


LONG = wire.LONG_CHARACTERS + 1
TEXTS = ["", "plain", 'a "quoted" \\ line\n\t\x00\x1f\x7f', "é ∑ 😀 \u2028", "lone \ud800 and \udc00"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("repeats", [1, LONG])
def test_a_text_of_any_length_is_the_same_json(text: str, repeats: int) -> None:
    whole = text * min(repeats, 1 + LONG // max(1, len(text)))
    quoted = wire.quote(whole)
    assert wire.escape(whole) == quoted[1:-1]
    assert json.loads(quoted) == whole
    assert quoted == wire.encode(whole)


@pytest.mark.parametrize("at", [-2, -1, 0, 1])
def test_a_text_of_many_pieces_is_escaped_at_their_seams_too(at: int) -> None:
    piece = "x" * (wire.PIECE_CHARACTERS + at)
    text = f'{piece}\\"\n\U0001f600{piece}\x00\\\\{piece}'
    assert json.loads(b'"' + wire.escape(text) + b'"') == text


def test_nan_is_not_json() -> None:
    with pytest.raises(ValueError):
        wire.encode({"n": float("nan")})
