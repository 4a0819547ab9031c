"""Owns what is known of a run, when it has had enough, and the words for its end; refuses to end anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..limits import Limits
from ..outcomes import (
    ALL_LOST,
    CpuExceeded,
    EngineDied,
    Interrupted,
    JavaScriptError,
    Outcome,
    OutOfMemory,
    OutputExceeded,
    Raised,
    Stopped,
    TimedOut,
)
from . import frames
from .port import Finished

GRACE_S = 1.0  # between the soft stop and SIGKILL
FULL_GRACE_S = 4.0  # a collector near its limit holds a stop back, and state is worth waiting for
KILL_SLACK_MB = 80  # so that resident memory never passes 2 x mem_mb + 100 MB between two looks


@dataclass
class Run:
    """A cell, or code of a cell between cells (a turn), while it runs."""

    cell: int
    limits: Limits
    wall_start: float
    cpu_start: float
    asked_at: float | None = None  # it waits for input since then; that time does not count
    begun: bool = True  # false while it waits for a turn, which does not count either
    stop: Stopped | None = None
    kill_at: float | None = None
    full_since: float | None = None
    outcome: Outcome | None = None  # what the cell says itself
    exceeded: Stopped | None = None  # it gave a text too long to be read; whatever it says is void

    def ask(self, why: Stopped) -> None:
        """To end, because of `why`; by force when it has not in time."""
        self.stop, self.kill_at = why, time.monotonic() + GRACE_S

    def go_on(self) -> None:
        """It has the input that it waited for."""
        if self.asked_at is not None:
            self.wall_start += time.monotonic() - self.asked_at
            self.asked_at = None

    def wait(self) -> None:
        """It has not begun: what its clocks have shown so far was another's."""
        self.begun = False
        if isinstance(self.stop, (TimedOut, CpuExceeded)):
            self.stop = self.kill_at = None

    def wall_s(self) -> float:
        """Without what a person took; while one is asked, up to then: who answers at once must not stop the clocks."""
        return (time.monotonic() if self.asked_at is None else self.asked_at) - self.wall_start

    @property
    def innocent(self) -> bool:
        """Nothing that happens now is its doing."""
        return not self.begun and self.stop is None


class Runs:
    """The cell that runs, waits or is awaited (`cell`), and the turn that keeps it from going on; None: there is none.

    A turn of another cell takes nothing from the clocks of `cell` but wall time, and that only where it had begun. The
    engine says how much it was (`spent`): turns of a few milliseconds are not told of one by one.
    """

    def __init__(self) -> None:
        self.cell: Run | None = None
        self.turn: Run | None = None
        self._asking = 0  # the cell whose code waits for a person, and all other code with it: no clock runs
        self._limits: dict[int, Limits] = {}  # of cells that may still have timers

    def __iter__(self) -> Iterator[Run]:
        return iter([run for run in (self.cell, self.turn) if run is not None])

    def begin(self, cell: int, limits: Limits, cpu_s: float) -> None:
        """A cell was sent. cpu_s: processor time of the engine so far."""
        self._limits[cell] = limits
        if len(self._limits) > 10_000:
            del self._limits[next(iter(self._limits))]
        self.cell = self._new(cell, cpu_s)
        self.cell.begun = self.turn is None

    def _new(self, cell: int, cpu_s: float) -> Run:
        now = time.monotonic()
        return Run(cell, self.limits_of(cell), now, cpu_s, asked_at=now if self._asking else None)

    def limits_of(self, cell: int) -> Limits:
        return self._limits.get(cell) or Limits()

    def turn_begun(self, cell: int, awaited: int, cpu_s: float) -> Run:
        """A turn of `cell` runs. awaited: the cell that had begun before it, or 0."""
        self.turn = self._new(cell, cpu_s)
        if self.cell is not None and self.cell.cell != awaited:
            self.cell.wait()
        return self.turn

    def turn_over(self, cell: int, cpu_s: float) -> Run | None:
        """The turn of `cell` that was, unless it was too short to be told of."""
        if self._asking == cell:
            self.answered()
        turn, run, self.turn = self.turn, self.cell, None
        if run is not None and run.innocent:
            run.begun, run.wall_start, run.cpu_start = True, time.monotonic(), cpu_s
        return turn

    def cell_over(self) -> None:
        self.cell, self._asking = None, 0

    def spent(self, cell: int, cpu_s: float, now_s: float) -> None:
        """Turns took cpu_s of the engine's processor time, now_s in all, while `cell` was awaited."""
        if self.cell is not None and self.cell.cell == cell:
            self.cell.cpu_start = min(self.cell.cpu_start + cpu_s, now_s)

    def ask(self, cell: int) -> None:
        """Code of `cell` waits for input."""
        self._asking = cell
        for run in self:
            run.asked_at = time.monotonic()

    def answered(self) -> None:
        self._asking = 0
        for run in self:
            run.go_on()

    def broken_limit(self, run: Run, cpu_s: float) -> Stopped | None:
        """The limit whose clock says that `run` has had enough, as the reason to stop it; None while it may go on."""
        if run.stop is not None or not run.begun:
            return None
        if run is self.cell and self.turn is not None and self.turn.cell != run.cell:
            cpu_s = self.turn.cpu_start
        wall_ms, cpu_ms = run.limits.wall_ms, run.limits.cpu_ms
        if wall_ms and run.wall_s() * 1000 >= wall_ms:
            return TimedOut(over("ran longer", "wall_ms", wall_ms, "ms"))
        if cpu_ms and (cpu_s - run.cpu_start) * 1000 >= cpu_ms:
            return CpuExceeded(over("computed longer", "cpu_ms", cpu_ms, "ms"))
        return None


