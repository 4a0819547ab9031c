"""Owns RESULTS.md: one section a benchmark, each replaced by its newest run; refuses to know what was measured."""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).resolve().parent / "RESULTS.md"


def replace_section(text: str, section: str) -> str:
    """`text` with the part under the same first-level heading replaced, or with `section` at its end."""
    title = section.splitlines()[0]
    parts = [part for part in ("\n" + text).split("\n# ") if part.strip()]
    kept = ["# " + part.strip("\n").removeprefix("# ") for part in parts]
    place = next((number for number, part in enumerate(kept) if part.splitlines()[0] == title), len(kept))
    return "\n\n".join([*kept[:place], section.strip("\n"), *kept[place + 1 :]]) + "\n"


def write_section(section: str) -> None:
    """Puts `section`, which begins with its first-level heading, into the file."""
    before = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    FILE.write_text(replace_section(before, section), encoding="utf-8")
    print(f"written to {FILE.name}")
