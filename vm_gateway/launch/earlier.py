"""Owns what a session's history has of those before it, of its template and folder; refuses to write anything."""

from __future__ import annotations

from functools import partial
from typing import Any

from vm_kernel.history import MAX_ENTRIES, Entry
from vm_kernel.log import log
from vm_kernel.payloads import shown_text

from ..ledger.port import Ledger, LedgerError


class EarlierSessions:
    """Fills `vm_kernel.history.Earlier` from a ledger. A session that began later is not seen."""

    def __init__(self, ledger: Ledger, session_id: str, template_id: str, worktree_path: str) -> None:
        self._ledger = ledger
        self._session_id = session_id
        self._template_id = template_id
        self._worktree_path = worktree_path
        self._ids: list[str] | None = None

    def count(self) -> int:
        return len(self._known())

    def entries(self, session: int) -> list[Entry]:
        """Cells among its last `MAX_ENTRIES` executions in their order."""
        try:
            rows = self._ledger.list_executions(self._known()[session - 1], MAX_ENTRIES).documents[::-1]
            return [
                (int(row["execution_count"]), str(row["input"]), partial(self._output, row))
                for row in rows
                if row["kind"] == "repl" and row.get("execution_count")
            ]
        except LedgerError as error:
            log(f"history: an earlier session cannot be read: {error}")
            return []

    def _known(self) -> list[str]:
        """Ids, oldest first; read once."""
        if self._ids is None:
            try:
                rows = self._ledger.sessions_in(self._worktree_path, self._template_id)
            except LedgerError as error:
                log(f"history: earlier sessions cannot be read: {error}")
                return []
            ids = [str(row["id"]) for row in rows]
            self._ids = ids[: ids.index(self._session_id)] if self._session_id in ids else ids
        return self._ids

    def _output(self, row: dict[str, Any]) -> str | None:
        result = row.get("result")
        if result is None or result["type"] == "undefined":
            return None
        if result["type"] in ("object", "function"):  # only the event has the text that was shown
            try:
                values = [event for event in self._ledger.events(row["id"]) if event["type"] == "value"]
                result = values[-1]["payload"] if values else result
            except LedgerError as error:
                log(f"history: the value of an earlier cell cannot be read: {error}")
        return shown_text(result)
