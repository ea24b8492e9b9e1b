"""An alarm is on every page, says what to do, and is answered there; meanwhile each request is answered as before."""

import html
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import bounds, create_app
from app.administration.accounts import administrators
from app.administration.audit import HOST
from app.administration.credentials import scim_keys
from app.administration.roles import granted_roles, role_mapping
from app.console_roles import Role
from app.observation import guard
from app.scim.resource_types import GROUP, USER
from app.settings import Settings
from app.store.database import directory_database
from app.store.directory import guard_rows
from app.store.request_log import log_database_file
from app.web.request_log import middleware
from tests.cheap import make_database
from tests.web.test_access_removal import BASE, OFF, ON, Window, World
from tests.web.test_console import words
from tests.web.visitor import PASSWORD


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An application with a key, an owner, and more than two people as the unusual number."""
    settings = Settings(
        data=tmp_path,
        listen=("127.0.0.1", 7644),
        public_url=f"{BASE}/sub",
        guard_people=2,
        guard_members=2,
        guard_learning_days=0,
    )
    make_database(settings.database)
    log_database_file.prepare(settings.requests_database)
    app = create_app(settings)
    with app.app_context():
        administrators.create_operator("olga", PASSWORD, HOST)
        yield World(app, scim_keys.create_key("", HOST).text)
        middleware.of(app).recorder.close()
        directory_database.file.close()


def people(world: World, count: int = 5) -> list[str]:
    return [world.made(USER, userName=f"person{number}", displayName=f"Person {number}") for number in range(count)]


def alarm_of(world: World) -> guard.Alarm | None:
    assert middleware.of(world.app).recorder.settle(30)
    return guard.open_alarm()


def with_alarm(world: World) -> list[str]:
    """Return five people, three of whom a client has disabled."""
    ids = people(world)
    for id in ids[:3]:
        world.patch(f"/Users/{id}", OFF)
    assert (alarm := alarm_of(world)) and alarm.people == 3
    return ids


def stored(world: World, id: str) -> Any:
    return world.scim("GET", f"/Users/{id}").get_json(force=True)


def test_each_removal_is_answered_and_done_at_once_while_an_alarm_is_open(world: World):
    ids = people(world, 6)
    group = world.made(GROUP, displayName="Admins", members=[{"value": id} for id in ids])
    lines = [("group", group, "viewer")]
    role_mapping.save(lines, role_mapping.preview(lines).fingerprint, HOST)
    usual = world.scim("PATCH", f"/Users/{ids[0]}", {"Operations": [OFF]})
    for id in ids[1:3]:
        world.patch(f"/Users/{id}", OFF)
    assert alarm_of(world)
    unusual = world.scim("PATCH", f"/Users/{ids[3]}", {"Operations": [OFF]})
    assert (unusual.status_code, unusual.get_json(True).keys()) == (usual.status_code, usual.get_json(True).keys())
    assert stored(world, ids[3])["active"] is False and granted_roles.grant_of(ids[3]) is None
    assert world.scim("DELETE", f"/Users/{ids[4]}").status_code == 204
    assert world.scim("GET", f"/Users/{ids[4]}").status_code == 404
    leave = {"op": "Remove", "path": "members", "value": [{"value": ids[5]}]}
    assert world.scim("PATCH", f"/Groups/{group}", {"Operations": [leave]}).status_code == 200
    assert granted_roles.grant_of(ids[5]) is None
    assert (alarm := alarm_of(world)) and alarm.people == 5
    with directory_database.reading() as connection:
        assert guard_rows.has_open_alarm(connection)


def test_an_alarm_is_on_every_page_and_says_who_and_what_to_do(world: World, caplog: pytest.LogCaptureFixture):
    window = Window(world, "olga", Role.OWNER)
    assert "No alarm was raised" in words(window.get("/guard")) and "Alarm:" not in words(window.get("/"))
    with caplog.at_level(logging.INFO):
        ids = with_alarm(world)
        assert world.scim("DELETE", f"/Users/{ids[4]}").status_code == 204
        alarm_of(world)
    assert "the guard raised an alarm" in caplog.text and "deleted while they were active: 1" in caplog.text
    assert not [
        one for one in caplog.records if one.name == "app.observation.guard" and "erson" in one.getMessage()[60:]
    ]
    for path in ("/", "/users", "/activity", "/guard", "/me"):
        page = html.unescape(words(window.get(path)))
        assert "Alarm: unusually much was removed. 4 users disabled or deleted" in page, path
    assert "All well" not in words(window.get("/"))
    page = html.unescape(words(window.get("/guard/1")))
    for text in ("Pause provisioning", "Scoping filter", "Prevent accidental deletions", "Users disabled or deleted 4"):
        assert text in page
    assert [name for number in range(5) if (name := f"Person {number}") in page] == [
        "Person 0",
        "Person 1",
        "Person 2",
        "Person 4",
    ]
    assert "deleted while active" in page
    assert "Person 4" in words(window.get("/guard"))
    assert 'href="/sub/help/operate/guard"' in window.get("/guard/1")
    assert "Alarm" in window.get("/help/operate/guard")


def test_an_operator_confirms_that_it_was_meant(world: World):
    ids = with_alarm(world)
    viewer, operator = Window(world, "vera", Role.VIEWER), Window(world, "mia", Role.OPERATOR)
    assert "An operator can confirm" in words(viewer.get("/guard/1"))
    assert viewer.post("/guard/1/meant").status_code == 403
    assert "An owner can undo the removals." in words(operator.get("/guard/1"))
    assert operator.post("/guard/1/undo", enable="yes").status_code == 403
    assert alarm_of(world)
    assert operator.post("/guard/1/meant").status_code == 303
    assert "Answered" in words(operator.get("/guard/1")) and "Alarm:" not in words(operator.get("/"))
    assert "by mia" in words(operator.get("/guard"))
    assert "confirmed as meant the removals of alarm" in words(operator.get("/audit"))
    assert operator.post("/guard/1/meant").status_code == 303
    assert "already answered" in words(operator.get("/guard/1"))
    for id in ids[3:]:
        world.patch(f"/Users/{id}", OFF)
    assert alarm_of(world) is None, "the same sync"
    assert stored(world, ids[0])["active"] is False


def test_an_undo_wants_proof_and_enables_only_by_choice(world: World, monkeypatch: pytest.MonkeyPatch):
    ids = with_alarm(world)
    window = Window(world, "olga", Role.OWNER)
    with monkeypatch.context() as patched:
        patched.setattr(bounds, "PROOF_S", -1)
        answer = window.post("/guard/1/undo", enable="yes", back="/guard/1")
        assert (answer.status_code, answer.location) == (303, "/sub/confirm?next=/guard/1")
    assert alarm_of(world)
    assert window.post("/guard/1/undo").status_code == 303
    assert "0 deleted users and groups are put back, 0 users are enabled again, and 0 memberships are back." in words(
        window.get("/guard/1")
    )
    assert alarm_of(world) is None and stored(world, ids[0])["active"] is False


def test_an_undo_enables_who_was_not_changed_since(world: World):
    ids = with_alarm(world)
    world.patch(f"/Users/{ids[1]}", {"op": "Replace", "path": "title", "value": "Clerk"})
    world.patch(f"/Users/{ids[2]}", ON)
    window = Window(world, "olga", Role.OWNER)
    assert window.post("/guard/1/undo", enable="yes").status_code == 303
    assert "0 deleted users and groups are put back, 1 user is enabled again, and 0 memberships are back." in words(
        window.get("/guard/1")
    )
    assert [stored(world, id)["active"] for id in ids[:3]] == [True, False, True]
    assert "operator olga" in words(window.get(f"/users/{ids[0]}?tab=history"))
    audit = words(window.get("/audit"))
    assert "enabled in the console the user" in audit and "undid the removals of alarm" in audit
    world.patch(f"/Users/{ids[0]}", OFF)
    assert stored(world, ids[0])["active"] is False, "Entra disables as before"


def test_an_undo_of_many_goes_on_by_further_presses(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "GUARD_UNDONE_AT_ONCE", 2)
    ids = with_alarm(world)
    window = Window(world, "olga", Role.OWNER)
    window.post("/guard/1/undo", enable="yes")
    assert (
        "0 deleted users and groups are put back, 2 users are enabled again, and 0 memberships are back. This is a part"
        in words(window.get("/guard/1"))
    )
    assert alarm_of(world)
    window.post("/guard/1/undo", enable="yes")
    assert alarm_of(world) is None
    assert all(stored(world, id).get("active", True) for id in ids)


def test_who_cannot_be_put_back_does_not_end_an_undo(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "GUARD_UNDONE_AT_ONCE", 2)
    ids = people(world, 6)
    for id in ids:
        assert world.scim("DELETE", f"/Users/{id}").status_code == 204
    assert alarm_of(world)
    refused = sorted(ids)[:3]
    for id in refused:
        world.made(USER, userName=f"person{ids.index(id)}")
    window = Window(world, "olga", Role.OWNER)
    window.post("/guard/1/undo", enable="yes")
    assert "3 deleted users and groups are put back" in words(window.get("/guard/1"))
    assert alarm_of(world) is None
    assert [stored(world, id).get("status") for id in ids if id not in refused] == [None] * 3


def test_an_undo_puts_members_back_where_both_are_here(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "GUARD_MEMBERS_AT_ONCE", 3)
    monkeypatch.setattr(bounds, "GUARD_MEMBERS_A_CHANGE", 2)
    ids = people(world, 6)
    group = world.made(GROUP, displayName="Sales", members=[{"value": id} for id in ids])
    world.scim("PATCH", f"/Groups/{group}", {"Operations": [{"op": "Remove", "path": "members"}]})
    assert (alarm := alarm_of(world)) and (alarm.people, alarm.groups) == (0, 1)
    assert world.scim("DELETE", f"/Users/{ids[5]}").status_code == 204
    window = Window(world, "olga", Role.OWNER)
    assert "Sales lost 6 of 6 members" in words(window.get("/guard/1"))
    window.post("/guard/1/undo")
    page = words(window.get("/guard/1"))
    assert "1 deleted user or group is put back, 0 users are enabled again, and 3 memberships are back. This is" in page
    window.post("/guard/1/undo")
    assert "0 deleted users and groups are put back" in words(window.get("/guard/1"))
    assert alarm_of(world) is None
    members = world.scim("GET", f"/Groups/{group}").get_json(force=True)["members"]
    assert {one["value"] for one in members} == set(ids)
    assert "put members back into the group" in words(window.get("/audit"))


@pytest.mark.parametrize("enables", [False, True])
def test_an_undo_puts_back_what_was_deleted_with_its_memberships(world: World, enables: bool):
    ids = people(world, 5)
    world.patch(f"/Users/{ids[0]}", OFF)
    group = world.made(GROUP, displayName="Admins", members=[{"value": id} for id in ids])
    lines = [("group", group, "viewer")]
    role_mapping.save(lines, role_mapping.preview(lines).fingerprint, HOST)
    for path in (f"/Groups/{group}", *(f"/Users/{id}" for id in ids[:4])):
        assert world.scim("DELETE", path).status_code == 204
    assert (alarm := alarm_of(world)) and (alarm.people, alarm.groups) == (4, 1)
    world.made(USER, userName="person3", displayName="Created again")
    window = Window(world, "olga", Role.OWNER)
    assert "Admins gave a role and was deleted; it had 5 members" in words(window.get("/guard/1"))
    window.post("/guard/1/undo", **({"enable": "yes"} if enables else {}))
    page = words(window.get("/guard/1"))
    assert "4 deleted users and groups are put back" in page and "Person 3 stays as it is" in page
    assert alarm_of(world) is None
    assert [stored(world, id).get("active", True) for id in ids[:3]] == [False, enables, enables]
    members = world.scim("GET", f"/Groups/{group}").get_json(force=True)["members"]
    assert {one["value"] for one in members} == {*ids[:3], ids[4]}
    assert world.scim("GET", f"/Users/{ids[3]}").status_code == 404
