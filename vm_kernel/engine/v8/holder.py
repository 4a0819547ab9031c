"""Owns looking at a value with V8's own functions where JavaScript cannot or is slow; refuses to know why.

JavaScript lays the value into an object that no user code can reach and calls a host function, which looks at it
there. A long string: JavaScript could only write it into the ring character by character, about 7 ns each, and V8's own
encoder needs a tenth of that. A promise: JavaScript cannot read its state without handling its rejection. An iterator:
JavaScript cannot see what it has left without using it up.
"""

from __future__ import annotations

import ctypes
import mmap
import os

from .context import Context
from .exports import Isolate, P, function

REPLACE_LONE_SURROGATES = 2  # v8::String::WriteFlags::kReplaceInvalidUtf8
VALUE, RESULT = 0, 1  # elements of the holder
NO_PROMISE = 3  # beside v8::Promise::PromiseState


class Holder:
    """`globalThis[2]` as it was when `open_holder` was called. All on V8's thread, inside a host function."""

    def __init__(self) -> None:
        """AttributeError where the library does not export what is needed."""
        self._isolate = Isolate()
        self._length = function("_ZNK2v86String12Utf8LengthV2EPNS_7IsolateE", ctypes.c_size_t, P, P)
        self._write = function(
            "_ZNK2v86String11WriteUtf8V2EPNS_7IsolateEPcmiPm",
            *(ctypes.c_size_t, P, P, P, ctypes.c_size_t, ctypes.c_int, P),
        )
        self._is_promise = function("_ZNK2v85Value9IsPromiseEv", ctypes.c_bool, P)
        self._state = function("_ZN2v87Promise5StateEv", ctypes.c_int, P)
        self._result = function("_ZN2v87Promise6ResultEv", P, P)
        self._entries = function("_ZN2v86Object14PreviewEntriesEPb", P, P, P)
        self._set = function(
            "_ZN2v86Object3SetENS_5LocalINS_7ContextEEEjNS1_INS_5ValueEEE", *(ctypes.c_short, P, P, ctypes.c_uint32, P)
        )
        self._holder = 0

    def install(self) -> None:
        self._isolate.enter()
        self._holder = self._isolate.keep_global(2)

    def write_text(self, file: int) -> int:
        """The string as UTF-8, lone surrogates replaced, into the empty `file`; its length. Raises OSError."""
        text = self._isolate.element(self._holder, VALUE)
        length = int(self._length(text, self._isolate.pointer))
        os.ftruncate(file, length)
        with mmap.mmap(file, length) as memory:  # V8 writes where the kernel reads: no copy between
            target = (ctypes.c_char * length).from_buffer(memory)
            address = ctypes.addressof(target)
            self._write(text, self._isolate.pointer, address, length, REPLACE_LONE_SURROGATES, None)
            del target
        return length

    def promise_state(self) -> int:
        """0 pending, 1 fulfilled, 2 rejected; what it was settled with is then the holder's element RESULT."""
        promise = self._isolate.element(self._holder, VALUE)
        if not self._is_promise(promise):  # V8 would read whatever lies there
            return NO_PROMISE
        state = int(self._state(promise))
        if state:
            self._set(self._holder, self._isolate.context(), RESULT, self._result(promise))
        return state

    def entries(self) -> int:
        """1: what an iterator has left is the holder's element RESULT; 2: as keys and values in turn; 0: it is none."""
        pairs = ctypes.c_bool(False)
        entries = self._entries(self._isolate.element(self._holder, VALUE), ctypes.byref(pairs))
        if not entries:
            return 0
        self._set(self._holder, self._isolate.context(), RESULT, entries)
        return 2 if pairs.value else 1


def open_holder(context: Context) -> Holder | None:
    """To be called before any user code; None: not available here, JavaScript then does without."""
    try:
        holder = Holder()
    except AttributeError:
        return None
    context.bind("__hook", holder.install)
    context.eval("__hook(); __enable(); delete globalThis.__hook; delete globalThis[2]; 0")
    return holder
