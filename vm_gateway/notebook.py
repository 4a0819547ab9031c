"""Owns the notebook that a recorded session makes: nbformat 4.5 as plain dicts; refuses to know how it is read.

Outputs are what a front end would have kept: neighbouring stream texts are one output, a cleared output is gone, an
updated display shows its last state, what was typed stands behind its prompt. Comms leave no outputs.
Source: nbformat's schema for 4.5 and the output handling that Jupyter's messaging specification describes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vm_kernel.payloads import shown_text

from .recording import Recording, Run
from .shapes import Event

Output = dict[str, Any]
#: Console levels that go to stderr (vm_kernel.execution.STDERR_LEVELS).
STDERR = ("error", "warn", "trace", "assert")
#: By the language of a session: the kernel that runs its notebook, the name that a person sees, the ending of files.
KERNELS = {
    "javascript": ("javascript-vm", "JavaScript (V8)", ".js"),
    "typescript": ("typescript-vm", "TypeScript (V8)", ".ts"),
}
_DIRECTIVE = re.compile(
    r"""(?:\s|\A\#![^\n]*\n|//[^\n]*(?:\n|\Z)|/\*(?:(?!\*/)[\s\S])*\*/|;)*  # nothing that runs
    (?:'([^'\\\n]*)'|"([^"\\\n]*)")  # a text
    (?=\s*(?:;|\Z|//|/\*)|[^\S\n]*\n\s*(?!in\b|instanceof\b)[\w$'"{}@#!~])  # that is all of its statement""",
    re.VERBOSE,
)
#: Files in TypeScript (vm_kernel.engine.port.LANGUAGES).
TYPED = (".ts", ".mts", ".cts", ".tsx", ".jsx")
#: What a cell's metadata tells of its run, beside its id, which is the cell's.
TOLD = ("kind", "status", "started_at", "ended_at", "path", "actor")


def notebook(recording: Recording) -> dict[str, Any]:
    """A cell for each run, startup files first, files with their text as it was; `metadata.vm` says which it was.

    Tags that nbclient knows: what failed or asked for a line may fail, what had to be stopped is not run.
    """
    session, language = recording.session, recording.language
    usual, display_name, ending = KERNELS[language]
    kernel = recording.kernel
    shown: dict[str, list[Output]] = {}
    cells = [_cell(run, shown) for run in recording.runs]
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": kernel or display_name, "language": language, "name": kernel or usual},
            "language_info": {"file_extension": ending, "mimetype": f"text/{language}", "name": language},
            "vm": {"session_id": session["id"], "template_id": session["vm_id"], "created_at": session["created_at"]},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(run: Run, shown: dict[str, list[Output]]) -> dict[str, Any]:
    """shown: outputs of the whole notebook by their display_id, for later updates."""
    execution: dict[str, Any] = {**run.execution}
    vm = {name: execution[name] for name in TOLD if name in execution}
    count = run.number or None
    tags = ["raises-exception"] if execution["status"] != "ok" or run.stdin() else []
    if run.stopped:
        tags.append("skip-execution")
    outputs = _Outputs(count, shown)
    for event, following in zip(run.events, [*run.events[1:], None], strict=True):
        outputs.take(event, following)
    return {
        "cell_type": "code",
        "execution_count": count,
        "id": execution["id"],
        "metadata": {"vm": vm, **({"tags": tags} if tags else {})},
        "outputs": outputs.whole(),
        "source": source(run),
    }


def source(run: Run) -> str:
    """What to run to do it again; what a file was given stands before its text."""
    text = run.text if run.text is not None else f"// the text of {run.execution.get('path', 'this run')} was not kept"
    magic = "%%ts\n" if run.execution.get("path", "").endswith(TYPED) else ""
    if run.execution["kind"] != "run_file":
        return f"{magic}{text}"
    args = run.execution.get("args") or {}
    if not args and "__ARGS__" not in text:
        return f"{magic}{text}"
    strict = '"use strict"; ' if any("use strict" in found.groups() for found in _directives(text)) else ""
    told = json.dumps(args, ensure_ascii=False)
    if '"__proto__"' in told:  # in a literal it is no property
        told = f"JSON.parse({json.dumps(told, ensure_ascii=False)})"
    given = f"{magic}{strict}globalThis.__ARGS__ = {told};\n"
    return f"{given}{'//' if text.startswith('#!') else ''}{text}"


def _directives(text: str) -> Iterator[re.Match[str]]:
    """The texts in quotes with which it begins."""
    at = 0
    while (found := _DIRECTIVE.match(text, at)) is not None:
        yield found
        at = found.end()


class _Outputs:
    """The outputs of one cell, as they grow."""

    def __init__(self, count: int | None, shown: dict[str, list[Output]]) -> None:
        self.list: list[Output] = []
        self._count = count
        self._shown = shown
        self._clear_next = False

    def take(self, event: Event, following: Event | None) -> None:
        type_, payload = event["type"], event["payload"]
        if type_ == "console":
            self._stream("stderr" if payload["level"] in STDERR else "stdout", f"{payload['text']}\n")
        elif type_ == "system" and not _repeated(payload, following):
            self._stream("stderr", f"{payload['message']}\n")
        elif type_ == "input_request":
            self._stream("stdout", str(payload["prompt"]))
        elif type_ == "input_reply":
            self._stream("stdout", f"{payload['text']}\n")
        elif type_ == "value":
            if payload["type"] != "undefined":
                data = bundle({"text/plain": shown_text(payload), **payload.get("mime", {})})
                self._add(
                    {
                        "output_type": "execute_result",
                        "data": data,
                        "metadata": payload.get("metadata", {}),
                        "execution_count": self._count,
                    }
                )
        elif type_ == "display":
            self._display(payload)
        elif type_ == "exception":
            self._add(_error(payload))
        elif type_ == "clear":
            self._clear_next = bool(payload.get("wait"))
            if not self._clear_next:
                self.list.clear()

    def _add(self, output: Output) -> None:
        if self._clear_next:
            self.list.clear()
            self._clear_next = False
        self.list.append(output)

    def _stream(self, name: str, text: str) -> None:
        last = self.list[-1] if self.list and not self._clear_next else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"].append(text)
        else:
            self._add({"output_type": "stream", "name": name, "text": [text]})

    def whole(self) -> list[Output]:
        """The outputs; those of streams have gathered pieces until now."""
        for output in self.list:
            if output["output_type"] == "stream":
                output["text"] = "".join(output["text"])
        return self.list

    def _display(self, payload: Mapping[str, Any]) -> None:
        if "data" not in payload:  # it was nested too deeply to be stored
            return
        data, metadata = bundle(payload["data"]), dict(payload.get("metadata") or {})
        display_id = payload.get("display_id")
        if payload.get("update"):
            for output in self._shown.get(str(display_id), []):
                output.update(data=data, metadata=metadata)
            return
        output = {"output_type": "display_data", "data": data, "metadata": metadata}
        if display_id is not None:
            self._shown.setdefault(str(display_id), []).append(output)
        self._add(output)


#: Of nbformat's schema: the types whose content may be more than text.
JSON_TYPE = re.compile(r"application/(.*\+)?json$")


def bundle(data: Mapping[str, Any]) -> dict[str, Any]:
    """A MIME bundle that the schema takes: what is no JSON type is text."""
    return {
        mime: value if isinstance(value, str) or JSON_TYPE.match(mime) else json.dumps(value, ensure_ascii=False)
        for mime, value in data.items()
    }


def _repeated(payload: Mapping[str, Any], following: Event | None) -> bool:
    """A run that was stopped says why as an event of its own, then as its error: a front end gets only the latter."""
    if following is None or following["type"] != "exception":
        return False
    return str(following["payload"].get("message", "")).endswith(str(payload["message"]))


def _error(payload: Mapping[str, Any]) -> Output:
    message = str(payload["message"])
    name = str(payload.get("name", message.partition(":")[0] if ": " in message else ""))
    value = message.removeprefix(f"{name}: ") if name else message
    lines = [str(line) for line in _list(payload.get("traceback"))] or [message]
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": lines}


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()
