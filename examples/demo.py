"""Owns the run of tour.ipynb through nbclient and its transcript; refuses to know how a kernel works.

Usage: python examples/demo.py [notebook]. Exits with 1 when a cell fails that has no tag `raises-exception`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WIDTH = 100
#: Output lines of one cell that the transcript shows; the notebook keeps all.
LINES = 12


def shorten(text: str, limit: int = LINES) -> list[str]:
    """The first lines of `text`, each cut to the width, and a note of what is left out."""
    lines = text.rstrip("\n").split("\n")
    shown = [line if len(line) <= WIDTH else line[: WIDTH - 3] + "..." for line in lines[:limit]]
    if len(lines) > limit:
        shown.append(f"... {len(lines) - limit} more lines, {len(text):,} characters in all")
    return shown


def describe(output: dict[str, Any]) -> list[tuple[str, str]]:
    """The lines of one output, each with the mark that says what kind it is."""
    kind = output["output_type"]
    if kind == "stream":
        return [("stderr" if output["name"] == "stderr" else "", line) for line in shorten(output["text"])]
    if kind == "error":
        return [("error", line) for line in shorten("\n".join(output["traceback"]) or output["evalue"])]
    data = output["data"]
    mark = f"Out[{output['execution_count']}]" if kind == "execute_result" else "display"
    best = next(
        (mime for mime in ("text/html", "image/svg+xml", "text/markdown") if mime in data), "text/plain"
    )
    text = data.get(best, f"({', '.join(data)})")
    return [(f"{mark} {best}" if best != "text/plain" else mark, line) for line in shorten("".join(text))]


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
    target = HERE / "executed" / source.name
    notebook = nbformat.read(source, as_version=4)
    name = notebook.metadata.kernelspec.name
    client = NotebookClient(notebook, timeout=120, kernel_name=name, coalesce_streams=True)
    print(f"== {source.name}, kernel {client.kernel_name}", flush=True)
    failure = ""
    started = time.monotonic()
    try:
        client.execute(cwd=str(HERE))
    except CellExecutionError as error:
        failure = f"a cell failed that should not: {error.ename}: {error.evalue}"
    except NoSuchKernel:
        print(
            "the kernelspec is not installed: `make demo` does it, or `python -m vm_kernel install`",
            file=sys.stderr,
        )
        return 1
    finally:
        target.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, target)
    cells = sum(cell.cell_type == "code" and cell.execution_count is not None for cell in notebook.cells)
    print(transcript(notebook))
    print(f"\n== {cells} cells in {time.monotonic() - started:.1f} s; the executed notebook: {target}")
    if failure:
        print(f"== {failure}", file=sys.stderr)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
