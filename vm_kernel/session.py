"""Owns what becomes of a session: starting, ready, crashed, closed; refuses to know cells and messages.

Without a plan (a bare kernel) it is ready from the first and ends when it is told to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .engine import port
from .losses import Losses
from .outcomes import EngineDied, Interrupted, Outcome, Stopped
from .readiness import Failure, Readiness
from .request import Refusal
from .runner import Runner

if TYPE_CHECKING:
    from .lifetime import Lifetime
    from .plan import SessionPlan
    from .startup import Startup

NOT_ADOPTABLE = "this session belongs to the Jupyter client that started it"
NOT_APART = "this session and its process end together: shut the process down"
FULL = "full"


@dataclass(frozen=True)
class House:
    """What a session moves. listen: whether requests on shell are read. after: calls back in so many seconds.

    renew_engine: another engine in the place of the present one.
    """

    listen: Callable[[bool], None]
    after: Callable[[float, Callable[[], None]], None]
    close_engine: Callable[[], None]
    renew_engine: Callable[[], None]
    end: Callable[[], None]
    busy: Callable[[], bool]


class Session:
    """`refusal`: why no cell runs any more. `ended`: why the session ended by itself. Both empty while it lives.

    ready: called when the session has started or could not, and again after `restart`.
    changed: called with `crashed` or `closed` and the reason when that happens to a session that was ready.
    """

    def __init__(self, plan: SessionPlan | None, runner: Runner, losses: Losses, house: House) -> None:
        self.id = plan.session_id if plan is not None else ""
        self.refusal: Refusal | None = None
        self.ended = ""
        self.ready: Callable[[Readiness], None] = lambda readiness: None
        self.changed: Callable[[str, str], None] = lambda status, reason: None
        self._plan = plan
        self._runner = runner
        self._losses = losses
        self._house = house
        self._startup: Startup | None = None
        self._lifetime: Lifetime | None = None
        if plan is not None:  # what only a planned session needs does not delay the others
            from .lifetime import Lifetime
            from .startup import Startup

            self._startup = Startup(plan, runner)
            self._lifetime = Lifetime(plan, house.after, house.busy, self._close)
        self._said = plan is None
        self._watched = False
        self._restarting = False
        self._crashed = ""
        self._up = False
        self._containment = ""
        self._engine = ""
        #: A startup that runs or is about to. One that has to run again on a new engine: at once, else with the next
        #: cell; whether it was tried for the next cell and failed.
        self._starting = plan is not None
        self._due = False
        self._at_once = False
        self._for_cell = False
        self._failed = False

    # -- the start ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Before anything is read from clients."""
        if self._plan is None or self._startup is None or self._said:
            return
        if self._startup.scripts or self._plan.require_containment:
            self._house.listen(False)
        self._startup.begin(self._started)  # without scripts it is over at once

    def engine_is_up(self, report: port.Ready) -> None:
        self._up = True
        self._containment, self._engine = report.containment, report.engine
        self._say_ready()

    def _started(self, failure: Failure | None) -> None:
        self._starting = False
        if failure is None:
            self._say_ready()
        else:
            self._fail(failure)

    def _say_ready(self) -> None:
        if self._said or self._starting or not self._up or self._plan is None or self._lifetime is None:
            return
        if self._plan.require_containment and self._containment != FULL:
            self._fail(Failure(f"startup failed: containment is {self._containment or 'unknown'} and must be full"))
            return
        self._said = True
        self._house.listen(True)
        if not self._watched:
            self._watched = True
            self._lifetime.start()
        self.ready(Readiness("ready", containment=self._containment, engine=self._engine))

    def _fail(self, failure: Failure) -> None:
        """It never was ready. Jupyter's own stays and says so to each cell: an exit would make restarters loop."""
        if self._said:
            return
        self._said = True
        self.refusal = Refusal("StartupFailed", failure.text)
        self.ready(Readiness("crashed", failure.text, failure.code, self._containment, self._engine))
        if self._owned:
            self.ended = failure.text
            self._house.end()
        else:
            self._house.listen(True)

    # -- losses of the engine ----------------------------------------------------------------------------

    def lost(self, report: port.Lost) -> None:
        """Contract 18.4: a session that says `crash` is over; another starts afresh."""
        if self._plan is None or (self._restarting and not report.final):
            return
        if self._starting and self._startup is not None:
            self._startup.lose(report.reason)
        if not self._said:
            if report.final:
                self._fail(Failure(f"startup failed: {report.reason}"))
        elif self._plan.on_engine_loss == "crash" and not report.asked:
            self._crash(report.reason)
        elif self._startup is not None and self._startup.scripts:
            # One that takes its own engine along is not tried over and over.
            self._at_once = not (self._due or self._starting)
            self._due = True

    def weigh(self, outcome: Outcome) -> str:
        """Why a cell that ended so has taken the session along; empty when it has not."""
        if self._plan is None or not isinstance(outcome, Stopped) or not outcome.lost:
            return ""
        if self._plan.on_engine_loss == "crash":
            self._crash(outcome.message)
        return self._crashed

    def _crash(self, reason: str) -> None:
        if self.refusal is None:
            self._crashed = reason
            self.refusal = Refusal("SessionCrashed", f"{reason} Restart the session to go on.")
            # Not at once: the engine is telling us just now.
            self._house.after(0.0, self._end_engine)
            self.changed("crashed", reason)

    def _end_engine(self) -> None:
        """And with it a cell that came before the loss was noticed, and waits for an engine that will not be."""
        if not self._crashed:
            return  # restarted meanwhile
        self._house.close_engine()
        self._runner.abandon(EngineDied(self._crashed, lost=True))

    def prepared(self, waiting: bool) -> bool:
        """Whether the next cell may run; what must run before it is started. waiting: there is a next cell."""
        if self._restarting and self._runner.job is None:
            self._begin_anew()
        if self._startup is not None and self._due and not self._starting and self.refusal is None:
            if self._failed and waiting:
                self._failed = False
                return True  # to be refused: the losses hold it
            if waiting or self._at_once:
                self._start_again(self._startup, waiting)
        return self.refusal is None and not (self._due or self._starting) and self._runner.job is None

    def _start_again(self, startup: Startup, waiting: bool) -> None:
        self._starting, self._at_once, self._for_cell = True, False, waiting
        startup.begin(self._started_again)

    def _started_again(self, failure: Failure | None) -> None:
        self._starting = False
        lost = failure is not None and failure.lost
        self._due, self._failed = lost, lost and self._for_cell
        self._losses.hold(failure.text if failure is not None and lost else "")
        if failure is not None and not lost:
            self.refusal = Refusal("StartupFailed", failure.text)
            self.changed("crashed", failure.text)

    # -- a gateway's wishes for a session of Jupyter's ---------------------------------------------------

    def close(self, reason: str) -> None:
        """Ends what it runs, while the process stays for the client that started it. Raises: Refusal."""
        self._check_apart()
        if self.refusal is None or self.refusal.name != "SessionClosed":
            self.refusal = None
            self._close(reason)

    def restart(self, reason: str) -> None:
        """A new engine and the startup files again, whatever became of the last one. Raises: Refusal."""
        self._check_apart()
        if self.refusal is not None and self.refusal.name == "SessionClosed":
            raise self.refusal
        if not self._said:
            raise Refusal("SessionBusy", "the session is starting")
        self._restarting = True
        self._runner.end(Interrupted(reason))

    def _begin_anew(self) -> None:
        """The last cell has its record."""
        self.refusal, self._crashed = None, ""
        self._said = self._up = self._due = self._at_once = self._failed = False
        self._starting = True
        self._losses.restart()
        self._house.renew_engine()
        self._restarting = False
        self.start()

    def _check_apart(self) -> None:
        if self._plan is None or self._owned:
            raise Refusal("InvalidRequest", NOT_APART)

    # -- the end -----------------------------------------------------------------------------------------

    def use(self) -> None:
        """A cell has come or ended."""
        if self._lifetime is not None:
            self._lifetime.use()

    def adopt(self, owner: dict[str, Any]) -> None:
        """`owner`, a process, answers for the session from now on. Refusal when it is dead or the session Jupyter's."""
        if self._lifetime is None or not self._lifetime.adoptable:
            raise Refusal("InvalidRequest", NOT_ADOPTABLE)
        if not self._lifetime.adopt(owner):
            raise Refusal("InvalidRequest", "metadata.vm.owner is no process that runs here")

    @property
    def started(self) -> bool:
        """Whether it was ready at some time."""
        return self._said and (self.refusal is None or self.refusal.name != "StartupFailed")

    @property
    def _owned(self) -> bool:
        return self._plan is not None and self._plan.owner is not None

    def _close(self, reason: str) -> None:
        if self.refusal is None:
            self.changed("closed", reason)
        self.ended = reason
        if self._owned:
            self._house.end()
            return
        self.refusal = Refusal("SessionClosed", f"{reason}; restart the kernel to go on")
        self._runner.end(Interrupted(reason))
        self._house.close_engine()
