"""Owns the shape of every message content the kernel sends; pure functions that refuse to know sockets and
engines.

Shapes of the Jupyter messaging specification 5.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import __version__
from ..outcomes import Completed, JavaScriptError, Outcome, Raised, Stopped, Value, ename, evalue
from .wire import VERSION, encode, escape

Content = dict[str, Any]

#: V8 of the pinned mini-racer. kernel_info is answered before an engine is up, so it cannot be asked for.
V8_VERSION = "14.4"

LANGUAGES: dict[str, Content] = {
    name: {
        "name": name,
        "version": V8_VERSION,
        "mimetype": f"text/{name}",
        "file_extension": extension,
        "pygments_lexer": name,
        "codemirror_mode": name,
        "nbconvert_exporter": "script",
    }
    for name, extension in (("javascript", ".js"), ("typescript", ".ts"))
}
TITLES = {"javascript": "JavaScript", "typescript": "TypeScript"}

HELP_LINKS = [
    {
        "text": "JavaScript reference (MDN)",
        "url": "https://developer.mozilla.org/docs/Web/JavaScript/Reference",
    },
    {"text": "Jupyter documentation", "url": "https://docs.jupyter.org"},
]


#: Contents of `status`, encoded: two of them go with every request.
STARTING, BUSY, IDLE = (b'{"execution_state":"%s"}' % state for state in (b"starting", b"busy", b"idle"))


def kernel_info(language: str) -> Content:
    return {
        "status": "ok",
        "protocol_version": VERSION,
        "implementation": "vm_kernel",
        "implementation_version": __version__,
        "language_info": LANGUAGES[language],
        "banner": f"{TITLES[language]} (V8 {V8_VERSION}), vm_kernel {__version__}",
        "help_links": HELP_LINKS,
        "supported_features": [],
    }


def error_fields(name: str, value: str, traceback: Sequence[str] = ()) -> Content:
    """The three fields by which Jupyter tells of an error; the traceback is never empty."""
    return {
        "ename": name,
        "evalue": value,
        "traceback": list(traceback) or [f"{name}: {value}" if name else value],
    }


def outcome_error(outcome: Raised | Stopped) -> Content:
    """The error fields of a run that did not complete."""
    traceback = outcome.error.traceback if isinstance(outcome, Raised) else ()
    return error_fields(ename(outcome), evalue(outcome), traceback)


def error_reply(name: str, value: str) -> Content:
    return {"status": "error", **error_fields(name, value)}


def execute_input(quoted: bytes, execution_count: int) -> bytes:
    """Encoded; `quoted`: the code as JSON."""
    return b'{"code":%s,"execution_count":%d}' % (quoted, execution_count)


def execute_result(data: Mapping[str, Any], metadata: Mapping[str, Any], execution_count: int) -> Content:
    return {
        "execution_count": execution_count,
        "data": dict(data),
        "metadata": dict(metadata),
        "transient": {},
    }


def execute_result_of_text(quoted: bytes, execution_count: int) -> bytes:
    """Encoded `execute_result` of nothing but a text; `quoted`: as JSON."""
    return b'{"execution_count":%d,"data":{"text/plain":%b},"metadata":{},"transient":{}}' % (execution_count, quoted)


def execute_result_of_string(mark: str, escaped: bytes, execution_count: int) -> bytes:
    """Encoded `execute_result` of a string that JavaScript shows as it is between quotation marks.

    mark: the quotation mark; escaped: the string as JSON without those of JSON.
    """
    around = escape(mark)
    head = b'{"execution_count":%d,"data":{"text/plain":"%s' % (execution_count, around)
    return b"".join((head, escaped, around, b'"},"metadata":{},"transient":{}}'))


def execute_reply(outcome: Outcome, execution_count: int, pages: Sequence[Mapping[str, Any]]) -> bytes:
    """Encoded: of a run that came to its end, however."""
    if isinstance(outcome, Completed):
        return execute_ok(execution_count, pages, outcome.expressions)
    return encode(execute_error(outcome_error(outcome), execution_count))


def execute_ok(
    execution_count: int,
    pages: Sequence[Mapping[str, Any]] = (),
    expressions: Mapping[str, Value | JavaScriptError] | None = None,
) -> bytes:
    """Encoded. `pages`: MIME bundles for the front end's pager."""
    if not pages and not expressions:
        return b'{"status":"ok","execution_count":%d,"payload":[],"user_expressions":{}}' % execution_count
    payload = [{"source": "page", "data": dict(page), "start": 0} for page in pages]
    shown = {name: _expression(each) for name, each in expressions.items()} if expressions else {}
    return encode({"status": "ok", "execution_count": execution_count, "payload": payload, "user_expressions": shown})


