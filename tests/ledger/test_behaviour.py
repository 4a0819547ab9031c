"""What a ledger does, on each of the three: templates, sessions, executions, events, counts, repair."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from vm_gateway.ledger import owners
from vm_gateway.ledger.port import BadCursor, Changed, Ledger, NameTaken, NotFound
from vm_kernel.events import Event
from vm_kernel.ids import uuid7

from .samples import DEAD, events, execution, ids, seqs, session, template

HOSTILE = ["\0", "\ud800", "é\u2028", 2**63, 2**70, -(2**64), 1e308, True, None, [], {"a": {"b": [1]}}, "x" * 100_000]


# -- templates -----------------------------------------------------------------------------------------------


def test_a_template_is_given_back_as_it_was_put(ledger: Ledger) -> None:
    row = template("a", settings={"limits": {"cpu_ms": 1}}, config=HOSTILE)
    ledger.put_template(row)
    assert ledger.get_template(row["id"]) == row == ledger.find_template("a")
    assert ledger.get_template(uuid7()) is None and ledger.find_template("b") is None


def test_a_second_template_of_a_name_is_refused_until_the_first_is_gone(ledger: Ledger) -> None:
    first, second = template("a"), template("a")
    ledger.put_template(first)
    with pytest.raises(NameTaken, match="'a' exists"):
        ledger.put_template(second)
    assert ids(ledger.list_templates().documents) == [first["id"]]
    assert ledger.delete_template(first["id"]) is True
    ledger.put_template(second)
    assert ledger.delete_template(first["id"]) is False


def test_putting_a_template_again_replaces_it_at_its_place(ledger: Ledger) -> None:
    rows = [template(name) for name in "abc"]
    for row in rows:
        ledger.put_template(row)
    ledger.put_template({**rows[1], "name": "d", "extra": 1})
    assert [row["name"] for row in ledger.list_templates().documents] == ["c", "d", "a"]
    with pytest.raises(NameTaken):
        ledger.put_template({**rows[1], "name": "a"})


def test_a_change_that_raises_changes_nothing(ledger: Ledger) -> None:
    row = template("a", modules=[])
    ledger.put_template(row)

    def refuse(document: dict[str, Any]) -> dict[str, Any]:
        document["modules"].append("fs")
        raise KeyError("refused")

    with pytest.raises(KeyError, match="refused"):
        ledger.change_template(row["id"], refuse)
    assert ledger.get_template(row["id"]) == row
    assert ledger.change_template(row["id"], lambda found: {**found, "modules": ["fs"]})["modules"] == ["fs"]
    with pytest.raises(NotFound):
        ledger.change_template(uuid7(), refuse)


def test_changes_of_one_template_by_many_threads_all_count(ledger: Ledger) -> None:
    row = template("a", modules=[])
    ledger.put_template(row)

    def add(name: str) -> None:
        ledger.change_template(row["id"], lambda found: {**found, "modules": [*found["modules"], name]})

    threads = [threading.Thread(target=add, args=(str(number),)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = ledger.get_template(row["id"])
    assert found is not None and sorted(found["modules"]) == sorted(map(str, range(12)))


def test_what_a_caller_does_to_a_document_is_not_stored(ledger: Ledger) -> None:
    row = template("a", modules=["fs"])
    ledger.put_template(row)
    row["modules"].append("mine")
    found = ledger.get_template(row["id"])
    assert found is not None
    found["modules"].append("mine")
    again = ledger.get_template(row["id"])
    assert again is not None and again["modules"] == ["fs"]


# -- lists ---------------------------------------------------------------------------------------------------


def test_lists_are_newest_first_and_continue_at_the_cursor(ledger: Ledger) -> None:
    rows = [session("ready" if number % 2 else "closed") for number in range(9)]
    for row in rows:
        ledger.put_session(row)
    newest = ids(rows)[::-1]
    assert ids(ledger.list_sessions().documents) == newest
    assert ids(ledger.list_sessions(status="closed").documents) == newest[0::2]
    walked, cursor = [], None
    for _ in range(4):
        listing = ledger.list_sessions(limit=3, cursor=cursor)
        walked += ids(listing.documents)
        cursor = listing.cursor
        if cursor is None:
            break
    assert walked == newest and cursor is None


def test_the_sessions_of_one_template_in_one_folder_are_found_oldest_first(ledger: Ledger) -> None:
    places = [("t1", "/a"), ("t2", "/a"), ("t1", "/b"), ("t1", "/a")]
    rows = [session("closed", vm_id=template_id, worktree_path=folder) for template_id, folder in places]
    for row in rows:
        ledger.put_session(row)
    assert ids(ledger.sessions_in("/a", "t1")) == [rows[0]["id"], rows[3]["id"]]
    assert ledger.sessions_in("/c", "t1") == []


def test_a_list_that_fits_exactly_has_no_cursor(ledger: Ledger) -> None:
    for name in "ab":
        ledger.put_template(template(name))
    assert ledger.list_templates(limit=2).cursor is None
    assert ledger.list_templates(limit=1).cursor is not None
    assert ledger.list_executions(uuid7()).documents == []


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "9" * 40, "\u0661"])
def test_a_cursor_that_nobody_gave_out_is_refused(ledger: Ledger, cursor: str) -> None:
    with pytest.raises(BadCursor):
        ledger.list_templates(cursor=cursor)


# -- sessions ------------------------------------------------------------------------------------------------


def test_a_session_changes_only_from_the_expected_state_and_owner(ledger: Ledger) -> None:
    row = session("starting", last_error="x")
    ledger.put_session(row)
    with pytest.raises(NameTaken):
        ledger.put_session(row)
    changed = ledger.update_session(
        row["id"], {"status": "ready", "last_error": None}, status=["starting"], owner=row["owner"]
    )
    assert changed["status"] == "ready" and "last_error" not in changed
    assert ledger.get_session(row["id"]) == changed
    with pytest.raises(Changed) as refused:
        ledger.update_session(row["id"], {"status": "closed"}, status=["starting"])
    assert refused.value.found == changed
    with pytest.raises(Changed, match="another owner"):
        ledger.update_session(row["id"], {"status": "closed"}, owner=DEAD)
    assert ledger.get_session(row["id"]) == changed
    with pytest.raises(NotFound):
        ledger.update_session(uuid7(), {})


# -- executions ----------------------------------------------------------------------------------------------


def test_an_execution_goes_from_running_with_its_first_event_to_its_end(ledger: Ledger) -> None:
    row = execution(uuid7())
    ledger.begin(row, events(row["id"], 1, 1))
    assert ledger.get_execution(row["id"]) == row
    assert seqs(ledger.events(row["id"])) == [1]
    ledger.append(row["id"], events(row["id"], 2, 5))
    ended = ledger.finish(row["id"], {"status": "ok", "result": {"json": HOSTILE}}, events(row["id"], 6, 7))
    assert ended == ledger.get_execution(row["id"]) == {**row, "status": "ok", "result": {"json": HOSTILE}}
    assert seqs(ledger.events(row["id"])) == [1, 2, 3, 4, 5, 6, 7]
    assert ids(ledger.list_executions(row["session_id"]).documents) == [row["id"]]


def test_an_execution_ends_once(ledger: Ledger) -> None:
    row = execution(uuid7())
    ledger.begin(row)
    ledger.finish(row["id"], {"status": "ok"})
    with pytest.raises(Changed) as refused:
        ledger.finish(row["id"], {"status": "error"}, events(row["id"], 1, 1))
    assert refused.value.found["status"] == "ok"
    assert ledger.events(row["id"]) == []
    with pytest.raises(NotFound):
        ledger.finish(uuid7(), {})
    with pytest.raises(NameTaken):
        ledger.begin(row)


def test_events_have_the_shape_of_the_contract(ledger: Ledger) -> None:
    row = execution(uuid7())
    payloads: list[dict[str, Any]] = [{"text": "\ud800\0"}, {"json": HOSTILE}]
    wanted = [Event(row["id"], 1, "input_echo", payloads[0], "t"), Event(row["id"], 2, "value", payloads[1], "t", True)]
    ledger.begin(row, wanted)
    assert ledger.events(row["id"]) == [
        {"execution_id": row["id"], "seq": 1, "ts": "t", "type": "input_echo", "payload": payloads[0]},
        {"execution_id": row["id"], "seq": 2, "ts": "t", "type": "value", "payload": payloads[1], "late": True},
    ]


def test_events_after_a_seq_are_found_across_pages_and_within_one(ledger: Ledger) -> None:
    row, other = execution(uuid7()), execution(uuid7())
    for each in (row, other):
        ledger.begin(each)
        for page in range(40):
            ledger.append(each["id"], events(each["id"], 5 * page + 1, 5 * page + 5))
    for after in (0, 1, 4, 5, 6, 99, 100, 198, 199, 200, 201, 2**70):
        assert seqs(ledger.events(row["id"], after)) == list(range(after + 1, 201))[:200]
    assert seqs(ledger.events(row["id"], 7, limit=100)) == list(range(8, 108))
    assert ledger.events(row["id"], limit=0) == []
    assert {event["execution_id"] for event in ledger.events(row["id"])} == {row["id"]}


def test_events_written_again_are_there_once(ledger: Ledger) -> None:
    row = execution(uuid7())
    ledger.begin(row, events(row["id"], 1, 1))
    for last in (4, 4, 6):
        ledger.append(row["id"], events(row["id"], 2, last))
    assert seqs(ledger.events(row["id"])) == [1, 2, 3, 4, 5, 6]


# -- all of it -----------------------------------------------------------------------------------------------


def test_counts_are_per_status(ledger: Ledger) -> None:
    ledger.put_template(template("a"))
    for status in ("ready", "ready", "closed"):
        ledger.put_session(session(status))
    for status in ("ok", "running", "timeout", "ok"):
        ledger.begin(execution(uuid7(), status=status))
    stats = ledger.stats()
    assert stats["templates"] == {"all": 1}
    assert stats["sessions"] == {"starting": 0, "ready": 2, "crashed": 0, "closed": 1}
    assert stats["executions"] == {"running": 1, "ok": 2, "error": 0, "timeout": 1, "cancelled": 0}


def test_rows_of_dead_owners_are_closed_and_the_others_are_not(ledger: Ledger) -> None:
    alive, dead, nobody = execution(uuid7()), execution(uuid7(), owner=DEAD), execution(uuid7())
    del nobody["owner"]
    over = execution(uuid7(), owner=DEAD, status="ok")
    for row in (alive, dead, nobody, over):
        ledger.begin(row, events(row["id"], 1, 3))
    sessions = [session(status, owner=DEAD) for status in ("starting", "ready", "closed")] + [session("ready")]
    for row in sessions:
        ledger.put_session(row)
    repaired = ledger.close_rows_of_dead_owners()
    assert ids(repaired.executions) == [dead["id"], nobody["id"]]
    assert repaired.sessions == sessions[:2], "sessions are only reported"
    closed = ledger.get_execution(dead["id"])
    assert closed is not None
    assert (closed["status"], closed["error"]) == ("error", {"message": "session process ended"})
    assert closed["ended_at"] > dead["started_at"] and "owner" not in closed
    said = ledger.events(dead["id"])[-1]
    assert (said["seq"], said["type"], said["payload"]["message"]) == (4, "system", "session process ended")
    assert ledger.get_execution(alive["id"]) == alive and ledger.get_execution(over["id"]) == over
    assert ledger.close_rows_of_dead_owners().executions == []


def test_the_owner_is_looked_at_again_before_a_row_is_closed(ledger: Ledger) -> None:
    row = execution(uuid7(), owner={**DEAD, "pid": 5})
    ledger.begin(row)
    asked: list[int] = []

    def is_alive(owner: Any) -> bool:
        asked.append(owner["pid"])
        return len(asked) > 1  # adopted between the two looks

    assert ledger.close_rows_of_dead_owners(is_alive).executions == []
    assert asked == [5, 5] and ledger.get_execution(row["id"]) == row


def test_a_batch_holds_what_is_in_it(ledger: Ledger) -> None:
    rows = [execution(uuid7()) for _ in range(3)]
    with ledger.batch():
        for row in rows:
            ledger.begin(row, events(row["id"], 1, 2))
        assert ledger.get_execution(rows[0]["id"]) == rows[0], "a thread sees what it has written"
    assert all(ledger.get_execution(row["id"]) == row for row in rows)


def test_closing_twice_is_closing_once(ledger: Ledger) -> None:
    ledger.close()
    ledger.close()


# -- owners --------------------------------------------------------------------------------------------------


def test_a_process_that_ended_is_dead_even_before_it_is_waited_for() -> None:
    import subprocess
    import sys

    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    named = owners.owner(process.pid)
    assert owners.is_alive(named)
    assert not owners.is_alive({**named, "start_time": named["start_time"] + 1}), "the number is another process's"
    assert not owners.is_alive({**named, "boot_id": "before the restart"})
    process.kill()
    for _ in range(200):
        if not owners.is_alive(named):
            break
        threading.Event().wait(0.01)
    assert not owners.is_alive(named)
    process.communicate()
    assert not owners.is_alive(named)


@pytest.mark.parametrize("named", [{}, {"pid": -1}, {"pid": "1"}, {"pid": True}, {"boot_id": None, "pid": 1}])
def test_an_owner_that_names_no_process_is_dead(named: dict[str, Any]) -> None:
    assert not owners.is_alive(named)
