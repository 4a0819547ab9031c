"""Owns what JavaScript waited for on its way in: a module's text goes through the parser first; refuses to find it."""

from __future__ import annotations

from .lane import ASK, OPERATION, QUESTION, Lane
from .v8 import library

MODULE = 7  # cells/js/parser/entry.js
#: Where the parser itself failed, for want of memory or of stack.
UNPARSED = (
    b'"source":"","shifts":[],"ok":false,"error":{"message":"the module could not be parsed","line":1,"column":1}}'
)


class Sources:
    """Answers come as one line of JSON, or as its members and, on a second line, the message to the parser."""

    def __init__(self, session: Lane, parser: Lane) -> None:
        self._session = session
        self._parser = parser
        self._question = 0  # whose text went to the parser last

    def answer(self, question: int, payload: bytes) -> None:
        head, _, text = payload.partition(b"\n")
        if text and self._session.busy:
            self._question = question
            self._parser.submit(MODULE, text, lambda kind, parse: self._parsed(question, head, kind, parse))
        else:
            self._session.answer(question, head)

    def watch(self) -> None:
        """End the parsing of a text that nobody waits for any more: JavaScript was stopped over it."""
        session = self._session
        given_up = not session.busy or session.cancelled
        another = session.waiting == ASK and session.header[QUESTION] != self._question
        if self._parser.header[OPERATION] == MODULE and (given_up or another):
            self._parser.end()

    def _parsed(self, question: int, head: bytes, kind: int, parse: str) -> None:
        rest = parse[1:].encode("ascii") if kind == library.STRING else UNPARSED
        self._session.answer(question, b"{%b,%b" % (head, rest))
