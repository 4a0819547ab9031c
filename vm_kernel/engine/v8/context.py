"""Owns one V8 context and every call into it; refuses to know cells, consoles and frames."""

from __future__ import annotations

import _thread
import ctypes
import os

from . import library
from .library import ARRAY_BUFFER, EXCEPTION, SHARED_BUFFER, STRING, Callback, EngineUnavailable, Raw

TYPE_CHECKING = False  # as of `typing`, which an engine does not load
if TYPE_CHECKING:
    from collections.abc import Callable


class Context:
    """One V8 isolate with one global object and its thread.

    wake: called on V8's thread when a task has ended; must not touch the isolate.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._library = library.loaded()
        self._wake = wake
        self._slots: dict[int, list[ctypes._Pointer[Raw] | None]] = {}
        self._functions: dict[int, Callable[[], object]] = {}
        self._next_id = 0
        self._kept = False  # Python's thread state of V8's thread
        self._callback = Callback(self._on_callback)  # kept: V8 holds only the address
        self._context = self._library.mr_init_context(self._callback)

    def _on_callback(self, number: int, raw: ctypes._Pointer[Raw]) -> None:
        """On V8's thread. Isolate calls would deadlock here, and an exception would vanish: neither may happen."""
        if not self._kept:  # else each call makes a thread state and unmaps it, in which all processors take part
            self._kept = True
            ctypes.pythonapi.PyGILState_Ensure()
        function = self._functions.get(number)
        if function is not None:
            try:
                function()
            except BaseException as error:
                os.write(2, f"host function failed: {type(error).__name__}: {error}\n".encode())
            self._library.mr_free_value(self._context, raw)
            return
        self._slots[number][0] = raw
        self._wake()

    def _new_task(self) -> tuple[int, list[ctypes._Pointer[Raw] | None]]:
        self._next_id += 1
        slot = self._slots[self._next_id] = [None]
        return self._next_id, slot

    def _string(self, text: bytes) -> ctypes._Pointer[Raw]:
        made: ctypes._Pointer[Raw] = self._library.mr_alloc_string_val(self._context, text, len(text), STRING)
        return made

    def _eval_raw(self, source: str) -> ctypes._Pointer[Raw]:
        """Evaluate trusted code and wait; used while booting only, when nothing can run for long."""
        number, slot = self._new_task()
        done = _thread.allocate_lock()
        done.acquire()
        wake, self._wake = self._wake, done.release
        code = self._string(source.encode("utf-8"))
        self._library.mr_eval(self._context, code, number)
        self._library.mr_free_value(self._context, code)
        done.acquire()
        self._wake = wake
        del self._slots[number]
        raw = slot[0]
        assert raw is not None
        if raw.contents.kind >= EXCEPTION:
            raise EngineUnavailable("the engine's own JavaScript failed: " + self._text(raw).split("\n", 1)[0])
        return raw

    def _text(self, raw: ctypes._Pointer[Raw]) -> str:
        contents = raw.contents
        text: str = contents.value.bytes[0 : contents.length].decode("utf-8", "replace")
        self._library.mr_free_value(self._context, raw)
        return text

    def eval(self, source: str) -> str | None:
        """Evaluate trusted code and wait; returns a string value, None for any other."""
        raw = self._eval_raw(source)
        if raw.contents.kind == STRING:
            return self._text(raw)
        self._library.mr_free_value(self._context, raw)
        return None

    def buffer(self, source: str) -> memoryview:
        """The bytes of the SharedArrayBuffer that `source` evaluates to, shared with JavaScript.

        The handle is never freed: a view over a collected buffer reads freed memory (research: engine, section 2).
        """
        contents = self._eval_raw(source).contents
        if contents.kind not in (ARRAY_BUFFER, SHARED_BUFFER):
            raise EngineUnavailable(f"expected a buffer, got a value of kind {contents.kind}")
        array = (ctypes.c_ubyte * contents.length).from_address(contents.value.pointer)
        return memoryview(array).cast("B")

    def bind(self, name: str, function: Callable[[], object]) -> None:
        """Make `globalThis[name]` call `function()` at once, on V8's thread, while JavaScript waits."""
        self._next_id += 1
        number = self._next_id
        self._functions[number] = function
        target = self._eval_raw("globalThis")
        key = self._string(name.encode("ascii"))
        raw = self._library.mr_make_js_callback(self._context, number)
        answer = self._library.mr_set_object_item(self._context, target, key, raw)
        for handle in (answer, key, target, raw):
            self._library.mr_free_value(self._context, handle)

    def hold(self, source: str) -> ctypes._Pointer[Raw]:
        """A handle to the value of `source` for `call`; kept for the life of the context."""
        return self._eval_raw(source)

    def call(
        self, function: ctypes._Pointer[Raw], this: ctypes._Pointer[Raw], arguments: ctypes._Pointer[Raw]
    ) -> tuple[int, int]:
        """Post a call; returns (task, number). `wake` is called when it has ended, then `take(number)`."""
        number, _ = self._new_task()
        task = self._library.mr_call_function(self._context, function, this, arguments, number)
        return task, number

    def take(self, number: int) -> tuple[int, str] | None:
        """(kind, text) of an ended task, None while it runs; text only of strings and exceptions."""
        raw = self._slots[number][0]
        if raw is None:
            return None
        del self._slots[number]
        kind = raw.contents.kind
        if kind == STRING or kind >= EXCEPTION:
            return kind, self._text(raw)
        self._library.mr_free_value(self._context, raw)
        return kind, ""

    def cancel(self, task: int) -> None:
        """Ask V8 to terminate a task; from any thread. It may hit the next task when this one just ended."""
        self._library.mr_cancel_task(self._context, task)

    def limit_heap(self, limit_bytes: int) -> None:
        """Hard heap limit; setting it also clears the sticky "reached" flag, so arm it before every cell. 0: none."""
        self._library.mr_set_hard_memory_limit(self._context, limit_bytes)

    def heap_limit_reached(self) -> bool:
        """Whether the hard limit ended something since it was set."""
        return bool(self._library.mr_hard_memory_limit_reached(self._context))

    def collect_garbage(self) -> None:
        """A full collection; blocks until it is done."""
        self._library.mr_low_memory_notification(self._context)
