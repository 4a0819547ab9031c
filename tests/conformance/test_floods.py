"""No line is lost, whoever reads late or never: floods through a real engine to real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import zmq

from .peer import Client, Heard, Kernel, stream_text

pytestmark = pytest.mark.alone

Start = Callable[..., Kernel]


def flood(lines: int) -> str:
    return f"for (let i = 0; i < {lines}; i++) console.log('line ' + i)"


def expected(lines: int) -> str:
    return "".join(f"line {number}\n" for number in range(lines))


def assert_whole(text: str, lines: int) -> None:
    """A diff of a million characters helps nobody: say how many lines came, and the first wrong one."""
    if text != expected(lines):
        got = text.splitlines()
        wrong = next((at for at, line in enumerate(got) if line != f"line {at}"), len(got))
        raise AssertionError(
            f"{len(got)} lines of {lines} came; the first wrong one is {wrong}: {got[wrong : wrong + 2]}"
        )


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_200000_lines_reach_a_client_that_reads_only_after_the_reply(start: Start, transport: str) -> None:
    client = start(transport=transport).clients[0]
    assert client.sockets["iopub"].getsockopt(zmq.RCVHWM) == 1000, "the test wants zmq's default"
    msg_id = client.start(flood(200_000))
    reply = client.reply(msg_id, timeout_s=60)
    assert reply["content"]["status"] == "ok"
    time.sleep(1)
    published = client.until_idle(msg_id, 60)
    assert_whole("".join(stream_text(published)), 200_000)
    assert [m["msg_type"] for m in published[-1:]] == ["status"]
    assert client.is_quiet("iopub"), "something came after idle"


def test_20000_lines_come_whole_in_at_most_60_stream_messages(client: Client) -> None:
    heard = client.run(flood(20_000))
    assert_whole(heard.text(), 20_000)
    assert len(heard.contents("stream")) <= 60


def test_a_flood_of_displays_comes_whole_and_in_order(client: Client) -> None:
    msg_id = client.start(
        "for (let i = 0; i < 5000; i++) display({ 'text/plain': String(i) }, { raw: true })"
    )
    client.reply(msg_id, timeout_s=60)
    time.sleep(0.5)
    shown = Heard({}, client.until_idle(msg_id, 60)).contents("display_data")
    assert [content["data"]["text/plain"] for content in shown] == [str(number) for number in range(5000)]


def test_streams_in_turn_which_cannot_be_joined_come_whole_to_a_late_reader(client: Client) -> None:
    """20,000 messages, twenty times what a subscriber's socket keeps."""
    msg_id = client.start("for (let i = 0; i < 10000; i++) { console.log(i); console.error(i) }")
    client.reply(msg_id, timeout_s=60)
    time.sleep(0.5)
    published = client.until_idle(msg_id, 60)
    came = [m["content"]["text"] for m in published if m["msg_type"] == "stream"]
    assert "".join(came) == "".join(f"{number}\n{number}\n" for number in range(10_000)), (
        f"{len(came)} messages came"
    )


def test_ten_megabytes_are_printed_and_returned_whole(client: Client) -> None:
    heard = client.run("console.log('x'.repeat(1e7)); 'y'.repeat(1e7)", timeout_s=60)
    assert heard.status == "ok"
    assert heard.text() == "x" * 10_000_000 + "\n", f"{len(heard.text())} characters came"
    assert heard.value == "'" + "y" * 10_000_000 + "'", f"{len(heard.value or '')} characters came"


def test_ten_megabytes_beyond_ascii_are_printed_and_returned_whole(client: Client) -> None:
    heard = client.run("console.log('é𝒳'.repeat(1e6)); '\\u{1F600}'.repeat(2e6)", timeout_s=60)
    assert heard.text() == "é𝒳" * 1_000_000 + "\n", f"{len(heard.text())} characters came"
    assert heard.value == "'" + "\N{GRINNING FACE}" * 2_000_000 + "'"


def test_stdout_and_stderr_keep_their_order(client: Client) -> None:
    heard = client.run("for (let i = 0; i < 300; i++) { console.log('o' + i); console.error('e' + i) }")
    came = "".join(content["text"] for content in heard.contents("stream"))
    assert came == "".join(f"o{number}\ne{number}\n" for number in range(300))
    for content in heard.contents("stream"):
        initials = {line[0] for line in content["text"].splitlines()}
        assert initials == {"o" if content["name"] == "stdout" else "e"}


def test_text_and_displays_keep_their_order(client: Client) -> None:
    heard = client.run(
        "for (let i = 0; i < 50; i++) { console.log(i); display({ 'text/plain': 'd' + i }, { raw: true }) }"
    )
    came = [
        m["content"].get("text") or m["content"]["data"]["text/plain"]
        for m in heard.published
        if m["msg_type"] in ("stream", "display_data")
    ]
    assert came == [word for number in range(50) for word in (f"{number}\n", f"d{number}")]


