"""Owns bodies that must be refused, from bad_bodies.json, and odd ones that must be taken; asserts status and code."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from .running import TOKEN, Running

BAD = json.loads((Path(__file__).parent / "bad_bodies.json").read_text(encoding="utf-8"))


def content_of(case: dict[str, Any], session: str) -> bytes:
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    if "size" in case:
        head = f'{{"session_id":"{session}","input":"'
        return (head + "x" * (case["size"] - len(head) - 2) + '"}').encode()
    if "nested" in case:
        levels = case["nested"]
        head = f'{{"session_id":"{session}","path":"kept.js","args":{{"a":'
        return (head + "[" * levels + "]" * levels + "}}").encode()
    return str(case["body"]).replace("{session}", session).encode()


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, id=c["name"], marks=pytest.mark.covers(c["route"], f"{c['status']} {c['code']}")) for c in BAD],
)
def test_a_bad_body_is_refused_with_words(gateway: Running, session: str, case: dict[str, Any]) -> None:
    method, path = case["route"].split()
    headers = {"content-type": case["type"]} if case["type"] else {}
    request = gateway.http.build_request(method, path, content=content_of(case, session), headers=headers)
    answer = gateway.http.send(request)
    assert answer.status_code == case["status"], answer.text
    error = answer.json()["error"]
    assert error["code"] == case["code"], error
    assert len(error["message"]) > 8


def test_the_data_file_holds_enough_and_names_each_once() -> None:
    assert len(BAD) >= 60
    assert len({case["name"] for case in BAD}) == len(BAD)


@pytest.mark.covers("POST /templates", "201")
@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('{"name":"plain 1"}', "plain 1"),
        (' \r\n\t{"name":"blanks around"}\n\n', "blanks around"),
        ('{"name":"null field","engine":null,"settings":null}', "null field"),
        ('{"name":"escapes \\u00e9\\ud83d\\ude00"}', "escapes é😀"),
        ('{"name":"lone \\ud800 surrogate"}', "lone \ufffd surrogate"),
        (b'{"name":"no utf-8 \xff"}', "no utf-8 \ufffd"),
        ('{"name":"{{{[[["}', "{{{[[["),
        ('{"name":"  not trimmed  "}', "  not trimmed  "),
        ('{"name":"numbers","settings":{"limits":{"wall_ms":0}}}', "numbers"),
    ],
)
def test_an_odd_body_is_taken(gateway: Running, content: str | bytes, name: str) -> None:
    for type_ in ("application/json", "Application/JSON; charset=utf-8"):
        answer = gateway.http.post("/templates", content=content, headers={"content-type": type_})
        assert answer.status_code == 201, answer.text
        assert answer.json()["name"] == name
        gateway.ask("DELETE", f"/templates/{answer.json()['id']}", 200)


@pytest.mark.covers("POST /executions/run-file", "201")
def test_args_nested_as_deep_as_allowed_come_through(gateway: Running, session: str) -> None:
    (gateway.home.worktree / "deep.js").write_text("let n = 0; for (let a = __ARGS__; a; a = a.a) n += 1; n")
    levels = 190
    args: Any = {}
    for _ in range(levels - 1):
        args = {"a": args}
    record = gateway.run_file(session, "deep.js", args=args)
    assert record["result"]["preview"] == str(levels), record
    assert gateway.ask("GET", f"/executions/{record['id']}", 200)["args"] == args


@pytest.mark.covers("POST /templates", "413 BODY_TOO_LARGE")
def test_a_body_without_a_length_is_cut_off_too(gateway: Running) -> None:
    def pieces() -> Any:
        yield b'{"name":"'
        for _ in range(300):
            yield b"x" * 1000
        yield b'"}'

    answer = gateway.http.post("/templates", content=pieces(), headers={"content-type": "application/json"})
    assert answer.status_code == 413, answer.text


@pytest.mark.covers("POST /sessions/{id}/close", "200")
def test_close_does_not_read_its_body(gateway: Running) -> None:
    session = gateway.session()["id"]
    answer = gateway.http.post(
        f"/sessions/{session}/close", content=b"{not json", headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("head", ["POST /api/v1/templates HTTP/1.1", "GET /api/v1/templates HTTP/1.1"])
def test_a_connection_that_breaks_off_does_no_harm(gateway: Running, head: str) -> None:
    where = urlsplit(gateway.origin)
    for length in (0, 10, 10**12):
        with socket.create_connection((str(where.hostname), int(where.port or 0))) as connection:
            text = f"{head}\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
            connection.sendall(
                f'{text}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{{"na'.encode()
            )
    gateway.ask("GET", "/health", 200)
