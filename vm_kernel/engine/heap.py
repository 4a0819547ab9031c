"""Owns V8's heap around a task: its limit before, its collection after; refuses to know what the task is."""

from __future__ import annotations

from .confinement import Memory
from .v8.context import Context


class Heap:
    """The heap of the session's context, as far as `memory` lets it grow."""

    def __init__(self, context: Context, memory: Memory) -> None:
        self._context = context
        self._memory = memory
        self._held = False  # a task used too much, and much of that was still in use afterwards

    def arm(self, collect: bool = True) -> None:
        """For the next task. collect: waits for V8's thread, where that may be needed."""
        if self._held and collect:  # a variable kept what filled the engine; it may have been let go since
            self.recover()
        elif collect and self._memory.littered():  # V8 would count it against what runs now
            self._collect()
        limit_mb = self._memory.arm()
        if not self._held:  # else V8's limit would stop even what lets go; the watch on resident memory goes on
            self._context.limit_heap(limit_mb << 20)

    def recover(self) -> None:
        """After a task that used too much."""
        self._collect()
        self._held = self._memory.half_full()

    def _collect(self) -> None:
        self._context.limit_heap(0)  # over the limit, the collection would end the next task
        self._context.collect_garbage()
        self._memory.collected()
