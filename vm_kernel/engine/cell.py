"""Owns a cell as the engine process is told it; refuses to know how it goes on."""

from __future__ import annotations

import json
from typing import NamedTuple

from ..limits import Limits
from .port import JAVASCRIPT, Expressions, Variables


class Cell(NamedTuple):
    """The arguments of `port.Engine.evaluate`."""

    number: int
    name: str
    code: str
    limits: Limits
    variables: Variables
    expressions: Expressions
    language: str

    def payload(self) -> bytes:
        """Of an EVALUATE frame. A cell in JavaScript is its text alone."""
        variables = "null" if self.variables is None else json.dumps(self.variables)
        expressions = "null" if self.expressions is None else json.dumps(self.expressions)
        text = json.dumps(self.code if self.language == JAVASCRIPT else {"code": self.code, "language": self.language})
        head = f'"name":{json.dumps(self.name)},"variables":{variables},"expressions":{expressions}'
        return f"{head}\n{text}".encode("ascii")

    def longest_bytes(self) -> int:
        """Of a text that it may give: what it may put out, and room for what is around it."""
        return (self.limits.max_output_kb or 256 << 10) * 1024 + (1 << 20)
