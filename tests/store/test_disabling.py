"""Who should be disabled is disabled: nothing but an explicit true enables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask

from app import administration, provisioning
from app.provisioning import Author
from app.scim.messages import read_patch
from app.scim.resource_types import RESOURCE_TYPES, USER
from app.store import check, db, lists, people
from app.store.lists import State

CLIENT = Author("abc123", "key 1a2b3c4d")


def created(**values: Any) -> str:
    """The id of a new person."""
    return provisioning.create(USER, {"userName": "ada", "externalId": "7"} | values, CLIENT).record.id


def patch(user_id: str, *operations: dict[str, Any]) -> provisioning.Resource:
    return provisioning.change(USER, user_id, read_patch({"Operations": list(operations)}), CLIENT)


def document(user_id: str) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(provisioning.get(USER, user_id).record.document)
    return stored


def ids(state: State) -> Sequence[str]:
    with db.reading() as connection:
        return [record.id for record in lists.page(connection, USER, state, lists.Order(), 0, 10).records]


CLEARING = {
    "replace with empty text": {"op": "Replace", "path": "active", "value": ""},
    "replace with null": {"op": "replace", "path": "active", "value": None},
    "replace without a value": {"op": "replace", "path": "active"},
    "add of null": {"op": "Add", "path": "active", "value": None},
    "null without a path": {"op": "replace", "value": {"active": None}},
    "empty text without a path": {"op": "add", "value": {"Active": ""}},
    "null under the core URN": {"op": "replace", "value": {USER.schema.urn: {"active": None}}},
    "remove": {"op": "remove", "path": "active"},
    "remove of a value": {"op": "remove", "path": "active", "value": False},
    "remove with the core URN": {"op": "remove", "path": f"{USER.schema.urn}:active"},
    "PUT without it": None,
    "PUT with null": {"active": None},
    "PUT with empty text": {"ACTIVE": ""},
}


@pytest.mark.parametrize("active", [False, True, None])
@pytest.mark.parametrize("name", CLEARING)
def test_clearing_active_changes_nothing(app: Flask, name: str, active: bool | None) -> None:
    given = {} if active is None else {"active": active}
    user_id = created(**given)
    before = provisioning.get(USER, user_id).record
    clearing = CLEARING[name]
    if name.startswith("PUT"):
        body = {"userName": "ada", "externalId": "7"} | (clearing or {})
        after = provisioning.replace(USER, user_id, body, CLIENT).record
    else:
        assert clearing is not None
        after = patch(user_id, clearing).record
    assert after == before, "neither the document nor the version"
    assert json.loads(after.document).get("active") == active


def test_everybody_who_asks_sees_a_person_disabled_after_active_was_cleared(app: Flask) -> None:
    user_id = created()
    assert ids("active") == [user_id] and administration.overview().active_users == 1
    patch(user_id, {"op": "replace", "path": "active", "value": "False"})
    patch(user_id, {"op": "remove", "path": "active"}, {"op": "replace", "path": "title", "value": "Clerk"})
    provisioning.replace(USER, user_id, {"userName": "ada", "title": "Chief"}, CLIENT)
    assert document(user_id)["title"] == "Chief"
    assert (ids("active"), ids("disabled")) == ([], [user_id])
    assert administration.overview().active_users == 0
    with db.reading() as connection:
        person = people.person(connection, user_id)
        assert person is not None and not person.is_active
        assert check.check(connection, RESOURCE_TYPES) == []
    patch(user_id, {"op": "replace", "path": "active", "value": "True"})
    assert (ids("active"), ids("disabled")) == ([user_id], [])