class Losses:
    """Engines lost of late: three within a minute are a loop, and then none is started for a minute (contract 18.4)."""

    MANY, WINDOW_S = 3, 60.0

    def __init__(self) -> None:
        self._times: list[float] = []
        self._refuse_until = 0.0

    def note(self, now: float) -> bool:
        """One more; True when that was one too many."""
        self._times = [*(at for at in self._times if now - at < self.WINDOW_S), now]
        if len(self._times) < self.MANY:
            return False
        self._refuse_until = now + self.WINDOW_S
        self._times.clear()
        return True

    def refusal(self, now: float) -> str:
        """Why no engine is started now, and when again; "" when one may be."""
        if now >= self._refuse_until:
            return ""
        wait_s = int(self._refuse_until - now) + 1
        return f"the engine was lost {self.MANY} times within a minute; try again in {wait_s} s"


def beyond_stopping(run: Run, used_mb: int, mem_mb: int, now: float) -> Stopped | None:
    """Why the engine must be ended: a stop that was not heard, or memory that it could not stop taking.

    used_mb: above the idle engine. The engine stops itself at 1.5 times mem_mb (0: no limit).
    """
    if run.kill_at is not None and now >= run.kill_at:
        return run.stop
    if not mem_mb or used_mb < 1.5 * mem_mb:
        run.full_since = None
        return None
    if run.full_since is None:
        run.full_since = now
    if used_mb > 2 * mem_mb + KILL_SLACK_MB or now - run.full_since > FULL_GRACE_S:
        return OutOfMemory(over("used more memory", "mem_mb", mem_mb, "MB"))
    return None


def ended(status: int, run: Run, mem_mb: int, words: str = "") -> Outcome | None:
    """The outcome of a run from how its task ended, what stopped it and what it said itself."""
    if run.exceeded is not None:
        return run.exceeded
    if status == frames.OUT_OF_MEMORY:
        words = over("used more memory", "mem_mb", mem_mb, "MB")
        return OutOfMemory(f"{words} Variables are kept: set those that hold the memory to null.")
    if status == frames.TERMINATED:
        return run.stop or Interrupted("stopped")
    if status == frames.BROKEN:
        message = words.partition("Error: ")[2] or "the cell could not be run to its end"
        name = "RangeError" if "RangeError" in words else "InternalError"
        return Raised(JavaScriptError(name, message, (f"{name}: {message}",)))
    return run.outcome


def refused(cell: int, why: str) -> Finished:
    """The end of a cell for which no engine can be had."""
    return Finished(cell, EngineDied(why, lost=True), 0, 0, 0)


def over(did: str, limit: str, value: int, unit: str) -> str:
    return f"stopped: it {did} than {limit} = {value} {unit} allows."


def too_long(limits: Limits) -> OutputExceeded:
    kb = limits.max_output_kb
    return OutputExceeded(f"stopped: it gave more output than max_output_kb = {kb} allows." if kb else
                          "stopped: one value was longer than 256 MB.")


def lost_with(killed: Stopped | None, reason: str, full_mb: int | None) -> Stopped:
    """The outcome of what ran in an engine that is gone: killed for a reason, full (its mem_mb), or by itself."""
    if killed is not None:
        return replace(killed, lost=True, message=_with_loss(killed.message))
    if full_mb is not None:
        return OutOfMemory(_with_loss(f"V8 ran out of memory ({reason}); limit mem_mb is {full_mb} MB"), lost=True)
    return EngineDied(_with_loss(f"the engine ended: {reason}"), lost=True)


def never_begun() -> EngineDied:
    """The outcome of a cell that still waited for a turn when the engine was ended for that."""
    words = "code that an earlier cell left behind had to be ended by force before this cell began: run it again"
    return EngineDied(_with_loss(words), lost=True)


def _with_loss(message: str) -> str:
    return f"{message.rstrip('.')}. {ALL_LOST}"
