"""Owns what may be asked of a ledger, on one page; refuses to know what it is kept in.

Documents are plain dicts with the JSON field names of contract sections 4 to 6, and the caller's to keep: changing one
changes nothing that is stored. Every method may be called from any thread and from several processes on the same file.
A write returns when it is durable, inside `batch` when the batch ends. Any method may raise `LedgerUnavailable`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from vm_kernel.events import Event, Lines

Document = dict[str, Any]
#: `{boot_id, pid, start_time}` of the process that answers for a row (design 7.9).
Owner = Mapping[str, Any]


class LedgerError(Exception):
    """Whatever a ledger refuses; its text is a sentence for the user."""


class LedgerUnavailable(LedgerError):
    """Nothing can be read or written now: disk full, locked by another process, damaged. The text says what to do."""

    @property
    def reason(self) -> str:
        return str(self)


class NameTaken(LedgerError):
    """A template of that name exists, or a row of that id."""


class NotFound(LedgerError):
    """There is no row of that id."""


class Changed(LedgerError):
    """The row is not as the caller expected; `found` is what it is."""

    def __init__(self, text: str, found: Document) -> None:
        super().__init__(text)
        self.found = found


class BadCursor(LedgerError):
    """A cursor that no listing of this ledger gave out."""


class Listing(NamedTuple):
    """Newest first. `cursor` continues behind the last one; None when there is no more."""

    documents: list[Document]
    cursor: str | None


class Repaired(NamedTuple):
    """`executions`: rows that were closed. `sessions`: rows starting or ready whose owner is dead, unchanged."""

    executions: list[Document]
    sessions: list[Document]


class Ledger(Protocol):
    """One ledger, open. `get_...` give None where there is nothing of that id."""

    def put_template(self, template: Document) -> None:
        """Stores a new template, or replaces the one of that `id`. Raises: NameTaken."""

    def change_template(self, template_id: str, change: Callable[[Document], Document]) -> Document:
        """Replaces a template by what `change` makes of it, nobody else writing meanwhile.

        What `change` raises is raised, and nothing has changed then. Raises: NotFound, NameTaken.
        """

    def get_template(self, template_id: str) -> Document | None: ...

    def find_template(self, name: str) -> Document | None:
        """The template of that name."""

    def list_templates(self, limit: int | None = None, cursor: str | None = None) -> Listing:
        """Raises: BadCursor."""

    def delete_template(self, template_id: str) -> bool:
        """False when there was none."""

    def put_session(self, session: Document) -> None:
        """Stores a new session, with `status` and `owner`. Raises: NameTaken when the id exists."""

    def get_session(self, session_id: str) -> Document | None: ...

    def update_session(
        self,
        session_id: str,
        fields: Mapping[str, Any],
        *,
        status: Collection[str] | None = None,
        owner: Owner | None = None,
    ) -> Document:
        """Sets fields and gives the new row; a field set to None is removed.

        status, owner: what the row must have now, checked in the same transaction. Raises: NotFound, Changed.
        """

    def list_sessions(self, status: str | None = None, limit: int | None = None, cursor: str | None = None) -> Listing:
        """Raises: BadCursor."""

    def sessions_in(self, worktree_path: str, template_id: str) -> list[Document]:
        """All sessions of one template in one folder, oldest first."""

    def begin(self, execution: Document, events: Sequence[Event | Lines] = ()) -> None:
        """Stores a new execution, with `session_id`, `status` and `owner`, and its first events: one transaction.

        Raises: NameTaken when the id exists.
        """

    def append(self, execution_id: str, events: Sequence[Event | Lines]) -> None:
        """Stores events with ascending `seq` as one document. The same events again change nothing."""

    def finish(
        self, execution_id: str, fields: Mapping[str, Any], events: Sequence[Event | Lines] = ()
    ) -> Document:
        """Sets fields of a running execution and stores its last events: one transaction; gives the new row.

        Raises: NotFound; Changed when it is not `running`.
        """

    def get_execution(self, execution_id: str) -> Document | None: ...

    def list_executions(self, session_id: str, limit: int | None = None, cursor: str | None = None) -> Listing:
        """Raises: BadCursor."""

    def events(self, execution_id: str, after_seq: int = 0, limit: int | None = None) -> list[Document]:
        """Events with a higher `seq`, ascending: `{execution_id, seq, ts, type, payload}`, and `late` where true."""

    def stats(self) -> dict[str, dict[str, int]]:
        """Rows per status: `{"sessions": {"ready": 2}, "executions": {"ok": 7}, "templates": {"all": 3}}`."""

    def close_rows_of_dead_owners(self, is_alive: Callable[[Owner], bool] | None = None) -> Repaired:
        """Ends running executions whose owner is dead: `error`, "session process ended", and a `system` event.

        The owner is looked at again in the transaction that closes its row. is_alive: `owners.is_alive`.
        """

    def batch(
        self, durable: bool = True, waited_s: float = 0.0, at_once: bool = False
    ) -> AbstractContextManager[None]:
        """All writes of this thread inside happen or none; others wait, so keep it short.

        What is raised by a write inside has to leave the batch, which then writes nothing.
        durable: False leaves them to the next durable write: visible to all and safe from kill -9 at once, from a
        power loss only then.
        waited_s: how long the caller has waited already; that counts towards what a write waits for others.
        at_once: LedgerUnavailable instead of waiting for others.
        """

    def sync(self) -> None:
        """Returns when all that was written before is durable."""

    def close(self) -> None:
        """Ends the use of this ledger; a second call does nothing."""
