"""Owns what replays take for the cause of a difference; asserts that honest ones have one, and others none."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from vm_gateway.causes import Causes
from vm_gateway.recording import Run

from .gateway import Gateway
from .test_replay import causes, run, told

FILES = {
    "clock.js": "console.log(Date.now()); Date.now()",
    "clock.mjs": "export const now = () => performance.now()",
    "sub/deep.js": "import('./clock2.mjs').then(({ now }) => (globalThis.later = now()))",
    "sub/clock2.mjs": "export const now = () => Math.random()",
    "plain.mjs": "export const twice = (n) => 2 * n",
}
#: Each shows at its end something that is another in each session, for an honest cause.
HONEST = {
    "a list that a function fills": ("function fill(a) { a.push(Math.random()) }", "var arr = []", "fill(arr)", "arr"),
    "a list that a function fills with what it is given": ("var l = []; function add(x) { l.push(x) }",
        "add(Math.random())", "l"),
    "a count of a timer's function": ("var ticks = []", "function tick() { ticks.push(ticks.length) }",
        "var timer = setInterval(tick, 1)", "await new Promise((r) => setTimeout(r, 20 + 50 * Math.random())); 0",
        "clearInterval(timer)", "ticks.length + ticks.at(-1) / 1e3"),
    "an object that is assigned to": ("var o = {}", "Object.assign(o, { r: Math.random() }); 1", "o"),
    "a name that is given as text": ("globalThis['odd'] = Math.random(); 1", "odd"),
    "a name that is given through this": ("this.odd = Math.random(); 1", "odd"),
    "a part of Math": ("const { random } = Math", "random()"),
    "an event's moment": ("new Event('x').timeStamp",),
    "a file that uses the time": ("%run clock.js",),
    "a file that uses the time, timed": ("%time %run clock.js",),
    "an imported function that uses the time": ("import { now } from './clock.mjs'; 1", "now()"),
    "one that a file imports from its folder": ("run sub/deep.js", "later"),
}  # fmt: skip
ODD = "globalThis['Ma' + 'th']['ran' + 'dom']()"
#: What a record says that was forged: no honest cause makes these differ, whatever words stand around them.
FORGED = {
    "a comment": f"{ODD} // the Date, at random: Math.random()",
    "a text in quotes": f"['crypto is fun', {ODD}]",
    "a date that is told": f"[new Date(0), new Date('2020-01-01'), Date.UTC(2020), {ODD}]",
    "a property of that name": f"var job = {{ progress: 1 }}; [job.progress, {ODD}]",
    "a name of a block": f"var out = []; for (let i = 0; i < 2; i++) out.push(i); [out, {ODD}]",
    "the name in a text": f"['i don\\'t', {ODD}]",
    "the name of a property": f"[({{ t: 1 }}).t, {ODD}]",
    "the name, given anew": f"var t = 5; [t, {ODD}]",
    "a word that is a file's name, too": f"['a', {ODD}]",
    "a file that uses no time": f"import {{ twice }} from './plain.mjs'; twice({ODD})",
}


@pytest.mark.covers("rule recordings")
def test_no_difference_of_an_honest_session_is_unexplained(gateway: Gateway, worktree: Path) -> None:
    (worktree / "sub").mkdir()
    for name, text in FILES.items():
        (worktree / name).write_text(text)
    template = gateway.template(f"h-{worktree.parent.name}")
    with gateway.client() as client:
        for situation, steps in HONEST.items():
            session = gateway.session(template, worktree)
            run(client, session, steps)
            client.close_session(session)
            found = causes(told(gateway, session))
            assert found and all(cause for _, _, cause in found), (situation, found)


@pytest.mark.covers("rule recordings")
def test_words_that_ask_for_nothing_excuse_no_difference(gateway: Gateway, worktree: Path) -> None:
    (worktree / "plain.mjs").write_text(FILES["plain.mjs"])
    session = gateway.session(gateway.template(f"f-{worktree.parent.name}"), worktree)
    tainting = ("for (let i = 0; i < 2; i++) Math.random(); 0", "const t = Date.now()")
    with gateway.client() as client:
        run(client, session, (*tainting, *FORGED.values()))
    (worktree / "a.js").write_text("Date.now()")
    found = {number: cause for number, what, cause in causes(told(gateway, session)) if what == "value"}
    for number, situation in enumerate(FORGED, start=len(tainting) + 1):
        assert found.get(number) == "", (situation, found)


def test_a_changed_file_is_the_cause_of_what_is_made_of_it_later(gateway: Gateway, worktree: Path) -> None:
    others = {"lib.mjs": "export const f = () => {};", **dict.fromkeys(("again.mjs", "moved.mjs"), "export default {}")}
    for name, text in others.items():
        (worktree / name).write_text(text.format(1))
    session = gateway.session(gateway.template(f"l-{worktree.parent.name}"), worktree)
    whole = f"import whole from 'file://{worktree}/again.mjs'"
    cells = ("import { f } from './lib.mjs'", "f()", "import again from './again.mjs?2'", "again",
             "import moved from './moved.mjs'", "moved", whole, "whole")  # fmt: skip
    with gateway.client() as client:
        run(client, session, cells)
    time.sleep(0.02)
    for name, text in others.items():
        (worktree / f"{name}.new").write_text(text.format(2))
        os.utime(worktree / f"{name}.new", (1e9, 1e9))  # an older file that was kept
        (worktree / f"{name}.new").rename(worktree / name)
    assert causes(told(gateway, session)) == [(each, "value", "the file was changed") for each in (2, 4, 6, 8)]


def test_a_startup_file_that_the_template_names_no_more_is_the_cause_of_what_it_made(
    gateway: Gateway, worktree: Path
) -> None:
    (worktree / "begin.js").write_text("globalThis.begun = 1")
    template = gateway.template(f"b-{worktree.parent.name}")
    gateway.run("template", "add-startup", template, "--path", "begin.js")
    session = gateway.session(template, worktree)
    with gateway.client() as client:
        run(client, session, ("begun", "2"))
    gateway.run("template", "remove-startup", template, "--path", "begin.js")
    found = causes(told(gateway, session))
    assert {number for number, _, _ in found} == {0, 1}
    assert {cause for _, _, cause in found} == {"the template does not name it"}


@pytest.mark.parametrize("late", [False, True])
def test_what_a_front_end_said_is_the_cause_of_what_its_cell_made_of_it(late: bool) -> None:
    said = {"type": "comm", "late": late, "payload": {"op": "msg", "incoming": True}}
    known = Causes()
    opened = _run("var heard = 0; Jupyter.comms.register('t', () => { heard++ })", said)
    found = [known.of(opened), known.of(_run("heard")), known.of(_run("1"))]
    assert found == ["" if late else "a message of a front end", "a message of a front end", ""]


def _run(text: str, *events: Any) -> Run:
    execution: Any = {"id": "x", "kind": "repl", "status": "ok"}
    return Run(execution, text, events)
