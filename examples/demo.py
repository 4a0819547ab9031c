"""Owns the run of a notebook through nbclient and its transcript; refuses to know how a kernel works.

Usage: python examples/demo.py [notebook [executed]], tour.ipynb without. Exits with 1 when a cell fails that has no tag
`raises-exception`. A cell with the tag `interrupt` is stopped as by the stop button.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WIDTH = 100
#: Output lines of one cell that the transcript shows; the notebook keeps all.
LINES = 15
#: Seconds after which a cell with the tag `interrupt` is.
PRESSED_S = 0.2


def shorten(text: str, limit: int = LINES) -> list[str]:
    """`text` by lines, each cut to the width; of a long one the first ones, how many are left out, and the last."""
    lines = text.rstrip("\n").split("\n")
    if len(lines) > limit:
        lines = [*lines[:3], f"... {len(lines) - 4:,} lines more ...", lines[-1]]
    return [line if len(line) <= WIDTH else line[: WIDTH - 3] + "..." for line in lines]


def describe(output: dict[str, Any]) -> list[tuple[str, str]]:
    """The lines of one output, each with the mark that says what kind it is."""
    kind = output["output_type"]
    if kind == "stream":
        return [("stderr" if output["name"] == "stderr" else "", line) for line in shorten(output["text"])]
    if kind == "error":
        return [("error", line) for line in shorten("\n".join(output["traceback"]) or output["evalue"])]
    data = output["data"]
    mark = f"Out[{output['execution_count']}]" if kind == "execute_result" else "display"
    # What a terminal can show, and the name of what a browser would.
    richer = [mime for mime in data if mime != "text/plain"]
    text = "".join(data.get("text/plain", ""))
    return [(" ".join([mark, *richer[:1]]), line) for line in shorten(text)]


def transcript(notebook: Any) -> str:
    """Every cell with its outputs, as a person reads them."""
    lines: list[str] = []
    for cell in notebook.cells:
        lines.append("")
        if cell.cell_type != "code":
            lines += [f"  {line}" for line in cell.source.split("\n")]
            continue
        prompt = f"In[{cell.execution_count or ' '}]"
        for number, line in enumerate(cell.source.split("\n")):
            lines.append(f"{prompt if number == 0 else '':>8}  {line}")
        before = None
        for mark, line in (row for output in cell.outputs for row in describe(output)):
            lines.append(f"{mark if mark != before else '':>18} | {line}")
            before = mark
    return "\n".join(lines)


def press_stop(client: Any) -> None:
    """Lets nbclient press the stop button in the cells that say so, while they run."""
    pressing: list[asyncio.Task[None]] = []

    async def press() -> None:
        await asyncio.sleep(PRESSED_S)
        await client.km.interrupt_kernel()

    async def begun(cell: Any, cell_index: int) -> None:
        if "interrupt" in cell.metadata.get("tags", []):
            pressing.append(asyncio.create_task(press()))

    async def ended(**_: Any) -> None:
        while pressing:
            pressing.pop().cancel()

    client.on_cell_execute, client.on_cell_executed = begun, ended


def main(argv: list[str]) -> int:
    # The environment's own kernelspec comes before one of the same name in the user's account.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    try:
        import nbformat
        from jupyter_client.kernelspec import NoSuchKernel
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError as error:
        print(f"{error}: `make demo` installs what this needs", file=sys.stderr)
        return 1
    source = Path(argv[0]) if argv else HERE / "tour.ipynb"
    target = Path(argv[1]) if len(argv) > 1 else HERE / "executed" / source.name
    notebook = nbformat.read(source, as_version=4)
    name = notebook.metadata.kernelspec.name
    client = NotebookClient(notebook, timeout=120, kernel_name=name, coalesce_streams=True)
    press_stop(client)
    print(f"== {source.name}, kernel {client.kernel_name}", flush=True)
    failure = ""
    started = time.monotonic()
    try:
        client.execute(cwd=str(HERE))
    except CellExecutionError as error:
        failure = f"a cell failed that should not: {error.ename}: {error.evalue}"
    except NoSuchKernel:
        print(
            f"there is no kernel {name!r}: `vm-gateway kernelspec install` makes javascript-vm and typescript-vm,"
            " `vm-gateway kernelspec sync` one for each template",
            file=sys.stderr,
        )
        return 1
    finally:
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)
    cells = sum(cell.cell_type == "code" and cell.execution_count is not None for cell in notebook.cells)
    print(transcript(notebook))
    print(f"\n== {cells} cells in {time.monotonic() - started:.1f} s; the executed notebook: {target}")
    if failure:
        print(f"== {failure}", file=sys.stderr)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
