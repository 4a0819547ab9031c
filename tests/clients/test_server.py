"""A notebook of JupyterLab's server: cells over its websocket, its buttons, its end; every cell on record."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ..launch.jupyter import Jupyter
from ..rest.running import is_alive, wait_until
from .server import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    home = Jupyter()
    home.command("kernelspec", "install", "--prefix", str(home.prefix))
    server = Server(home)
    yield server
    server.close()
    home.remove()


def said(heard: list[Any], kind: str) -> list[Any]:
    return [content for each, content in heard if each == kind]


def value(heard: list[Any]) -> str:
    [result] = said(heard, "execute_result")
    return str(result["data"]["text/plain"])


def recorded(server: Server) -> list[tuple[str, str]]:
    """(text, status) of the cells of the newest session."""
    rows = server.home.executions(server.home.sessions()[0]["id"])
    return [(row["input"], row["status"]) for row in rows if row["kind"] == "repl"]


def test_cells_run_ask_print_and_are_on_record(server: Server) -> None:
    async def at(kernel_id: str) -> None:
        async with server.page(kernel_id) as page:
            assert value(await page.run("1 + 1")) == "2"
            asked = await page.run("console.log('before'); prompt('name?')", typed="Ada")
            assert [c["text"] for c in said(asked, "stream")] == ["before\n"] and value(asked) == "'Ada'"
            flood = await page.run("for (let i = 0; i < 50000; i++) console.log(i)")
            lines = "".join(content["text"] for content in said(flood, "stream")).split()
            assert lines == [str(number) for number in range(50_000)]
            assert flood[-1][0] in ("status", "execute_reply"), "output after idle"
            [error] = said(await page.run("let kept = 5; null.x"), "error")
            assert error["ename"] == "TypeError" and "cell [4]:1:20" in error["traceback"][0]
            assert value(await page.run("kept")) == "5"

    server.visit("cells.ipynb", at)
    assert [status for _, status in recorded(server)] == ["ok", "ok", "ok", "error", "ok"]


def test_the_stop_button_ends_a_cell_and_keeps_variables(server: Server) -> None:
    async def at(kernel_id: str) -> None:
        def stop(kind: str) -> None:
            if kind == "stream":
                threading.Thread(target=server.ask, args=("POST", f"/kernels/{kernel_id}/interrupt")).start()

        async with server.page(kernel_id) as page:
            await page.run("let kept = 5")
            for code in ("while (true) {}", "await new Promise(() => {})"):
                [error] = said(await page.run(f"console.log('runs'); {code}", seen=stop), "error")
                assert error["ename"] == "Interrupted"
            assert value(await page.run("kept")) == "5"

    server.visit("stop.ipynb", at)


def test_the_restart_button_gives_an_empty_session(server: Server) -> None:
    async def at(kernel_id: str) -> None:
        async with server.page(kernel_id) as page:
            await page.run("var kept = 5")
            await asyncio.to_thread(server.ask, "POST", f"/kernels/{kernel_id}/restart")
        async with server.page(kernel_id) as page:  # JupyterLab connects anew after a restart
            assert value(await page.run("typeof kept")) == "'undefined'"

    server.visit("restart.ipynb", at)


def test_a_page_that_is_opened_again_has_what_came_meanwhile(server: Server) -> None:
    async def at(kernel_id: str) -> None:
        async with server.page(kernel_id) as page:
            await page.run("var kept = 5")
            msg_id = await page.execute("await new Promise((done) => setTimeout(done, 600)); console.log('late'); kept")
            while (await page.hear())["msg_type"] != "execute_input":
                pass
        async with server.page(kernel_id) as page:
            heard = await page.answers(msg_id)
            assert [content["text"] for content in said(heard, "stream")] == ["late\n"] and value(heard) == "5"

    server.visit("again.ipynb", at)


@pytest.mark.parametrize("code", ["1", "while (true) {}"], ids=["idle", "in a loop"])
def test_a_notebook_that_is_shut_down_leaves_no_process(server: Server, code: str) -> None:
    async def at(kernel_id: str) -> None:
        async with server.page(kernel_id) as page:
            await page.run("1")
            await page.execute(code)
            while (await page.hear())["msg_type"] != "execute_input":
                pass

    with server.notebook("down.ipynb") as session:
        asyncio.run(at(session["kernel"]["id"]))
        row = server.home.sessions()[0]
        assert is_alive(row["owner"]["pid"])
        server.ask("DELETE", f"/sessions/{session['id']}")
        wait_until(lambda: not is_alive(row["owner"]["pid"]), what="the end of the kernel")
        assert server.home.sessions()[0]["status"] == "closed"


def test_kernels_go_with_a_server_that_is_killed() -> None:
    home = Jupyter()
    home.command("kernelspec", "install", "--prefix", str(home.prefix))
    server = Server(home)
    try:
        session = server.ask("POST", "/sessions", {
            "path": "killed.ipynb", "name": "", "type": "notebook", "kernel": {"name": "javascript-vm"},
        })  # fmt: skip

        async def at(kernel_id: str) -> None:
            async with server.page(kernel_id) as page:
                await page.run("1")
                await page.execute("while (true) {}")
                while (await page.hear())["msg_type"] != "execute_input":
                    pass

        asyncio.run(at(session["kernel"]["id"]))
        pid = home.sessions()[0]["owner"]["pid"]
        server.process.kill()
        wait_until(lambda: not is_alive(pid), what="the end of the kernel")
    finally:
        server.close()
        home.remove()
