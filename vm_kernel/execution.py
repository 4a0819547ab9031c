"""Owns one execution's output: counts it, notes it as events, publishes it; refuses to know who runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from json.encoder import encode_basestring
from typing import Any

from .events import Page, timestamp
from .limits import Limits
from .outcomes import Completed, Outcome, OutputExceeded, Raised, Stopped
from .payloads import exception_payload, is_long_string, value_bytes, value_payload
from .protocol import messages
from .protocol.iopub import IOPub
from .protocol.wire import LONG_CHARACTERS, encode, escape, quote
from .recorder import Usage

#: Console levels that Node writes to stderr; all others go to stdout.
STDERR_LEVELS = frozenset(("error", "warn", "trace", "assert"))

#: Bytes of payloads around their texts as JSON.
_INPUT_BYTES = len('{"text":}')
_CONSOLE_BYTES = len('{"level":"","text":}')


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
        kind: str,
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
        self.kind = kind
        self.silent = silent
        self._own = (parent, silent)
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
        self._long_preview = b""
        #: The payload of its value or its error, once it has ended; None when nobody records.
        self.final: dict[str, Any] | None = None
        self.pages: list[dict[str, Any]] = []
        #: What came after its end and before that was on record, to be published behind it; None: at once.
        self._held: list[Callable[[], None]] | None = None

    def usage(self, cpu_ms: int = 0, wall_ms: int = 0, peak_mem_mb: int = 0) -> Usage:
        return Usage(cpu_ms, wall_ms, peak_mem_mb, self._seq, self._bytes)

    # -- output, in the order in which it happens --------------------------------------------------------

    def begin(self) -> bool:
        """Notes the input, but for files, and publishes it; False when it alone breaks a limit."""
        quoted = quote(self.code)
        size = _INPUT_BYTES + len(quoted)
        if self.kind == "repl" and not self._has_room(size):
            limit = f"max_output_kb allows ({self._max_bytes // 1024} KiB)"
            advice = "move part of it to a file for %run or import, or raise the limit"
            self._break_off(f"the cell's own text counts as output and is longer than {limit}; {advice}")
            return False
        if self.kind == "repl" and not self._note("input_echo", {"text": self.code}, size):
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
            line = escape(text)
            size = _CONSOLE_BYTES + len('""') + len(level) + len(line)
            if self._note("console", {"level": level, "text": text}, size) and not self.silent:
                self._put(self._iopub.stream_line, self.parent, name, line)
            return
        quoted = encode_basestring(text)
        size = len(quoted) if text.isascii() else len(quoted.encode("utf-8", "surrogatepass"))
        if self._count(_CONSOLE_BYTES + len(level) + size):
            if self._page.keep:
                self._page.add_line(self.id, self._seq, level, quoted, self.finished)
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

    def comm(
        self,
        op: str,
        comm_id: str,
        target: str,
        data: Any,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        incoming: bool = False,
    ) -> bool:
        """Notes what is said on a comm; what its code says is published, also when it is silent. False: a limit broke.

        A close is published in any case: who is at the other end must know.
        """
        payload: dict[str, Any] = {"op": op, "comm_id": comm_id, "data": data}
        if op == "open":
            payload["target_name"] = target
        if incoming:
            payload["incoming"] = True
        noted = self._note("comm", payload, len(encode(payload)) + (0 if incoming else sum(map(len, buffers))))
        if not incoming and (noted or op == "close"):
            content = messages.comm(comm_id, data, target if op == "open" else None)
            self._iopub.publish(f"comm_{op}", content, self.parent, encode(metadata or {}), buffers)
        return noted

    def answering(self, parent: bytes | None) -> None:
        """While it handles a message that came on a comm, its late output answers that message; None: no longer."""
        if parent is None:
            self.parent, self.silent = self._own
        elif self.finished:
            self.parent, self.silent = parent, False

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
            value = outcome.value
            if value is not None and value.mime and not self._has_room(value_bytes(value)):
                self.notice("The value is shown as text: in full it is longer than max_output_kb allows.")
                value = replace(value, mime={}, metadata={})
                outcome = replace(outcome, value=value)
            if value is not None and is_long_string(value):
                self._long_preview = escape(value.preview)
            payload = value_payload(value) if self._page.keep else {}
            size = value_bytes(value, self._long_preview)
            if outcome.expressions is not None:  # the reply brings them; they count as what the cell shows
                size += len(messages.execute_ok(0, (), outcome.expressions))
            self._note("value", payload, size)
            self.final = payload or None
        elif isinstance(outcome, Raised):
            payload = self.final = exception_payload(outcome)
            self._note("exception", payload, len(encode(payload)))
        if self.exceeded is not None:
            outcome = self.exceeded
        if isinstance(outcome, Stopped):
            self._remark("system", {"message": outcome.message, "level": "error"})
            self.final = exception_payload(outcome)
            self._remark("exception", self.final)
        self.finished = True
        self.code = ""
        self._held = []
        return outcome

    def publish_end(self, outcome: Outcome) -> str | None:
        """Publishes the value or the error, noted before; the text of the value, if one was shown."""
        kind, shown = "error", None
        content: dict[str, Any] | bytes
        if isinstance(outcome, Completed):
            value = outcome.value
            if value is None or value.type == "undefined":
                return None
            kind, shown = "execute_result", value.text
            if self._long_preview:
                content = messages.execute_result_of_string(value.text[0], self._long_preview, self.count)
                self._long_preview = b""
            elif not value.mime and not value.metadata:
                content = messages.execute_result_of_text(quote(value.text), self.count)
            else:
                data = {"text/plain": value.text, **value.mime}
                content = messages.execute_result(data, value.metadata, self.count)
        else:
            content = messages.outcome_error(outcome)
        if not self.silent:
            self._iopub.publish(kind, content, self.parent)
        return shown

    def let_out(self) -> None:
        """Its end is published: what came after it follows, and goes out at once from now on."""
        held, self._held = self._held, None
        for publish in held or ():
            publish()

    # -- inside ------------------------------------------------------------------------------------------

    def _note(self, type_: str, payload: dict[str, Any], size: int) -> bool:
        """Counts an event of `size` payload bytes and notes it; False when that breaks, or broke, a limit."""
        if not self._count(size):
            return False
        if self._page.keep:
            self._page.add(self.id, self._seq, type_, payload, self.finished)
        return True

    def _count(self, size: int) -> bool:
        if self.exceeded is not None:
            return False
        if self._max_events and self._seq >= self._max_events:
            self._break("events", self._max_events, "max_events")
            return False
        if not self._has_room(size):
            self._break("output", self._max_bytes // 1024, "max_output_kb")
            return False
        self._seq += 1
        self._bytes += size
        return True

    def _has_room(self, size: int) -> bool:
        return not self._max_bytes or self._bytes + size <= self._max_bytes

    def _remark(self, type_: str, payload: dict[str, Any]) -> None:
        self._seq += 1
        self._bytes += len(encode(payload))
        if self._page.keep:
            self._page.add(self.id, self._seq, type_, payload, self.finished)

    def _break(self, what: str, limit: int, name: str) -> None:
        unit = "KiB" if name == "max_output_kb" else "events"
        self._break_off(f"the cell made more {what} than {name} allows ({limit} {unit}); print less or raise the limit")

    def _break_off(self, message: str) -> None:
        self.exceeded = OutputExceeded(message)
        self._pieces = []
        if self.finished:
            self.notice(f"OutputExceeded: {message}", "error")
        self._exceed(self.exceeded)

    def _stream(self, name: str, text: str) -> None:
        if not self.silent:
            if self._held is None:  # the way of every line that is printed: no call more than needed
                self._iopub.stream(self.parent, name, text)
            else:
                self._held.append(partial(self._iopub.stream, self.parent, name, text))

    def _publish(self, msg_type: str, content: dict[str, Any] | bytes) -> None:
        if not self.silent:
            self._put(self._iopub.publish, msg_type, content, self.parent)

    def _put(self, publish: Callable[..., None], *message: Any) -> None:
        if self._held is None:
            publish(*message)
        else:
            self._held.append(partial(publish, *message))
