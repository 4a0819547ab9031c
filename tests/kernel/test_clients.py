"""jupyter_client's own kernel client over tcp, with and without encrypted sockets."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from vm_kernel.engine.fake import FakeEngine
from vm_kernel.kernel import Kernel
from vm_kernel.protocol.channels import Channels
from vm_kernel.protocol.connection import read_connection


@pytest.fixture(params=["plain", "curve"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlockingKernelClient]:
    import threading

    path = os.fspath(tmp_path / "connection.json")
    write_connection_file(path, ip="127.0.0.1", key=b"a key of the tests")
    if request.param == "curve":
        if not zmq.has("curve"):
            pytest.skip("this libzmq is built without CURVE")
        public, secret = zmq.curve_keypair()
        fields = json.loads(Path(path).read_text())
        fields.update(curve_publickey=public.decode(), curve_secretkey=secret.decode())
        Path(path).write_text(json.dumps(fields))
    engine = FakeEngine(lambda report: kernel.on_report(report))
    kernel = Kernel(Channels(read_connection(path)), engine)
    engine.start()
    thread = threading.Thread(target=kernel.run)
    thread.start()
    client = BlockingKernelClient(connection_file=path)
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=10)
    yield client
    client.shutdown(reply=True, timeout=5)
    client.stop_channels()
    client.context.destroy(linger=0)
    thread.join(5)
    assert not thread.is_alive()


def test_jupyter_client_runs_cells(client: BlockingKernelClient) -> None:
    heard: list[dict[str, Any]] = []
    reply = client.execute_interactive('console.log("x"); 1+1', output_hook=heard.append, timeout=10)
    assert reply["content"]["status"] == "ok"
    assert [message["msg_type"] for message in heard] == [
        "status",
        "execute_input",
        "stream",
        "execute_result",
        "status",
    ]


def test_jupyter_client_answers_prompts(client: BlockingKernelClient) -> None:
    heard: list[dict[str, Any]] = []
    client.execute_interactive(
        'prompt("who? ")',
        allow_stdin=True,
        stdin_hook=lambda message: client.input("Ada"),
        output_hook=heard.append,
        timeout=10,
    )
    assert [m["content"]["data"] for m in heard if m["msg_type"] == "execute_result"] == [{"text/plain": "'Ada'"}]


def test_jupyter_client_asks_everything_else(client: BlockingKernelClient) -> None:
    client.execute_interactive("let consequence = 1", output_hook=lambda message: None, timeout=10)
    assert client.complete("conseq", reply=True, timeout=5)["content"]["matches"] == ["consequence"]
    assert client.inspect("consequence", reply=True, timeout=5)["content"]["found"] is True
    client.is_complete("(")
    assert client.get_shell_msg(timeout=5)["content"]["status"] == "incomplete"
    assert client.comm_info(reply=True, timeout=5)["content"]["comms"] == {}
    history = client.history(hist_access_type="tail", n=5, reply=True, timeout=5)
    assert [list(entry) for entry in history["content"]["history"]] == [[1, 1, "let consequence = 1"]]
    assert client.is_alive()
