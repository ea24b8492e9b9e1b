"""Roles after any operations in any order: what is kept is what a plain reading of the rule gives, and a preview tells
what comes of saving. The same examples are generated in every run.
"""

import json
import random
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.administration.roles import granted_roles, role_mapping, users_to_confirm
from app.administration.roles.role_mapping import RawRule
from app.console_roles import Role
from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.scim.errors import ScimError
from app.scim.projection import Selection
from app.scim.protocol_messages import read_patch
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER, ResourceType
from app.store import integrity_check
from app.store.database import directory_database
from tests.administration.conftest import EVA

CLIENT = Author("abc123", "key 1a2b3c4d")
NOTHING = Selection(attributes=frozenset())
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
VALUES = ["Admin", "Reader", "admin", " Admin ", "Vérif", unicodedata.normalize("NFD", "Vérif"), "Other"]
EXTERNAL_IDS = [None, "one", "two", "three"]
ROUNDS, STEPS = 12, 30


class World:
    """A few people and groups, and a mapping; each step does something to one of them by chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.people: list[str] = []
        self.groups: list[str] = []
        self.names = 0
        self.confirmed = 0

    def step(self) -> None:
        step = self.chance.choice(
            [
                *(self.come, self.found, self.go, self.dissolve, self.put, self.confirm),
                *(self.change, self.change, self.move, self.move),
            ]
        )
        step()

    def app_roles(self) -> list[dict[str, Any]]:
        chosen = self.chance.sample(VALUES, self.chance.randrange(4))
        return [{"value": one} if self.chance.random() < 0.9 else {"displayName": one} for one in chosen]

    def some(self, ids: list[str]) -> list[dict[str, str]]:
        return [{"value": one} for one in self.chance.sample(ids, self.chance.randrange(len(ids) + 1))]

    def document(self, name: str) -> dict[str, Any]:
        active = self.chance.choice([True, True, True, False, None])
        given = {"active": active, "roles": self.app_roles(), "externalId": self.chance.choice(EXTERNAL_IDS)}
        return {"schemas": [USER.schema.urn], "userName": name} | given

    def come(self) -> None:
        self.names += 1
        self.people.append(resource_operations.create(USER, self.document(f"p{self.names}"), CLIENT).record.id)

    def found(self) -> None:
        self.names += 1
        members = self.some(self.people + self.groups)
        body = {"schemas": [GROUP.schema.urn], "displayName": f"g{self.names}", "members": members}
        self.groups.append(resource_operations.create(GROUP, body, CLIENT, NOTHING).record.id)

    def go(self) -> None:
        if len(self.people) > 8:
            gone = self.people.pop(self.chance.randrange(len(self.people)))
            resource_operations.delete(USER, gone, CLIENT)

    def dissolve(self) -> None:
        if len(self.groups) > 2:
            resource_operations.delete(GROUP, self.groups.pop(self.chance.randrange(len(self.groups))), CLIENT)

    def put(self) -> None:
        if self.people:
            self.names += 1
            body = self.document(f"p{self.names}")
            resource_operations.replace(USER, self.chance.choice(self.people), body, CLIENT)

    def change(self) -> None:
        if not self.people:
            return
        operation = self.chance.choice(
            [
                {"op": "Replace", "path": "active", "value": self.chance.choice(["True", "False"])},
                {"op": "Replace", "path": "externalId", "value": self.chance.choice(EXTERNAL_IDS)},
                {"op": "Add", "path": "roles", "value": self.app_roles()},
                {"op": "Replace", "path": "roles", "value": self.app_roles()},
                {"op": "Remove", "path": "roles"},
                {"op": "Replace", "path": 'roles[primary eq "True"].value', "value": self.chance.choice(VALUES)},
            ]
        )
        patch(USER, self.chance.choice(self.people), operation)

    def confirm(self) -> None:
        for one in users_to_confirm.list_unconfirmed().users[:1]:
            users_to_confirm.confirm_user(one.user_id, one.external_id, EVA)
            self.confirmed += 1

    def move(self) -> None:
        if not self.groups:
            return
        members = self.some(self.people + self.groups)
        operations = [
            {"op": "Add", "path": "members", "value": members},
            {"op": "Remove", "path": "members", "value": members},
            {"op": "Replace", "path": "members", "value": members},
            {"op": "Remove", "path": 'members[type eq "User"]'},
        ]
        if self.people:
            operations.append({"op": "Remove", "path": f'members[value eq "{self.chance.choice(self.people)}"]'})
        chosen = self.chance.sample(operations, self.chance.randrange(1, 3))
        patch(GROUP, self.chance.choice(self.groups), *chosen)

    def lines(self) -> list[RawRule]:
        sources = [("app_role", one) for one in ("Admin", "Reader", "Vérif")] + [("group", one) for one in self.groups]
        chosen = self.chance.sample(sources, self.chance.randrange(min(5, len(sources)) + 1))
        return [(source, value, self.chance.choice(list(Role)).value) for source, value in chosen]


def patch(resource_type: ResourceType, resource_id: str, *operations: dict[str, Any]) -> None:
    try:
        message = read_patch({"schemas": [PATCH], "Operations": list(operations)})
        resource_operations.change(resource_type, resource_id, message, CLIENT, selection=NOTHING)
    except ScimError as refused:
        assert refused.status == 400


def kept() -> dict[str, str]:
    return {one.user_id: one.role.value for one in granted_roles.granted().people}


def by_the_rule(lines: list[RawRule]) -> dict[str, str]:
    """The rule, read from all documents and memberships one by one."""
    found: dict[str, str] = {}
    with directory_database.reading() as connection:
        documents = connection.exec_driver_sql("SELECT id, document FROM resource WHERE type = 'User'").all()
        unconfirmed = set(connection.exec_driver_sql("SELECT user_id FROM unconfirmed_user").scalars())
        members = {tuple(row) for row in connection.exec_driver_sql("SELECT group_id, member_id FROM membership")}
    for user_id, text in documents:
        document = json.loads(text)
        has = {
            unicodedata.normalize("NFC", one["value"]).strip() for one in document.get("roles", ()) if "value" in one
        }
        due = [
            Role(role)
            for source, value, role in lines
            if (value in has if source == "app_role" else (value, user_id) in members)
        ]
        if due and document.get("active") is not False and user_id not in unconfirmed:
            found[user_id] = max(due, key=list(Role).index).value
    return found


@pytest.fixture(autouse=True)
def ready(app: Flask) -> Iterator[None]:
    yield


@pytest.mark.parametrize("seed", range(3))
def test_roles_follow_whatever_happens(seed: int):
    world, lines, differing = World(seed), list[RawRule](), 0
    for _ in range(ROUNDS):
        for _ in range(STEPS):
            world.step()
        lines = [line for line in lines if line[0] == "app_role" or line[1] in world.groups]
        before = kept()
        assert before == by_the_rule(lines)
        lines = world.lines()
        found = role_mapping.preview(lines)
        told = {one.user_id: one for of in (found.gains, found.loses, found.changes) for one in of.people}
        role_mapping.save(lines, found.fingerprint, EVA)
        after = kept()
        assert after == by_the_rule(lines)
        assert {id: one.old for id, one in told.items()} == {id: before.get(id) for id in told}
        assert {id: one.new for id, one in told.items()} == {id: after.get(id) for id in told}
        assert told.keys() == {id for id in before | after if before.get(id) != after.get(id)}
        differing += len(told)
    assert differing > ROUNDS and world.confirmed, "the worlds were too quiet to show anything"
    with directory_database.reading() as connection:
        assert integrity_check.check(connection, RESOURCE_TYPES) == []
