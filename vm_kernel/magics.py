"""Owns what the lines that begin with % do to a cell; refuses to know who asked for it. Imported at the first of them.

`%%ts`, `%time` and `%%time` stay in the text that the engine gets: its parser passes over them (parser/head.js).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial

from .engine import port
from .execution import Execution
from .job import Job
from .limits import Limits
from .outcomes import Completed, JavaScriptError, Outcome, Raised
from .runner import Runner
from .startup import MOST_SOURCE_BYTES
from .worktree import PathError, Worktree

#: Every magic: how it is written, what it does. docs/magics.md says it at length.
HELP = {
    "%help": ("%help", "this list"),
    "%limits": ("%limits", "what a cell may use, and what the last one used"),
    "%reset": ("%reset", "a new engine: all variables are gone, startup files run again"),
    "%run": ("%run PATH [ARGS]", "runs a file of the session's folder; ARGS, JSON, is its __ARGS__"),
    "%time": ("%time CODE", "runs the cell and prints its wall and processor time"),
    "%who": ("%who", "the session's names, with types and values"),
    "%%time": ("%%time", "as %time, for the lines below"),
    "%%ts": ("%%ts", "the cell is TypeScript, with JSX: its calls are h(tag, attributes, ...children)"),
}
ALONE = frozenset(("%help", "%limits", "%reset", "%who"))

_WORD = re.compile(r"\s*(%%?\w*)")
_QUOTED = re.compile(r'"(?:[^"\\\n\r]|\\.)*"')
_CODE = re.compile(r"\S")
_LINE_END = re.compile(r"\r\n|[\n\r\u2028\u2029]")


class Magics:
    """root: the folder whose files `%run` can read; denied: what in it it cannot."""

    def __init__(self, runner: Runner, engine: port.Engine, root: str, denied: Sequence[str]) -> None:
        self._runner = runner
        self._engine = engine
        self._worktree = root, denied

    def apply(self, job: Job) -> None:
        """Makes of the job what the head of its cell says; its code begins with %."""
        code, at = job.text, 0
        while (found := _WORD.match(code, at)) is not None:
            word, start, at = found[1], found.start(1), found.end()
            if word in ("%time", "%%time"):
                job.after = partial(_tell_time, job.execution)
                if _CODE.search(code, at) is None:
                    job.instead = _refusal(job, start, f"{word} needs code to run: {HELP[word][0]}")
            elif word != "%%ts":
                self._take_whole(job, word, start, code[at:].strip())
                return

    def _take_whole(self, job: Job, word: str, start: int, rest: str) -> None:
        """A magic that no code of the cell's own follows."""
        if word not in HELP:
            job.instead = _refusal(job, start, f"{word} is no magic; there are {', '.join(HELP)}")
        elif word in ALONE and rest:
            job.instead = _refusal(job, start, f"{word} stands alone in its cell")
        elif word == "%run":
            self._run_file(job, start, rest)
        elif word == "%who":
            job.text, job.language = "__who()", port.JAVASCRIPT  # session/own.js
        else:
            does = {"%help": _help, "%limits": self._limits, "%reset": self._reset}[word]
            job.instead = partial(_say, job.execution, does)

    def _run_file(self, job: Job, start: int, rest: str) -> None:
        try:
            path, args = _path_and_args(rest)
        except ValueError as error:
            job.instead = _refusal(job, start, f"{HELP['%run'][0]}: {error}")
            return
        try:
            with Worktree(*self._worktree) as worktree:
                opened = worktree.read(path, MOST_SOURCE_BYTES)
            job.text = opened.content.decode("utf-8")
        except (PathError, UnicodeDecodeError) as error:
            why = str(error) if isinstance(error, PathError) else f"this is not UTF-8 text: {path!r}"
            job.instead = _refusal(job, start, f"%run: {why}", "Error")
            return
        job.globals = {"__ARGS__": args}
        job.call(opened.path)

    def _reset(self) -> str:
        self._engine.renew()
        return "A new engine runs: all variables are gone."

    def _limits(self) -> str:
        usage = self._runner.last_usage
        used = {
            "cpu_ms": usage.cpu_ms,
            "wall_ms": usage.wall_ms,
            "mem_mb": usage.peak_mem_mb,
            "max_events": usage.events,
            "max_output_kb": -(-usage.output_bytes // 1024),
        }
        rows = [("limit", "a cell may use", "the last one used")]
        for each in fields(Limits):
            allowed = getattr(self._runner.limits, each.name)
            rows.append((each.name, str(allowed) if allowed else "no limit", str(used[each.name])))
        return "\n".join(f"{name:<13}  {allowed:>14}  {used:>17}" for name, allowed, used in rows)


def _path_and_args(rest: str) -> tuple[str, object]:
    """`path` or `"a path"`, then JSON or nothing. Raises ValueError."""
    path, end = _quoted(rest) if rest.startswith('"') else _word(rest)
    if not path:
        raise ValueError("the path is missing")
    given = rest[end:].strip()
    try:
        return path, json.loads(given) if given else {}
    except json.JSONDecodeError as error:
        wrong = f"this is none: {given[error.pos :][:40]}" if error.pos < len(given) else "it ends too early"
        raise ValueError(f"ARGS is no JSON: {wrong}") from None
    except (ValueError, RecursionError):
        raise ValueError("ARGS is no JSON: a number is too long, or it is nested too deeply") from None


def _word(rest: str) -> tuple[str, int]:
    path = rest.split(None, 1)[0] if rest else ""
    return path, len(path)


def _quoted(rest: str) -> tuple[str, int]:
    """What stands between quotes, as in JSON, and where it ends."""
    found = _QUOTED.match(rest)
    if found is None:
        raise ValueError('the path begins with a quote and has no other at its end: write %run "a path.js"')
    try:
        return str(json.loads(found[0])), found.end()
    except ValueError:
        raise ValueError("between quotes a \\ is written \\\\, and a path has no other signs of control") from None


def _help() -> str:
    rows = "\n".join(f"{usage:<17} {words}" for usage, words in HELP.values())
    return (
        f"{rows}\n\n"
        "A magic is the first line of a cell. Everything else is JavaScript: top-level await, display(value),\n"
        "prompt(question), names that may be declared again. Tab completes, Shift-Tab explains."
    )


def _say(execution: Execution, does: Callable[[], str]) -> Outcome:
    execution.console("log", does())
    return Completed()


def _tell_time(execution: Execution, wall_ms: int, cpu_ms: int) -> None:
    execution.console("log", f"wall {_ms(wall_ms)}, cpu {_ms(cpu_ms)}")


def _ms(value: int) -> str:
    return f"{value} ms" if value else "under 1 ms"


def _refusal(job: Job, start: int, message: str, name: str = "SyntaxError") -> Callable[[], Outcome]:
    """An error at the magic; its text is what a syntax error is in JavaScript."""
    before = _LINE_END.split(job.text[:start])
    line, column = len(before), len(before[-1]) + 1
    text = _LINE_END.split(job.text)[line - 1]
    place = f"{job.name}:{line}:{column}"
    error = f"{name}: {message}"
    traceback = (place, text[:1000], " " * (column - 1) + "^", "", error)
    return lambda: Raised(JavaScriptError(name, message, traceback, f"{error}\n    at {place}"))
