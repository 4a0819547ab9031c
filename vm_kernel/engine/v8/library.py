"""Owns loading mini-racer's shared library and starting V8 in it; refuses to know contexts, cells and frames.

Why not the package's own classes: they are 4-5 times slower an evaluation, they hang on BigInt, invalid dates and lone
surrogates, and their callbacks arrive only after a cell (docs/decisions.md). One context is one isolate with one C++
thread; Python calls post tasks to it and a callback on that thread brings the result.

Nothing but small C modules is imported here: this file is on the engine's start-up path.
"""

from __future__ import annotations

import ctypes
import os
import sys

#: The layout below, the rejection hook and the flags were checked against this V8 and no other.
V8_VERSION = "14.4.258"

#: Each with its reason in design 7.1. Never `--single-threaded`: up to 2.7 times slower, and aborts on some prefixes.
FLAGS = (
    "--allow-natives-syntax",  # %PerformMicrotaskCheckpoint inside a cancelable task; switched off after the bootstrap
    "--no-freeze-flags-after-init",  # so that it can be switched off
    "--no-flush-bytecode",  # our closures could not be compiled again without it
    "--no-turboshaft-loop-unrolling",  # else a hot allocating loop cannot be cancelled
)

# Kinds of a raw value (mini-racer 0.14, `BinaryTypes`).
STRING = 5
UNDEFINED = 11
ARRAY_BUFFER, SHARED_BUFFER = 101, 102
EXCEPTION, OUT_OF_MEMORY, TERMINATED = 200, 202, 204


class EngineUnavailable(Exception):
    """The JavaScript engine cannot be used here; the text says what to do."""


class _Union(ctypes.Union):
    _fields_ = [
        ("pointer", ctypes.c_void_p),
        ("bytes", ctypes.POINTER(ctypes.c_char)),
        ("integer", ctypes.c_int64),
        ("double", ctypes.c_double),
    ]


class Raw(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("value", _Union), ("length", ctypes.c_size_t), ("kind", ctypes.c_uint8)]


_U64 = ctypes.c_uint64
_Handle = ctypes.POINTER(Raw)
Callback = ctypes.CFUNCTYPE(None, _U64, _Handle)

_SIGNATURES = (
    ("mr_init_v8", None, (ctypes.c_char_p, ctypes.c_char_p)),
    ("mr_v8_version", ctypes.c_char_p, ()),
    ("mr_v8_is_using_sandbox", ctypes.c_bool, ()),
    ("mr_init_context", _U64, (Callback,)),
    ("mr_eval", _U64, (_U64, _Handle, _U64)),
    ("mr_call_function", _U64, (_U64, _Handle, _Handle, _Handle, _U64)),
    ("mr_cancel_task", None, (_U64, _U64)),
    ("mr_alloc_string_val", _Handle, (_U64, ctypes.c_char_p, _U64, ctypes.c_uint8)),
    ("mr_free_value", None, (_U64, _Handle)),
    ("mr_make_js_callback", _Handle, (_U64, _U64)),
    ("mr_set_object_item", _Handle, (_U64, _Handle, _Handle, _Handle)),
    ("mr_hard_memory_limit_reached", ctypes.c_bool, (_U64,)),
    ("mr_set_hard_memory_limit", None, (_U64, ctypes.c_size_t)),
    ("mr_low_memory_notification", None, (_U64,)),
)

_library: ctypes.CDLL | None = None


def load(folder: str, extra_flags: str = "") -> ctypes.CDLL:
    """Load and start V8 from mini-racer's package `folder`; once per process.

    Raises EngineUnavailable for another mini-racer, the old py-mini-racer, or an address space too small for V8.
    """
    global _library
    suffix = {"darwin": "libmini_racer.dylib", "win32": "mini_racer.dll"}.get(sys.platform, "libmini_racer.so")
    path = os.path.join(folder, suffix)
    if not os.path.exists(path):
        raise EngineUnavailable(
            "mini-racer's V8 library is missing: the old package py-mini-racer may have overwritten it. "
            "Run: pip uninstall -y py-mini-racer mini-racer && pip install 'mini-racer>=0.14.1,<0.15'"
        )
    _require_address_space()
    if ctypes.sizeof(Raw) != 17:
        raise EngineUnavailable(f"unexpected C layout: a raw value has {ctypes.sizeof(Raw)} bytes, not 17")
    library = ctypes.CDLL(path)
    try:
        for name, result, arguments in _SIGNATURES:
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError as error:
        raise EngineUnavailable(_wrong_version(str(error))) from None
    version = library.mr_v8_version().decode("ascii", "replace")
    if not version.startswith(V8_VERSION):
        raise EngineUnavailable(_wrong_version(f"its V8 is {version}, not {V8_VERSION}"))
    flags = " ".join(FLAGS) + (" " + extra_flags if extra_flags else "")
    library.mr_init_v8(flags.encode("ascii"), os.path.join(folder, "icudtl.dat").encode("utf-8"))
    _library = library
    return library


def loaded() -> ctypes.CDLL:
    """The library that `load` started."""
    assert _library is not None, "load() first"
    return _library


def _wrong_version(found: str) -> str:
    return (
        f"this mini-racer does not fit ({found}). Run: pip install 'mini-racer>=0.14.1,<0.15' "
        "and remove py-mini-racer, which shares its import name"
    )


def _require_address_space() -> None:
    """V8 reserves about 1.5 TB of addresses; `ulimit -v` below that aborts it (research: engine, section 3)."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY and soft < 1_600 << 30:
        raise EngineUnavailable(
            f"the address space is limited to {soft >> 20} MB (ulimit -v) and V8 reserves 1.5 TB of addresses. "
            "Run: ulimit -v unlimited; limit memory with mem_mb instead"
        )


def version() -> str:
    """V8's version, such as `14.4.258.23`."""
    text: bytes = loaded().mr_v8_version()
    return text.decode("ascii", "replace")


def forbid_natives() -> bool:
    """Make `%Name()` a syntax error for all code from now on; False where the library does not export the way."""
    try:
        set_flags = loaded()["_ZN2v82V818SetFlagsFromStringEPKc"]
    except (AttributeError, OSError):
        return False
    set_flags.argtypes, set_flags.restype = [ctypes.c_char_p], None
    set_flags(b"--no-allow-natives-syntax")
    return True
