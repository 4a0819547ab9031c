"""Owns the way from the event loop to the ledger; refuses to know what is read and written.

One row is read at once, in about 50 microseconds; writes and scans wait for the disk and go to a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from .errors import GatewayError, ledger_unavailable
from .ledger.port import BadCursor, Document, Ledger, LedgerUnavailable, Listing

#: As many writers as can usefully wait for one disk.
THREADS = 8
Result = TypeVar("Result")


@contextmanager
def translated() -> Iterator[None]:
    """Raises GatewayError for what the ledger cannot do."""
    try:
        yield
    except LedgerUnavailable as error:
        raise ledger_unavailable(str(error)) from error
    except BadCursor as error:
        raise GatewayError("VALIDATION_ERROR", f"cursor: {error}") from error


class Store:
    """The ledger as the services use it; `ledger` stays the caller's to close, after `close`."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ledger")

    def template(self, template_id: str) -> Document | None:
        with translated():
            return self.ledger.get_template(template_id)

    def session(self, session_id: str) -> Document | None:
        with translated():
            return self.ledger.get_session(session_id)

    def execution(self, execution_id: str) -> Document | None:
        with translated():
            return self.ledger.get_execution(execution_id)

    async def call(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Runs `work`, usually a method of `ledger`, in a thread."""
        with translated():
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def newest_execution(self, session_id: str) -> Document | None:
        """The one that was begun last."""
        listing: Listing = await self.call(self.ledger.list_executions, session_id, 1)
        return listing.documents[0] if listing.documents else None

    def close(self) -> None:
        """Returns when every write that was begun has ended."""
        self._threads.shutdown()
