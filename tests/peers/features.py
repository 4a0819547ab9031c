"""Owns the trial of each row of the peers' table: what a person would do, over the protocol; refuses to be lenient.

`trial("the row's words")` registers a function that gets a client of a kernel of its own file; it fails by assertion.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from ..conformance.client import Client
from ..conformance.peer import Kernel, is_gone

Trial = Callable[[Client, Kernel, Path], None]
TRIALS: dict[str, Trial] = {}


def trial(row: str) -> Callable[[Trial], Trial]:
    def register(function: Trial) -> Trial:
        TRIALS[row] = function
        return function

    return register


def value(client: Client, code: str) -> str | None:
    heard = client.run(code)
    assert heard.status == "ok", (code, heard.content)
    return heard.value


def error(client: Client, code: str) -> dict[str, object]:
    heard = client.run(code)
    assert heard.status == "error", (code, heard.value)
    (published,) = heard.contents("error")
    return dict(published)


def bundle(client: Client, code: str) -> dict[str, object]:
    """The data of what a cell shows: its result, or its only display."""
    heard = client.run(code)
    assert heard.status == "ok", (code, heard.content)
    (shown,) = heard.contents("execute_result") + heard.contents("display_data")
    return dict(shown["data"])


def matches(client: Client, code: str, cursor: int | None = None) -> list[str]:
    asked = {"code": code, "cursor_pos": len(code) if cursor is None else cursor}
    return list(client.ask("complete_request", asked).content["matches"])


# -- cells -----------------------------------------------------------------------------------------------


@trial("top-level `await`")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    assert value(client, "await Promise.resolve(5)") == "5"
    assert value(client, "let all = []; for await (const x of [1, Promise.resolve(2)]) all.push(x); all") == "[ 1, 2 ]"
    assert value(client, "await (async () => 7)()") == "7"


@trial("promise as last expression")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    assert value(client, "Promise.resolve(5)") == "Promise { 5 }"
    assert value(client, "new Promise(() => {})") == "Promise { <pending> }"


@trial("`const x` / `let` / `class` declared again in a later cell")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    for code in ("const x = 1; let y = 1; class Z {}", "const x = 2; let y = 2; class Z { z = 3 }"):
        value(client, code)
    assert value(client, "[x, y, new Z().z]") == "[ 2, 2, 3 ]"


@trial("`let` persists; functions redefined")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    value(client, "let kept = 'kept'; function f() { return 1 }")
    value(client, "function f() { return 2 }")
    assert value(client, "[kept, f()]") == "[ 'kept', 2 ]"


@trial("variable of a cell that threw later on")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    error(client, "const before = 1; throw new Error('later')")
    assert value(client, "before") == "1"


@trial("TypeScript")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    assert value(client, "%%ts\nenum E { A = 3 }\nconst n: number = E.A as number; n satisfies number") == "3"
    refused = error(client, "%%ts\nlet a = 1\nnamespace N { export const x = 1 }")
    assert refused["ename"] == "SyntaxError" and ":3" in "\n".join(refused["traceback"]), refused


@trial("`{a: 1, b: 2}` as a cell")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    assert value(client, "{a: 1, b: 2}") == "{ a: 1, b: 2 }"


@trial("`null` as result")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    assert value(client, "null") == "null"
    assert value(client, "undefined") is None


# -- imports ---------------------------------------------------------------------------------------------


@trial("`import` of `node:` / npm CommonJS / npm ESM-only")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    write(folder, "node_modules/common/package.json", '{"name": "common", "main": "lib/main.js"}')
    write(folder, "node_modules/common/lib/main.js", "module.exports = {kind: 'CommonJS'}")
    write(folder, "node_modules/modern/package.json", '{"type": "module", "exports": {".": "./index.js"}}')
    write(folder, "node_modules/modern/index.js", "export const kind = 'ESM'; export default 1")
    assert value(client, "import common from 'common'; common.kind") == "'CommonJS'"
    assert value(client, "import one, {kind} from 'modern'; [one, kind]") == "[ 1, 'ESM' ]"
    assert "node:fs" in str(error(client, "import fs from 'node:fs'")["evalue"])


@trial("`import` of `npm:` / `https:`")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    for name in ("npm:lodash", "https://example.org/x.js"):
        assert name in str(error(client, f"import x from '{name}'")["evalue"])


@trial("`import` of local .mjs / .ts")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    write(folder, "plain.mjs", "export const a = 1")
    write(folder, "typed.ts", "export const b: number = 2; export interface I { x: string }")
    assert value(client, "import {a} from './plain.mjs'; import {b} from './typed.ts'; [a, b]") == "[ 1, 2 ]"


@trial("`await import()` / `require`")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    write(folder, "dynamic.mjs", "export default 3")
    write(folder, "old.js", "exports.four = 4")
    assert value(client, "(await import('./dynamic.mjs')).default") == "3"
    assert value(client, "require('./old.js').four") == "4"


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


# -- output ----------------------------------------------------------------------------------------------


@trial("results as")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    heard = client.run("({a: 'x'})")
    assert "\x1b" not in json.dumps(heard.contents("execute_result"))
    assert heard.types == ["status", "execute_input", "execute_result", "status"]


def png() -> bytes:
    """One black pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@trial("html, svg, markdown, png, json")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    assert bundle(client, "html`<b>${'<'}</b>`")["text/html"] == "<b>&lt;</b>"
    assert bundle(client, "svg`<svg/>`")["image/svg+xml"] == "<svg/>"
    assert bundle(client, "md`**x**`")["text/markdown"] == "**x**"
    encoded = base64.b64encode(png()).decode()
    shown = bundle(client, f"image(Uint8Array.fromBase64('{encoded}'))")
    assert str(shown["image/png"]).replace("\n", "") == encoded
    assert bundle(client, "display({'application/json': {a: 1}}, {raw: true})")["application/json"] == {"a": 1}
    own = "({[Symbol.for('Jupyter.display')]: () => ({'text/html': '<i>own</i>'})})"
    assert bundle(client, own)["text/html"] == "<i>own</i>"


