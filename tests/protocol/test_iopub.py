"""The outgoing queue alone: a clock and a subscriber made of Python, so that five seconds take none."""

from __future__ import annotations

import json
from typing import Any

from vm_kernel.protocol import iopub
from vm_kernel.protocol.iopub import IOPub
from vm_kernel.protocol.wire import Wire

PARENT = b'{"msg_id":"cell 1"}'
OTHER = b'{"msg_id":"cell 2"}'


class Subscriber:
    """An outlet with room for `room` messages; None: for all."""

    def __init__(self) -> None:
        self.now = 100.0
        self.room: int | None = None
        self.sent: list[tuple[str, Any, bytes]] = []
        self.passed_over = 0

    def __call__(self, frames: list[bytes], pass_over: bool) -> bool:
        if self.room == 0 and not pass_over:
            return False
        if pass_over:
            self.passed_over += 1
        elif self.room is not None:
            self.room -= 1
        header = json.loads(frames[3])
        self.sent.append((header["msg_type"], json.loads(frames[6]), frames[4]))
        return True

    def clock(self) -> float:
        return self.now

    @property
    def types(self) -> list[str]:
        return [msg_type for msg_type, _, _ in self.sent]

    def text(self, name: str = "stdout") -> str:
        return "".join(c["text"] for t, c, _ in self.sent if t == "stream" and c["name"] == name)


def queue() -> tuple[IOPub, Subscriber]:
    subscriber = Subscriber()
    return IOPub(Wire(b"k"), subscriber, subscriber.clock), subscriber


def test_the_first_line_goes_at_once_and_the_next_ones_together_within_20_ms() -> None:
    out, subscriber = queue()
    out.stream(PARENT, "stdout", "first\n")
    out.send()
    assert subscriber.text() == "first\n"
    for number in range(100):
        subscriber.now += 0.0001
        out.stream(PARENT, "stdout", f"{number}\n")
        out.send()
    assert len(subscriber.sent) == 1
    due = out.deadline()
    assert due is not None and due <= 100.02
    subscriber.now = due
    out.send()
    assert len(subscriber.sent) == 2
    assert subscriber.text().count("\n") == 101
    assert out.deadline() is None


def test_text_of_another_name_or_cell_is_never_joined_and_keeps_its_place() -> None:
    out, subscriber = queue()
    for parent, name, text in (
        (PARENT, "stdout", "a"),
        (PARENT, "stdout", "b"),
        (PARENT, "stderr", "c"),
        (OTHER, "stderr", "d"),
        (PARENT, "stdout", "e"),
    ):
        out.stream(parent, name, text)
    out.publish("status", {"execution_state": "idle"}, PARENT)
    out.send()
    assert [(c.get("text"), parent) for _, c, parent in subscriber.sent] == [
        ("ab", PARENT),
        ("c", PARENT),
        ("d", OTHER),
        ("e", PARENT),
        (None, PARENT),
    ]


def test_a_flood_comes_out_in_few_messages_in_order_and_before_idle() -> None:
    out, subscriber = queue()
    for number in range(20_000):
        out.stream(PARENT, "stdout", f"line {number}\n")
    out.publish("status", {"execution_state": "idle"}, PARENT)
    out.send()
    assert subscriber.text() == "".join(f"line {number}\n" for number in range(20_000))
    assert subscriber.types[-1] == "status"
    assert len(subscriber.sent) < 10


def test_nothing_is_dropped_while_a_subscriber_reads_however_slowly() -> None:
    out, subscriber = queue()
    subscriber.room = 0
    for number in range(3000):
        out.stream(PARENT, "stdout", f"{number}\n")
        out.publish("status", {"execution_state": "busy"}, PARENT)
    for _ in range(6000):  # one message in 4 s, for more than six hours
        subscriber.now += 4.0
        subscriber.room = 1
        out.send()
    assert out.empty
    assert subscriber.text() == "".join(f"{number}\n" for number in range(3000))
    assert subscriber.text("stderr") == ""


