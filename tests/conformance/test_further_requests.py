"""The rarer requests: usage, debugger, subshells, connect, history by numbers, and what the end finds waiting."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

import psutil
import pytest

from .peer import Client, Kernel

Start = Callable[..., Kernel]

LOOP = "while (true) {}"


@pytest.mark.parametrize("channel", ["control", "shell"])
def test_usage_has_the_fields_that_ipykernel_sends(shared: Kernel, client: Client, channel: str) -> None:
    heard = client.ask("usage_request", channel=channel)
    content = heard.content
    assert (heard.reply["msg_type"], heard.status, heard.states) == ("usage_reply", "ok", ["busy", "idle"])
    assert content["hostname"] == socket.gethostname() and content["pid"] == shared.popen.pid
    assert content["cpu_count"] == os.cpu_count()
    memory, psutils = content["host_virtual_memory"], psutil.virtual_memory()._asdict()
    assert set(psutils) <= set(memory)
    assert memory["total"] == psutils["total"]
    for name in ("available", "used", "free"):
        assert abs(memory[name] - psutils[name]) < 0.1 * psutils["total"], name
    assert abs(memory["percent"] - psutils["percent"]) < 10


def test_usage_counts_the_engine_too_and_what_it_did_since_the_last_look(shared: Kernel, client: Client) -> None:
    client.ask("usage_request", channel="control")
    family = [shared.process, *shared.process.children(recursive=True)]
    assert len(family) == 2
    cpu_before, began = sum(sum(p.cpu_times()[:2]) for p in family), time.monotonic()
    client.run("const end = Date.now() + 300; while (Date.now() < end) {}")
    content = client.ask("usage_request", channel="control").content
    passed_s = time.monotonic() - began
    used_s = sum(sum(p.cpu_times()[:2]) for p in family) - cpu_before
    assert abs(content["kernel_cpu"] / 100 * passed_s - used_s) < 0.15, (content["kernel_cpu"], used_s, passed_s)
    pss = sum(p.memory_full_info().pss for p in family)
    assert abs(content["kernel_memory"] - pss) < 0.3 * pss
    assert 0 <= content["host_cpu_percent"] <= 100


def test_usage_is_answered_while_a_cell_runs(client: Client) -> None:
    running = client.started(LOOP)
    client.ask("usage_request", channel="control", timeout_s=5)
    time.sleep(0.2)
    assert client.ask("usage_request", channel="control", timeout_s=5).content["kernel_cpu"] > 10
    client.ask("interrupt_request", channel="control")
    client.hear(running)


def test_a_debugger_asked_for_gets_an_error_in_both_languages(client: Client) -> None:
    request = {"type": "request", "seq": 7, "command": "initialize", "arguments": {}}
    heard = client.ask("debug_request", request, "control")
    content = heard.content
    assert (heard.reply["msg_type"], content["status"]) == ("debug_reply", "error")
    assert content["ename"] == "DebuggerNotSupported"
    adapter = {name: content[name] for name in ("type", "request_seq", "success", "command")}
    assert adapter == {"type": "response", "request_seq": 7, "success": False, "command": "initialize"}
    assert "debugger" in content["message"] and heard.states == ["busy", "idle"]
    assert "debugger" not in client.ask("kernel_info_request").content["supported_features"]


@pytest.mark.parametrize("content", [{}, {"seq": "x", "command": ["y"]}, {"seq": None}])
def test_a_debug_request_that_makes_no_sense_is_answered_too(client: Client, content: dict[str, object]) -> None:
    heard = client.ask("debug_request", content, "control")
    assert (heard.content["request_seq"], heard.content["command"]) == (0, "")


def test_there_are_no_subshells_and_none_is_made(client: Client) -> None:
    assert client.ask("list_subshell_request", channel="control").content == {"status": "ok", "subshell_id": []}
    for msg_type, content in (("create_subshell_request", {}), ("delete_subshell_request", {"subshell_id": "x"})):
        heard = client.ask(msg_type, content, "control")
        assert heard.reply["msg_type"] == msg_type.replace("_request", "_reply")
        assert (heard.status, heard.content["ename"]) == ("error", "SubshellsNotSupported")
    assert client.ask("kernel_info_request").content["supported_features"] == []


@pytest.mark.parametrize("msg_type", ["execute_request", "kernel_info_request", "complete_request"])
def test_a_request_to_a_subshell_is_an_error_and_not_run_in_the_main_one(client: Client, msg_type: str) -> None:
    message = client.session.msg(msg_type, {"code": "var in_a_subshell = 1", "cursor_pos": 0})
    message["header"]["subshell_id"] = "nobody"
    client.session.send(client.sockets["shell"], message)
    heard = client.hear(message["header"]["msg_id"])
    assert (heard.status, heard.content["ename"]) == ("error", "SubshellNotFound")
    assert heard.states == ["busy", "idle"]
    assert client.run("typeof in_a_subshell").value == "'undefined'"


def test_connect_tells_the_ports_of_the_connection_file(client: Client) -> None:
    ports = {name: client.connection[name] for name in client.connection if name.endswith("_port")}
    assert len(ports) == 5
    assert client.ask("connect_request").content == {"status": "ok", **ports}


@pytest.mark.parametrize("before", [[], [b"one"], [b"", b"two", b"three"]])
def test_frames_before_the_delimiter_come_back_before_the_reply(client: Client, before: list[bytes]) -> None:
    message = client.session.msg("kernel_info_request", {})
    client.sockets["shell"].send_multipart([*before, *client.session.serialize(message)])
    client.until_idle(message["header"]["msg_id"])
    assert client.sockets["shell"].poll(5000)
    frames = client.sockets["shell"].recv_multipart()
    assert frames[: len(before) + 1] == [*before, b"<IDS|MSG>"]


@pytest.fixture(scope="module")
def remembering(shared: Kernel) -> Client:
    """Its last five lines are known, whatever ran before; their numbers count from the end."""
    client = shared.client()
    for code in ("1 + 1", "'a?c'", "'abc'", "1 + 1", "console.log('nothing')"):
        client.run(code)
    return client


@pytest.mark.parametrize(
    ("asked", "inputs"),
    [
        ({"start": -2, "stop": None}, ["1 + 1", "console.log('nothing')"]),
        ({"start": -2, "stop": 0}, ["1 + 1", "console.log('nothing')"]),
        ({"start": -5, "stop": -3}, ["1 + 1", "'a?c'"]),
        ({"start": -1}, ["console.log('nothing')"]),
        ({"start": -1, "stop": -1}, []),
        ({"session": 1, "start": -1}, ["console.log('nothing')"]),
        ({"session": None, "start": -1}, ["console.log('nothing')"]),
        ({"session": -1, "start": 1, "stop": 99}, []),
        ({"session": -7}, []),
        ({"session": 2}, []),
        ({"session": "x"}, []),
        ({"start": 10**30}, []),
        ({"stop": -(10**30)}, []),
    ],
)
def test_a_range_of_the_history(remembering: Client, asked: dict[str, object], inputs: list[str]) -> None:
    request = {"hist_access_type": "range", "raw": True, "output": False, "session": 0, **asked}
    history = remembering.ask("history_request", request).content["history"]
    assert [entry[2] for entry in history] == inputs
    assert all(entry[0] == 1 for entry in history), "the session's number is 1"


@pytest.mark.parametrize("asked", [{"hist_access_type": "guess"}, {"hist_access_type": None}, {"pattern": 1}])
def test_what_the_history_does_not_understand_is_an_error(remembering: Client, asked: dict[str, object]) -> None:
    request = {"hist_access_type": "search" if "pattern" in asked else "range", "raw": True, "output": False, **asked}
    assert remembering.ask("history_request", request).content["ename"] == "InvalidRequest"


@pytest.mark.parametrize(
    ("pattern", "more", "inputs"),
    [
        ("'a?c'", {}, ["'a?c'", "'abc'"]),
        ("'a[b]c'", {}, ["'abc'"]),
        ("*nothing*", {}, ["console.log('nothing')"]),
        ("nothing", {}, []),
        ("* + *", {"n": 1}, ["1 + 1"]),
        ("* + *", {"n": 0}, []),
        ("? + ?", {"unique": True, "n": 5}, ["1 + 1"]),
        ("*a" * 40, {}, []),
    ],
)
def test_a_search_of_the_history(
    remembering: Client, pattern: str, more: dict[str, object], inputs: list[str]
) -> None:
    request = {"hist_access_type": "search", "raw": True, "output": False, "pattern": pattern, **more}
    history = remembering.ask("history_request", request, timeout_s=5).content["history"]
    assert [entry[2] for entry in history][-len(inputs) or len(history) :] == inputs


def test_outputs_of_the_history_are_pairs(remembering: Client) -> None:
    request = {"hist_access_type": "tail", "n": 2, "raw": True, "output": True}
    history = remembering.ask("history_request", request).content["history"]
    assert [entry[2] for entry in history] == [["1 + 1", "2"], ["console.log('nothing')", None]]


def test_the_end_answers_all_that_waits(start: Start) -> None:
    kernel = start()
    client = kernel.clients[0]
    running = client.start("prompt('?')", allow_stdin=True)
    client.get("stdin")
    queued = [client.start(f"{number}") for number in range(300)]
    questions = [client.send("complete_request", {"code": "Math.", "cursor_pos": 5}) for _ in range(50)]
    client.ask("kernel_info_request")  # its answer says that all has arrived
    ended = client.send("shutdown_request", {"restart": True}, "control")
    heard = client.hear(running)
    assert (heard.status, heard.content["ename"]) == ("error", "Interrupted")
    assert {client.hear(msg_id).status for msg_id in queued} == {"aborted"}
    assert {client.hear(msg_id).status for msg_id in questions} == {"ok"}
    assert client.hear(ended, "control").content == {"status": "ok", "restart": True}
    assert kernel.popen.wait(10) == 0