@trial("vega-lite")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    spec = "({$schema: 'https://vega.github.io/schema/vega-lite/v5.json', mark: 'bar', data: {values: []}})"
    shown = bundle(client, spec)
    assert shown["application/vnd.vegalite.v5+json"]["mark"] == "bar"


@trial("array of objects as a table")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    shown = bundle(client, "[{a: 1, b: '<x>'}, {a: 2}]")
    assert "<table" in str(shown["text/html"]) and "&lt;x&gt;" in str(shown["text/html"])
    assert "text/plain" in shown


@trial("nested objects")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    assert value(client, "({a: {b: {c: {d: 1}}}})") == "{ a: { b: { c: [Object] } } }"


@trial("string result of 20,000 characters")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    assert value(client, "'x'.repeat(20000)") == f"'{'x' * 20000}'"


@trial("update_display_data / clear_output")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    heard = client.run("const shown = display('a', {display_id: 'd'}); display('b', {display_id: 'd', update: true})")
    assert heard.types[2:4] == ["display_data", "update_display_data"]
    assert client.run("clearOutput({wait: true})").contents("clear_output") == [{"wait": True}]


@trial("stdout and stderr apart")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    heard = client.run("console.log('out'); console.error('err')")
    assert (heard.text("stdout"), heard.text("stderr")) == ("out\n", "err\n")


@trial("output while a loop still runs")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    msg_id = client.started("while (true) {}")
    client.ask("interrupt_request", channel="control")
    assert client.hear(msg_id).status == "error"


# -- errors ----------------------------------------------------------------------------------------------

THROWS = "\n// a comment\n\nfunction deep() {\n  throw new RangeError('boom')\n}\n  deep()"


@trial("runtime error")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    shown = error(client, THROWS)
    text = "\n".join(shown["traceback"])
    assert (shown["ename"], shown["evalue"]) == ("RangeError", "boom")
    assert "throw new RangeError('boom')" in text and "^" in text and "\x1b" not in str(shown["evalue"])


