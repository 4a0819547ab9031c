"""Owns one execution's output: counts it, notes it as events, publishes it; refuses to know who runs it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring
from typing import Any

from .desk import Request
from .events import Event, timestamp
from .limits import Limits
from .outcomes import Completed, Outcome, OutputExceeded, Raised, Stopped, Value, ename, evalue
from .protocol import messages
from .protocol.iopub import IOPub
from .protocol.wire import LONG_CHARACTERS, encode, encode_long, quote
from .recorder import Usage
from .request import Execute

#: Console levels that Node writes to stderr; all others go to stdout.
STDERR_LEVELS = frozenset(("error", "warn", "trace", "assert"))

#: Bytes of payloads around their texts as JSON.
_INPUT_BYTES = len('{"text":}')
_CONSOLE_BYTES = len('{"level":"","text":}')
_VALUE_BYTES = len('{"type":"","preview":}')


class Page:
    """Events noted since the recorder was last given some. `keep` is False when nobody records.

    All events of one turn of the loop bear the time at which the first of them was noted.
    """

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.events: list[Event] = []
        self._ts = ""

    def add(self, execution_id: str, seq: int, type_: str, payload: dict[str, Any], late: bool) -> None:
        if not self._ts:
            self._ts = timestamp()
        self.events.append(Event(execution_id, seq, type_, payload, self._ts, late))

    def take(self) -> list[Event]:
        """What was noted, which is then no longer here."""
        events, self.events, self._ts = self.events, [], ""
        return events


class Execution:
    """One execution from its start to its last late output.

    exceed: called once with the reason when its output breaks a limit; nothing of it is noted or published
    after that but the reason.
    """

    def __init__(
        self,
        cell: int,
        execution_id: str,
        code: str,
        silent: bool,
        count: int,
        parent: bytes,
        limits: Limits,
        page: Page,
        iopub: IOPub,
        exceed: Callable[[OutputExceeded], None],
    ) -> None:
        self.cell = cell
        self.id = execution_id
        self.code = code
        self.silent = silent
        self.count = count
        self.parent = parent
        self.finished = False
        self.exceeded: OutputExceeded | None = None
        self.started_at = timestamp()
        self._max_events = limits.max_events
        self._max_bytes = limits.max_output_kb * 1024
        self._page = page
        self._iopub = iopub
        self._exceed = exceed
        self._seq = 0
        self._bytes = 0
        self._pieces: list[str] = []
        self._pieces_characters = 0
        self.pages: list[dict[str, Any]] = []

    def usage(self, cpu_ms: int = 0, wall_ms: int = 0, peak_mem_mb: int = 0) -> Usage:
        return Usage(cpu_ms, wall_ms, peak_mem_mb, self._seq, self._bytes)

    # -- output, in the order in which it happens --------------------------------------------------------

    def begin(self) -> bool:
        """Notes and publishes the input; False when it alone breaks a limit."""
        quoted = quote(self.code)
        if not self._note("input_echo", {"text": self.code}, _INPUT_BYTES + len(quoted)):
            return False
        if not self.silent:
            self._iopub.publish("execute_input", messages.execute_input(quoted, self.count), self.parent)
        return True

    def console(self, level: str, text: str, last: bool = True) -> None:
        """One console call: one event. Pieces of a long text are kept until the last has come."""
        if self.exceeded is not None:
            return
        if self._pieces or not last:
            self._pieces.append(text)
            self._pieces_characters += len(text)
            if not last:
                if self._max_bytes and self._bytes + self._pieces_characters > self._max_bytes:
                    self._break("output", self._max_bytes // 1024, "max_output_kb")
                return
            text = "".join(self._pieces)
            self._pieces, self._pieces_characters = [], 0
        if level == "system":
            self._said(text)
            return
        name = "stderr" if level in STDERR_LEVELS else "stdout"
        if len(text) > LONG_CHARACTERS:  # one pass over it for both: the count and the message
            line = quote(text)
            size = _CONSOLE_BYTES + len(level) + len(line)
            if self._note("console", {"level": level, "text": text}, size) and not self.silent:
                self._iopub.stream_line(self.parent, name, line)
            return
        quoted = encode_basestring(text)
        size = len(quoted) if text.isascii() else len(quoted.encode("utf-8", "surrogatepass"))
        if self._note("console", {"level": level, "text": text}, _CONSOLE_BYTES + len(level) + size):
            self._stream(name, text + "\n")

    def _said(self, text: str) -> None:
        """The engine itself has something to say of this cell, an unhandled rejection for one."""
        payload = {"message": text, "level": "error"}
        if self._note("system", payload, len(encode(payload))):
            self._stream("stderr", text + "\n")

    def display(self, content: Mapping[str, Any]) -> None:
        """`page` in the content: for the front end's pager, in the reply, instead of among the outputs."""
        shown = messages.display_data(content)
        update = bool(content.get("update"))
        payload: dict[str, Any] = {"data": shown["data"], "metadata": shown["metadata"], "update": update}
        if "display_id" in shown["transient"]:
            payload["display_id"] = shown["transient"]["display_id"]
        if not self._note("display", payload, len(encode(payload))):
            return
        if content.get("page") is True and not self.finished:
            self.pages.append(shown["data"])
        else:
            self._publish("update_display_data" if update else "display_data", shown)

    def clear(self, wait: bool) -> None:
        payload = {"wait": wait}
        if self._note("clear", payload, len(encode(payload))):
            self._publish("clear_output", messages.clear_output(wait))

    def asks(self, prompt: str, password: bool) -> bool:
        """Notes an input_request; False when that breaks a limit."""
        payload = {"prompt": prompt, "password": password}
        return self._note("input_request", payload, len(encode(payload)))

    def hears(self, text: str, password: bool) -> bool:
        """Notes the answer to it, masked when it is a password."""
        payload = {"text": "********" if password else text}
        return self._note("input_reply", payload, len(encode(payload)))

    def notice(self, message: str, level: str = "warning") -> None:
        """Something the kernel has to say about this execution; never counted out by the limits."""
        self._remark("system", {"message": message, "level": level})
        self._stream("stderr", message + "\n")

    # -- the end -----------------------------------------------------------------------------------------

    def end(self, outcome: Outcome) -> Outcome:
        """Notes the value or the error; the outcome that holds: a broken limit overrides the others."""
        if isinstance(outcome, Completed):
            payload, size = _value_payload(outcome.value, self._page.keep)
            self._note("value", payload, size)
        elif isinstance(outcome, Raised):
            payload = _exception_payload(outcome)
            self._note("exception", payload, len(encode(payload)))
        if self.exceeded is not None:
            outcome = self.exceeded
        if isinstance(outcome, Stopped):
            self._remark("system", {"message": outcome.message, "level": "error"})
            self._remark("exception", {"message": f"{ename(outcome)}: {outcome.message}"})
        self.finished = True
        self.code = ""
        return outcome

    def publish_end(self, outcome: Outcome) -> str | None:
        """Publishes the value or the error, noted before; the text of the value, if one was shown."""
        if isinstance(outcome, Completed):
            value = outcome.value
            if value is None or value.type == "undefined":
                return None
            data = {"text/plain": value.text, **value.mime}
            content: dict[str, Any] | bytes = messages.execute_result(data, {}, self.count)
            self._publish("execute_result", encode_long(content) if len(value.text) > LONG_CHARACTERS else content)
            return value.text
        self._publish("error", messages.outcome_error(outcome))
        return None

    # -- inside ------------------------------------------------------------------------------------------

    def _note(self, type_: str, payload: dict[str, Any], size: int) -> bool:
        """Counts an event of `size` payload bytes and notes it; False when that breaks, or broke, a limit."""
        if self.exceeded is not None:
            return False
        if self._max_events and self._seq >= self._max_events:
            self._break("events", self._max_events, "max_events")
            return False
        if self._max_bytes and self._bytes + size > self._max_bytes:
            self._break("output", self._max_bytes // 1024, "max_output_kb")
            return False
        self._seq += 1
        self._bytes += size
        if self._page.keep:
            self._page.add(self.id, self._seq, type_, payload, self.finished)
        return True

    def _remark(self, type_: str, payload: dict[str, Any]) -> None:
        self._seq += 1
        self._bytes += len(encode(payload))
        if self._page.keep:
            self._page.add(self.id, self._seq, type_, payload, self.finished)

    def _break(self, what: str, limit: int, name: str) -> None:
        unit = "KiB" if name == "max_output_kb" else "events"
        message = f"the cell made more {what} than {name} allows ({limit} {unit}); print less or raise the limit"
        self.exceeded = OutputExceeded(message)
        self._pieces = []
        if self.finished:
            self.notice(f"OutputExceeded: {message}", "error")
        self._exceed(self.exceeded)

    def _stream(self, name: str, text: str) -> None:
        if not self.silent:
            self._iopub.stream(self.parent, name, text)

    def _publish(self, msg_type: str, content: dict[str, Any] | bytes) -> None:
        if not self.silent:
            self._iopub.publish(msg_type, content, self.parent)


class Run:
    """The execution at the front of the queue. `stopped`: why it ended before the engine got its code."""

    __slots__ = ("asked", "evaluating", "execution", "request", "stopped")

    def __init__(self, request: Request, asked: Execute, execution: Execution) -> None:
        self.request = request
        self.asked = asked
        self.execution = execution
        self.evaluating = False
        self.stopped: Stopped | None = None


def _value_payload(value: Value | None, parse: bool) -> tuple[dict[str, Any], int]:
    """The payload of a value event and its size as JSON; without `parse` only the size is right."""
    if value is None or value.type == "undefined":
        payload: dict[str, Any] = {"type": "undefined", "preview": "undefined", "json": None}
        return payload, len(encode(payload))
    payload = {"type": value.type, "preview": value.preview}
    size = _VALUE_BYTES + len(value.type) + len(quote(value.preview))
    if value.mime:
        payload["mime"] = value.mime
        size += len(',"mime":') + len(encode(value.mime))
    if value.json is not None:
        size += len(',"json":') + len(value.json.encode("utf-8", "surrogatepass"))
        if parse:
            try:
                payload["json"] = json.loads(value.json)
            except (ValueError, RecursionError):
                pass
    return payload, size


def _exception_payload(outcome: Raised) -> dict[str, Any]:
    name, message = ename(outcome), evalue(outcome)
    payload: dict[str, Any] = {"message": f"{name}: {message}" if name else message}
    if outcome.error.stack:
        payload["stack"] = outcome.error.stack
    if outcome.error.traceback:
        payload["traceback"] = list(outcome.error.traceback)
    return payload
