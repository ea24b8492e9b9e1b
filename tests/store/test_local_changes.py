"""An owner undoes one change of an attribute, by the checks of a PATCH."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from app.administration.audit import HOST, Action
from app.administration.errors import Refused
from app.provisioning import local_changes, resource_operations, resource_queries
from app.scim import custom_schemas
from app.scim.protocol_messages import Operation
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER, ResourceType
from app.store.access import audit_rows
from app.store.database import directory_database
from app.store.directory import history_rows
from app.store.directory.history_rows import Event
from app.store.directory.stored_resource import Record
from tests.custom.conftest import CORE, SCHEMAS, resource
from tests.store.test_deletions import ADA, CLIENT, created, group_of, is_sound

DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"


def change(resource_type: ResourceType, record: Record, *operations: Operation) -> Event:
    event = resource_operations.change(resource_type, record.id, operations, CLIENT).event
    assert event
    return event


def here(resource_type: ResourceType, record: Record) -> Record:
    return resource_queries.get(resource_type, record.id).record


def undo(resource_type: ResourceType, record: Record, event: Event, path: str, **choices: bool) -> None:
    undone = local_changes.find_change([resource_type], record.id, event.id, path)
    local_changes.undo_change(undone, here(resource_type, record).version, HOST, **choices)


def entries() -> list[audit_rows.AuditRow]:
    with directory_database.reading() as connection:
        return audit_rows.page(connection, audit_rows.AuditFilter(), None, 100)[0]


@pytest.mark.parametrize(
    ("attribute", "before", "after"),
    [
        ("title", "Countess", "Lady"),
        ("title", None, "Lady"),
        ("title", "Countess", None),
        ("userName", "ada", "ada2"),
        ("externalId", None, "e-1"),
        (DEPARTMENT, "Engines", "Looms"),
        (DEPARTMENT, "Engines", None),
        ("name", {"familyName": "Lovelace"}, {"givenName": "Ada", "familyName": "Byron"}),
        ("emails", [{"type": "work", "value": "a@b.c"}], [{"type": "work", "value": "d@b.c"}, {"value": "h@b.c"}]),
        ("roles", [{"value": "A"}, {"value": "B"}], [{"value": "C"}]),
        ("active", False, True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("changes_since", [False, True])
def test_the_former_value_is_written_again(
    app: Flask, attribute: str, before: Any, after: Any, changes_since: bool
) -> None:
    values = {"userName": "ada", "displayName": "Ada", "active": True}
    values |= (
        {DEPARTMENT.rpartition(":")[0]: {"department": before}} if attribute == DEPARTMENT else {attribute: before}
    )
    ada = created(USER, **{name: value for name, value in values.items() if value is not None})
    operation = Operation("remove", attribute, None) if after is None else Operation("replace", attribute, after)
    event = change(USER, ada, operation)
    if changes_since:
        change(USER, ada, Operation("replace", "nickName", "A"))
    expected = {**ada.content, **({"nickName": "A"} if changes_since else {})}
    in_detail = f"{attribute}.givenName" if attribute == "name" else attribute
    undo(USER, ada, event, in_detail)
    assert here(USER, ada).content == expected
    with directory_database.reading() as connection:
        last = history_rows.events_of(connection, ada.id, None, 1)[0]
    assert (last.request, last.actor, [one.attribute for one in last.changes]) == ("", "host command line", [attribute])
    [entry] = entries()
    assert (entry.action, entry.target) == (Action.CHANGE_UNDONE.key, "Ada")
    assert json.loads(entry.detail) == {"attribute": attribute, "changed": event.at, "person": ada.id}
    assert is_sound()


def test_a_value_that_another_user_has_is_refused(app: Flask) -> None:
    ada = created(USER, **ADA)
    event = change(USER, ada, Operation("replace", "userName", "ada2"))
    created(USER, userName="ADA")
    with pytest.raises(Refused, match="userName: expected a value that no other resource has"):
        undo(USER, ada, event, "userName")
    assert here(USER, ada).content["userName"] == "ada2"
    assert entries() == []


@pytest.mark.parametrize("had_value", [True, False])
def test_a_user_is_enabled_only_if_chosen(app: Flask, had_value: bool) -> None:
    ada = created(USER, userName="ada", **({"active": True} if had_value else {}))
    event = change(USER, ada, Operation("replace", "active", False))
    with pytest.raises(Refused, match="This enables the user"):
        undo(USER, ada, event, "active")
    assert here(USER, ada).content["active"] is False
    undo(USER, ada, event, "active", may_enable=True)
    assert here(USER, ada).content["active"] is True
    assert is_sound()


def test_another_version_than_the_displayed_one_is_refused(app: Flask) -> None:
    ada = created(USER, **ADA)
    event = change(USER, ada, Operation("replace", "title", "Lady"))
    undone = local_changes.find_change(RESOURCE_TYPES, ada.id, event.id, "title")
    change(USER, ada, Operation("replace", "title", "Dame"))
    with pytest.raises(Refused, match="has changed in the meantime"):
        local_changes.undo_change(undone, undone.version, HOST)
    assert here(USER, ada).content["title"] == "Dame"
    assert entries() == []


def test_what_cannot_be_undone_is_refused(app: Flask) -> None:
    ada, staff = created(USER, **ADA), group_of()
    event = change(USER, ada, Operation("replace", "title", "Lady"))
    with directory_database.reading() as connection:
        creation = history_rows.events_of(connection, ada.id, None, 9)[-1]
    for id, event_id, path in (
        (ada.id, event.id, "userName"),
        (ada.id, creation.id, "userName"),
        (ada.id, event.id + 1, "title"),
        (staff.id, event.id, "title"),
        ("nobody", event.id, "title"),
    ):
        with pytest.raises(Refused, match="not in the history"):
            local_changes.find_change(RESOURCE_TYPES, id, event_id, path)
    undo(USER, ada, event, "title")
    with pytest.raises(Refused, match="has this value already"):
        undo(USER, ada, event, "title")


def test_a_value_that_is_never_returned_was_not_kept(app: Flask) -> None:
    test_type = next(one for one in custom_schemas.read(SCHEMAS) if one.schema.urn == CORE)
    record = created(test_type, **resource(writeOnlyAttr="secret"))
    event = change(test_type, record, Operation("replace", "writeOnlyAttr", "other"))
    with pytest.raises(Refused, match="was not kept"):
        undo(test_type, record, event, "writeOnlyAttr")


def test_the_name_of_a_group_is_written_again(app: Flask) -> None:
    ada = created(USER, **ADA)
    staff = group_of(ada.id)
    event = change(GROUP, staff, Operation("replace", "displayName", "Crew"))
    undo(GROUP, staff, event, "displayName")
    after = here(GROUP, staff)
    assert (after.content, after.members) == (staff.content, 1)