@trial("syntax error")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    shown = error(client, "let a = 1\nlet b = ;")
    text = "\n".join(shown["traceback"])
    assert shown["ename"] == "SyntaxError" and "let b = ;" in text and "^" in text and ":2:" in text, text


@trial("line numbers in the stack")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    for code in (THROWS, f"await 1;{THROWS}"):
        text = "\n".join(error(client, code)["traceback"])
        assert ":5:9" in text and ":7:3" in text, text


@trial("which cell")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    defined = client.run("function fails() { null.x }").content["execution_count"]
    text = "\n".join(error(client, "fails()")["traceback"])
    assert f"cell [{defined}]:1:" in text and f"cell [{defined + 1}]:1:1" in text, text


@trial("kernel's own frames in the stack")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    for code in (THROWS, f"await 1;{THROWS}", "[1].map(() => { throw new Error('x') })"):
        text = "\n".join(error(client, code)["traceback"])
        assert "vm:" not in text and "eval" not in text, text


@trial("`error.cause` / thrown string")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    text = "\n".join(error(client, "throw new Error('outer', {cause: new TypeError('inner')})")["traceback"])
    assert "outer" in text and "TypeError: inner" in text, text
    assert "only text" in "\n".join(error(client, "throw 'only text'")["traceback"])


# -- completion and inspection ---------------------------------------------------------------------------


@trial("complete `Math.ma`, `obj.beta.ga`")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    value(client, "var obj = {alpha: 1, beta: {gamma: 2}}")
    assert matches(client, "Math.ma") == ["max"]
    assert matches(client, "obj.beta.ga") == ["gamma"]


@trial('complete `"abc".toU`, `obj?.al`')
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    value(client, "var obj = {alpha: 1}")
    assert "toUpperCase" in matches(client, '"abc".toU')
    assert matches(client, "obj?.al") == ["alpha"]


@trial("complete a `const` of an earlier cell")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    value(client, "const earlierConst = 1")
    assert matches(client, "earlierC") == ["earlierConst"]


@trial("complete a variable of the same cell")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    assert matches(client, "let sameCell = 1; function f(parameter) { sameC") == ["sameCell"]


@trial('complete `obj["al` / import path')
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    value(client, "var obj = {alpha: 1}")
    assert any("alpha" in match for match in matches(client, 'obj["al'))
    write(folder, "library/tools.js", "")
    assert any("library" in match for match in matches(client, "import x from './lib"))
    assert any("tools.js" in match for match in matches(client, "await import('./library/to"))


@trial("types in the completion metadata")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    answer = client.ask("complete_request", {"code": "Math.ma", "cursor_pos": 7}).content
    (typed,) = answer["metadata"]["_jupyter_types_experimental"]
    assert typed["text"] == "max" and typed["type"] in ("function", "method"), typed


@trial("completion noise")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    value(client, "var lemon = 1")
    found = matches(client, "le")
    assert found[0] == "lemon" and all(match.startswith("le") for match in found) and len(found) < 10, found


@trial("inspect (shift-tab)")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    value(client, "/** Adds two numbers. */\nfunction add(a, b = 2) { return a + b }")
    answer = client.ask("inspect_request", {"code": "add(1)", "cursor_pos": 3, "detail_level": 0}).content
    assert answer["found"] and "add(a, b = 2)" in answer["data"]["text/plain"], answer
    assert "Adds two numbers." in answer["data"]["text/plain"], answer
    detailed = client.ask("inspect_request", {"code": "add", "cursor_pos": 3, "detail_level": 1}).content
    assert "return a + b" in detailed["data"]["text/plain"], detailed


@trial("is_complete")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    cases = {
        "1 + 1": "complete",
        "let a = ;": "invalid",
        "`open": "incomplete",
        "function f() {": "incomplete",
        "if (x)": "incomplete",
        "a b c )(": "invalid",
    }
    for code, expected in cases.items():
        assert client.ask("is_complete_request", {"code": code}).status == expected, code
    assert client.ask("is_complete_request", {"code": "function f() {"}).content["indent"] == "  "


