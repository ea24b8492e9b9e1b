"""How often a request parses a stored document, and how many statements and commits it sends to the directory.

Work is counted, not timed. Who changes a number here has changed what each of Entra's requests costs.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import RFC_4122, UUID

import pytest
from flask import Flask

from app.administration import audit
from app.administration.credentials import scim_keys
from app.provisioning.resource_operations import new_id
from app.store.database.connection import Connection
from tests.statements import recorded

BASE = "https://scim.recnice.example/sub"
ADA = {
    "userName": "ada@recnice.example",
    "externalId": "ada",
    "displayName": "Ada Lovelace",
    "active": True,
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"type": "work", "value": "ada@recnice.example"}],
}
NOBODY = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


@dataclass
class Work:
    """How many stored documents were parsed, and how many statements, with BEGIN, and commits were sent."""

    parses: int = 0
    statements: int = 0
    commits: int = 0


@dataclass
class Client:
    """A SCIM client in this process."""

    app: Flask
    key: str
    monkeypatch: pytest.MonkeyPatch

    def send(self, method: str, path: str, body: object = None) -> Any:
        """Send a request and return the answer."""
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = self.app.test_client().open(
            f"/sub/scim/{path}", base_url=BASE, method=method, json=body, headers=headers
        )
        assert answer.status_code < 500, answer.text
        return answer

    def work(self, method: str, path: str, body: object = None) -> tuple[int, int]:
        """Send a request that succeeds and return its parses and statements; a read has no commit, a write has one."""
        with self.counted() as work:
            assert self.send(method, path, body).status_code in (200, 201, 204)
        assert work.commits == (method != "GET"), f"{method} {path}"
        return work.parses, work.statements

    @contextmanager
    def counted(self) -> Iterator[Work]:
        """Count what this thread does in the block."""
        work, thread, loads, commit = Work(), threading.get_ident(), json.loads, Connection.commit

        def parse(text: Any, **options: Any) -> Any:
            if threading.get_ident() == thread and str(text).startswith('{"schemas":["') and '"id":' in text:
                work.parses += 1
            return loads(text, **options)

        def count_commit(connection: Connection) -> None:
            work.commits += threading.get_ident() == thread
            commit(connection)

        self.monkeypatch.setattr(json, "loads", parse)
        self.monkeypatch.setattr(Connection, "commit", count_commit)
        with recorded() as statements:
            yield work
        work.statements = len(statements)
        self.monkeypatch.setattr(json, "loads", loads)
        self.monkeypatch.setattr(Connection, "commit", commit)


@pytest.fixture
def client(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Client:
    with app.app_context():
        key = scim_keys.create_key("test", audit.HOST).text
    client = Client(app, key, monkeypatch)
    client.send("GET", f"Users/{NOBODY}")  # the first use of a key is written
    return client


def patch(*operations: tuple[str, str, object]) -> object:
    urn = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
    sent = [{"op": op, "path": path, "value": value} for op, path, value in operations]
    return {"schemas": [urn], "Operations": sent}


KING = patch(
    ("replace", "displayName", "Ada King"),
    ("replace", "name.familyName", "King"),
    ("replace", 'emails[type eq "work"].value', "king@recnice.example"),
    ("add", "title", "Countess"),
    ("add", "preferredLanguage", "en"),
    ("add", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "Mathematics"),
)


def test_an_id_begins_with_the_time() -> None:
    """The rows of resources that are created together are neighbors in every index, and are written together."""
    first = time.time_ns() // 1_000_000
    ids = [UUID(new_id()) for _ in range(1_000)]
    last = time.time_ns() // 1_000_000
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert all(first <= one.int >> 80 <= last for one in ids)
    assert len({one.int & (1 << 62) - 1 for one in ids}) == len(ids)


def test_no_request_parses_a_document_twice_or_sends_more_statements_than_it_needs(client: Client) -> None:
    """Each request as (parses, statements). What is remembered of keys, roles and strict attributes needs none."""
    ada = f"Users/{client.send('POST', 'Users', ADA).json['id']}"
    ben = client.send("POST", "Users", {"userName": "ben", "active": True}).json["id"]
    staff = client.send("POST", "Groups", {"displayName": "Staff", "members": [{"value": ben}]}).json["id"]
    work, ada_id = client.work, ada.removeprefix("Users/")
    refused = patch(("replace", "displayName", [1, 2]), ("replace", "active", False))
    counted = {
        "lookup hit": work("GET", 'Users?filter=userName eq "ada@recnice.example"'),
        "lookup miss": work("GET", 'Users?filter=userName eq "eve@recnice.example"'),
        "list": work("GET", "Users"),
        "read": work("GET", ada),
        "read of one attribute": work("GET", f"{ada}?attributes=userName"),
        "create a user": work("POST", "Users", {**ADA, "userName": "eve"}),
        "create a group": work("POST", "Groups", {"displayName": "Empty"}),
        "change six attributes": work("PATCH", ada, KING),
        "change one attribute": work("PATCH", ada, patch(("replace", "preferredLanguage", "fr"))),
        "change nothing": work("PATCH", ada, patch(("replace", "title", "Countess"))),
        "replace": work("PUT", ada, ADA),
        "add a member": work("PATCH", f"Groups/{staff}", patch(("add", "members", [{"value": ada_id}]))),
        "disable": work("PATCH", ada, patch(("replace", "active", False))),
        "disable, and refuse a value": work("PATCH", f"Users/{ben}", refused),
        "remove a member": work("PATCH", f"Groups/{staff}", patch(("remove", "members", [{"value": ben}]))),
        "delete a user in a group": work("DELETE", ada),
        "delete a user": work("DELETE", f"Users/{ben}"),
        "delete a group": work("DELETE", f"Groups/{staff}"),
    }
    assert counted == {
        "lookup hit": (0, 1),
        "lookup miss": (0, 1),
        "list": (0, 6),
        "read": (0, 1),
        "read of one attribute": (1, 1),
        "create a user": (0, 7),
        "create a group": (0, 7),
        "change six attributes": (1, 6),
        "change one attribute": (1, 4),
        "change nothing": (1, 2),
        "replace": (1, 7),
        "add a member": (1, 6),
        "disable": (1, 6),
        "disable, and refuse a value": (1, 6),
        "remove a member": (1, 6),
        "delete a user in a group": (1, 12),
        "delete a user": (1, 8),
        "delete a group": (1, 7),
    }
