"""Owns who may ask: token, host, origin, and what every answer bears; asserts that nothing else is looked at first."""

from __future__ import annotations

import json
import socket
import time
import uuid
from urllib.parse import urlsplit

import httpx
import pytest

from .running import TOKEN, Running

FORBIDDEN = [
    {"host": "evil.example"},
    {"host": "evil.example:80"},
    {"host": "localhost.evil.example"},
    {"host": "127.0.0.1.evil.example"},
    {"host": "user@localhost"},
    {"host": "10.0.0.1"},
    {"host": ""},
]


@pytest.mark.covers("any", "401 UNAUTHORIZED")
@pytest.mark.covers("weakness 30")
@pytest.mark.parametrize(
    "given",
    [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/templates"), ("POST", "/templates"), ("GET", "/nothing"), ("PUT", "/sessions/x")]
)
def test_without_the_token_nothing_else_is_said(gateway: Running, given: str | None, method: str, path: str) -> None:
    headers = {"host": "evil.example", "content-type": "text/plain"} | (
        {} if given is None else {"authorization": given}
    )
    answer = httpx.request(method, f"{gateway.origin}/api/v1{path}", headers=headers, content=b"{not json")
    assert answer.status_code == 401, answer.text
    assert answer.json()["error"]["code"] == "UNAUTHORIZED"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.covers("any", "200")
@pytest.mark.parametrize("given", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"token {TOKEN}", f"Bearer   {TOKEN}"])
def test_the_token_opens(gateway: Running, given: str) -> None:
    answer = httpx.get(f"{gateway.origin}/api/v1/templates", headers={"authorization": given})
    assert answer.status_code == 200, answer.text


@pytest.mark.covers("GET /health", "200")
def test_health_needs_no_token(gateway: Running) -> None:
    answer = httpx.get(f"{gateway.origin}/api/v1/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.covers("any", "403 FORBIDDEN_HOST")
@pytest.mark.covers("weakness 29")
@pytest.mark.parametrize("headers", FORBIDDEN)
def test_another_host_name_is_refused(gateway: Running, headers: dict[str, str]) -> None:
    answer = gateway.http.get("/templates", headers=headers)
    assert answer.status_code in (400, 403), answer.text  # h11 refuses an empty Host itself
    if answer.status_code == 403:
        assert answer.json()["error"]["code"] == "FORBIDDEN_HOST"


@pytest.mark.covers("any", "200")
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:3210"])
def test_its_own_host_names_are_taken(gateway: Running, host: str) -> None:
    assert gateway.http.get("/templates", headers={"host": host}).status_code == 200


@pytest.mark.covers("any", "403 FORBIDDEN_ORIGIN")
@pytest.mark.covers("weakness 29")
@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_a_page_of_another_site_cannot_write(gateway: Running, headers: dict[str, str]) -> None:
    answer = gateway.http.post("/templates", json={"name": "never"}, headers=headers)
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["code"] == "FORBIDDEN_ORIGIN"
    assert gateway.http.get("/templates", headers=headers).status_code == 200
    assert gateway.http.post("/templates", json={}, headers={"origin": gateway.origin}).status_code == 400


@pytest.mark.covers("rule request ids")
def test_every_answer_has_an_id_of_its_own_and_is_not_kept(gateway: Running) -> None:
    answers = [
        gateway.http.request(method, path) for method in ("GET", "PUT") for path in ("/health", "/templates", "/no")
    ]
    ids = [str(uuid.UUID(answer.headers["x-request-id"])) for answer in answers]
    assert len(set(ids)) == len(ids)
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert {answer.headers["content-type"] for answer in answers} == {"application/json"}
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control-")]


def test_head_gives_the_headers_of_get(gateway: Running) -> None:
    answer = gateway.http.head("/health")
    assert (answer.status_code, answer.content) == (200, b"")


def test_json_is_compact_because_scripts_read_it(gateway: Running) -> None:
    text = gateway.http.get("/runtime/summary").text
    assert '"active_sessions":' in text
    assert text == json.dumps(json.loads(text), separators=(",", ":"))


@pytest.mark.covers("weakness 29")
@pytest.mark.covers("rule slow clients")
def test_a_head_that_does_not_end_loses_its_connection_and_slow_work_does_not(gateway: Running, session: str) -> None:
    """All at once, each for more than the five seconds that a head has; one connection has been used before."""
    where = urlsplit(gateway.origin)
    address = (str(where.hostname), int(where.port or 0))
    head = f"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    silent, slow, used, working = (socket.create_connection(address, timeout=20) for _ in range(4))
    try:
        began = time.monotonic()
        used.sendall(f"{head}\r\n".encode())
        assert b'{"status":"ok"}' in used.recv(65536)
        used.sendall(head[:20].encode())
        body = json.dumps({"session_id": session, "input": "await new Promise((r) => setTimeout(r, 4500)); 'worked'"})
        working.sendall(
            f"{head.replace('GET /api/v1/health', 'POST /api/v1/executions/repl')}Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body[:9]}".encode()
        )
        for at, letter in enumerate(head[:12]):
            slow.sendall(letter.encode())
            time.sleep(0.1)
            if at == 5:
                working.sendall(body[9:].encode())
        for name, connection in (("silent", silent), ("slow", slow), ("used", used)):
            assert connection.recv(65536) == b"", f"the {name} one got an answer"
            assert 3.9 < time.monotonic() - began < 10, f"the {name} one was closed too early or late"
        assert b'"preview":"worked"' in working.recv(65536)
        assert time.monotonic() - began > 4.5
        working.sendall(f"{head}\r\n".encode())
        assert b'{"status":"ok"}' in working.recv(65536)
    finally:
        for connection in (silent, slow, used, working):
            connection.close()


@pytest.mark.covers("rule request ids")
@pytest.mark.parametrize(
    "sent",
    [
        b"no http at all\r\n\r\n",
        b"GET /api/v1/health\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /api/v1/templates HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /api/v1/templates HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n{}",
        b"POST /api/v1/templates HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunks\r\n\r\n{}",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    ],
    ids=["words", "0.9", "no host", "two hosts", "no colon", "byte", "two lengths", "length", "coding", "tls"],
)
def test_what_is_no_http_is_refused_in_the_envelope_and_the_connection_ends(gateway: Running, sent: bytes) -> None:
    where = urlsplit(gateway.origin)
    with socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=10) as connection:
        connection.sendall(sent)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head[9:12])
    assert head.startswith(b"HTTP/1.1 ") and status in (400, 413, 431, 501), answer
    assert json.loads(body)["error"]["code"] == "INVALID_REQUEST"
    fields = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n")[1:])
    assert fields["content-type"] == "application/json"
    uuid.UUID(fields["x-request-id"])
    gateway.ask("GET", "/health", 200)
