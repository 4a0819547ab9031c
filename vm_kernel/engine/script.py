"""Owns the few JavaScript statements that the fake engine understands; refuses to grow into an interpreter.

A cell is split at `;` and newlines outside quotes and brackets into statements of these forms, literals only:

    1 + 1   "text"   'text'   true   null   undefined   "x".repeat(3)   name      the last one is the value
    var x = 2   let   const                                                       kept between cells
    console.log("a", 1)   and every other console method
    throw new Error("boom")   throw new TypeError("boom")
    while(true){}   for(;;){}   await new Promise(() => {})                       until stopped
    for (let i = 0; i < N; i++) console.log("line " + i)                          or console.log(i)
    setTimeout(() => console.log("late"), 50)   setInterval(...)                  after and between cells
    setTimeout(() => { while(true){} }, 50)
    display({"text/plain": "x"}, {raw: true, display_id: "d", update: true})      all but raw optional
    Jupyter.comms.register("echo", ECHO)   Jupyter.comms.open("t", {"a": 1})       see Converse
    require("./file.js")                                                           what is in it
    clearOutput()   clearOutput(true)   prompt("who? ")   prompt("key? ", {password: true})

and one directive that no JavaScript can do: `@die` ends the engine and a new one follows, `@die for good`
none does. Everything else is a SyntaxError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Union

from ..outcomes import Value


@dataclass(frozen=True)
class Print:
    level: str
    text: str


@dataclass(frozen=True)
class Show:
    content: dict[str, Any]


@dataclass(frozen=True)
class Converse:
    """Speaks on a comm. The handler `ECHO` of a target prints what it gets, and sends each message back."""

    op: str
    content: dict[str, Any]


@dataclass(frozen=True)
class Clear:
    wait: bool


@dataclass(frozen=True)
class Ask:
    """The step after it gets the answer."""

    prompt: str
    password: bool


@dataclass(frozen=True)
class Want:
    """The step after it gets the answer, as JSON."""

    specifier: str


@dataclass(frozen=True)
class Later:
    """A timer; `printed` None: it loops for ever."""

    after_s: float
    again: bool
    printed: Print | None


@dataclass(frozen=True)
class Wait:
    """Until the cell is stopped."""


@dataclass(frozen=True)
class Die:
    final: bool


Step = Union[Print, Show, Converse, Clear, Ask, Want, Later, Wait, Die]
Steps = Generator[Step, Union[str, None], Union[Value, None]]

NOTHING = object()


class Thrown(Exception):
    """What a cell threw."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.traceback = (f"{name}: {message}", "    at In[0]:1:1")


def run(code: str, names: dict[str, Any]) -> Steps:
    """The steps of a cell; returns the value of its last statement, None when it has none. Raises Thrown."""
    if not parses(code):
        raise Thrown("SyntaxError", "the fake engine does not know this statement")
    last: Any = NOTHING
    for text in statements(code):
        last = NOTHING
        for form, evaluate in _VALUES:
            if match := form.fullmatch(text):
                last = evaluate(match, names)
                break
        else:
            for form, act in _ACTIONS:
                if match := form.fullmatch(text):
                    step: Step | None = None
                    for step in act(match):
                        answer = yield step
                    if isinstance(step, Ask):
                        last = answer
                    elif isinstance(step, Want):
                        last = _read_file(json.loads(answer or "{}"))
                    break
    return None if last is NOTHING else value(last)


def _read_file(answer: dict[str, Any]) -> Any:
    """What a file of JSON holds; of a module its text, which lies in the message to the parser."""
    if "problem" in answer:
        raise Thrown("Error", str(answer["problem"]))
    return json.loads(answer["text"]) if answer["format"] == "json" else answer["text"]


def value(of: Any) -> Value:
    """The value as an engine describes it."""
    if of is None:
        return Value("null", "null", "null", "null")
    if isinstance(of, bool):
        return Value("boolean", str(of).lower(), str(of).lower(), str(of).lower())
    if isinstance(of, str):
        return Value("string", f"'{of}'", of)
    return Value("number", str(of), str(of), json.dumps(of))


def is_open(code: str) -> bool:
    """Whether a bracket is left open."""
    bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", "", code)
    return sum(map(bare.count, "([{")) > sum(map(bare.count, ")]}"))


def parses(code: str) -> bool:
    forms = [form for form, _ in _VALUES] + [form for form, _ in _ACTIONS]
    return all(any(form.fullmatch(text) for form in forms) for text in statements(code))


def statements(code: str) -> Iterator[str]:
    """The statements of a cell, without the empty ones."""
    start = depth = 0
    quote = ""
    for at, character in enumerate(code):
        if quote:
            quote = "" if character == quote and code[at - 1] != "\\" else quote
        elif character in "\"'":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character in ";\n" and depth == 0:
            if code[start:at].strip():
                yield code[start:at].strip()
            start = at + 1
    if code[start:].strip():
        yield code[start:].strip()


def _literal(text: str) -> Any:
    if text == "undefined":
        return NOTHING
    if text[0] == "'":
        text = json.dumps(text[1:-1].replace("\\'", "'"))
    return json.loads(text, strict=False)


