"""jupyter_client's managers and clients over the installed kernelspec: blocking, asynchronous, encrypted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import AsyncKernelManager, KernelManager, start_new_async_kernel

from ..conformance.client import Client

NAME = "javascript-vm"
PATIENCE_S = 20
needs_curve = pytest.mark.skipif(not zmq.has("curve"), reason="this libzmq is built without CURVE")


@contextmanager
def managed(**options: Any) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """A kernel that its manager started and a client that is ready; both are gone afterwards."""
    manager = KernelManager(kernel_name=NAME, **options)
    manager.start_kernel()
    try:
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE_S)
        try:
            yield manager, client
        finally:
            client.stop_channels()
    finally:
        manager.shutdown_kernel(now=True)
        manager.context.term()


def value_of(client: BlockingKernelClient, code: str) -> str:
    """The text of the result of a cell."""
    heard: list[dict[str, Any]] = []
    reply = client.execute_interactive(code, timeout=PATIENCE_S, output_hook=heard.append)
    assert reply["content"]["status"] == "ok", reply["content"]
    [text] = [m["content"]["data"]["text/plain"] for m in heard if m["msg_type"] == "execute_result"]
    return str(text)


@pytest.mark.parametrize("now", [False, True])
def test_a_restarted_kernel_is_a_new_one_at_the_old_place(now: bool) -> None:
    with managed() as (manager, client):
        assert value_of(client, "var kept = 1; kept") == "1"
        before = (manager.get_connection_info(), manager.provisioner.pid)
        manager.restart_kernel(now=now)
        client.wait_for_ready(timeout=PATIENCE_S)
        assert value_of(client, "typeof kept") == "'undefined'"
        assert manager.get_connection_info() == before[0] and manager.provisioner.pid != before[1]


def test_a_manager_interrupts_by_message_and_the_state_is_kept() -> None:
    with managed() as (manager, client):
        value_of(client, "var kept = 7; kept")
        msg_id = client.execute("console.log('runs'); while (true) {}")
        while client.get_iopub_msg(timeout=PATIENCE_S)["msg_type"] != "stream":
            pass
        manager.interrupt_kernel()
        while (reply := client.get_shell_msg(timeout=PATIENCE_S))["parent_header"]["msg_id"] != msg_id:
            pass
        assert reply["content"]["ename"] == "Interrupted"
        assert value_of(client, "kept") == "7"


def test_a_kernel_asked_to_shut_down_goes_by_itself() -> None:
    with managed() as (manager, client):
        assert client.shutdown(reply=True, timeout=PATIENCE_S)["content"] == {"status": "ok", "restart": False}
        until = time.monotonic() + PATIENCE_S
        while manager.is_alive():
            assert time.monotonic() < until, "the kernel answered and did not go"
            time.sleep(0.01)


async def _asked(client: AsyncKernelClient) -> dict[str, dict[str, Any]]:
    """The replies to everything that jupyter_client's own client can ask."""
    heard: list[dict[str, Any]] = []
    cell = await client._async_execute_interactive("let consequence = prompt('?')", timeout=PATIENCE_S,
        allow_stdin=True, stdin_hook=lambda message: client.input("Ada"), output_hook=heard.append)  # fmt: skip
    replies = {
        "execute": cell,
        "complete": await client.complete("conseq", reply=True, timeout=PATIENCE_S),
        "inspect": await client.inspect("consequence", reply=True, timeout=PATIENCE_S),
        "is_complete": await client.is_complete("(", reply=True, timeout=PATIENCE_S),
        "history": await client.history(hist_access_type="tail", n=1, reply=True, timeout=PATIENCE_S),
        "kernel_info": await client.kernel_info(reply=True, timeout=PATIENCE_S),
        "comm_info": await client.comm_info(reply=True, timeout=PATIENCE_S),
    }
    replies["shutdown"] = await client.shutdown(reply=True, timeout=PATIENCE_S)
    return {name: reply["content"] for name, reply in replies.items()}


def test_the_asynchronous_client_gets_an_answer_to_everything_it_can_ask() -> None:
    async def run() -> dict[str, dict[str, Any]]:
        manager: AsyncKernelManager
        manager, client = await start_new_async_kernel(kernel_name=NAME, startup_timeout=PATIENCE_S)
        try:
            return await _asked(client)
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)
            manager.context.term()

    replies = asyncio.run(run())
    assert {name: reply["status"] for name, reply in replies.items()} == {
        **dict.fromkeys(replies, "ok"),
        "is_complete": "incomplete",
    }
    assert replies["complete"]["matches"] == ["consequence"]
    assert replies["inspect"]["found"] is True and "Ada" in replies["inspect"]["data"]["text/plain"]
    assert replies["history"]["history"] == [[1, 1, "let consequence = prompt('?')"]]
    assert replies["shutdown"] == {"status": "ok", "restart": False}


@needs_curve
@pytest.mark.parametrize(("policy", "transport"), [("auto", "tcp"), ("required", "ipc")])
def test_a_manager_that_wants_encryption_gets_it_and_keeps_its_keys_over_a_restart(policy: str, transport: str) -> None:
    with managed(transport_encryption=policy, transport=transport) as (manager, client):
        keys = manager.curve_publickey
        assert keys is not None, "the kernelspec does not say that the kernel can encrypt"
        assert value_of(client, "1 + 1") == "2"
        client.hb_channel.unpause()
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=PATIENCE_S)
        assert value_of(client, "2 + 2") == "4" and manager.curve_publickey == keys
        assert client.is_alive()


@needs_curve
@pytest.mark.parametrize(("keys", "transport"), [("none", "tcp"), ("for another server", "ipc")])
def test_an_encrypted_kernel_hears_and_tells_nothing_without_its_key(transport: str, keys: str) -> None:
    with managed(transport_encryption="required", transport=transport) as (manager, client):
        information = manager.get_connection_info(session=False)
        stranger = Client(information, subscribe=False, connect=False)
        try:
            for name, kind in (("shell", zmq.DEALER), ("control", zmq.DEALER), ("iopub", zmq.SUB), ("hb", zmq.REQ)):
                more: dict[str, bytes] = {}
                if keys != "none":
                    public, secret = zmq.curve_keypair()
                    other, _ = zmq.curve_keypair()
                    more = {"CURVE_PUBLICKEY": public, "CURVE_SECRETKEY": secret, "CURVE_SERVERKEY": other}
                stranger.sockets[name] = stranger.connect(kind, name, **more)
            stranger.sockets["hb"].send(b"ping")
            for channel in ("shell", "control"):
                stranger.send("execute_request", {"code": "var intruder = 1"}, channel)
            assert value_of(client, "console.log('secret'); typeof intruder") == "'undefined'"
            for name, each in stranger.sockets.items():
                assert not each.poll(200), f"a stranger was told something on {name}"
            assert value_of(client, "typeof intruder") == "'undefined'"
        finally:
            stranger.close()