def _expression(came: Value | JavaScriptError) -> Content:
    if isinstance(came, JavaScriptError):
        return {"status": "error", **error_fields(came.name, came.message, came.traceback)}
    return {"status": "ok", "data": {"text/plain": came.text, **came.mime}, "metadata": dict(came.metadata)}


def execute_error(error: Mapping[str, Any], execution_count: int) -> Content:
    return {
        "status": "error",
        "execution_count": execution_count,
        "payload": [],
        "user_expressions": {},
        **error,
    }


def execute_aborted(execution_count: int) -> Content:
    return {"status": "aborted", "execution_count": execution_count, "payload": [], "user_expressions": {}}


def display_data(content: Mapping[str, Any]) -> Content:
    """`display_data` and `update_display_data` have the same fields; absent ones are filled."""
    return {
        "data": content.get("data") or {},
        "metadata": content.get("metadata") or {},
        "transient": content.get("transient") or {},
    }


def clear_output(wait: bool) -> Content:
    return {"wait": wait}


def input_request(prompt: str, password: bool) -> Content:
    return {"prompt": prompt, "password": password}


def is_complete_reply(content: Mapping[str, Any]) -> Content:
    reply = {"status": content.get("status", "unknown")}
    if reply["status"] == "incomplete":
        reply["indent"] = content.get("indent", "")
    return reply


def complete_reply(cursor: int, content: Mapping[str, Any]) -> Content:
    """`cursor` in code points: where the completed text lies when the engine does not say."""
    return {
        "status": "ok",
        "matches": content.get("matches", []),
        "cursor_start": content.get("cursor_start", cursor),
        "cursor_end": content.get("cursor_end", cursor),
        "metadata": content.get("metadata", {}),
    }


def inspect_reply(content: Mapping[str, Any]) -> Content:
    return {
        "status": "ok",
        "found": content.get("found", False),
        "data": content.get("data", {}),
        "metadata": content.get("metadata", {}),
    }


def history_reply(history: Iterable[tuple[int, int, Any]]) -> Content:
    return {"status": "ok", "history": [list(entry) for entry in history]}


def comm_info_reply(targets: Mapping[str, str]) -> Content:
    """`targets`: their target names by comm_id."""
    return {"status": "ok", "comms": {comm_id: {"target_name": target} for comm_id, target in targets.items()}}


def comm(comm_id: str, data: Any, target: str | None = None) -> Content:
    """Content of comm_msg and comm_close; with `target` of comm_open."""
    content = {"comm_id": comm_id, "data": data}
    return content if target is None else {**content, "target_name": target}


def interrupt_reply() -> Content:
    return {"status": "ok"}


def shutdown_reply(restart: bool) -> Content:
    return {"status": "ok", "restart": restart}


def usage_reply(usage: Mapping[str, Any]) -> Content:
    return {"status": "ok", **usage}


def debug_refused(request: Mapping[str, Any]) -> Content:
    """An error to a client of the protocol, and a failed response to one of the Debug Adapter Protocol."""
    message = "this kernel has no debugger"
    command, seq = request.get("command"), request.get("seq")
    return {
        **error_reply("DebuggerNotSupported", message),
        "type": "response",
        "request_seq": seq if isinstance(seq, int) else 0,
        "success": False,
        "command": command if isinstance(command, str) else "",
        "message": message,
        "body": {},
    }


def no_subshells() -> Content:
    return {"status": "ok", "subshell_id": []}
