"""Owns the ways in which people run cells in a recorded session; refuses to judge what comes of it.

A driver runs all cells in one fresh session of the kernelspec and gives, where its client keeps outputs, those of each
cell in nbformat's form.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pexpect
from jupyter_client.manager import KernelManager, start_new_kernel
from nbclient import NotebookClient
from papermill.exceptions import PapermillExecutionError

Cells = Sequence[dict[str, Any]]
Driver = Callable[[str, Cells, Path], "list[list[Any]] | None"]
PATIENCE_S = 60
QUIET = {"PYTHONWARNINGS": "ignore"}


def bare_client(kernel: str, cells: Cells, folder: Path) -> list[list[Any]] | None:
    """Twenty lines of jupyter_client."""
    manager, client = start_new_kernel(kernel_name=kernel, cwd=str(folder))
    seen = []
    try:
        for cell in cells:
            outputs: list[Any] = []
            client.execute_interactive(
                cell["code"],
                allow_stdin=False,
                timeout=PATIENCE_S,
                output_hook=lambda message, outputs=outputs: _keep(outputs, message),
            )
            seen.append(outputs)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.context.destroy()
    return seen


def _keep(outputs: list[Any], message: dict[str, Any]) -> None:
    if message["msg_type"] in ("stream", "display_data", "execute_result", "error"):
        output = nbformat.v4.output_from_msg(message)
        if output["output_type"] == "stream" and outputs and outputs[-1].get("name") == output["name"]:
            outputs[-1]["text"] += output["text"]
        else:
            outputs.append(output)
    elif message["msg_type"] == "clear_output":
        outputs.clear()
    elif message["msg_type"] == "update_display_data":
        for output in outputs:
            if output["output_type"] == "display_data":
                output["data"] = message["content"]["data"]


def _notebook(kernel: str, cells: Cells) -> Any:
    spec = {"name": kernel, "display_name": kernel, "language": "javascript"}
    node = nbformat.v4.new_notebook(metadata={"kernelspec": spec})
    for cell in cells:
        node.cells.append(nbformat.v4.new_code_cell(cell["code"], metadata={"tags": ["raises-exception"]}))
    return node


def nbclient(kernel: str, cells: Cells, folder: Path) -> list[list[Any]] | None:
    node = _notebook(kernel, cells)
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(node, timeout=PATIENCE_S, kernel_name=kernel, resources=place).execute()
    return [cell["outputs"] for cell in node.cells]


def papermill_(kernel: str, cells: Cells, folder: Path) -> list[list[Any]] | None:
    nbformat.write(_notebook(kernel, cells), folder / "in.ipynb")
    try:
        papermill.execute_notebook(
            folder / "in.ipynb", folder / "out.ipynb", kernel_name=kernel, cwd=folder, progress_bar=False
        )
    except PapermillExecutionError:
        pass  # it tells of errors at the end, tags or not
    node = nbformat.read(folder / "out.ipynb", as_version=4)
    tagged = [cell for cell in node.cells if "raises-exception" in cell["metadata"].get("tags", [])]
    return [cell["outputs"] for cell in tagged]


def jupyter_run(kernel: str, cells: Cells, folder: Path) -> list[list[Any]] | None:
    """`jupyter run` ends at an error, so that it is called again for the cells behind it, on the same kernel."""
    manager = KernelManager(kernel_name=kernel)
    manager.start_kernel(cwd=str(folder))
    try:
        names = []
        for number, cell in enumerate(cells):
            path = folder / f"cell-{number}.js"
            path.write_text(cell["code"], encoding="utf-8")
            names.append(str(path))
            if cell["status"] != "ok" or number == len(cells) - 1:
                words = ["-m", "jupyter_client.runapp", "--existing", manager.connection_file, *names]
                subprocess.run(
                    [sys.executable, *words],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=PATIENCE_S,
                    env={**os.environ, **QUIET},
                )
                names = []
    finally:
        manager.shutdown_kernel()
        manager.context.destroy()
    return None


def jupyter_console(kernel: str, cells: Cells, folder: Path) -> list[list[Any]] | None:
    """In a pseudo-terminal, line by line."""
    words = ["-m", "jupyter_console", "--kernel", kernel, "--no-confirm-exit", "--simple-prompt"]
    variables = {**os.environ, **QUIET, "TERM": "dumb"}
    child = pexpect.spawn(
        sys.executable, words, env=variables, cwd=str(folder), encoding="utf-8", timeout=PATIENCE_S, echo=False
    )
    child.delaybeforesend = 0.01
    try:
        for number, cell in enumerate(cells, 1):
            child.expect(re.escape(f"In [{number}]:"))
            child.sendline(cell["code"])
            if "prompt(" in cell["code"]:
                child.expect(re.escape("who? "))
                child.sendline("Ada")
        child.expect(re.escape(f"In [{len(cells) + 1}]:"))
        child.sendeof()
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    return None


DRIVERS: dict[str, Driver] = {
    "jupyter_client": bare_client,
    "nbclient": nbclient,
    "papermill": papermill_,
    "jupyter run": jupyter_run,
    "jupyter console": jupyter_console,
}
