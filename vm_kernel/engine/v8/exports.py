"""Owns the C++ functions of V8 that the library exports beside mini-racer's own; refuses to use them.

Their mangled names fix the signatures. They are used only on Linux and only with the V8 that they were tried with
(library.V8_VERSION); where one is missing, what needs it is left out. `Local<T>` is one pointer to a handle slot in
this build and passes as `void*`. All of them may be called on V8's thread only, inside a host function.
"""

from __future__ import annotations

import ctypes
import sys

from . import library

P = ctypes.c_void_p


def function(name: str, result: object, *arguments: object) -> ctypes._NamedFuncPointer:
    """The exported function; AttributeError where this build has none of that name.

    The interpreter lock is kept while it runs (PyDLL): they are short, and a stop that the main thread sends can then
    never fall into one of them, where V8 would lose it.
    """
    if not sys.platform.startswith("linux"):
        raise AttributeError(name)
    found = ctypes.PyDLL(None, handle=library.loaded()._handle)[name]
    # Types of ctypes, whose common name typeshed keeps to itself.
    found.restype = result  # type: ignore[assignment]
    found.argtypes = arguments  # type: ignore[assignment]  # likewise
    return found


class Isolate:
    """The isolate of the calling thread: enough of V8's interface to find a value and to keep it."""

    def __init__(self) -> None:
        """AttributeError where the library does not export what is needed."""
        self._current = function("_ZN2v87Isolate10GetCurrentEv", P)
        self._context = function("_ZN2v87Isolate17GetCurrentContextEv", P, P)
        self._global = function("_ZN2v87Context6GlobalEv", P, P)
        self._get = function("_ZN2v86Object3GetENS_5LocalINS_7ContextEEEj", P, P, P, ctypes.c_uint32)
        self._pin = function("_ZN2v812api_internal18GlobalizeReferenceEPNS_8internal7IsolateEm", P, P, ctypes.c_uint64)
        self.pointer = 0

    def enter(self) -> None:
        """Learn which isolate this thread runs."""
        self.pointer = self._current()

    def context(self) -> int:
        return int(self._context(self.pointer))

    def element(self, holder: int, index: int) -> int:
        """`holder[index]`, an own property of a plain object: no user code runs."""
        return int(self._get(holder, self.context(), index))

    def keep_global(self, index: int) -> int:
        """A handle for ever to `globalThis[index]`."""
        slot = self.element(self._global(self.context()), index)
        return int(self._pin(self.pointer, ctypes.c_uint64.from_address(slot).value))
