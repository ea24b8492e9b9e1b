"""What a deletion keeps is enough to put the resource back, with both sides of its memberships, in any order."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from app.provisioning import resource_operations, resource_queries
from app.provisioning.resource_operations import Author
from app.scim import custom_schemas
from app.scim.differences import HIDDEN
from app.scim.errors import ScimError
from app.scim.protocol_messages import Operation
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER, ResourceType
from app.store import integrity_check
from app.store.database import directory_database
from app.store.directory import history_rows, membership_history
from app.store.directory.stored_resource import Record
from tests.custom.conftest import CORE, EXTENSION, SCHEMAS, resource

CLIENT = Author("abc123", "key 1a2b3c4d")
ADA = {
    "userName": "ada",
    "active": False,
    "emails": [{"type": "work", "value": "ada@recnice.com"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Engines"},
}


@dataclass(frozen=True)
class Kept:
    """What the database keeps of a deleted resource."""

    document: dict[str, Any]
    created: str
    shelf: dict[str, Any] | None
    groups: set[str]
    members: set[str]


def kept(resource_id: str) -> Kept:
    with directory_database.reading() as connection:
        [row] = connection.exec_driver_sql(
            "SELECT id, deleted FROM event WHERE verb = 'delete' AND resource_id = ?", [resource_id]
        ).all()
        links = membership_history.of_event(connection, row.id)
        deleted = json.loads(row.deleted)
    groups = {link.group_id for link in links if link.member_id == resource_id and link.group_id != resource_id}
    members = {link.member_id for link in links if link.group_id == resource_id}
    assert not any(link.has_joined for link in links)
    return Kept(deleted["document"], deleted["created"], deleted.get("shelf"), groups, members)


def created(resource_type: ResourceType, **values: Any) -> Record:
    return resource_operations.create(resource_type, values, CLIENT).record


def group_of(*member_ids: str) -> Record:
    return created(GROUP, displayName=str(uuid.uuid4()), members=[{"value": id} for id in member_ids])


def delete(resource_type: ResourceType, record: Record) -> None:
    resource_operations.delete(resource_type, record.id, CLIENT)


def is_sound() -> bool:
    with directory_database.reading() as connection:
        return integrity_check.check(connection, RESOURCE_TYPES) == []


def test_a_deletion_keeps_the_user_and_its_groups(app: Flask) -> None:
    ada, ben = created(USER, **ADA), created(USER, userName="ben")
    first, second, _ = group_of(ada.id, ben.id), group_of(ada.id), group_of(ben.id)
    with directory_database.writing() as connection:
        connection.exec_driver_sql('UPDATE resource SET shelf = \'{"nickName":"a"}\' WHERE id = ?', [ada.id])
    delete(USER, ada)
    assert kept(ada.id) == Kept(json.loads(ada.document), ada.created, {"nickName": "a"}, {first.id, second.id}, set())
    with pytest.raises(ScimError) as refusal:
        resource_queries.get(USER, ada.id)
    assert refusal.value.status == 404
    assert created(USER, userName="ada").id != ada.id, "the name is free"
    assert is_sound()


def test_a_deletion_keeps_the_group_with_its_members_and_its_groups(app: Flask) -> None:
    ada = created(USER, **ADA)
    inner = group_of(ada.id, "nobody")
    outer = group_of(inner.id)
    resource_operations.change(
        GROUP, inner.id, [Operation("add", "members", [{"value": inner.id}])], CLIENT
    )  # in itself, too
    delete(GROUP, inner)
    assert kept(inner.id) == Kept(
        json.loads(inner.document), inner.created, None, {outer.id}, {ada.id, "nobody", inner.id}
    )
    assert is_sound()


@pytest.mark.parametrize("is_user_first", [True, False])
def test_the_later_deletion_of_the_other_side_loses_no_membership(app: Flask, is_user_first: bool) -> None:
    """Whichever was deleted first has the membership, so the order in which they are put back is free."""
    ada, ben = created(USER, **ADA), created(USER, userName="ben")
    group = group_of(ada.id, ben.id)
    for resource_type, record in ((USER, ada), (GROUP, group))[:: 1 if is_user_first else -1]:
        delete(resource_type, record)
    pairs = {(group_id, ada.id) for group_id in kept(ada.id).groups}
    pairs |= {(group.id, member_id) for member_id in kept(group.id).members}
    assert pairs == {(group.id, ada.id), (group.id, ben.id)}
    assert is_sound()


def test_a_value_that_is_never_returned_is_kept_and_not_shown(app: Flask) -> None:
    test_type = next(one for one in custom_schemas.read(SCHEMAS) if one.schema.urn == CORE)
    record = created(test_type, **resource(writeOnlyAttr="secret"))
    delete(test_type, record)
    assert kept(record.id).document["writeOnlyAttr"] == "secret"
    with directory_database.reading() as connection:
        [event] = history_rows.events_of(connection, record.id, None, 1)
    assert {change.attribute: change.old for change in event.changes if change.attribute.endswith("Attr")} == {
        "writeOnlyAttr": HIDDEN
    }
    assert f"{EXTENSION}:extRequired" in {change.attribute for change in event.changes}


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE event SET deleted = '{' WHERE verb = 'delete'",
        "UPDATE event SET deleted = json_remove(deleted, '$.created') WHERE verb = 'delete'",
        "UPDATE event SET deleted = json_set(deleted, '$.document.id', 'x') WHERE verb = 'delete'",
        "UPDATE event SET deleted = json_set(deleted, '$.shelf', 'x') WHERE verb = 'delete'",
        "DELETE FROM membership_event WHERE NOT has_joined",
    ],
)
def test_check_finds_a_deletion_that_could_not_be_undone(app: Flask, harm: str) -> None:
    ada = created(USER, **ADA)
    group_of(ada.id)
    delete(USER, ada)
    assert is_sound()
    with directory_database.writing() as connection:
        connection.exec_driver_sql(harm)
    with directory_database.reading() as connection:
        assert "event: 1 deletions do not have all of the resource that they deleted" in integrity_check.check(
            connection, RESOURCE_TYPES
        )
