"""Owns the ledger's rules over any TinyDB; refuses to know what stores it.

Over `LedgerDB` a write is one transaction that other processes respect. Over a stock TinyDB (JSON, memory) a lock keeps
the threads of one process apart, and nothing is undone: good for tests and small tools.
"""

from __future__ import annotations

import copy
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from tinydb import TinyDB, where
from tinydb.queries import QueryLike
from tinydb.table import Document as Stored
from tinydb.table import Table

from vm_kernel.events import Event, Lines, timestamp

from . import owners
from .failures import DuplicateKey
from .listing import counts, find, first, newest, place
from .pages import page_of, page_text, unpacked
from .port import Changed, Document, LedgerUnavailable, Listing, NameTaken, NotFound, Owner, Repaired
from .schema import EVENTS, EXECUTIONS, INDEXES, SESSIONS, TEMPLATES
from .storage import SQLiteStorage
from .table import LedgerDB, LedgerTable

SESSION_ENDED = "session process ended"
#: Statuses that a row may have, for counting; others are not counted.
SESSION_STATUSES = ("starting", "ready", "crashed", "closed")
EXECUTION_STATUSES = ("running", "ok", "error", "timeout", "cancelled")
#: Pages read at once.
PAGES = 16
#: Counts that took longer than this are given again for so long.
SLOW_S, KEPT_S = 0.02, 2.0
_INSIDE = nullcontext()


def open_ledger(path: str | os.PathLike[str], **options: Any) -> TinyLedger:
    """The ledger in a file, for any number of processes. Options: `durability`, `wait_s`, `create_dirs`, `read_only`.

    Raises: LedgerUnavailable.
    """
    return TinyLedger(LedgerDB(path, indexes=INDEXES, **options))


