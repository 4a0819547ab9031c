"""The client for programs: both kinds over one real gateway, and jupyter_client through them."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from vm_gateway.async_client import AsyncClient
from vm_gateway.client import ApiError, Client

from ..rest.running import TOKEN, Running, wait_until
from .jupyter import Jupyter


@pytest.fixture(scope="module")
def gateway(shared_home: Jupyter) -> Iterator[Running]:
    with Running(shared_home, VM_GATEWAY_TOKEN=TOKEN) as running:
        yield running


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """On an event loop of its own: this thread's is Jupyter's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, list[tuple[str, Any, Any]]]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {
            name: [(each.name, each.default, each.kind) for each in inspect.signature(method).parameters.values()]
            for name, method in found
            if not name.startswith("_")
        }

    assert methods(AsyncClient) == methods(Client)
    assert all(inspect.iscoroutinefunction(getattr(AsyncClient, name)) for name in methods(Client))


def test_the_way_from_template_to_events_and_what_goes_wrong_on_it(gateway: Running, shared_home: Jupyter) -> None:
    async def work() -> None:
        async with AsyncClient(gateway.origin, TOKEN) as client:
            assert client.url == gateway.origin
            template = await client.create_template("from-async", settings={"limits": {"wall_ms": 2000}})
            sessions = await asyncio.gather(
                *(client.create_session(template["id"], "ws", "none", str(shared_home.worktree)) for _ in range(2))
            )
            began = time.monotonic()
            nap = "await new Promise((done) => setTimeout(done, 500)); 6 * 7"
            executions = await asyncio.gather(*(client.repl(session["id"], nap) for session in sessions))
            assert [execution["result"]["preview"] for execution in executions] == ["42", "42"]
            assert time.monotonic() - began < 5.0
            events = await client.events(executions[0]["id"])
            assert [event["type"] for event in events] == ["input_echo", "value"]
            with pytest.raises(ApiError) as refused:
                await client.session("00000000-0000-4000-8000-000000000000")
            assert (refused.value.status, refused.value.code) == (404, "SESSION_NOT_FOUND")
            await asyncio.gather(*(client.close_session(session["id"]) for session in sessions))
            with pytest.raises(ApiError) as closed:
                await client.jupyter_client(sessions[0]["id"])
            assert closed.value.code == "SESSION_NOT_READY"

    run(work())


def test_jupyter_client_speaks_to_the_kernel_of_any_session(gateway: Running, shared_home: Jupyter) -> None:
    shared_home.spec("plain", "--template", "notebook")
    shared_home.notebook("plain")
    [guest] = wait_until(lambda: gateway.ask("GET", "/sessions?status=ready", 200))
    own = gateway.session()["id"]
    shown: list[str] = []

    def show(message: dict[str, Any]) -> None:
        if message["msg_type"] == "execute_result":
            shown.append(message["content"]["data"]["text/plain"])

    async def work(session: str) -> None:
        async with AsyncClient(gateway.origin, TOKEN) as client:
            kernel = await client.jupyter_client(session)
            try:
                await kernel.execute_interactive("kept + 1", timeout=20, output_hook=show, allow_stdin=False)
            finally:
                kernel.stop_channels()

    for session in (own, guest["id"]):
        with Client(gateway.origin, TOKEN) as client:
            kernel = client.jupyter_client(session)
            try:
                code = "var kept = 1; kept"
                kernel.execute_interactive(code, timeout=20, output_hook=show, allow_stdin=False)
            finally:
                kernel.stop_channels()
            run(work(session))
            assert shown == ["1", "2"]
            shown.clear()
            [first, second] = reversed(client.executions(session))
            assert [first["actor"]["surface"], second["actor"]["surface"]] == ["kernel", "kernel"]
            assert client.session(session)["status"] == "ready"
    gateway.close(own)


def test_the_blocking_client_loads_nothing_that_it_does_not_use() -> None:
    program = "import vm_gateway.client, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    assert not tops & {"asyncio", "concurrent", "jupyter_client", "traitlets", "zmq"}
