"""Each state that a GET answered can be read again from the history: random operations, then every moment of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.administration.audit import HOST
from app.observation.directory import history_reader
from app.provisioning import deleted_resources, resource_operations, resource_queries
from app.scim.protocol_messages import Operation
from app.scim.resource_types import GROUP, RESOURCE_TYPES, USER, ResourceType
from app.store import integrity_check
from app.store.database import directory_database
from tests.examples import examples
from tests.store.test_deletions import CLIENT

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
State = tuple[dict[str, Any], set[str], set[str]]
"""A document, the ids of the groups, the ids of the members."""


class Directory:
    """Users and groups to which anything may happen, and what a GET of each answered after each event."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.names = (f"name{number}" for number in range(10_000))
        self.known: dict[str, ResourceType] = {}
        self.live: dict[str, State] = {}
        self.states: list[tuple[int, str, dict[str, State]]] = []

    def step(self) -> None:
        acts = [self.create, self.create, self.change, self.change, self.join, self.join]
        acts += [self.delete, self.put_back] * 2 if self.live else []
        self.chance.choice(acts)()
        self.live = {id: got for id, type in self.known.items() if (got := get(type, id))}
        with directory_database.reading() as connection:
            row = connection.exec_driver_sql("SELECT id, at FROM event ORDER BY id DESC LIMIT 1").first()
        if row:
            self.states.append((row.id, row.at, self.live))

    def pick(self, resource_type: ResourceType, is_live: bool = True) -> str:
        ids = [id for id, type in self.known.items() if type is resource_type and (id in self.live) == is_live]
        return self.chance.choice(ids) if ids else ""

    def create(self) -> None:
        resource_type = self.chance.choice(RESOURCE_TYPES)
        body: dict[str, Any] = {"userName": next(self.names)}
        if resource_type is GROUP:
            members = [{"value": id} for id in {self.pick(USER), self.pick(GROUP), "nobody"} if id]
            body = {"displayName": next(self.names), "members": members}
        else:
            body |= {operation.path: operation.value for operation in self.operations() if ":" not in operation.path}
        self.known[resource_operations.create(resource_type, body, CLIENT).record.id] = resource_type

    def operations(self) -> Iterator[Operation]:
        for path in self.chance.sample(("title", "name", "emails", "active", f"{ENTERPRISE}:department"), 2):
            types = self.chance.sample(("work", "home", "other"), self.chance.randrange(3))
            values: dict[str, Any] = {
                "name": {"givenName": next(self.names), "familyName": self.chance.choice("XY")},
                "emails": [{"type": type, "value": f"{next(self.names)}@recnice.com"} for type in types],
                "active": self.chance.random() < 0.5,
            }
            yield Operation("replace", path, values.get(path, next(self.names)))

    def change(self) -> None:
        if id := self.pick(USER):
            operations = list(self.operations())
            operations += [Operation("remove", "title", None)] if self.chance.random() < 0.3 else []
            operations += [Operation("replace", 'emails[type eq "work"].value', f"{next(self.names)}@recnice.com")]
            resource_operations.change(USER, id, operations, CLIENT)

    def join(self) -> None:
        if group_id := self.pick(GROUP):
            verb = self.chance.choice(("add", "add", "remove", "replace"))
            ids = {self.pick(USER), self.pick(USER), self.pick(GROUP)} - {""}
            operations = [Operation(verb, "members", [{"value": id} for id in ids])]
            operations += [Operation("replace", "displayName", next(self.names))] if self.chance.random() < 0.3 else []
            resource_operations.change(GROUP, group_id, operations, CLIENT)

    def delete(self) -> None:
        resource_type = self.chance.choice(RESOURCE_TYPES)
        if id := self.pick(resource_type):
            resource_operations.delete(resource_type, id, CLIENT)

    def put_back(self) -> None:
        if id := self.pick(self.chance.choice(RESOURCE_TYPES), is_live=False):
            is_active = self.chance.random() < 0.5
            deleted_resources.put_back(RESOURCE_TYPES, id, HOST, becomes_active=is_active)


def get(resource_type: ResourceType, resource_id: str) -> State | None:
    try:
        found = resource_queries.get(resource_type, resource_id)
    except Exception as error:
        assert getattr(error, "status", 0) == 404, error
        return None
    with directory_database.reading() as connection:
        groups = connection.exec_driver_sql("SELECT group_id FROM membership WHERE member_id = ?", [resource_id])
        members = connection.exec_driver_sql("SELECT member_id FROM membership WHERE group_id = ?", [resource_id])
        return json.loads(found.record.document), set(groups.scalars()), set(members.scalars())


def earlier(resource_type: ResourceType, resource_id: str, since: str | int) -> State | None:
    with directory_database.reading() as connection:
        state = history_reader.state_at(connection, resource_type, resource_id, since)
    assert state is None or state.is_known
    return (state.document, set(state.groups), set(state.members)) if state else None


@pytest.mark.parametrize("seed", range(examples(2)))
def test_every_state_is_as_a_get_answered(app: Flask, seed: int) -> None:
    directory = Directory(seed)
    for _ in range(40):
        directory.step()
    verbs = {"create", "change", "delete", "put back"}
    with directory_database.reading() as connection:
        assert set(connection.exec_driver_sql("SELECT DISTINCT verb FROM event").scalars()) == verbs
        assert integrity_check.check(connection, RESOURCE_TYPES) == []
    for event_id, at, live in directory.states:
        for id, resource_type in directory.known.items():
            expected = live.get(id)
            assert earlier(resource_type, id, at) == expected, (id, at)
            assert earlier(resource_type, id, event_id) == expected, (id, event_id)