def test_a_subscriber_stuck_for_5_s_costs_the_streams_with_one_notice_and_nothing_else() -> None:
    out, subscriber = queue()
    subscriber.room = 0
    out.publish("execute_input", {"code": "x"}, PARENT)
    for number in range(100):
        out.stream(PARENT, "stdout", f"{number}\n")
        out.publish("display_data", {"data": {"n": number}}, PARENT)
        out.send()
    subscriber.now += iopub.STUCK_S - 0.1
    out.send()
    out.stream(PARENT, "stdout", "still kept\n")
    subscriber.now += 0.2
    out.send()
    for number in range(100):
        out.stream(PARENT, "stdout", f"late {number}\n")
        out.send()
    out.publish("status", {"execution_state": "idle"}, PARENT)
    subscriber.room = None
    out.send()
    assert subscriber.types == ["execute_input", "stream", *["display_data"] * 100, "status"]
    assert subscriber.text("stderr") == iopub.NOTICE
    assert subscriber.text() == ""
    out.stream(PARENT, "stdout", "again\n")
    subscriber.now += 1
    out.send()
    assert subscriber.text() == "again\n", "after the queue was empty, streams must flow again"


def test_over_its_bound_the_queue_says_so_until_it_is_below() -> None:
    out, subscriber = queue()
    subscriber.room = 0
    for _ in range(70):
        out.stream(PARENT, "stdout", "x" * 1024 * 1024)
        out.send()
    assert out.congested
    subscriber.room = 20
    out.send()
    assert not out.congested


def test_a_stuck_subscriber_is_passed_over_after_10_s_when_there_are_others() -> None:
    out, subscriber = queue()
    out.subscriptions = 2
    subscriber.room = 0
    out.publish("status", {"execution_state": "busy"}, PARENT)
    out.send()
    subscriber.now += iopub.ABANDON_S - 0.1
    out.send()
    assert subscriber.sent == []
    subscriber.now += 0.2
    out.send()
    subscriber.now += iopub.RETRY_S
    out.send()
    assert subscriber.types == ["status"]
    for number in range(1000):
        out.publish("status", {"execution_state": str(number)}, PARENT)
    turns = 0
    while not out.empty:
        assert out.deadline() is not None
        subscriber.now += iopub.RETRY_S
        out.send()
        turns += 1
    assert subscriber.passed_over == 1001
    assert turns >= 1000 // iopub.PASS_OVER, "the others must get time to read"
    subscriber.room = None
    out.publish("status", {"execution_state": "idle"}, PARENT)
    out.send()
    assert subscriber.passed_over == 1001, "who reads again is no longer passed over"


def test_a_lone_stuck_subscriber_keeps_all_but_the_streams_for_when_it_wakes() -> None:
    out, subscriber = queue()
    out.subscriptions = 1
    subscriber.room = 0
    for _ in range(1000):
        out.publish("status", {"execution_state": "busy"}, PARENT)
        subscriber.now += 1
        out.send()
    subscriber.room = None
    out.send()
    assert len(subscriber.sent) == 1000


def test_a_reader_that_is_late_gets_what_waits_as_fast_as_it_reads() -> None:
    out, subscriber = queue()
    subscriber.room = 0
    for number in range(5000):
        out.publish("display_data", {"data": {"n": number}}, PARENT)
    out.send()
    started = subscriber.now
    while not out.empty:
        due = out.deadline()
        assert due is not None and due > subscriber.now
        subscriber.now = due
        subscriber.room = 128  # what libzmq lets through once half of its 256 have been read
        out.send()
    assert subscriber.now - started < 0.1, "5,000 messages in a tenth of a second is 50,000 per second"


