"""A group with very many members is sent as any other, and is never in memory as a whole."""

import tracemalloc
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import create_environ

from app import bounds
from app.administration import audit
from app.administration.credentials import scim_keys
from app.provisioning import resource_operations
from app.provisioning.resource_operations import Author
from app.scim.resource_types import GROUP, USER
from app.store.database import directory_database
from app.store.directory import membership_rows
from tests.conftest import Appliance

BASE = "https://scim.recnice.example/sub"
AUTHOR = Author("request", "key")


class Client:
    """A SCIM client in this process."""

    def __init__(self, app: Flask) -> None:
        with app.app_context():
            self.headers = {"Authorization": f"Bearer {scim_keys.create_key('test', audit.HOST).text}"}
        self._app = app

    def ask(self, method: str, path: str, body: object = None) -> Any:
        address = f"/sub/scim/{path}"
        client = self._app.test_client()
        return client.open(address, base_url=BASE, method=method, json=body, headers=self.headers, buffered=True)


@pytest.fixture
def client(app: Flask) -> Client:
    return Client(app)


def add_members(app: Flask, group_id: str, ids: list[str]) -> None:
    with app.app_context(), directory_database.writing() as connection:
        membership_rows.add_members(connection, group_id, ids, absolute=ids[::3])
        connection.exec_driver_sql("UPDATE resource SET members = ? WHERE id = ?", [len(ids), group_id])


@pytest.fixture
def staff(app: Flask) -> str:
    """The id of a group with 30 members, some of them unknown and some named by a URL."""
    with app.app_context():
        ids = [
            resource_operations.create(USER, {"userName": str(number), "displayName": f"Éa {number}"}, AUTHOR).record.id
            for number in range(20)
        ]
        group = resource_operations.create(GROUP, {"displayName": "Staff"}, AUTHOR).record.id
        resource_operations.create(GROUP, {"displayName": "Empty"}, AUTHOR)
    add_members(app, group, ids + [f"unknown {number}" for number in range(10)])
    return group


@pytest.mark.parametrize(
    "query",
    ["", "?attributes=displayName,members.value", "?attributes=members.type", "?excludedAttributes=displayName"],
)
@pytest.mark.parametrize("path", ["Groups/{staff}", "Groups", ""])
def test_a_large_group_is_sent_as_a_small_one(
    client: Client, staff: str, monkeypatch: pytest.MonkeyPatch, path: str, query: str
) -> None:
    path = path.format(staff=staff) + query
    expected = client.ask("GET", path)
    assert expected.status_code == 200
    monkeypatch.setattr(bounds, "MEMBERS_AT_ONCE", 7)
    monkeypatch.setattr(bounds, "ANSWER_IN_MEMORY_LENGTH", 100)
    for method in ("GET", "HEAD"):
        answer = client.ask(method, path)
        assert answer.text == (expected.text if method == "GET" else "")
        different = {"Date", "X-Request-Id"}
        assert [one for one in answer.headers if one[0] not in different] == [
            one for one in expected.headers if one[0] not in different
        ]


def test_memory_does_not_grow_with_the_group(
    app: Flask, client: Client, staff: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "ANSWER_IN_MEMORY_LENGTH", 50_000)
    add_members(app, staff, [f"another member, of whom nothing else is known {number}" for number in range(10_000)])
    client.ask("GET", f"Groups/{staff}?attributes=displayName")
    environ = create_environ(f"/sub/scim/Groups/{staff}", BASE, headers=client.headers)
    tracemalloc.start()
    try:
        pieces: Any = app.wsgi_app(environ, lambda status, headers, *_: lambda _: None)
        with closing(pieces):
            length = sum(map(len, pieces))
        assert tracemalloc.get_traced_memory()[1] < length / 2
    finally:
        tracemalloc.stop()
    assert length > 600_000


def test_a_large_group_over_http(shared_appliance: Appliance) -> None:
    """The server sends it from a file, and so is the answer to its creation."""
    ids = sorted(f"{number} {'x' * 1_000}" for number in range(1_100))
    group = {"displayName": "Large", "members": [{"value": id} for id in ids]}
    created = shared_appliance.request("POST", "/scim/Groups", group)
    assert created.status == 201
    assert len(created.text) > bounds.ANSWER_IN_MEMORY_LENGTH
    path = f"/scim/Groups/{created.json['id']}"
    read = shared_appliance.request("GET", path)
    assert [member["value"] for member in read.json["members"]] == ids
    assert int(read.headers["content-length"]) == len(read.text)
    assert shared_appliance.request("DELETE", path).status == 204