# -- the protocol ----------------------------------------------------------------------------------------


@trial("history")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    value(client, "6 * 7 // remembered")
    tail = {"hist_access_type": "tail", "n": 1, "output": True, "raw": True}
    ((_, _, pair),) = client.ask("history_request", tail).content["history"]
    assert pair == ["6 * 7 // remembered", "42"]


@trial("stdin")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    code = "[prompt('a? '), confirm('b? '), password('c? ')]; "
    msg_id = client.start(f"var answers = {code[:-2]}; answers", allow_stdin=True)
    for line, hidden in (("one", False), ("y", False), ("secret", True)):
        asked = client.get("stdin")
        assert asked["msg_type"] == "input_request" and asked["content"]["password"] is hidden
        client.send("input_reply", {"value": line}, "stdin")
    assert client.hear(msg_id).value == "[ 'one', true, 'secret' ]"
    assert error(client, "prompt('nobody? ')")["ename"] == "StdinNotImplementedError"


@trial("comms, ipywidgets")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    value(
        client,
        "Jupyter.comms.register('echo', (comm) => { comm.onMessage = (message) => comm.send({echo: message.data}) })",
    )
    opened = client.send("comm_open", {"comm_id": "c1", "target_name": "echo", "data": {}})
    client.until_idle(opened)
    said = client.send("comm_msg", {"comm_id": "c1", "data": {"n": 1}})
    published = client.until_idle(said)
    (message,) = [each["content"] for each in published if each["msg_type"] == "comm_msg"]
    assert message["comm_id"] == "c1" and message["data"] == {"echo": {"n": 1}}
    assert client.ask("comm_info_request", {}).content["comms"] == {"c1": {"target_name": "echo"}}


@trial("kernel_info on control while a loop runs")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    msg_id = client.started("while (true) {}")
    assert client.ask("kernel_info_request", channel="control", timeout_s=2).status == "ok"
    client.ask("interrupt_request", channel="control")
    client.hear(msg_id)


@trial("completion while a cell awaits")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    value(client, "var obj = {alpha: 1}")
    msg_id = client.started("await new Promise(() => {})")
    assert matches(client, "obj.al") == ["alpha"]
    client.ask("interrupt_request", channel="control")
    client.hear(msg_id)


@trial("`silent`")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    before = client.run("1").content["execution_count"]
    assert client.run("console.log('x'); 2", silent=True).types == ["status", "status"]
    assert client.run("1").content["execution_count"] == before + 1


@trial("`store_history: false`")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    before = client.run("1").content["execution_count"]
    assert client.run("2", store_history=False).value == "2"
    assert client.run("1").content["execution_count"] == before + 1


@trial("`user_expressions`")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    answers = client.run("var u = 2", user_expressions={"good": "u + 1", "bad": "nowhere"}).content["user_expressions"]
    assert answers["good"]["status"] == "ok" and answers["good"]["data"]["text/plain"] == "3"
    assert answers["bad"]["status"] == "error" and answers["bad"]["ename"] == "ReferenceError"


def queue(client: Client, stop_on_error: bool) -> list[str]:
    ids = [client.start("throw new Error('first')", stop_on_error=stop_on_error), client.start("1"), client.start("2")]
    return [client.hear(msg_id).status for msg_id in ids]


@trial("`stop_on_error: true`")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    msg_id = client.started("const end = Date.now() + 200; while (Date.now() < end) {}")
    assert queue(client, True) == ["error", "aborted", "aborted"]
    client.hear(msg_id)


@trial("`stop_on_error: false`")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    assert queue(client, False) == ["error", "ok", "ok"]


# -- life ------------------------------------------------------------------------------------------------


@trial("timers go on after the cell")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    value(client, "var ticks = 0; var timer = setInterval(() => ticks++, 1); undefined")
    time.sleep(0.1)
    assert int(str(value(client, "clearInterval(timer); ticks"))) > 1


