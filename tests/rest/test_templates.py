"""Owns the life of templates over HTTP: shapes, defaults, changes, order, uniqueness; asserts contract 4 and 18."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest

from .running import Running

DEFAULTS = {
    "limits": {"cpu_ms": 2000, "wall_ms": 5000, "mem_mb": 128, "max_events": 50000, "max_output_kb": 256},
    "resolver": {"roots": ["."], "extensions": [".js", ".mjs"], "allow_absolute_repo_imports": True},
    "runtime": {"esm": True, "strict": True, "console": True, "on_engine_loss": "crash"},
    "session": {"idle_timeout_s": 0, "max_age_s": 0, "require_ledger": True, "require_containment": False},
}


@pytest.mark.covers("POST /templates", "201")
@pytest.mark.covers("GET /templates/{id}", "200")
@pytest.mark.covers("weakness 28")
def test_a_new_template_has_the_defaults_of_the_contract(gateway: Running) -> None:
    made = gateway.template("fresh")
    assert made["engine"] == "v8"
    assert made["is_active"] is True
    assert made["exposed_modules"] == made["libraries"] == []
    assert made["created_at"] == made["updated_at"]
    assert made["created_at"].endswith("Z")
    detail = gateway.ask("GET", f"/templates/{made['id']}", 200)
    assert detail == {
        "template": made,
        "settings": {"vm_id": made["id"], **DEFAULTS},
        "capabilities": [],
        "startup_files": [],
    }


@pytest.mark.covers("POST /templates", "201")
@pytest.mark.covers("rule ids")
def test_an_id_is_found_however_it_is_written(gateway: Running) -> None:
    made = gateway.template()["id"]
    for written in (made.upper(), made.replace("-", ""), f"%20{made}%20", f"urn:uuid:{made}", f"{{{made}}}"):
        assert gateway.ask("GET", f"/templates/{written}", 200)["template"]["id"] == made
    for written in (made[:-1], made + "0", made.replace("-", "_"), "%00", made[:-1] + "g"):
        gateway.ask("GET", f"/templates/{written}", 400)


@pytest.mark.covers("POST /templates", "201", "409 TEMPLATE_NAME_CONFLICT")
@pytest.mark.covers("DELETE /templates/{id}", "200")
@pytest.mark.covers("weakness 24")
def test_a_name_is_taken_once_and_free_again_after_deletion(gateway: Running) -> None:
    first = gateway.template("twice")
    assert gateway.template("twice", 409)["error"]["code"] == "TEMPLATE_NAME_CONFLICT"
    answer = gateway.ask("DELETE", f"/templates/{first['id']}", 200)
    assert answer == {"status": "ok", "template_id": first["id"]}
    gateway.template("twice")
    for below in ("", "/capabilities", "/startup-files", "/modules", "/libraries"):
        gateway.ask("GET", f"/templates/{first['id']}{below}", 404)


@pytest.mark.covers("GET /templates", "200")
@pytest.mark.covers("weakness 33")
def test_the_list_is_newest_first_and_pages_by_a_cursor(gateway: Running) -> None:
    made = [gateway.template()["id"] for _ in range(5)]
    listed = [each["id"] for each in gateway.ask("GET", "/templates", 200)]
    assert listed[:5] == made[::-1]
    seen: list[str] = []
    cursor = ""
    while True:
        answer = gateway.http.get(f"/templates?limit=2&cursor={cursor}")
        assert answer.status_code == 200
        seen += [each["id"] for each in answer.json()]
        cursor = answer.headers.get("x-next-cursor", "")
        if not cursor:
            break
    assert seen == listed


@pytest.mark.covers("PATCH /templates/{id}", "200")
def test_a_change_touches_only_what_it_names(gateway: Running) -> None:
    made = gateway.template()
    change = {"description": "d", "settings": {"limits": {"wall_ms": 7}, "runtime": {"console": False}}}
    changed = gateway.ask("PATCH", f"/templates/{made['id']}", 200, change)
    assert changed["settings"]["limits"] == {**DEFAULTS["limits"], "wall_ms": 7}
    assert changed["settings"]["runtime"] == {**DEFAULTS["runtime"], "console": False}
    assert changed["template"]["description"] == "d"
    assert changed["template"]["updated_at"] > made["updated_at"]
    assert changed == gateway.ask("GET", f"/templates/{made['id']}", 200)
    assert gateway.ask("PATCH", f"/templates/{made['id']}", 200, {"name": "renamed"})["template"]["name"] == "renamed"
    assert gateway.ask("PATCH", f"/templates/{made['id']}", 200, {"name": "renamed"})["settings"] == changed["settings"]


@pytest.mark.covers("POST /templates", "201")
def test_settings_at_creation_are_merged_over_the_defaults(gateway: Running) -> None:
    made = gateway.template(settings={"limits": {"cpu_ms": 0}, "resolver": {"roots": ["lib"]}})
    settings = gateway.ask("GET", f"/templates/{made['id']}", 200)["settings"]
    assert settings["limits"] == {**DEFAULTS["limits"], "cpu_ms": 0}
    assert settings["resolver"]["roots"] == ["lib"]


@pytest.mark.covers("GET /templates", "200")
@pytest.mark.covers("PATCH /templates/{id}", "200")
def test_two_templates_always_exist_and_their_settings_can_be_changed(gateway: Running) -> None:
    fixed = {each["name"]: each for each in gateway.ask("GET", "/templates", 200)}
    assert uuid.UUID(fixed["default"]["id"]).version == uuid.UUID(fixed["notebook"]["id"]).version == 5
    notebook = gateway.ask("GET", f"/templates/{fixed['notebook']['id']}", 200)
    assert notebook["settings"]["limits"] == {
        "cpu_ms": 0,
        "wall_ms": 0,
        "mem_mb": 2048,
        "max_events": 0,
        "max_output_kb": 65536,
    }
    assert notebook["settings"]["runtime"]["on_engine_loss"] == "fresh"
    assert notebook["settings"]["session"]["require_ledger"] is False
    assert notebook["template"]["exposed_modules"] == ["fs"]
    [capability] = notebook["capabilities"]
    assert (capability["kind"], capability["config"], capability["effective"]) == (
        "fs",
        {"path": ".", "mode": "rw"},
        True,
    )
    path = f"/templates/{fixed['default']['id']}"
    gateway.ask("PATCH", path, 200, {"settings": {"limits": {"wall_ms": 6000}}, "name": "default"})
    gateway.ask("PATCH", path, 200, {"settings": {"limits": {"wall_ms": 5000}}})


@pytest.mark.covers("POST /templates/{id}/capabilities", "201")
@pytest.mark.covers("GET /templates/{id}/capabilities", "200")
@pytest.mark.covers("DELETE /templates/{id}/capabilities/{id}", "200")
@pytest.mark.covers("weakness 6")
@pytest.mark.parametrize(
    ("kind", "name", "config", "effective"),
    [
        ("module", "fs", {}, True),
        ("module", "console", {}, False),
        ("module", "fs", {"a": 1}, False),
        ("global", "answer", {"value": [None, {"deep": 1}]}, True),
        ("global", "1x", {"value": 1}, False),
        ("global", "class", {"value": 1}, False),
        ("global", "g", {}, False),
        ("env", "TOKEN", {"from": "HOST_TOKEN"}, True),
        ("env", "TOKEN", {"value": "x"}, False),
        ("fs", "data", {"path": "a/b", "mode": "ro"}, True),
        ("fs", "data", {"path": "../x", "mode": "rw"}, False),
        ("fs", "data", {"path": "a", "mode": "x"}, False),
        ("net", "api", {"hosts": ["api.example.org", "*.example.org:8443"], "methods": ["GET"]}, True),
        ("net", "api", {"hosts": ["http://x"]}, False),
        ("net", "api", "any JSON at all", False),
        ("net", "api", [1, 2], False),
    ],
)
def test_a_capability_says_whether_it_has_effect(
    gateway: Running, kind: str, name: str, config: Any, effective: bool
) -> None:
    path = f"/templates/{gateway.template()['id']}/capabilities"
    body = {"kind": kind, "name": name, "config": config}
    off = gateway.ask("POST", path, 201, body)
    assert off["enabled"] is False
    assert off["effective"] is False
    assert off["reason"]
    assert gateway.ask("DELETE", f"{path}/{off['id']}", 200)["status"] == "ok"
    on = gateway.ask("POST", path, 201, {**body, "enabled": True})
    assert on["config"] == config
    assert on["effective"] is effective, on
    assert ("reason" in on) is not effective
    assert gateway.ask("GET", path, 200) == [on]


@pytest.mark.covers("POST /templates/{id}/startup-files", "201")
@pytest.mark.covers("GET /templates/{id}/startup-files", "200")
@pytest.mark.covers("DELETE /templates/{id}/startup-files/{id}", "200")
def test_startup_files_are_cleaned_and_stand_in_their_order(gateway: Running) -> None:
    template = gateway.template()["id"]
    path = f"/templates/{template}/startup-files"
    for given, order in (("z.js", 5), ("a/../b.js", 0), ("./c//d.js", 5), ("%2e%2e/e.js", -1), ("..f.js", 5)):
        made = gateway.ask("POST", path, 201, {"path": given, "order_index": order, "mode": " EVAL "})
        assert made["vm_id"] == template
        assert made["mode"] == "eval"
    listed = gateway.ask("GET", path, 200)
    assert [each["path"] for each in listed] == ["%2e%2e/e.js", "b.js", "z.js", "c/d.js", "..f.js"]
    gateway.ask("DELETE", f"{path}/{listed[0]['id']}", 200)
    assert gateway.ask("GET", path, 200) == listed[1:]
    assert gateway.ask("POST", path, 201, {"path": "no-order.js"})["order_index"] == 0


@pytest.mark.covers("POST /templates/{id}/startup-files", "422 STARTUP_MODE_UNSUPPORTED")
def test_another_startup_mode_is_refused_with_what_to_do(gateway: Running) -> None:
    template = gateway.template()["id"]
    body = {"path": "a.js", "mode": " Import "}
    details = gateway.ask("POST", f"/templates/{template}/startup-files", 422, body)["error"]["details"]
    assert details["template_id"] == template
    assert details["requested_mode"] == "import"
    assert details["supported_modes"] == ["eval"]
    assert "eval" in details["migration_option"]


@pytest.mark.covers("POST /templates/{id}/modules", "201")
@pytest.mark.covers("GET /templates/{id}/modules", "200")
@pytest.mark.covers("DELETE /templates/{id}/modules/{name}", "200")
@pytest.mark.covers("POST /templates/{id}/libraries", "201")
@pytest.mark.covers("GET /templates/{id}/libraries", "200")
@pytest.mark.covers("DELETE /templates/{id}/libraries/{name}", "200")
@pytest.mark.covers("weakness 10")
@pytest.mark.covers("weakness 11")
@pytest.mark.parametrize(
    ("noun", "sent", "kept"),
    [
        ("modules", [" FS ", "exec", "fs"], ["fs", "exec"]),
        ("libraries", ["lodash-4.17.21", "dayjs", "dayjs"], ["lodash-4.17.21", "dayjs"]),
    ],
)
def test_names_are_kept_once_in_their_order(gateway: Running, noun: str, sent: list[str], kept: list[str]) -> None:
    template = gateway.template()["id"]
    path = f"/templates/{template}/{noun}"
    for name in sent:
        assert gateway.ask("POST", path, 201, {"name": name}) == {"template_id": template, "name": name}
    assert gateway.ask("GET", path, 200) == kept
    gone = gateway.ask("DELETE", f"{path}/{kept[0]}", 200)
    assert gone == {"status": "ok", "template_id": template, "name": kept[0]}
    gateway.ask("DELETE", f"{path}/never-there", 200)
    assert gateway.ask("GET", path, 200) == kept[1:]
    field = "exposed_modules" if noun == "modules" else "libraries"
    assert gateway.ask("GET", f"/templates/{template}", 200)["template"][field] == kept[1:]


@pytest.mark.covers("weakness 26")
@pytest.mark.covers("POST /templates/{id}/startup-files", "201")
def test_changes_at_the_same_time_are_all_kept(gateway: Running) -> None:
    template = gateway.template()["id"]
    names = [f"f{number}.js" for number in range(16)]

    def add(part: list[str]) -> None:
        for name in part:
            gateway.ask("POST", f"/templates/{template}/startup-files", 201, {"path": name})

    threads = [threading.Thread(target=add, args=(names[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listed = gateway.ask("GET", f"/templates/{template}/startup-files", 200)
    assert sorted(each["path"] for each in listed) == sorted(names)
