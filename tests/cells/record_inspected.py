"""Owns recording what Node's inspector prints for the values of inspected.json; refuses to judge what ours prints.

`python -m tests.cells.record_inspected [NODE ...]` writes the answers of these Nodes (without any, of the one on the
path) into the file: `node` is what versions before 24 print, `node24` what later ones do where they differ.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FILE = HERE / "inspected.json"


def answers(node: str, sources: list[str]) -> tuple[str, list[str]]:
    """The version of this Node and its texts."""
    command = [node, str(HERE / "inspect_in_node.js")]
    done = subprocess.run(command, input=json.dumps(sources), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{node} failed: {done.stderr[-2000:]}"
    answer = json.loads(done.stdout)
    return answer["version"], answer["texts"]


def key(version: str) -> str:
    """Under which name a row keeps what this version prints."""
    return "node24" if int(version.lstrip("v").split(".")[0]) >= 24 else "node"


def write(table: dict[str, Any]) -> None:
    """One row a line."""
    rows = ",\n".join("  " + json.dumps(row, ensure_ascii=True) for row in table["values"])
    text = f'{{\n "recorded": {json.dumps(table["recorded"])},\n "values": [\n{rows}\n ]\n}}\n'
    FILE.write_text(text, encoding="utf-8")


def record(nodes: list[str]) -> None:
    table = json.loads(FILE.read_text(encoding="utf-8"))
    for node in nodes:
        version, texts = answers(node, [row["source"] for row in table["values"]])
        table["recorded"][key(version)] = version
        for row, text in zip(table["values"], texts, strict=True):
            row[key(version)] = text
    for row in table["values"]:
        if row.get("node24") == row["node"]:
            del row["node24"]
    write(table)


if __name__ == "__main__":
    found = sys.argv[1:] or [path for path in [shutil.which("node")] if path]
    sys.exit(record(found) if found else "there is no Node on the path: name one")
