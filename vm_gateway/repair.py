"""Owns the closing of rows that a dead process left open; refuses to know who looks for them and when."""

from __future__ import annotations

from .ledger.port import Changed, Ledger
from .lifecycle import LIVE

PROCESS_ENDED = "session process ended"


def close_what_the_dead_left(ledger: Ledger) -> None:
    """Ends executions of dead owners, and sessions of Jupyter's dead kernels, as `crashed`. Raises: LedgerUnavailable.

    A gateway's own sessions are left to a gateway, which knows more of their end.
    """
    for row in ledger.close_rows_of_dead_owners().sessions:
        if row.get("connection_file") and row.get("owner"):
            fields = {"status": "crashed", "last_error": PROCESS_ENDED, "owner": None}
            try:
                ledger.update_session(row["id"], fields, status=LIVE, owner=row["owner"])
            except Changed:
                continue
