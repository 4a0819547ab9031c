"""The checks of runtimed/kernel-testbed under its names, in our own words and stricter: what must come, not only that
something does.
"""

from __future__ import annotations

from collections.abc import Callable

import zmq

from .peer import Client, Kernel

COMPLETE = "const complete = 1"


def test_heartbeat_responds(client: Client) -> None:
    heart = client.sockets["hb"] = client.connect(zmq.REQ, "hb")
    heart.send(b"ping")
    assert heart.poll(1000), "no heartbeat within a second"
    assert heart.recv() == b"ping"


def test_iopub_welcome(client: Client) -> None:
    assert (client.welcome["msg_type"], client.welcome["parent_header"]) == ("iopub_welcome", {})
    assert client.welcome["content"] == {"subscription": ""}


def test_kernel_info_reply_valid(client: Client) -> None:
    heard = client.ask("kernel_info_request")
    assert (heard.reply["msg_type"], heard.status) == ("kernel_info_reply", "ok")
    assert heard.content["implementation"] == "vm_kernel" and heard.content["implementation_version"]


def test_kernel_info_has_language_info(client: Client) -> None:
    language = client.ask("kernel_info_request").content["language_info"]
    assert (language["name"], language["file_extension"]) == ("javascript", ".js")


def test_kernel_info_has_protocol_version(client: Client) -> None:
    heard = client.ask("kernel_info_request")
    assert heard.content["protocol_version"] == heard.reply["header"]["version"] == "5.5"


def test_execute_stdout(client: Client) -> None:
    assert client.run("console.log('hello')").contents("stream") == [{"name": "stdout", "text": "hello\n"}]


def test_execute_stderr(client: Client) -> None:
    assert client.run("console.error('error')").contents("stream") == [{"name": "stderr", "text": "error\n"}]


def test_execute_reply_ok(client: Client) -> None:
    heard = client.run(COMPLETE)
    assert (heard.reply["msg_type"], heard.status) == ("execute_reply", "ok")


def test_status_busy_idle_lifecycle(client: Client) -> None:
    heard = client.run(COMPLETE)
    assert heard.states == ["busy", "idle"]
    assert heard.types[0] == heard.types[-1] == "status"


def test_execute_input_broadcast(client: Client) -> None:
    heard = client.run(COMPLETE)
    count = heard.content["execution_count"]
    assert heard.contents("execute_input") == [{"code": COMPLETE, "execution_count": count}]


def test_complete_request(client: Client) -> None:
    client.run("const testVariableForCompletion = 42")
    code = "testVariableFor"
    content = client.ask("complete_request", {"code": code, "cursor_pos": len(code)}).content
    assert (content["status"], content["matches"]) == ("ok", ["testVariableForCompletion"])
    assert (content["cursor_start"], content["cursor_end"]) == (0, len(code))


def test_inspect_request(client: Client) -> None:
    client.run("const testVariableForCompletion = 42")
    code = "testVariableForCompletion"
    content = client.ask("inspect_request", {"code": code, "cursor_pos": len(code), "detail_level": 0}).content
    assert (content["status"], content["found"]) == ("ok", True)
    assert "42" in content["data"]["text/plain"]


def test_is_complete_complete(client: Client) -> None:
    assert client.ask("is_complete_request", {"code": COMPLETE}).content == {"status": "complete"}


def test_is_complete_incomplete(client: Client) -> None:
    content = client.ask("is_complete_request", {"code": "const x = {"}).content
    assert content["status"] == "incomplete" and isinstance(content["indent"], str)


def test_history_request(client: Client) -> None:
    count = client.run(COMPLETE).content["execution_count"]
    asked = {"hist_access_type": "tail", "n": 10, "output": False, "raw": True}
    content = client.ask("history_request", asked).content
    assert content["status"] == "ok" and content["history"][-1] == [1, count, COMPLETE]


def test_comm_info_request(client: Client) -> None:
    content = client.ask("comm_info_request").content
    assert content["status"] == "ok" and isinstance(content["comms"], dict)