def test_a_reader_that_does_not_read_is_tried_ever_less_often() -> None:
    out, subscriber = queue()
    subscriber.room = 0
    out.publish("status", {"execution_state": "busy"}, PARENT)
    out.send()
    tries = 0
    until = subscriber.now + 2.0
    while subscriber.now < until:
        due = out.deadline()
        assert due is not None and due > subscriber.now
        subscriber.now = due
        out.send()
        tries += 1
    assert tries < 250, "a queue that nobody reads must not keep the processor busy"


def test_a_long_line_given_as_json_keeps_its_place_and_gets_its_newline() -> None:
    out, subscriber = queue()
    out.stream(PARENT, "stdout", "before\n")
    out.stream_line(PARENT, "stdout", b'a \\"long\\" line')
    out.stream(PARENT, "stdout", "after\n")
    out.publish("status", {"execution_state": "idle"}, PARENT)
    out.send()
    assert subscriber.text() == 'before\na "long" line\nafter\n'
    assert subscriber.types[-1] == "status"


def test_the_end_waits_for_a_sleeping_subscriber_no_longer_than_it_is_told() -> None:
    import time

    out = IOPub(Wire(b"k"), lambda frames, pass_over: False)
    out.publish("status", {"execution_state": "idle"}, PARENT)
    started = time.monotonic()
    out.drain(0.2)
    assert 0.15 < time.monotonic() - started < 1.0


def test_welcome_topics_are_bounded() -> None:
    out, subscriber = queue()
    out.welcome(b"x" * (iopub.MAX_TOPIC_BYTES + 1))
    out.welcome(b"\xff\xfe")
    out.send()
    assert subscriber.types == ["iopub_welcome"]


def test_what_comes_before_the_first_subscriber_waits_for_it_behind_its_welcome() -> None:
    out, subscriber = queue()
    out.await_subscriber()
    out.publish("status", {"execution_state": "busy"}, PARENT)
    out.stream(PARENT, "stdout", "line\n")
    out.publish("status", {"execution_state": "idle"}, PARENT)
    out.send()
    assert subscriber.types == []
    out.welcome(b"")
    out.send()
    assert subscriber.types == ["iopub_welcome", "status", "stream", "status"]


def test_a_client_that_listens_to_nothing_is_waited_for_two_seconds_after_its_first_request() -> None:
    out, subscriber = queue()
    out.await_subscriber()
    out.publish("status", {"execution_state": "starting"})
    out.send()
    assert subscriber.types == ["status"], "it is over when somebody comes, so it is for those who are there"
    subscriber.now += 100
    out.publish("status", {"execution_state": "busy"}, PARENT)
    out.send()
    assert (subscriber.types, out.deadline()) == (["status"], subscriber.now + iopub.FIRST_SUBSCRIBER_S)
    subscriber.now += iopub.FIRST_SUBSCRIBER_S
    out.send()
    assert subscriber.types == ["status", "status"] and out.empty


def test_nobody_is_waited_for_when_the_queue_is_full_or_at_the_end() -> None:
    out, subscriber = queue()
    out.await_subscriber()
    out.publish("display_data", b'"%s"' % (b"x" * iopub.MAX_BYTES), PARENT)
    out.send()
    assert subscriber.types == ["display_data"] and not out.congested
    other, subscriber = queue()
    other.await_subscriber()
    other.publish("status", {"execution_state": "idle"}, PARENT)
    other.drain(10)
    assert subscriber.types == ["status"]


def test_what_nobody_hears_is_not_kept_and_not_signed() -> None:
    subscriber = Subscriber()
    there: list[bool] = []
    out = IOPub(Wire(b"k"), subscriber, subscriber.clock, listening=lambda: bool(there))
    out.publish("status", {"execution_state": "busy"}, PARENT)
    out.stream(PARENT, "stdout", "line\n")
    out.send()
    assert (subscriber.types, out.empty, out.congested, out.deadline()) == ([], True, False, None)
    there.append(True)
    out.publish("status", {"execution_state": "idle"}, PARENT)
    out.send()
    assert subscriber.types == ["status"]