class TinyLedger:
    """A `port.Ledger`."""

    def __init__(self, database: TinyDB) -> None:
        self.database = database
        self._ours = isinstance(database, LedgerDB)
        self._lock = threading.RLock()
        self._closed = False
        self._counted: tuple[float, dict[str, dict[str, int]]] | None = None
        self._templates = database.table(TEMPLATES, cache_size=0)
        self._sessions = database.table(SESSIONS, cache_size=0)
        self._executions = database.table(EXECUTIONS, cache_size=0)
        self._events = database.table(EVENTS, cache_size=0)

    # -- templates ---------------------------------------------------------------------------------------

    def put_template(self, template: Document) -> None:
        with self.batch():
            found = find(self._templates, template["id"])
            self._check_name(template)
            if found is None:
                self._insert(self._templates, template)
            else:
                self._replace(self._templates, found, template)

    def change_template(self, template_id: str, change: Callable[[Document], Document]) -> Document:
        with self.batch():
            found = find(self._templates, template_id)
            if found is None:
                raise NotFound(f"there is no template {template_id}")
            changed = change(self._own(found))
            self._check_name(changed)
            self._replace(self._templates, found, changed)
            return self._own(changed)

    def get_template(self, template_id: str) -> Document | None:
        return self._get(self._templates, template_id)

    def find_template(self, name: str) -> Document | None:
        with self._reading():
            found = self._templates.get(where("name") == name)
            return None if found is None else self._own(found)

    def list_templates(self, limit: int | None = None, cursor: str | None = None) -> Listing:
        return self._list(self._templates, None, limit, cursor)

    def delete_template(self, template_id: str) -> bool:
        with self.batch():
            return bool(self._templates.remove(where("id") == template_id))

    # -- sessions ----------------------------------------------------------------------------------------

    def put_session(self, session: Document) -> None:
        with self.batch():
            self._insert(self._sessions, session)

    def get_session(self, session_id: str) -> Document | None:
        return self._get(self._sessions, session_id)

    def update_session(
        self,
        session_id: str,
        fields: Mapping[str, Any],
        *,
        status: Collection[str] | None = None,
        owner: Owner | None = None,
    ) -> Document:
        with self.batch():
            found = find(self._sessions, session_id)
            if found is None:
                raise NotFound(f"there is no session {session_id}")
            if status is not None and found.get("status") not in status:
                raise Changed(f"session {session_id} is {found.get('status')}", self._own(found))
            if owner is not None and found.get("owner") != owner:
                raise Changed(f"session {session_id} has another owner now", self._own(found))
            return self._set(self._sessions, found, fields)

    def list_sessions(self, status: str | None = None, limit: int | None = None, cursor: str | None = None) -> Listing:
        return self._list(self._sessions, None if status is None else where("status") == status, limit, cursor)

    def sessions_in(self, worktree_path: str, template_id: str) -> list[Document]:
        mine = (where("worktree_path") == worktree_path) & (where("vm_id") == template_id)
        return self._list(self._sessions, mine, None, None).documents[::-1]

    # -- executions --------------------------------------------------------------------------------------

    def begin(self, execution: Document, events: Sequence[Event | Lines] = ()) -> None:
        with self.batch():
            if isinstance(self._executions, LedgerTable):
                try:
                    self._executions.add(execution)
                except DuplicateKey:
                    raise NameTaken(f"the id {execution['id']} is taken") from None
            else:
                self._insert(self._executions, execution)
            self.append(execution["id"], events)

    def append(self, execution_id: str, events: Sequence[Event | Lines]) -> None:
        if not events:
            return
        with self.batch():
            if isinstance(self._events, LedgerTable):
                self._events.add(*page_text(execution_id, events), known=True)
                return
            page = page_of(execution_id, events)
            last = (where("execution_id") == execution_id) & (where("last") == page["last"])
            if not self._events.contains(last):
                self._events.insert(self._own(page))

    def finish(
        self, execution_id: str, fields: Mapping[str, Any], events: Sequence[Event | Lines] = ()
    ) -> Document:
        with self.batch():
            found = self._to_change(execution_id)
            if found is None:
                raise NotFound(f"there is no execution {execution_id}")
            if found.get("status") != "running":
                raise Changed(f"execution {execution_id} has ended: {found.get('status')}", self._own(found))
            self.append(execution_id, events)
            return self._set(self._executions, found, fields)

    def get_execution(self, execution_id: str) -> Document | None:
        return self._get(self._executions, execution_id)

    def list_executions(self, session_id: str, limit: int | None = None, cursor: str | None = None) -> Listing:
        return self._list(self._executions, where("session_id") == session_id, limit, cursor)

    def events(self, execution_id: str, after_seq: int = 0, limit: int | None = None) -> list[Document]:
        found: list[Document] = []
        seen, at_once = min(after_seq, 1 << 62), PAGES if limit is None else 1
        with self._reading():
            while limit is None or len(found) < limit:
                wanted = (where("execution_id") == execution_id) & (where("last") > seen)
                pages = first(self._events, wanted, "last", at_once)
                for page in pages:
                    # Pages written twice, the second time with more in them, may overlap.
                    found.extend(unpacked(self._own(page), seen))
                    seen = page["last"]
                if len(pages) < at_once:
                    break
                at_once = min(4 * at_once, PAGES)
        return found if limit is None else found[:limit]

    # -- all of it ---------------------------------------------------------------------------------------

    def stats(self) -> dict[str, dict[str, int]]:
        began = time.monotonic()
        if self._counted is not None and began < self._counted[0]:
            return copy.deepcopy(self._counted[1])
        with self._reading():
            counted = {
                "templates": {"all": len(self._templates)},
                "sessions": counts(self._sessions, SESSION_STATUSES),
                "executions": counts(self._executions, EXECUTION_STATUSES),
            }
        ended = time.monotonic()
        self._counted = (ended + KEPT_S, copy.deepcopy(counted)) if ended - began > SLOW_S else None
        return counted

    def close_rows_of_dead_owners(self, is_alive: Callable[[Owner], bool] | None = None) -> Repaired:
        alive = owners.is_alive if is_alive is None else is_alive

        def dead(row: Mapping[str, Any]) -> bool:
            named = row.get("owner")
            return not (isinstance(named, Mapping) and alive(named))

        with self._reading():
            suspects = [self._own(row) for row in self._executions.search(where("status") == "running") if dead(row)]
        closed = []
        for row in suspects:
            with self.batch(durable=row is suspects[-1]):
                found = find(self._executions, row["id"])
                if found is not None and found.get("status") == "running" and dead(found):
                    closed.append(self._close_row(found))
        with self._reading():
            live = where("status").one_of(["starting", "ready"])
            sessions = [self._own(row) for row in self._sessions.search(live) if dead(row)]
        return Repaired(closed, sessions)

    def batch(
        self, durable: bool = True, waited_s: float = 0.0, at_once: bool = False
    ) -> AbstractContextManager[Any]:
        storage = self.database.storage
        if isinstance(storage, SQLiteStorage):
            if storage.in_transaction:  # no savepoint: what fails inside has to leave the outer one
                return _INSIDE
            return storage.transaction(durable, undo=False, waited_s=waited_s, at_once=at_once)
        if at_once:
            raise LedgerUnavailable("this storage writes all of itself each time")
        return self._lock

    def sync(self) -> None:
        if isinstance(self.database.storage, SQLiteStorage):
            self.database.storage.sync()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.database.close()

    # -- inside ------------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[None]:
        if self._ours:
            yield
        else:
            with self._lock:
                yield

    def _own(self, row: Mapping[str, Any]) -> Document:
        """A copy that shares nothing with what is stored: memory storage keeps and gives out the very objects."""
        return dict(row) if self._ours else copy.deepcopy(dict(row))

    def _get(self, table: Table, id_: str) -> Document | None:
        with self._reading():
            found = find(table, id_)
            return None if found is None else self._own(found)

    def _list(self, table: Table, cond: QueryLike | None, limit: int | None, cursor: str | None) -> Listing:
        before = place(cursor)
        with self._reading():
            rows = newest(table, cond, None if limit is None else limit + 1, before)
        more = limit is not None and len(rows) > limit
        rows = rows[:limit]
        return Listing([self._own(row) for row in rows], str(rows[-1].doc_id) if more and rows else None)

    def _insert(self, table: Table, document: Document) -> None:
        if find(table, document["id"]) is not None:
            raise NameTaken(f"the id {document['id']} is taken")
        table.insert(self._own(document))

    def _replace(self, table: Table, found: Stored, document: Document) -> None:
        def change(row: Any) -> None:
            row.clear()
            row.update(self._own(document))

        table.update(change, doc_ids=[found.doc_id])

    def _set(self, table: Table, found: Stored, fields: Mapping[str, Any]) -> Document:
        changed = {**found, **fields}
        changed = {name: value for name, value in changed.items() if value is not None}
        if isinstance(table, LedgerTable):
            table.change(found, changed)
        else:
            self._replace(table, found, changed)
        return self._own(changed)

    def _to_change(self, execution_id: str) -> Stored | None:
        if isinstance(self._executions, LedgerTable):
            return self._executions.find("id", execution_id)
        return find(self._executions, execution_id)

    def _check_name(self, template: Document) -> None:
        holder = self._templates.get(where("name") == template["name"])
        if holder is not None and holder["id"] != template["id"]:
            raise NameTaken(f"a template named {template['name']!r} exists: choose another name")

    def _close_row(self, found: Stored) -> Document:
        now = timestamp()
        rows = newest(self._events, where("execution_id") == found["id"], 1)
        seq = rows[0]["last"] + 1 if rows else 1
        said = Event(found["id"], seq, "system", {"message": SESSION_ENDED, "level": "error"}, now)
        self.append(found["id"], [said])
        fields = {"status": "error", "ended_at": now, "error": {"message": SESSION_ENDED}, "owner": None}
        return self._set(self._executions, found, fields)
