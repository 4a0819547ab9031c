"""Owns how events lie in documents, many to one; refuses to know when a page is written.

A page is `{execution_id, first, last, events: [[seq, type, payload, ts], ...]}`; a late event has a fifth item, true.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vm_kernel.events import Event


def page_of(execution_id: str, events: Sequence[Event]) -> dict[str, Any]:
    """The document that holds these events of one execution."""
    return {
        "execution_id": execution_id,
        "first": events[0].seq,
        "last": events[-1].seq,
        "events": [
            [event.seq, event.type, event.payload, event.ts, True]
            if event.late
            else [event.seq, event.type, event.payload, event.ts]
            for event in events
        ],
    }


def unpacked(page: Mapping[str, Any], after_seq: int = 0) -> Iterator[dict[str, Any]]:
    """The page's events with a higher seq, in the shape of contract 6.1."""
    for seq, type_, payload, ts, *late in page["events"]:
        if seq > after_seq:
            event = {"execution_id": page["execution_id"], "seq": seq, "ts": ts, "type": type_, "payload": payload}
            if late:
                event["late"] = True
            yield event