def test_a_line_is_with_the_client_within_50_ms_while_a_silent_loop_follows(client: Client) -> None:
    """The line carries the engine's clock, which is the client's. One of 20 may meet a busy machine."""
    late_ms = []
    for _ in range(20):
        msg_id = client.start("console.log(Date.now()); for (const t = Date.now(); Date.now() - t < 150;);")
        line = client.until("stream")
        late_ms.append(line["wall"] * 1000 - int(line["content"]["text"]))
        heard = client.hear(msg_id)
        assert heard.reply["at"] - line["at"] > 0.05, "the line came with the reply, not before it"
    assert sorted(late_ms)[-2] <= 50, f"ms from console.log to the client: {[round(ms) for ms in late_ms]}"


def test_a_line_in_the_midst_of_others_is_not_kept_back(client: Client) -> None:
    """What follows closely on a line is joined with others, and must still not wait for the next line."""
    late_ms = []
    for _ in range(10):
        msg_id = client.start(
            "for (let i = 0; i < 3; i++) console.log(i); console.log(Date.now()); "
            "for (const t = Date.now(); Date.now() - t < 150;);"
        )
        while len((line := client.until("stream"))["content"]["text"].splitlines()[-1]) < 5:
            pass
        late_ms.append(line["wall"] * 1000 - int(line["content"]["text"].splitlines()[-1]))
        client.hear(msg_id)
    assert sorted(late_ms)[-2] <= 50, f"ms from console.log to the client: {[round(ms) for ms in late_ms]}"


def stuck(client: Client) -> zmq.Socket[bytes]:
    """A subscriber that never reads, with no room of its own but the transport's."""
    socket = client.connect(zmq.SUB, "iopub", RCVHWM=1, RCVBUF=4096)
    assert socket.poll(5000), "the stuck subscriber did not get its welcome"
    return socket


#: 20 MB each: a few of them fill what the socket and the kernel keep for one subscriber.
LARGE = "for (let i = 0; i < 20000; i++) console.log('x'.repeat(1000))"


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["ipc", pytest.param("tcp", marks=pytest.mark.full)])
def test_a_subscriber_stuck_for_ever_cannot_hang_the_kernel(start: Start, transport: str) -> None:
    kernel = start(transport=transport)
    client = kernel.clients[0]
    sleeper = stuck(client)
    times = []
    for number in range(8):
        begun = time.monotonic()
        msg_id = client.start(f"{LARGE}\n{number}")
        asked = time.monotonic()
        client.reply(client.send("kernel_info_request", channel="control"), "control", timeout_s=5)
        assert time.monotonic() - asked < 1, "control does not answer while a subscriber is stuck"
        heard = client.hear(msg_id, timeout_s=30)
        times.append(round(time.monotonic() - begun, 1))
        assert (heard.status, heard.states, heard.value) == ("ok", ["busy", "idle"], str(number)), (
            f"seconds: {times}"
        )
    assert sum(times) < 30, f"seconds of each cell beside a stuck subscriber: {times}"
    assert kernel.process.memory_info().rss < 500e6, (
        "what the stuck subscriber does not read is kept without bound"
    )
    sleeper.close(0)
    client.run("'the stuck one is gone'", timeout_s=30)
    assert_whole(client.run(flood(20_000), timeout_s=30).text(), 20_000)


@pytest.mark.full
def test_small_messages_reach_the_reading_client_beside_a_stuck_one(start: Start) -> None:
    """Many messages instead of many bytes: displays, errors and status are never given up for who reads."""
    client = start().clients[0]
    sleeper = stuck(client)
    for number in range(3):
        heard = client.run(
            f"for (let i = 0; i < 2e3; i++) display({{ 'text/plain': String(i) }}, {{ raw:true }}); {number}",
            timeout_s=40,
        )
        assert heard.value == str(number)
        shown = [content["data"]["text/plain"] for content in heard.contents("display_data")]
        assert shown == [str(at) for at in range(2000)]
    sleeper.close(0)


@pytest.mark.full
def test_a_subscriber_that_reads_slowly_but_steadily_loses_nothing(start: Start) -> None:
    """80 messages a second; its socket makes room for 500 at a time, so the kernel sees it read each 6 s."""
    client = start("--max-output-kb", "0").clients[0]
    lines = 160_000
    msg_id = client.start(f"for (let i = 0; i < {lines}; i++) console.log(String(i).padEnd(1000))")
    texts: list[str] = []
    while (message := client.get("iopub", 60))["content"].get("execution_state") != "idle":
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])
        time.sleep(1 / 80)
    came = [int(line) for line in "".join(texts).splitlines() if line.strip().isdigit()]
    assert len(came) == lines, f"{len(came)} of {lines} lines came to a client that read all the time"
    assert came == list(range(lines))
    client.reply(msg_id)


@pytest.mark.full
def test_a_subscriber_that_sleeps_four_seconds_at_a_time_loses_nothing(start: Start) -> None:
    client = start().clients[0]
    client.sockets["slow"] = client.connect(zmq.SUB, "iopub", RCVHWM=1, RCVBUF=4096)
    lines = 400_000
    msg_id = client.start(flood(lines))
    texts: list[str] = []
    read, done = 0, False
    while not done:
        message = client.get("slow", 30)
        if message["parent_header"].get("msg_id") != msg_id:
            continue
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])
        done = message["content"].get("execution_state") == "idle"
        read += 1
        if read % 40 == 0:
            time.sleep(4)
    assert_whole("".join(texts), lines)
    assert client.reply(msg_id, timeout_s=60)["content"]["status"] == "ok"
