"""Owns which comms are open, which targets cells answer, and whose turn a message is; refuses to know what is said."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable
from typing import Any, Protocol

from .desk import Desk, Request
from .execution import Execution
from .log import log
from .protocol import messages
from .protocol.iopub import IOPub
from .request import Refusal, text

#: Numbers of messages in the engine; questions have the ones below.
FIRST = 1 << 31
#: What one message may carry to the engine, its buffers included.
MAX_BYTES = 40 * 1024 * 1024

Content = dict[str, Any]


class Hearing(Protocol):
    """The part of an engine that hands messages to cells; each number comes back when its turn is over."""

    def comm(self, request: int, cell: int, content: dict[str, Any]) -> None: ...


class _Comm:
    __slots__ = ("execution", "target")

    def __init__(self, target: str, execution: Execution) -> None:
        self.target = target
        self.execution = execution


class Comms:
    """Between front ends and the cells that opened a comm or registered its target: their executions note what is said,
    and it counts against their limits (contract 18.3).

    recall: makes output of an execution known again, however old it is.
    """

    def __init__(self, desk: Desk, iopub: IOPub, engine: Hearing, recall: Callable[[Execution], None]) -> None:
        self._desk = desk
        self._iopub = iopub
        self._engine = engine
        self._recall = recall
        self._targets: dict[str, Execution] = {}
        self._open: dict[str, _Comm] = {}
        self._handled: dict[int, tuple[Request, Execution]] = {}
        self._number = FIRST

    def info(self, target: object) -> Content:
        """The content of a comm_info_reply; target: the only one that is asked for, None: all."""
        return messages.comm_info_reply(
            {comm_id: comm.target for comm_id, comm in self._open.items() if target in (None, comm.target)}
        )

    # -- from front ends ---------------------------------------------------------------------------------

    def take(self, request: Request) -> None:
        """A comm_open, comm_msg or comm_close; it is answered when its handler has returned. Refusal when malformed."""
        message = request.message
        op, comm_id = message.msg_type.removeprefix("comm_"), text(message.content, "comm_id")
        target = text(message.content, "target_name") if op == "open" else ""
        if sum(map(len, message.buffers)) > MAX_BYTES:
            raise Refusal("InvalidRequest", f"a comm message carries at most {MAX_BYTES >> 20} MB")
        comm = self._find(op, comm_id, target)
        if comm is None:
            self._turn_away(request, comm_id, op == "open" and comm_id not in self._open)
            return
        data = message.content.get("data", {})
        if not comm.execution.comm(op, comm_id, comm.target, data, incoming=True):
            self._turn_away(request, comm_id, self._open.pop(comm_id, None) is not None)
            return
        self._number += 1
        self._handled[self._number] = (request, comm.execution)
        self._recall(comm.execution)
        content = {"op": op, "comm_id": comm_id, "target_name": comm.target, "data": data, "metadata": message.metadata}
        content["buffers"] = [b2a_base64(buffer, newline=False).decode() for buffer in message.buffers]
        self._engine.comm(self._number, comm.execution.cell, content)

    def _turn_away(self, request: Request, comm_id: str, close: bool) -> None:
        """There is nobody to hear it; close: who sent it must know, as the specification wants for unknown targets."""
        if close:
            self._iopub.publish("comm_close", messages.comm(comm_id, {}), request.message.header_bytes)
        self._desk.answer(request, None)

    def _find(self, op: str, comm_id: str, target: str) -> _Comm | None:
        if op == "close":
            return self._open.pop(comm_id, None)
        if op == "open" and target in self._targets and comm_id not in self._open:
            self._open[comm_id] = _Comm(target, self._targets[target])
        elif op == "open":
            log(f"comm_open: no cell has registered the target {target[:100]!r}, or the comm is open already")
            return None
        return self._open.get(comm_id)

    def done(self, number: int) -> bool:
        """The engine is through with a message; False when the number is none of ours."""
        if number not in self._handled:
            return False
        request, execution = self._handled.pop(number)
        execution.answering(None)
        self._desk.answer(request, None)
        return True

    # -- from cells --------------------------------------------------------------------------------------

    def said(self, execution: Execution | None, op: str, content: Content, buffers: tuple[bytes, ...]) -> None:
        """What code of `execution` says: on a comm, of a target, or that it begins with a message (`taken`)."""
        if op == "taken":
            if content["request"] in self._handled:
                request, owner = self._handled[content["request"]]
                owner.answering(request.message.header_bytes)
            return
        target = str(content.get("target_name", ""))
        if op == "unregister":
            self._targets.pop(target, None)
        if execution is None:  # too old to put anything out
            return
        if op == "register":
            self._targets[target] = execution
        elif op in ("open", "msg", "close"):
            comm_id = str(content["comm_id"])
            if op == "open":
                self._open[comm_id] = _Comm(target, execution)
            elif op == "close":
                self._open.pop(comm_id, None)
            execution.comm(op, comm_id, target, content["data"], content["metadata"], buffers)

    # -- ends --------------------------------------------------------------------------------------------

    def close_all(self) -> None:
        """The session's ends are gone with their engine: front ends are told."""
        self._targets.clear()
        while self._open:
            comm_id, comm = self._open.popitem()
            comm.execution.comm("close", comm_id, comm.target, {})

    def give_up(self) -> None:
        """No engine will be through with what it was given."""
        for number in list(self._handled):
            self.done(number)
