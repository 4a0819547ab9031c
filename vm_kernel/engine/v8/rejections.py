"""Owns V8's own word on unhandled promise rejections, which mini-racer's C interface lacks; refuses to act on it."""

from __future__ import annotations

import ctypes
import os

from .context import Context
from .exports import Isolate, P, function

REJECTED, HANDLED_LATER = 0, 1  # v8::PromiseRejectEvent; later values tell of promises settled twice


class _Message(ctypes.Structure):
    """v8::PromiseRejectMessage."""

    _fields_ = [("promise", P), ("event", ctypes.c_int), ("value", P)]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Task(Protocol):
        """What runs in the context. cancelled: it is to end. reporting: V8 is being told to call JavaScript."""

        cancelled: bool
        reporting: bool

_Reject = ctypes.CFUNCTYPE(None, _Message)
_kept: list[object] = []  # V8 holds addresses only


def report_rejections(context: Context, task: Task) -> bool:
    """Call `globalThis[0](promise, reason)` for each unhandled rejection, `globalThis[1](promise)` when handled later.

    A stop that V8 serves within a report is lost, and no second one reaches the same task: a task that is cancelled
    reports nothing, and nobody may stop one that is `reporting`.
    To be called before any user code; both functions are looked up now and never again. False: not available here.
    """
    try:
        isolate = Isolate()
        call = function(
            "_ZN2v88Function4CallENS_5LocalINS_7ContextEEENS1_INS_5ValueEEEiPS5_",
            *(P, P, P, P, ctypes.c_int, ctypes.POINTER(P)),
        )
        set_callback = function(
            "_ZN2v87Isolate24SetPromiseRejectCallbackEPFvNS_20PromiseRejectMessageEE", None, P, _Reject
        )
    except AttributeError:
        return False
    installed: list[bool] = []

    def install() -> None:
        isolate.enter()
        note, forgive = isolate.keep_global(REJECTED), isolate.keep_global(HANDLED_LATER)

        def muted() -> bool:
            return task.cancelled

        def tell(message: _Message) -> None:
            if muted():
                return
            task.reporting = True
            try:
                if muted():  # by now: the main thread may come in between any two lines here
                    pass
                elif message.event == REJECTED:
                    pair = (P * 2)(message.promise, message.value)
                    call(note, isolate.context(), message.promise, 2, pair)
                elif message.event == HANDLED_LATER:
                    call(forgive, isolate.context(), message.promise, 1, (P * 1)(message.promise))
            except BaseException as error:  # an exception must not cross into V8
                os.write(2, f"rejection hook failed: {type(error).__name__}\n".encode())
            finally:
                task.reporting = False

        callback = _Reject(tell)
        _kept.append(callback)
        set_callback(isolate.pointer, callback)
        installed.append(True)

    context.bind("__hook", install)
    context.eval("__hook(); delete globalThis.__hook; delete globalThis[0]; delete globalThis[1]; 0")
    return bool(installed)