def test_error_handling(client: Client) -> None:
    heard = client.run("function function")
    assert (heard.status, heard.content["ename"]) == ("error", "SyntaxError")
    assert [error["ename"] for error in heard.contents("error")] == ["SyntaxError"]


def test_display_data(client: Client) -> None:
    heard = client.run("display({ 'text/html': '<b>bold</b>' }, { raw: true })")
    assert [shown["data"]["text/html"] for shown in heard.contents("display_data")] == ["<b>bold</b>"]


def test_update_display_data(client: Client) -> None:
    show = "display({{ 'text/html': '<b>{}</b>' }}, {{ raw: true, display_id: 'd', update: {} }})"
    heard = client.run(f"{show.format('initial', 'false')}\n{show.format('updated', 'true')}")
    [first], [second] = heard.contents("display_data"), heard.contents("update_display_data")
    assert (first["data"]["text/html"], second["data"]["text/html"]) == ("<b>initial</b>", "<b>updated</b>")
    assert first["transient"] == second["transient"] == {"display_id": "d"}


def test_execute_result(client: Client) -> None:
    heard = client.run("1 + 1")
    [result] = heard.contents("execute_result")
    assert (result["data"], result["execution_count"]) == ({"text/plain": "2"}, heard.content["execution_count"])


def test_rich_execute_result(client: Client) -> None:
    [result] = client.run("[{letter: 'A', frequency: 0.08}, {letter: 'B', frequency: 0.01}]").contents("execute_result")
    assert "letter" in result["data"]["text/plain"] and "<table" in result["data"]["text/html"]
    own = "({ [Symbol.for('Jupyter.display')]() { return { 'text/html': '<b>bold</b>' } } })"
    [result] = client.run(own).contents("execute_result")
    assert result["data"]["text/html"] == "<b>bold</b>"


def test_stdin_input_request(client: Client) -> None:
    msg_id = client.start("prompt('Enter: ')", allow_stdin=True)
    asked = client.get("stdin")
    assert (asked["msg_type"], asked["content"]) == ("input_request", {"prompt": "Enter: ", "password": False})
    client.send("input_reply", {"value": "test_input_42"}, "stdin")
    heard = client.hear(msg_id)
    assert (heard.status, heard.value) == ("ok", "'test_input_42'")


def test_comms_lifecycle(client: Client) -> None:
    opened = client.send("comm_open", {"comm_id": "c", "target_name": "jupyter.kernel_testbed.test", "data": {}})
    closed = [m["content"]["comm_id"] for m in client.until_idle(opened) if m["msg_type"] == "comm_close"]
    assert closed == ["c"], "a comm for a target that nobody knows was not closed"
    for msg_type in ("comm_msg", "comm_close"):
        client.until_idle(client.send(msg_type, {"comm_id": "c", "data": {}}))
    assert client.run(COMPLETE).status == "ok"


def test_interrupt_request(client: Client) -> None:
    heard = client.ask("interrupt_request", channel="control")
    assert (heard.reply["msg_type"], heard.content) == ("interrupt_reply", {"status": "ok"})
    assert client.run(COMPLETE).status == "ok"


def test_execution_count_increments(client: Client) -> None:
    first, second = (client.run(COMPLETE).content["execution_count"] for _ in range(2))
    assert second == first + 1


def test_parent_header_correlation(client: Client) -> None:
    msg_id = client.start("console.log('hello')")
    heard = client.hear(msg_id)
    parents = {message["parent_header"]["msg_id"] for message in (heard.reply, *heard.published)}
    assert parents == {msg_id} and len(heard.published) == 4


def test_shutdown_reply(start: Callable[..., Kernel]) -> None:
    kernel = start()
    heard = kernel.clients[0].ask("shutdown_request", {"restart": False}, "control")
    assert (heard.reply["msg_type"], heard.content) == ("shutdown_reply", {"status": "ok", "restart": False})
    assert kernel.popen.wait(10) == 0
