"""The client where no gateway answers, or another server does: each is a sentence that says what to do."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from vm_gateway import places
from vm_gateway.client import ApiError, AsyncClient, Client

from .gateway import run, serving

CASES = json.loads(Path(__file__).with_name("client_cases.json").read_text(encoding="utf-8"))
#: Both kinds of clients: all that is said here holds for both.
KINDS = ("waits", "awaits")
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


class Kept:
    """A client of either kind, kept for several calls; the one that awaits on a loop of its own."""

    def __init__(self, kind: str, *given: Any, **options: Any) -> None:
        self._client: Any = (Client if kind == "waits" else AsyncClient)(*given, **options)
        self._awaits = kind == "awaits"
        self._loop = asyncio.new_event_loop()
        self._thread = ThreadPoolExecutor(1)  # this thread's loop may be Jupyter's

    def ask(self, method: str, *given: Any) -> Any:
        called = getattr(self._client, method)
        if not self._awaits:
            return called(*given)
        return self._thread.submit(lambda: self._loop.run_until_complete(called(*given))).result()

    def close(self) -> None:
        self.ask("close")
        self._thread.shutdown()
        self._loop.close()


def ask(kind: str, url: str, method: str, *given: Any, **options: Any) -> Any:
    with closing(Kept(kind, url, **options)) as client:
        return client.ask(method, *given)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("kind", KINDS)
def test_where_nobody_listens_the_error_says_how_to_start_a_gateway(kind: str) -> None:
    port = free_port()
    with pytest.raises(ApiError, match=f"no gateway answers at http://localhost:{port}: start one"):
        ask(kind, f"http://localhost:{port}", "health")  # a name with several addresses
    with pytest.raises(ApiError) as caught:
        ask(kind, f"http://127.0.0.1:{port}", "health")
    error = caught.value
    assert (error.status, error.code) == (0, "UNREACHABLE")
    assert f"start one with `vm-gateway serve --listen 127.0.0.1:{port}`" in str(error)
    done = run("session", "list", "--server-url", f"http://127.0.0.1:{port}")
    assert (done.code, done.out, done.err) == (1, "", f"{error}\n")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", ["health", "templates", "sessions"])
def test_another_server_is_named_as_one(route: str, kind: str, stranger: tuple[str, Seen]) -> None:
    url, _ = stranger
    with pytest.raises(ApiError, match=f"what answers at {url} is not a vm-gateway") as caught:
        ask(kind, url, route)
    assert (caught.value.status, caught.value.code) == (0, "NOT_A_GATEWAY")


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_does_not_answer_in_time_is_given_up(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(ApiError, match=r"did not answer within 0\.3 s") as caught:
            ask(kind, f"http://127.0.0.1:{silent.getsockname()[1]}", "health", timeout_s=0.3)
        assert caught.value.code == "TIMED_OUT"
        assert 0.2 < time.monotonic() - started < 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES["answers"], ids=lambda case: case["name"])
def test_whatever_a_server_sends_is_an_answer_or_an_error(case: dict[str, str], kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(case["sent"].replace("FILL", "x" * 200_000).encode())

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            if "code" not in case:
                assert ask(kind, f"http://127.0.0.1:{server.getsockname()[1]}", "health") == {"status": "ok"}
                return
            with pytest.raises(ApiError, match=case["says"]) as caught:
                ask(kind, f"http://127.0.0.1:{server.getsockname()[1]}", "health")
            assert caught.value.code == case["code"]
        finally:
            thread.join()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES["bad_urls"], ids=lambda case: case["url"])
def test_a_bad_url_is_shown_with_a_good_one(case: dict[str, str], kind: str) -> None:
    with pytest.raises(ApiError, match=r"is no URL of a gateway .* it must look like http://HOST:PORT") as caught:
        ask(kind, case["url"], "health")
    assert (caught.value.status, caught.value.code) == (0, "BAD_URL")
    assert case["says"] in str(caught.value) and "secret" not in str(caught.value), caught.value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES["good_urls"], ids=lambda case: case["url"])
def test_a_good_url_leads_where_it_says(case: dict[str, str], kind: str, stranger: tuple[str, Seen]) -> None:
    """The stranger stands for the gateway: what arrives there is looked at, or why nothing can."""
    url, seen = stranger
    with pytest.raises(ApiError) as caught:
        ask(kind, case["url"].replace("PORT", url.rpartition(":")[2]), "health", timeout_s=5.0)
    assert caught.value.code == case["code"], caught.value
    assert [path for path, _ in seen] == ([case["path"]] if "path" in case else []), seen


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_outlives_a_restart_of_its_gateway(kind: str, tmp_path: Path) -> None:
    """Within the time in which a connection is kept: that one is gone, and the token is another."""
    where = ("--listen", f"127.0.0.1:{free_port()}")
    with serving(tmp_path, *where) as first:
        token = places.read_token(int(first.url.rpartition(":")[2]))
        with closing(Kept(kind, first.url)) as client, closing(Kept(kind, first.url, token)) as stubborn:
            name = client.ask("create_template", "kept")["name"]
            stubborn.ask("templates")
            first.close()
            with pytest.raises(ApiError, match="no gateway answers"):
                client.ask("templates")
            with serving(tmp_path, *where):
                assert name in [each["name"] for each in client.ask("templates")]
                with pytest.raises(ApiError) as refused:
                    stubborn.ask("templates")
                assert refused.value.code == "UNAUTHORIZED", "a token that was given is not replaced"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("id", ["", " ", "../templates", "x/y"])
def test_an_id_that_would_name_another_route_is_not_sent(id: str, kind: str, stranger: tuple[str, Seen]) -> None:
    url, seen = stranger
    with pytest.raises(ApiError, match="is no id and no name"):
        ask(kind, url, "session", id)
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
