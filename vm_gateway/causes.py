"""Owns for what causes a run may differ when it is run again, and which names carry them on; refuses to compare.

A run has a cause where its own text, or a file that it imports, asks for the time, for randomness, the network or a
person, where a clock, a person or a front end came in between, and where it uses a name that such a run has set or
reached into. Texts are searched for words, not parsed: comments and what stands in quotes are no words, names of blocks
no names of the session.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .recording import Run

#: Cause and what in a text is its sign.
SIGNS = (
    (
        "randomness",
        re.compile(
            r"\bMath\s*\.\s*(random)\b|\b(random)\b[^;{}\n]{0,200}\}\s*=\s*Math\b"
            r"|\b(crypto|randomUUID|getRandomValues)\b"
        ),
    ),
    (
        "time",
        re.compile(
            r"\b(performance|Temporal|DateTimeFormat|timeStamp|set(?:Timeout|Interval|Immediate)|console\s*\.\s*time\w*)\b"
            r"|\bAbortSignal\s*\.\s*(timeout)\b|(?:\bJupyter\s*\.\s*|(?<![\w$.]))(progress)\b(?!\s*:)"
            r"|\b(Date)\b(?!\s*\(\s*[\d'\"]|\s*\.\s*(?:UTC|parse)\b)"
        ),
    ),
    ("network", re.compile(r"\b(fetch)\b")),
)
#: How far it came until then is nothing that can be repeated.
STOPPED = {"Interrupted": "interruption", "TimedOut": "time", "CpuExceeded": "time"}
CHANGED, GONE = "the file was changed", "the file is gone"
TEMPLATE = "the template does not name it"
LOST = "an engine that was not lost then"
FRONT_END = "a message of a front end"
PASSWORD = "a password, which no record keeps"

#: With ends, if only of a line or the text, or bounds: a text may hold any number of beginnings without an end.
_APART = re.compile(
    r"(?P<note>//[^\n]*|/\*[\s\S]*?(?:\*/|\Z))"
    r"|(?P<quote>['\"])(?P<quoted>(?:(?!(?P=quote))[^\\\n]|\\[\s\S])*)(?P<whole>(?P=quote))?"
    r"|`(?:[^`\\]|\\[\s\S])*`?|/(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.){0,200}\]){1,300}/"
)
_GLOBAL = re.compile(r"\bglobalThis\s*(?:\?\.|\.|\[\s*['\"]([A-Za-z_$][\w$]*)['\"]\s*\])\s*")
#: Outside of everything, in a cell, the same object.
_THIS = re.compile(r"\bthis\s{0,100}\.\s{0,100}")
_RUNS_TEXT = re.compile(r"\beval\b|\bFunction\b")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_NAME = r"(?:(?<![\w$.])|(?<=\.\.\.))([A-Za-z_$][\w$]*)"
_USED = re.compile(_NAME)
_KEY = re.compile(r"(?<=[{,])(\s{0,100})[A-Za-z_$][\w$]*\s{0,100}:")
_DECLARES = re.compile(
    rf"\b(var|let|const|class|function\*?)\s{{1,100}}{_NAME}"
    r"|\b(var|let|const)\s{0,100}([{\[][^=;]{0,1000}?[}\]])\s{0,100}=|\b(import)\b([^;'\"`]{0,1000}?)\bfrom\b"
)
_ASSIGNS = re.compile(
    rf"{_NAME}\s{{0,100}}(?:(?:[-+*/%&|^]|\*\*|<<|>>|\?\?|&&|\|\|)?=(?![=>])|\+\+|--)|(?:\+\+|--){_NAME}"
    r"|(?:^|[;(\n])[ \t]{0,100}([\[{][^=;\n]{0,200}[\]}])\s{0,100}=(?![=>])"
)
#: A whole statement that gives a name, and what of it stands behind the name.
_ANEW = re.compile(
    r"(?:^|;|(?<=\n))[ \t]{0,100}(?:(?:var|let|const)\s{1,100}([\w$]+)|(?:function\*?|class)\s{1,100}([\w$]+))([^;\n]*)"
    r"|(?:^|;)\s{0,100}([\w$]+)\s{0,100}=(?![=>])([^;\n]*)"
)
#: What may be changed from within.
_REACHES = re.compile(rf"{_NAME}\s{{0,100}}(?:\?\.|\.|\[)")
_PIECE = re.compile(r"([\w$.]+)|([({\[])|([)}\]])")
_ONLY_LOOK = re.compile(r"(?:console|Math|Number|JSON)\.|(?:String|Number|Boolean|BigInt|display|if|while|for|switch)$")
_MAKES_CODE = re.compile(r"=>|\bfunction\b|\bclass\b|\)\s*\{")


class Names:
    """What a text does with names. used: all that it mentions. given: those of the session, as far as can be seen.

    declared: of these, those that it declares. touched: those that it sets, reaches into or hands on, the session's or
    not. anew: whose value before it never sees. makes_code: it has functions.
    """

    def __init__(self, text: str) -> None:
        code = searched(text)
        inner = _depths(code)
        code = _THIS.sub(lambda found: found[0] if inner[found.start()] else " " * len(found[0]), code)
        self.used = set(_USED.findall(_KEY.sub(r"\1", code)))
        local: set[str] = set()
        self.declared: set[str] = set()
        for found in _DECLARES.finditer(code):
            words = _WORD.findall(" ".join(part for part in found.groups()[1::2] if part))
            kind = found[1] or found[3] or found[5]
            blocks_own = inner[found.start()] and kind in ("let", "const", "class")
            (local if blocks_own else self.declared).update(words)
        assigned = {word for found in _ASSIGNS.findall(code) for part in found for word in _WORD.findall(part)}
        self.given = self.declared | (assigned - local)
        self.touched = {*self.declared, *assigned, *_REACHES.findall(code)}
        self.touched.update(_handed_on(code))
        self.makes_code = _MAKES_CODE.search(code) is not None
        self.anew = set(_given_anew(code, inner))


def searched(text: str) -> str:
    """The text without its comments and quoted texts, but for names in brackets; without `globalThis` before names."""
    if not _RUNS_TEXT.search(text):
        text = _APART.sub(_without, text)
    return _GLOBAL.sub(lambda found: found[1] or "", text)


def _without(found: re.Match[str]) -> str:
    if found["note"]:
        return " "
    if found["whole"]:
        before = found.string[max(0, found.start() - 100) : found.start()].rstrip()
        return found[0] if before.endswith("[") and _WORD.fullmatch(found["quoted"]) else '""'
    return found[0]


def _depths(code: str) -> list[int]:
    """How many brackets are open at each place; none anywhere where the text was not understood."""
    depths, depth = [], 0
    for character in code:
        depths.append(depth)
        depth += (character in "{([") - (character in "})]")
    return [0] * (len(depths) + 1) if depth else [*depths, depth]


def _handed_on(code: str) -> Iterator[str]:
    """What stands, not in further brackets, between those of calls that may do something to it."""
    calls: list[bool] = []
    last, end = "", 0
    for found in _PIECE.finditer(code):
        word, opens, closes = found.groups()
        if word:
            last, end = word, found.end()
            if calls and calls[-1] and (name := _USED.match(word.removeprefix("..."))) is not None:
                yield name[1]
        elif opens:
            callee = last if not code[end : found.start()].strip() else ""
            calls.append(opens == "(" and not _ONLY_LOOK.match(callee))
            last, end = "", found.end()
        elif closes and calls:
            calls.pop()
            last, end = "", found.end()


def _given_anew(code: str, inner: list[int]) -> Iterator[str]:
    first: dict[str, int] = {}
    for word in _WORD.finditer(code):
        first.setdefault(word[0], word.start())
    for found in _ANEW.finditer(code):
        group = next(number for number in (1, 2, 4) if found[number])
        name, rest = found[group], "" if group == 2 else found[3] or found[5] or ""
        at = found.start(group)
        if not inner[at] and first.get(name) == at and name not in _WORD.findall(rest):
            yield name


def _sign(text: str, own: set[str]) -> str:
    """What a text asks for. own: words of which the session has made something else."""
    code = searched(text)
    for cause, sign in SIGNS:
        if any(found[found.lastindex or 0] not in own for found in sign.finditer(code)):
            return cause
    return ""


class Causes:
    """Known causes of the runs so far, in their order."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._declared: set[str] = set()
        #: What code of a name of the session touches.
        self._touches: dict[str, set[str]] = {}
        self._of_all = ""

    def of(self, run: Run, files: Iterable[str] = ()) -> str:
        """The cause for which this run may differ, "" for none; remembers the names that it sets.

        files: the texts of those that it imports or runs.
        """
        text = run.text or ""
        names = Names(text)
        own = (self._declared - self._names.keys()) | names.anew
        cause = _sign(text, own) or next(filter(None, (_sign(file, own) for file in files)), "")
        if not cause:
            cause = next((self._names[word] for word in sorted(names.used - names.anew) if word in self._names), "")
        if not cause and "%limits" in run.magics:
            cause = "time"
        if not cause and "********" in run.stdin():
            cause = PASSWORD
        heard = [event for event in run.events if event["type"] == "comm" and event["payload"].get("incoming")]
        if not cause and any(not event.get("late") for event in heard):
            cause = FRONT_END
        if not cause:
            cause = STOPPED.get(run.stopped, "") or self._of_all
        self._declared |= names.given
        if names.makes_code:
            self._touches.update(dict.fromkeys(names.given, names.touched))
        if cause or heard:
            self.spread(text, cause or FRONT_END)
        else:
            for word in names.declared | names.anew:
                self._names.pop(word, None)
        return cause

    def spread(self, text: str, cause: str) -> None:
        """Names that this text sets, or the session's that it or code that it names touches, have that cause now."""
        names = Names(text)
        reached, waiting = set(names.touched), list(names.used)
        seen: set[str] = set()
        while waiting:
            word = waiting.pop()
            if word not in seen and word in self._touches:
                seen.add(word)
                reached |= self._touches[word]
                waiting.extend(self._touches[word])
        self._names.update(dict.fromkeys(names.given | (reached & self._declared), cause))

    def renewed(self) -> None:
        """No names are left: both sessions have a new engine."""
        self._names.clear()
        self._declared.clear()
        self._touches.clear()
        self._of_all = ""

    def lost(self) -> None:
        """The replay has lost an engine that the recorded session kept."""
        self._of_all = LOST
