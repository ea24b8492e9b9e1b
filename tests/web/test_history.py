"""The history that requests leave: every change of every attribute, who made it, and how a resource was before."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app import create_app, settings
from app.observation.directory import history_reader
from app.scim.resource_types import GROUP, USER, ResourceType
from app.store.database import directory_database
from tests.conftest import Answer, Appliance

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.fixture
def looking(appliance: Appliance) -> Iterator[Flask]:
    """The same data folder, looked into from here while the appliance serves it."""
    app = create_app(settings.load({"data": str(appliance.data)}, {}))
    with app.app_context():
        yield app


def patch(appliance: Appliance, path: str, *operations: dict[str, Any]) -> Answer:
    answer = appliance.request("PATCH", f"/scim/{path}", {"schemas": [PATCH], "Operations": list(operations)})
    assert answer.status in (200, 204), answer.text
    return answer


def make(appliance: Appliance, endpoint: str, **values: Any) -> str:
    answer = appliance.request("POST", f"/scim/{endpoint}", values)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def state_at(resource_type: ResourceType, resource_id: str, moment: str) -> history_reader.State | None:
    with directory_database.reading() as connection:
        return history_reader.state_at(connection, resource_type, resource_id, moment)


def changes(event: history_reader.Event) -> dict[str, tuple[Any, Any]]:
    return {change.attribute: (change.old, change.new) for change in event.changes}


def test_every_change_of_every_attribute_is_told(appliance: Appliance, looking: Flask) -> None:
    ana = make(appliance, "Users", userName="ana", name={"givenName": "Ana"}, active=True)
    patch(
        appliance,
        f"Users/{ana}",
        {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": "Legal"},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "ana@example.com"},
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Remove", "path": "name.givenName"},
    )
    assert appliance.request("DELETE", f"/scim/Users/{ana}").status == 204
    deleted, changed, created = history_reader.events_of(USER, ana)
    assert [event.verb for event in (created, changed, deleted)] == ["create", "change", "delete"]
    assert changes(created) == {"userName": (None, "ana"), "name.givenName": (None, "Ana"), "active": (None, True)}
    assert changes(changed) == {
        f"{ENTERPRISE}:department": (None, "Legal"),
        'emails[type eq "work"].value': (None, "ana@example.com"),
        "active": (True, False),
        "name.givenName": ("Ana", None),
    }
    assert changes(deleted)["userName"] == ("ana", None)
    assert {event.name for event in (created, changed, deleted)} == {"ana"}
    assert len({event.request for event in (created, changed, deleted)}) == 3
    (actor,) = {event.actor for event in (created, changed, deleted)}
    assert actor.startswith("key ")
    assert actor.removeprefix("key ") in appliance.command("key", "list").stdout


def test_what_changes_nothing_leaves_no_event(appliance: Appliance, looking: Flask) -> None:
    ana = make(appliance, "Users", userName="ana", title="Engineer")
    staff = make(appliance, "Groups", displayName="Staff", members=[{"value": ana}])
    patch(appliance, f"Users/{ana}", {"op": "replace", "path": "title", "value": "Engineer"})
    patch(appliance, f"Groups/{staff}", {"op": "add", "path": "members", "value": [{"value": ana}]})
    patch(
        appliance,
        f"Groups/{staff}",
        {"op": "remove", "path": f'members[value eq "{ana}"]'},
        {"op": "add", "path": "members", "value": [{"value": ana}]},
    )
    refused = appliance.request("POST", "/scim/Users", {"userName": "ANA"})
    assert refused.status == 409
    assert [event.verb for event in history_reader.events_of(USER, ana)] == ["create"]
    assert [event.verb for event in history_reader.events_of(GROUP, staff)] == ["create"]


def test_who_joined_and_left(appliance: Appliance, looking: Flask) -> None:
    ana, bo = (make(appliance, "Users", userName=name, displayName=name.title()) for name in ("ana", "bo"))
    staff = make(appliance, "Groups", displayName="Staff", members=[{"value": ana}])
    board = make(appliance, "Groups", displayName="Board", members=[{"value": ana}, {"value": bo}])
    patch(
        appliance,
        f"Groups/{staff}",
        {"op": "Add", "path": "members", "value": [{"value": bo}, {"value": "nobody"}]},
        {"op": "Remove", "path": "members", "value": [{"value": ana}]},
    )
    appliance.request("DELETE", f"/scim/Groups/{board}")
    appliance.request("DELETE", f"/scim/Users/{bo}")
    of_bo = [(link.group_name, link.member_name, link.has_joined) for link in history_reader.links_of_member(bo)]
    assert of_bo == [("Staff", "Bo", False), ("Board", "Bo", False), ("Staff", "Bo", True), ("Board", "Bo", True)]
    of_staff = {(link.member_name, link.has_joined) for link in history_reader.links_of_group(staff)}
    assert of_staff == {("Ana", True), ("Ana", False), ("Bo", True), ("Bo", False), ("nobody", True)}
    changed = history_reader.events_of(GROUP, staff)[0]
    assert (changed.verb, changed.joined, changed.departed) == ("change", 2, 1)
    gone = history_reader.last_event(bo)
    assert gone is not None
    assert (gone.verb, gone.departed) == ("delete", 1)
    board_gone = history_reader.last_event(board)
    assert board_gone is not None
    assert (board_gone.verb, board_gone.departed) == ("delete", 2)
    assert {link.member_name for link in history_reader.links_of_events([changed, gone], 10)[changed.request]} == {
        "Ana", "Bo", "nobody",
    }  # fmt: skip
    assert appliance.command("check").returncode == 0


def test_any_two_moments_can_be_compared(appliance: Appliance, looking: Flask) -> None:
    ana = make(appliance, "Users", userName="ana", title="Engineer")
    staff = make(appliance, "Groups", displayName="Staff", members=[{"value": ana}])
    patch(appliance, f"Users/{ana}", {"op": "replace", "path": "title", "value": "Lead"})
    patch(appliance, f"Groups/{staff}", {"op": "remove", "path": "members"})
    appliance.request("DELETE", f"/scim/Users/{ana}")
    deleted, changed, created = history_reader.events_of(USER, ana)
    then = state_at(USER, ana, created.at)
    assert then is not None
    assert (then.values, then.groups) == ({"userName": "ana", "title": "Engineer"}, {})
    assert state_at(USER, ana, "2000-01-01T00:00:00.000Z") is None
    assert state_at(USER, ana, deleted.at) is None
    in_group = state_at(USER, ana, history_reader.events_of(GROUP, staff)[-1].at)
    assert in_group is not None
    assert in_group.groups == {staff: "Staff"}
    assert [(one.attribute, one.old, one.new) for one in history_reader.compare(USER, ana, created.at, changed.at)] == [
        ("title", "Engineer", "Lead"),
        ("groups", None, ["Staff"]),
    ]
    now = state_at(GROUP, staff, "9999-01-01T00:00:00.000Z")
    assert now is not None
    assert now.values == {"displayName": "Staff"}


def test_of_many_changes_the_first_after_a_moment_counts(appliance: Appliance, looking: Flask) -> None:
    ana = make(appliance, "Users", userName="ana")
    steps: list[dict[str, Any]] = [{"title": "Clerk"}, {"title": "Lead"}, {"nickName": "A"}, {"title": "Head"}]
    for step in steps:
        patch(appliance, f"Users/{ana}", {"op": "replace", "value": step})
    patch(appliance, f"Users/{ana}", {"op": "remove", "path": "title"})
    *later, created = history_reader.events_of(USER, ana)
    assert changes(created) == {"userName": (None, "ana")}
    states = [state_at(USER, ana, event.at) for event in reversed(later)]
    assert [state and state.values for state in states] == [
        {"userName": "ana", "title": "Clerk"},
        {"userName": "ana", "title": "Lead"},
        {"userName": "ana", "title": "Lead", "nickName": "A"},
        {"userName": "ana", "title": "Head", "nickName": "A"},
        {"userName": "ana", "nickName": "A"},
    ]


def test_who_is_older_than_the_history_was_not_here_before(appliance: Appliance, looking: Flask) -> None:
    ana = make(appliance, "Users", userName="ana", title="Engineer")
    with directory_database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM event")
    patch(appliance, f"Users/{ana}", {"op": "replace", "path": "title", "value": "Lead"})
    assert state_at(USER, ana, "2000-01-01T00:00:00.000Z") is None
    assert state_at(USER, ana, "9999-01-01T00:00:00.000Z") is not None


def test_kept_counts_stay_true(appliance: Appliance) -> None:
    ids = [make(appliance, "Users", userName=f"u{n}", active=n != 1, title="T" if n else "") for n in range(3)]
    staff = make(appliance, "Groups", displayName="Staff", members=[{"value": one} for one in ids])
    make(appliance, "Groups", displayName="Outer", members=[{"value": staff}, {"value": ids[0]}])
    for operation in (
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Remove", "path": "title"},
        {"op": "Add", "path": "title", "value": "Lead"},
    ):
        patch(appliance, f"Users/{ids[2]}", operation)
    appliance.request("DELETE", f"/scim/Users/{ids[0]}")
    checked = appliance.command("check")
    assert checked.returncode == 0, checked.stdout
    appliance.request("DELETE", f"/scim/Groups/{staff}")
    checked = appliance.command("check")
    assert checked.returncode == 0, checked.stdout
