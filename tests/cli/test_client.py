"""The client where no gateway answers, or another server does: each is a sentence that says what to do."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from vm_gateway import places
from vm_gateway.client import ApiError, Client

from .gateway import run

#: Path and Authorization header of each request that a stranger got.
Seen = list[tuple[str, "str | None"]]


class Stranger(BaseHTTPRequestHandler):
    """A server that is no gateway, and remembers what it was sent."""

    seen: ClassVar[Seen]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization")))
        self.send_response(404 if self.path.endswith("health") else 200)
        self.end_headers()
        self.wfile.write(b'{"status":"ok"}' if self.path.endswith("sessions") else b"<h1>hello</h1>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture()
def stranger() -> Iterator[tuple[str, Seen]]:
    class Handler(Stranger):
        seen: ClassVar[Seen] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", Handler.seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    for name in ("VM_GATEWAY_TOKEN", "VM_GATEWAY_URL"):
        monkeypatch.delenv(name, raising=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_where_nobody_listens_the_error_says_how_to_start_a_gateway() -> None:
    port = free_port()
    with pytest.raises(ApiError) as caught:
        Client(f"http://127.0.0.1:{port}").health()
    error = caught.value
    assert (error.status, error.code) == (0, "UNREACHABLE")
    assert f"start one with `vm-gateway serve --listen 127.0.0.1:{port}`" in str(error)
    done = run("session", "list", "--server-url", f"http://127.0.0.1:{port}")
    assert (done.code, done.out, done.err) == (1, "", f"{error}\n")


@pytest.mark.parametrize("route", ["health", "templates", "sessions"])
def test_another_server_is_named_as_one(route: str, stranger: tuple[str, Seen]) -> None:
    url, _ = stranger
    with pytest.raises(ApiError, match=f"what answers at {url} is not a vm-gateway") as caught:
        getattr(Client(url), route)()
    assert (caught.value.status, caught.value.code) == (0, "NOT_A_GATEWAY")


def test_a_server_that_does_not_answer_in_time_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(ApiError, match=r"did not answer within 0\.3 s") as caught:
            Client(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.3).health()
        assert caught.value.code == "TIMED_OUT"
        assert 0.2 < time.monotonic() - started < 5


def test_a_server_that_hangs_up_is_an_error_with_what_to_look_at() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(10_000)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(ApiError, match="closed the connection before it answered") as caught:
            Client(f"http://127.0.0.1:{server.getsockname()[1]}").health()
        thread.join()
    assert caught.value.code == "UNREACHABLE"


@pytest.mark.parametrize("url", ["127.0.0.1:3210", "ftp://h", "http://", "http://h:port", "http://h?x=1", "http://[1"])
def test_a_bad_url_is_shown_with_a_good_one(url: str) -> None:
    with pytest.raises(ApiError, match="is no URL of a gateway") as caught:
        Client(url)
    assert (caught.value.status, caught.value.code) == (0, "BAD_URL")


@pytest.mark.parametrize("id", ["", " ", "../templates", "x/y"])
def test_an_id_that_would_name_another_route_is_not_sent(id: str, stranger: tuple[str, Seen]) -> None:
    url, seen = stranger
    with pytest.raises(ApiError, match="is no id and no name"):
        Client(url).session(id)
    assert seen == []


def test_an_id_is_one_part_of_the_path_whatever_it_has(stranger: tuple[str, Seen]) -> None:
    url, seen = stranger
    with pytest.raises(ApiError):
        Client(url).session("a?x=1#y\n%2F")
    assert [path for path, _ in seen] == ["/api/v1/sessions/a%3Fx%3D1%23y%0A%252F"]


def sent(url: str, seen: Seen, token: str | None = None) -> str | None:
    """The Authorization header that a client sends now."""
    with pytest.raises(ApiError, match="is not a vm-gateway"):
        Client(url, token).health()
    return seen[-1][1]


def test_the_token_is_found_in_its_file_and_then_in_the_environment(
    stranger: tuple[str, Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, seen = stranger
    assert sent(url, seen) is None
    places.write_token(int(url.rpartition(":")[2]), "from-the-file", str(os.getpid()))
    assert sent(url, seen) == "Bearer from-the-file"
    assert sent(url.replace("127.0.0.1", "localhost"), seen) == "Bearer from-the-file"
    monkeypatch.setenv("VM_GATEWAY_TOKEN", "from-the-environment")
    assert sent(url, seen) == "Bearer from-the-environment"
    assert sent(url, seen, "given") == "Bearer given"
    monkeypatch.setenv("VM_GATEWAY_TOKEN", "")
    assert sent(url, seen) is None


def test_the_token_of_a_local_gateway_is_not_sent_to_another_machine() -> None:
    """127.0.0.2 is this machine too, but not a name under which only this user's gateway answers."""
    with socket.create_server(("127.0.0.2", 0)) as server:
        got: list[bytes] = []

        def answer() -> None:
            connection, _ = server.accept()
            got.append(connection.recv(10_000))
            connection.close()

        places.write_token(server.getsockname()[1], "mine", str(os.getpid()))
        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ApiError):
            Client(f"http://127.0.0.2:{server.getsockname()[1]}").health()
        thread.join()
    assert b"GET /api/v1/health" in got[0]
    assert b"mine" not in got[0] and b"Authorization" not in got[0]


def test_a_token_that_others_may_read_is_not_used(stranger: tuple[str, Seen]) -> None:
    url, seen = stranger
    port = int(url.rpartition(":")[2])
    places.write_token(port, "seen-by-all", str(os.getpid()))
    os.chmod(places.token_path(port), 0o644)
    with pytest.raises(ApiError, match=r"is not yours alone.*or set VM_GATEWAY_TOKEN"):
        Client(url).health()
    assert seen == []