def late(client: Client, code: str) -> tuple[str, dict[str, object]]:
    """The msg_id of the cell and its output that came after its end, and after another cell."""
    msg_id = client.start(code)
    client.hear(msg_id)
    value(client, "'another cell'")
    message = client.until("stream")
    return msg_id, message


@trial("their output belongs to")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    msg_id, message = late(client, "setTimeout(() => console.log('late'), 150); undefined")
    assert message["parent_header"]["msg_id"] == msg_id
    assert message["content"]["text"] == "late\n"


@trial("unhandled rejection / throw in a timer")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    heard = client.run("Promise.reject(new Error('forgotten')); undefined")
    assert "forgotten" in heard.text("stderr")
    msg_id, message = late(client, "setTimeout(() => { throw new Error('in a timer') }, 150); undefined")
    assert message["parent_header"]["msg_id"] == msg_id
    assert "in a timer" in message["content"]["text"]
    assert value(client, "'alive'") == "'alive'"


def interrupted(client: Client, code: str) -> None:
    value(client, "var kept = 'kept'")
    msg_id = client.started(code)
    client.ask("interrupt_request", channel="control")
    heard = client.hear(msg_id)
    assert heard.status == "error" and heard.content["ename"] == "Interrupted", heard.content
    assert value(client, "kept") == "'kept'"


@trial("interrupt a loop")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    interrupted(client, "while (true) {}")


@trial("interrupt a pending `await`")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    interrupted(client, "await new Promise(() => {})")


@trial("exit in a cell (`process.exit`)")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    assert error(client, "process.exit()")["ename"] == "ReferenceError"
    assert value(client, "'alive'") == "'alive'"


@trial("out of memory")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    with Kernel(folder.parent / "small", "--mem-mb", "128") as small:
        other = small.clients[0]
        value(other, "var kept = 'kept'")
        bomb = "{ const hold = []; while (true) hold.push(new Array(1e5).fill(1.5)) }"
        assert error(other, bomb)["ename"] == "OutOfMemory"
        assert value(other, "kept") == "'kept'"


@trial("SIGTERM / the parent process is killed (ipykernel: leaves / leaves)")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    from ..faults.test_processes import Orphan

    with Orphan(folder / "orphan") as orphan:
        orphan.popen.kill()
        assert is_gone(orphan.process), "the kernel outlived its parent"
    engine = kernel.engine()
    os.kill(kernel.process.pid, signal.SIGTERM)
    assert is_gone(kernel.process) and is_gone(engine)


@trial("limits on time, memory or output")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    with Kernel(folder / "limited", "--wall-ms", "300", "--max-output-kb", "1") as limited:
        other = limited.clients[0]
        assert error(other, "await new Promise(() => {})")["ename"] == "TimedOut"
        assert error(other, "console.log('x'.repeat(5000))")["ename"] == "OutputExceeded"


@trial("sandbox")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    for name in ("process", "Deno", "fetch", "XMLHttpRequest", "WebSocket"):
        assert value(client, f"typeof {name}") == "'undefined'", name
    assert "leaves the worktree" in str(error(client, "require('../../../../../../etc/passwd')")["evalue"])
    assert error(client, "%SystemBreak()")["ename"] in ("SyntaxError", "UsageError", "MagicError")
    assert error(client, "eval('%SystemBreak()')")["ename"] == "SyntaxError"


@trial("restart")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    heard = client.ask("shutdown_request", {"restart": True}, channel="control")
    assert heard.content["restart"] is True
    assert is_gone(kernel.process)
    with Kernel(folder / "again") as again:
        assert value(again.clients[0], "'alive'") == "'alive'"


@trial("`%magics`, `!shell`, `?help`")
def _(client: Client, kernel: Kernel, folder: Path) -> None:
    assert "%time" in client.run("%help").text()
    assert error(client, "!ls")["ename"] == "ReferenceError"