def _arithmetic(match: re.Match[str], names: dict[str, Any]) -> Any:
    left, right = int(match[1]), int(match[3])
    return {"+": left + right, "-": left - right, "*": left * right}[match[2]]


def _constant(match: re.Match[str], names: dict[str, Any]) -> Any:
    return _literal(match[1]) * int(match[2]) if match[2] else _literal(match[1])


def _declare(match: re.Match[str], names: dict[str, Any]) -> Any:
    names[match[1]] = _literal(match[2])
    return NOTHING


def _read(match: re.Match[str], names: dict[str, Any]) -> Any:
    if match[0] not in names:
        raise Thrown("ReferenceError", f"{match[0]} is not defined")
    return names[match[0]]


def _throw(match: re.Match[str], names: dict[str, Any]) -> Any:
    raise Thrown(match[1], str(_literal(match[2])))


def _print(level: str, arguments: str) -> Print:
    found = re.findall(_LITERAL + r"(?:\.repeat\((\d+)\))?", arguments)
    values = [_literal(text) * int(times) if times else _literal(text) for text, times in found]
    return Print(level, " ".join(of if isinstance(of, str) else json.dumps(of) for of in values))


def _count(match: re.Match[str]) -> Iterator[Step]:
    prefix = _literal(match[2]) if match[2] else ""
    for number in range(int(match[1])):
        yield Print("log", f"{prefix}{number}")


def _timer(match: re.Match[str]) -> Iterator[Step]:
    printed = None if match[4] else _print(match[2], match[3])
    yield Later(int(match[5]) / 1000, match[1] == "Interval", printed)


def _display(match: re.Match[str]) -> Iterator[Step]:
    transient = {"display_id": match[2]} if match[2] else {}
    content = {"data": json.loads(match[1]), "metadata": {}, "transient": transient, "update": bool(match[3])}
    yield Show({**content, "page": True} if match[4] else content)


def _register(match: re.Match[str]) -> Iterator[Step]:
    yield Converse("register", {"target_name": match[1]})


def _open(match: re.Match[str]) -> Iterator[Step]:
    said = {"target_name": match[1], "data": json.loads(match[2]), "metadata": {}}
    yield Converse("open", {"comm_id": f"comm of {match[1]}", **said})


def _ask(match: re.Match[str]) -> Iterator[Step]:
    yield Ask(_literal(match[1]) if match[1] else "", bool(match[2]))


_LITERAL = r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?\d+(?:\.\d+)?|true|false|null|undefined)"""
_LOOP = r"(?:while\s*\(true\)\s*\{\s*\}|for\s*\(;;\)\s*\{\s*\}|await new Promise\(\(\) => \{\}\))"
_CONSOLE = r"console\.(\w+)\(((?:[^()'\"]|\.repeat\(\d+\)|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')*)\)"
_COUNT = (
    r"for\s*\(let i\s*=\s*0;\s*i\s*<\s*(\d+);\s*i\+\+\)\s*\{?\s*"
    r"console\.log\((?:(\"[^\"]*\")\s*\+\s*)?i\);?\s*\}?"
)
_SHOW = (
    r"display\((\{.*?\}),\s*\{\s*raw:\s*true(?:,\s*display_id:\s*\"(\w+)\")?"
    r"(?:,\s*update:\s*(true))?(?:,\s*page:\s*(true))?\s*\}\)"
)


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


_VALUES: list[tuple[re.Pattern[str], Callable[[re.Match[str], dict[str, Any]], Any]]] = [
    (_form(r"(-?\d+)\s*([+*-])\s*(\d+)"), _arithmetic),
    (_form(_LITERAL + r"(?:\.repeat\((\d+)\))?"), _constant),
    (_form(rf"(?:var|let|const)\s+(\w+)\s*=\s*{_LITERAL}"), _declare),
    (_form(rf"throw new (\w*Error)\({_LITERAL}\)"), _throw),
    (_form(r"[A-Za-z_$][\w$]*"), _read),
]
_ACTIONS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[Step]]]] = [
    (_form(_CONSOLE), lambda match: iter([_print(match[1], match[2])])),
    (_form(_LOOP), lambda match: iter([Wait()])),
    (_form(_COUNT), _count),
    (_form(rf"set(Timeout|Interval)\(\(\) => (?:{_CONSOLE}|\{{\s*({_LOOP});?\s*\}}),\s*(\d+)\)"), _timer),
    (_form(_SHOW), _display),
    (_form(r"Jupyter\.comms\.register\(\"(\w+)\", ECHO\)"), _register),
    (_form(r"Jupyter\.comms\.open\(\"(\w+)\", (\{.*\})\)"), _open),
    (_form(r"clearOutput\((true|false)?\)"), lambda match: iter([Clear(match[1] == "true")])),
    (_form(rf"prompt\({_LITERAL}?(?:,\s*\{{\s*password:\s*(true)\s*\}})?\)"), _ask),
    (_form(rf"require\({_LITERAL}\)"), lambda match: iter([Want(str(_literal(match[1])))])),
    (_form(r"@die( for good)?"), lambda match: iter([Die(bool(match[1]))])),
]
