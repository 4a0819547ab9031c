"""Owns how events lie in documents, many to one; refuses to know when a page is written.

A page is `{execution_id, first, last, events: [[seq, type, payload, ts], ...]}`; a late event has a fifth item, true.
The type `lines` stands for many console events: `seq` is the first one's, the payload `{level, texts}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from json.encoder import encode_basestring as quote
from typing import Any

from vm_kernel.events import Event, Lines

from .codec import encode, holdable


def page_of(execution_id: str, events: Sequence[Event | Lines]) -> dict[str, Any]:
    """The document that holds these events of one execution."""
    packed: list[Any] = []
    for event in events:
        packed.extend(map(_packed, event.events()) if isinstance(event, Lines) else [_packed(event)])
    return {"execution_id": execution_id, "first": events[0].seq, "last": packed[-1][0], "events": packed}


def page_text(execution_id: str, events: Sequence[Event | Lines]) -> tuple[dict[str, Any], str]:
    """The fields by which a page is found, and all of it as JSON; lines stay the text that they are."""
    end = events[-1]
    last = end.seq + end.lines - 1 if isinstance(end, Lines) else end.seq
    head = {"execution_id": execution_id, "first": events[0].seq, "last": last}
    parts: list[str] = []
    for are_lines, group in groupby(events, _are_lines):
        if are_lines:
            parts.extend(map(_lines_text, group))  # type: ignore[arg-type]  # all of a group are, or none
        else:
            parts.append(encode([_packed(event) for event in group])[1:-1])  # type: ignore[arg-type]  # likewise
    return head, f'{encode(head)[:-1]},"events":[{",".join(parts)}]}}'


def _are_lines(event: Event | Lines) -> bool:
    return isinstance(event, Lines)


def _packed(event: Event) -> list[Any]:
    packed = [event.seq, event.type, event.payload, event.ts]
    return [*packed, True] if event.late else packed


def _lines_text(lines: Lines) -> str:
    level, ts, late = quote(lines.level), quote(lines.ts), ",true" if lines.late else ""
    texts = holdable(lines.texts)
    if lines.lines == 1:
        return f'[{lines.seq},"console",{{"level":{level},"text":{texts}}},{ts}{late}]'
    return f'[{lines.seq},"lines",{{"level":{level},"texts":[{texts}]}},{ts}{late}]'


def unpacked(page: Mapping[str, Any], after_seq: int = 0) -> Iterator[dict[str, Any]]:
    """The page's events with a higher seq, in the shape of contract 6.1."""
    for seq, type_, payload, ts, *late in page["events"]:
        if type_ == "lines":
            for number in range(max(0, after_seq + 1 - seq), len(payload["texts"])):
                line = {"level": payload["level"], "text": payload["texts"][number]}
                yield _event(page, seq + number, "console", line, ts, late)
        elif seq > after_seq:
            yield _event(page, seq, type_, payload, ts, late)


def _event(page: Mapping[str, Any], seq: int, type_: str, payload: Any, ts: str, late: list[bool]) -> dict[str, Any]:
    event = {"execution_id": page["execution_id"], "seq": seq, "ts": ts, "type": type_, "payload": payload}
    if late:
        event["late"] = True
    return event
