"""The client on an event loop when calls are given up, many are under way, or it is closed: it stays of use."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from vm_gateway.async_client import AsyncClient
from vm_gateway.client import ApiError, Client
from vm_gateway.kernel_clients import asynchronous

from ..rest.running import TOKEN, Running
from .jupyter import Jupyter
from .test_client import run

#: Seconds within which a call that waits for no cell ends on a busy machine.
SOON_S = 15.0
#: Seconds that a test lets a call wait which cannot end.
NO_END_S = 0.5
ENDLESS = "while (true);"


@pytest.fixture(scope="module")
def gateway(shared_home: Jupyter) -> Iterator[Running]:
    with Running(shared_home, VM_GATEWAY_TOKEN=TOKEN) as running:
        yield running


@pytest.fixture()
def busy(gateway: Running) -> Iterator[list[str]]:
    """Two sessions without limits, whose cells are stopped at the end."""
    template = gateway.limited(wall_ms=0, cpu_ms=0)
    sessions = [gateway.session(template)["id"] for _ in range(2)]
    yield sessions
    for session in sessions:
        gateway.close(session)


async def running_in(client: Client, session: str) -> str:
    """The id of what runs there now; asked by another client, so as not to depend on the one under test."""
    for _ in range(500):
        if found := [each["id"] for each in client.executions(session, 1) if each["status"] == "running"]:
            return found[0]
        await asyncio.sleep(0.02)
    raise AssertionError("nothing runs")


Filled = tuple[AsyncClient, list[asyncio.Task[Any]], Client]


@asynccontextmanager
async def filled(gateway: Running, sessions: list[str]) -> AsyncIterator[Filled]:
    """A client of two calls at once, with both of them under way."""
    client = AsyncClient(gateway.origin, TOKEN, at_once=2)
    with Client(gateway.origin, TOKEN) as other:
        tasks = [asyncio.ensure_future(client.repl(session, ENDLESS)) for session in sessions]
        for session in sessions:
            await running_in(other, session)
        try:
            yield client, tasks, other
        finally:
            for session in sessions:
                other.close_session(session)
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.close()


def test_cancel_and_questions_do_not_wait_for_cells_that_fill_the_client(gateway: Running, busy: list[str]) -> None:
    async def work() -> None:
        async with filled(gateway, busy) as (client, tasks, other):
            first = await running_in(other, busy[0])
            assert (await asyncio.wait_for(client.execution(first), SOON_S))["status"] == "running"
            assert (await asyncio.wait_for(client.cancel(first), SOON_S))["status"] == "cancelled"
            assert (await asyncio.wait_for(tasks[0], SOON_S))["status"] == "cancelled"
            await asyncio.wait_for(client.close_session(busy[1]), SOON_S)
            with suppress(ApiError):
                await asyncio.wait_for(tasks[1], SOON_S)

    run(work())


def test_a_call_that_is_no_longer_waited_for_leaves_its_place_to_the_next(gateway: Running, busy: list[str]) -> None:
    async def work() -> None:
        with Client(gateway.origin, TOKEN) as other:
            async with AsyncClient(gateway.origin, TOKEN, at_once=1) as client:
                for _ in range(3):
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(client.repl(busy[0], ENDLESS), NO_END_S)
                    execution = await running_in(other, busy[0])  # what was asked goes on
                    await asyncio.wait_for(client.cancel(execution), SOON_S)
                answer = await asyncio.wait_for(client.repl(busy[1], "6 * 7"), SOON_S)
                assert answer["result"]["preview"] == "42"

    run(work())


def test_calls_cancelled_at_any_moment_do_no_harm(gateway: Running) -> None:
    """So late that some have their answer, so early that some are not sent."""

    async def work() -> None:
        session = gateway.session()["id"]
        async with AsyncClient(gateway.origin, TOKEN, at_once=2) as client:
            for step in range(60):
                calls = [asyncio.ensure_future(client.session(session)) for _ in range(5)]
                await asyncio.sleep(step * 0.0002)
                for call in calls:
                    call.cancel()
                for ended in await asyncio.gather(*calls, return_exceptions=True):
                    assert isinstance(ended, asyncio.CancelledError) or ended["id"] == session, ended
                assert (await asyncio.wait_for(client.session(session), SOON_S))["id"] == session
            assert (await client.close_session(session))["status"] == "closed"

    run(work())


def test_closing_waits_for_no_cell_and_says_so_to_whoever_waits_for_one(gateway: Running, busy: list[str]) -> None:
    async def work() -> None:
        async with filled(gateway, busy) as (client, tasks, other):
            tasks.append(asyncio.ensure_future(client.repl(busy[0], "1")))  # waits its turn
            await asyncio.sleep(0)
            await asyncio.wait_for(client.close(), SOON_S)
            for task in tasks:
                with pytest.raises(ApiError, match=r"this client is closed: make another AsyncClient") as ended:
                    await asyncio.wait_for(task, SOON_S)
                assert (ended.value.status, ended.value.code) == (0, "CLIENT_CLOSED")
            await running_in(other, busy[0])
            await client.close()

    run(work())


def test_a_call_after_the_end_is_an_error_of_ours(gateway: Running) -> None:
    async def work() -> None:
        async with AsyncClient(gateway.origin, TOKEN) as client:
            await client.templates()
        for call in (client.templates, client.health, lambda: client.jupyter_client("x"), lambda: client.cancel("x")):
            with pytest.raises(ApiError, match="this client is closed") as ended:
                await call()
            assert ended.value.code == "CLIENT_CLOSED"

    run(work())


def test_one_client_serves_one_loop_after_another(gateway: Running) -> None:
    client = AsyncClient(gateway.origin, TOKEN, at_once=1)

    async def work(client: AsyncClient) -> int:
        return len(await asyncio.gather(*(client.templates() for _ in range(4))))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a loop that ends leaves its connections to Python
        assert [run(work(client)), run(work(client))] == [4, 4]
        run(client.close())
        del client
        gc.collect()


def test_a_way_to_a_kernel_that_is_given_up_leaves_no_channel_open(gateway: Running) -> None:
    """The kernel does not answer: nothing listens at the address that is told."""
    session = gateway.session()["id"]

    async def work() -> None:
        async with AsyncClient(gateway.origin, TOKEN) as client:
            told = await client.connection(session)
            silent = {**told, "ip": f"{told['ip']}-nobody"}
            # Imports and the context of zmq, which stay, come with the first one.
            with pytest.raises(ApiError, match="does not answer"):
                await asynchronous(silent, NO_END_S)
            before = (threading.active_count(), len(os.listdir("/proc/self/fd")))
            for _ in range(3):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(asynchronous(silent, SOON_S), NO_END_S)
            deadline = time.monotonic() + SOON_S
            while (now := (threading.active_count(), len(os.listdir("/proc/self/fd")))) > before:
                assert time.monotonic() < deadline, f"threads and descriptors: {before} became {now}"
                await asyncio.sleep(0.05)

    run(work())
    gateway.close(session)
