"""Hold the conversation that docs/reference/scim-api.md shows, with this program in this process.

Each example is one real request and its real answer. What differs from run to run is replaced: ids, times, tokens.
`make tables` writes them into the document.
"""

import base64
import contextlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask
from werkzeug.test import TestResponse

PUBLIC_URL = "https://scim.example.com"
CORE = "urn:ietf:params:scim:schemas:core:2.0"
MESSAGES = "urn:ietf:params:scim:api:messages:2.0"
EXTERNAL_ID = "4f1c6a52-9f3a-4c8e-8d5b-2a7e90d1c3b4"
TIME = "2026-11-30T09:00:00.000Z"
SHOWN_HEADERS = ("Location", "ETag", "WWW-Authenticate", "Retry-After")
IDS = (
    "2819c223-7f76-453a-919d-413861904646",
    "e9e30dba-f08f-4109-8486-d5c6a331660a",
    "902c246b-6245-4190-8e05-00816be7344a",
    "fc348aa8-3835-40eb-a20b-c726e15c55b5",
)
"""What the ids are called here, in the order of their appearance; the examples of RFC 7643 have the same."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_TOKEN = re.compile(r"(rcn_[a-z]+_)[\w-]+")


class Conversation:
    """One client that talks to one server, with names for the ids that it meets."""

    def __init__(self, app: Flask, key: str) -> None:
        self._client = app.test_client()
        self._key = key
        self._ids: dict[str, str] = {}
        self.names: dict[str, str] = {}

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Send one request with the key and return the answer."""
        sent = {"Authorization": f"Bearer {self._key}", **(headers or {})}
        text = None if body is None else json.dumps(body)
        return self._client.open(
            path, method=method, data=text, headers=sent, content_type="application/scim+json" if text else None
        )

    def example(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Send one request and return it with its answer as Markdown."""
        sent, _, query = path.partition("?")
        target = self.names.get(sent, sent) + (f"?{quote(query, safe='=&,')}" if query else "")
        answer = self.send(method, target, body, headers)
        request = [f"{method} {path}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        if body is not None:
            request += ["Content-Type: application/scim+json", "", pretty(body)]
        return self._fenced("\n".join(request), answer)

    def token_example(self, client_id: str, secret: str) -> str:
        """Fetch an access token and return both messages as Markdown."""
        credentials = base64.b64encode(f"{quote(client_id)}:{quote(secret)}".encode()).decode()
        answer = self._client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": f"Basic {credentials}"},
        )
        request = (
            "POST /oauth/token\nAuthorization: Basic <base64 of client identifier:client secret>\n"
            "Content-Type: application/x-www-form-urlencoded\n\ngrant_type=client_credentials"
        )
        return self._fenced(request, answer)

    def create(self, path: str, **attributes: Any) -> str:
        """Create a resource that no example shows, and return its id."""
        return str(json.loads(self.send("POST", path, attributes).data)["id"])

    def id_of(self, name: str) -> str:
        """Return the id that is called so in the examples."""
        return next(real for real, called in self._ids.items() if called == name)

    def _fenced(self, request: str, answer: TestResponse) -> str:
        lines = [answer.status.title().replace("Ok", "OK")]
        lines += [f"{name}: {answer.headers[name]}" for name in SHOWN_HEADERS if name in answer.headers]
        if answer.data:
            lines += ["", pretty(shortened(json.loads(answer.data)))]
        return self._named(f"```\n{request}\n```\n\n```\n" + "\n".join(lines) + "\n```")

    def _named(self, text: str) -> str:
        """Return a text with each id, time and token replaced by what it is called here."""
        for real in _UUID.findall(text):
            if real not in (EXTERNAL_ID, *IDS, *self._ids):
                self._ids[real] = IDS[len(self._ids)]
        text = _UUID.sub(lambda found: self._ids.get(found[0], found[0]), text)
        return _TOKEN.sub(r"\1…", _TIME.sub(TIME, text))


def pretty(message: Mapping[str, Any]) -> str:
    """Return a message as indented JSON; short objects and lists stay on their line."""
    text = json.dumps(message, indent=2, ensure_ascii=False)
    return re.sub(
        r"[\[{]\n\s+([^\[\]{}]{1,110}?)\n\s*[\]}]",
        lambda found: found[0][0] + re.sub(r"\n\s+", " ", found[1]) + found[0][-1],
        text,
    )


def shortened(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message in which a cursor is cut, and of each schema all attributes but the first."""
    if "nextCursor" in message:
        message["nextCursor"] = "…"
    for schema in message.get("Resources", []):
        if "attributes" in schema:
            del schema["attributes"][1:]
    return message


def examples() -> str:
    """Return every operation with its heading, a sentence, the request and the answer."""
    with served() as (client, client_id, secret):
        return "\n\n".join(f"### {heading}\n\n{text}" for heading, text in _operations(client, client_id, secret))


def _operations(client: Conversation, client_id: str, secret: str) -> Iterator[tuple[str, str]]:
    ada = {
        "schemas": [f"{CORE}:User"],
        "userName": "ada.lindqvist@example.com",
        "externalId": EXTERNAL_ID,
        "active": True,
        "displayName": "Ada Lindqvist",
        "name": {"givenName": "Ada", "familyName": "Lindqvist"},
        "emails": [{"value": "ada.lindqvist@example.com", "type": "work", "primary": True}],
    }

    def patch(*operations: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"schemas": [f"{MESSAGES}:PatchOp"], "Operations": operations}

    yield "Create a user", client.example("POST", "/scim/Users", ada)
    user = f"/scim/Users/{client.id_of(IDS[0])}"
    shown = f"/scim/Users/{IDS[0]}"
    client.names[shown] = user
    yield (
        "Create a user twice",
        "A `userName` or a group's `displayName` that is taken answers 409. It is case-insensitive.\n\n"
        + client.example("POST", "/scim/Users", {"userName": "Ada.Lindqvist@example.com"}),
    )
    yield "Read a user", client.example("GET", f"{shown}?attributes=userName,active")
    yield (
        "Read a user only if it was changed",
        "An answer has no body when the resource has the version that the client names.\n\n"
        + client.example("GET", shown, headers={"If-None-Match": 'W/"1"'}),
    )
    yield (
        "Find users",
        "All operators of RFC 7644 §3.4.2.2 work on every attribute. A filter that matches nothing answers 200.\n\n"
        + client.example("GET", '/scim/Users?filter=userName eq "ada.lindqvist@example.com"&attributes=emails'),
    )
    client.create("/scim/Users", userName="ben.okoro@example.com", displayName="Ben Okoro")
    yield (
        "List users by index",
        client.example("GET", "/scim/Users?sortBy=userName&startIndex=2&count=1&attributes=userName"),
    )
    yield (
        "List users by cursor",
        "Begin with an empty `cursor`. Send `nextCursor` as the next `cursor`, until there is none (RFC 9865).\n\n"
        + client.example("GET", "/scim/Users?sortBy=userName&cursor=&count=1&attributes=userName"),
    )
    yield (
        "Find with a body",
        "`/scim/.search` searches all resource types; `/scim/Users/.search` and `/scim/Groups/.search` search one.\n\n"
        + client.example(
            "POST",
            "/scim/.search",
            {
                "schemas": [f"{MESSAGES}:SearchRequest"],
                "filter": 'displayName sw "ben"',
                "attributes": ["displayName"],
                "count": 10,
            },
        ),
    )
    yield (
        "Change a user",
        "Operations are done in their order, all or none. `attributes` selects what the answer has.\n\n"
        + client.example(
            "PATCH",
            f"{shown}?attributes=title,emails,active",
            patch(
                {"op": "replace", "path": "title", "value": "Counsel"},
                {"op": "replace", "path": 'emails[type eq "work"].value', "value": "ada@example.com"},
            ),
        ),
    )
    yield (
        "Disable a user",
        "The user keeps the id, the attributes and the groups. `true` enables the user again.\n\n"
        + client.example(
            "PATCH", f"{shown}?attributes=active", patch({"op": "replace", "path": "active", "value": False})
        ),
    )
    yield (
        "Replace a user",
        "Attributes that the body lacks are removed. `If-Match` is optional: another version answers 412.\n\n"
        + client.example("PUT", shown, {**ada, "title": "General Counsel"}, {"If-Match": 'W/"3"'}),
    )
    yield (
        "Create a group",
        client.example("POST", "/scim/Groups", {"schemas": [f"{CORE}:Group"], "displayName": "Legal"}),
    )
    group = f"/scim/Groups/{IDS[2]}"
    client.names[group] = f"/scim/Groups/{client.id_of(IDS[2])}"
    member = [{"value": client.id_of(IDS[0])}]
    yield (
        "Add a member",
        "Adding a member twice is not an error. The answer leaves out the members, however many there are.\n\n"
        + client.example("PATCH", group, patch({"op": "add", "path": "members", "value": member})),
    )
    yield (
        "Read a group without its members",
        client.example("GET", f"{group}?excludedAttributes=members"),
    )
    yield (
        "Remove a member",
        "Removing a user who is not a member is not an error.\n\n"
        + client.example(
            "PATCH", group, patch({"op": "remove", "path": f'members[value eq "{client.id_of(IDS[0])}"]'})
        ),
    )
    yield (
        "Send several operations at once",
        "`bulkId:` names a resource that another operation of the same request creates.\n\n"
        + client.example(
            "POST",
            "/scim/Bulk",
            {
                "schemas": [f"{MESSAGES}:BulkRequest"],
                "Operations": [
                    {"method": "POST", "path": "/Users", "bulkId": "eva", "data": {"userName": "eva@example.com"}},
                    {
                        "method": "PATCH",
                        "path": f"/Groups/{client.id_of(IDS[2])}",
                        "data": patch({"op": "add", "path": "members", "value": [{"value": "bulkId:eva"}]}),
                    },
                ],
            },
        ),
    )
    yield "Delete a user", client.example("DELETE", shown)
    yield "Read what does not exist", client.example("GET", shown)
    invalid = {"userName": "kim@example.com", "active": "maybe"}
    yield "Send an invalid value", client.example("POST", "/scim/Users", invalid)
    yield "Send no valid key", client.example("GET", "/scim/Users", headers={"Authorization": "Bearer wrong"})
    yield "Read what the server supports", client.example("GET", "/scim/ServiceProviderConfig")
    yield "Read the resource types", client.example("GET", "/scim/ResourceTypes")
    yield (
        "Read the schemas",
        "The example shows one attribute of each schema.\n\n" + client.example("GET", "/scim/Schemas"),
    )
    yield (
        "Fetch an access token",
        "An OAuth client sends the access token in place of a SCIM Key.\n\n" + client.token_example(client_id, secret),
    )


@contextlib.contextmanager
def served() -> Iterator[tuple[Conversation, str, str]]:
    """Give a conversation with a new server on a temporary folder, and an OAuth client's identifier and secret."""
    from app import create_app
    from app.administration import audit
    from app.administration.credentials import oauth_clients, scim_keys
    from app.settings import Settings
    from app.store.database import directory_database
    from app.store.request_log import log_database, log_database_file
    from app.web.request_log import middleware

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder), ("127.0.0.1", 7644), PUBLIC_URL)
        app = create_app(settings)
        directory_database.migrate(settings.database)
        log_database_file.prepare(settings.requests_database)
        with app.app_context():
            key = scim_keys.create_key("Another client", audit.HOST).text
            client = oauth_clients.create_client("Another client", audit.HOST)
        yield Conversation(app, key), client.client_id, client.text
        middleware.of(app).recorder.close()  # its thread would go on trying to write into the removed folder
        with app.app_context():
            directory_database.file.close()
            log_database.file.close()
