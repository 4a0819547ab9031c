"""Owns a Jupyter server, JupyterLab's back end, and the page of a notebook at it; asserts only what it needs itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from ..launch.jupyter import Jupyter
from ..rest.running import PATIENCE_S, wait_until

AUTHORIZED = {"Authorization": "token of the tests"}


class Server:
    """`jupyter server` over the kernelspecs of `home`."""

    def __init__(self, home: Jupyter) -> None:
        self.home = home
        command = [
            sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ServerApp.port=0",
            "--IdentityProvider.token=of the tests", f"--ServerApp.root_dir={home.worktree}",
            "--ServerApp.terminals_enabled=False", "--ServerApp.open_browser=False",
        ]  # fmt: skip
        places = {"JUPYTER_PATH": str(home.prefix / "share" / "jupyter"), "HOME": str(home.path)}
        self._log = home.path / "server.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                command, env=home.environment(**places), cwd=home.worktree, stdout=log, stderr=subprocess.STDOUT
            )
        info = wait_until(self._info, what="a Jupyter server")
        self.address = f"127.0.0.1:{info['port']}"
        self.rest = httpx.Client(base_url=f"http://{self.address}/api", headers=AUTHORIZED, timeout=PATIENCE_S)
        wait_until(self._answers, what="an answer of the server")

    def _info(self) -> Any:
        assert self.process.poll() is None, self._log.read_text()
        for path in self.home.runtime.glob("jpserver-*.json"):
            with contextlib.suppress(ValueError):
                return json.loads(path.read_text())
        return None

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self.rest.get("/status").is_success
        return False

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.rest.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    @contextlib.contextmanager
    def notebook(self, name: str, kernel: str = "javascript-vm") -> Iterator[dict[str, Any]]:
        """The session of a notebook, as its server tells it; gone afterwards."""
        asked = {"path": name, "name": name, "type": "notebook", "kernel": {"name": kernel}}
        session = self.ask("POST", "/sessions", asked)
        yield session
        if any(each["id"] == session["id"] for each in self.ask("GET", "/sessions")):
            self.ask("DELETE", f"/sessions/{session['id']}")

    def visit(self, name: str, work: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        """Does something with the kernel of a notebook of that name."""
        with self.notebook(name) as session:
            asyncio.run(work(session["kernel"]["id"]))

    @contextlib.asynccontextmanager
    async def page(self, kernel_id: str, name: str = "page") -> AsyncIterator[Page]:
        """An open page: what arrives at it while it is closed waits for the next page of that name."""
        url = f"ws://{self.address}/api/kernels/{kernel_id}/channels?session_id={name}"
        socket = await websocket_connect(HTTPRequest(url, headers=AUTHORIZED))
        try:
            yield Page(socket)
        finally:
            socket.close()
            while await socket.read_message() is not None:
                pass

    def close(self) -> None:
        self.rest.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE_S)


class Page:
    """A websocket to a kernel's channels."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket

    async def send(self, msg_type: str, content: dict[str, Any], channel: str = "shell") -> str:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": msg_type, "username": "", "session": "page", "date": "",
                  "version": "5.3"}  # fmt: skip
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": channel}
        await self._socket.write_message(json.dumps({**message, "buffers": []}))
        return header["msg_id"]

    async def execute(self, code: str) -> str:
        return await self.send("execute_request", {
            "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True,
            "stop_on_error": True,
        })  # fmt: skip

    async def hear(self) -> dict[str, Any]:
        raw = await asyncio.wait_for(self._socket.read_message(), PATIENCE_S)
        assert raw is not None, "the server closed the page"
        return dict(json.loads(raw))

    async def answers(self, msg_id: str, typed: str = "", seen: Callable[[str], None] = lambda kind: None) -> list[Any]:
        """(kind, content) of everything that answers a request, up to its reply and its idle, whichever is later.

        typed: what is said to each question. seen: called with each kind as it comes.
        """
        heard: list[Any] = []
        reply = idle = False
        while not (reply and idle):
            message = await self.hear()
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            kind, content = message["msg_type"], message["content"]
            heard.append((kind, content))
            seen(kind)
            if kind == "input_request":
                await self.send("input_reply", {"status": "ok", "value": typed}, "stdin")
            reply = reply or kind == "execute_reply"
            idle = idle or (kind == "status" and content["execution_state"] == "idle")
        return heard

    async def run(self, code: str, typed: str = "", seen: Callable[[str], None] = lambda kind: None) -> list[Any]:
        return await self.answers(await self.execute(code), typed, seen)
