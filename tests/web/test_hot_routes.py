"""What app/web/hot_routes.py answers is what Flask answers: random requests, both ways, on equal databases.

Clock, request IDs and ids are the same on both sides, so statuses, headers, bodies, records for the request log and, at
the end, all rows of the directory are compared without exceptions.
"""

import io
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from itsdangerous import TimestampSigner

from app import clock, create_app, throttle
from app.administration import audit, strict_attributes
from app.administration.credentials import access_tokens, oauth_clients, scim_keys
from app.administration.ip_allow_list import allow_list
from app.administration.ip_allow_list.enforcement import Mode
from app.provisioning import resource_operations
from app.request_record import Request
from app.scim.errors import busy
from app.settings import Settings
from app.store.access import audit_rows
from app.store.database import directory_database, remembered_reads, sqlite_driver
from app.store.request_log import log_database_file
from app.web.hot_routes import HotRoutes
from app.web.request_log import middleware, record_draft
from tests.cheap import make_database
from tests.examples import examples

BASE = "https://scim.recnice.example/sub"
USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
NOBODY = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
SECONDS_BETWEEN = 7.0
SEED = int(os.environ.get("RECNICE_SEED", "13"))


@dataclass
class Sent:
    """A request as the HTTP server gives it to the application."""

    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str = "192.0.2.1"

    def environ(self) -> dict[str, Any]:
        length = {} if self.body is None else {"CONTENT_LENGTH": str(len(self.body))}
        return {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": self.query.encode().decode("latin-1"),
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "7644",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.address,
            "HTTP_HOST": "scim.recnice.example",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body or b""),
            "wsgi.input_terminated": True,
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **length,
            **self.headers,
        }


@dataclass
class Side:
    """One of the two applications, and the records of its requests."""

    app: Flask
    records: list[Request] = field(default_factory=list)
    passed_on: int = 0

    def send(self, sent: Sent) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return status, headers and body."""
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
            started.append((status, headers))
            return lambda _: None

        chunks = self.app.wsgi_app(sent.environ(), start)
        body = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        [(status, headers)] = started
        return status, headers, body


class World:
    """Two applications with equal databases, one without hot routes, and what tests do to both."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2026, 3, 1, 8, tzinfo=UTC)
        self.steps = 0
        self.steady_s = 0.0
        monkeypatch.setattr(clock, "utc_now", lambda: self.now)
        monkeypatch.setattr(throttle, "steady_s", lambda: self.steady_s)
        monkeypatch.setattr(record_draft, "new_number", lambda: f"{self.steps:016x}")
        monkeypatch.setattr(audit_rows, "_new_salt", lambda: f"{self.steps:032x}")
        monkeypatch.setattr(resource_operations, "new_id", lambda: f"00000000-0000-4000-8000-{self.steps:012x}")
        self.sides = [self._side(folder / name, has_hot_routes=name == "hot") for name in ("flask", "hot")]
        self.flask, self.hot = self.sides
        # Cursors are signed, with their time.
        self.hot.app.secret_key = self.flask.app.secret_key
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: int(self.now.timestamp()))
        with self.flask.app.app_context():
            self.key = scim_keys.create_key("Entra", audit.HOST).text
            self.revoked = scim_keys.create_key("Old", audit.HOST, is_beside=True)
            scim_keys.stop_key(self.revoked.row.id, audit.HOST)
            client = oauth_clients.create_client("Entra", audit.HOST)
            self.token = access_tokens.token_for_secret(client.client_id, client.text, "192.0.2.1").text
            directory_database.file.close()
        self.files = [side.app.config["RECNICE_SETTINGS"].database for side in self.sides]
        with closing(sqlite_driver.connect(sqlite_driver.address(self.files[0]))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(*self.files)
        front = self.hot.app.wsgi_app
        while not isinstance(front, HotRoutes):
            front = front._application  # type: ignore[attr-defined]
        behind = front._flask

        def pass_on(*of: Any) -> Any:
            self.hot.passed_on += 1
            return behind(*of)

        monkeypatch.setattr(front, "_flask", pass_on)

    def _side(self, folder: Path, *, has_hot_routes: bool) -> Side:
        folder.mkdir()
        settings = Settings(data=folder, listen=("127.0.0.1", 7644), public_url=BASE)
        make_database(settings.database)
        log_database_file.prepare(settings.requests_database)
        side = Side(create_app(settings, has_hot_routes=has_hot_routes))

        def note(request: Request, sent_bytes: int = 0) -> bool:
            side.records.append(replace(request, duration_ms=float(sent_bytes)))
            return True

        middleware.of(side.app).recorder.note = note  # type: ignore[method-assign]
        return side

    def both(self, do: Callable[[], object]) -> None:
        """Do the same in both applications."""
        for side in self.sides:
            with side.app.app_context():
                do()

    def elsewhere(self, sql: str) -> None:
        """Change both databases as another process does."""
        for file in self.files:
            with closing(sqlite_driver.connect(sqlite_driver.address(file))) as connection:
                connection.execute(sql).close()

    def send(self, sent: Sent) -> tuple[str, dict[str, str], bytes]:
        """Send a request to both, compare everything, and return the answer."""
        self.steps += 1
        self.now += timedelta(seconds=SECONDS_BETWEEN)
        answers = []
        for place, side in enumerate(self.sides):
            # Both note the use of a key with every tenth request, although they are in one process.
            self.steady_s = self.steps // 10 * 10_000.0 + place * 5_000.0
            answers.append(side.send(sent))
        expected, got = answers
        assert got == expected, (SEED, sent)
        records = [
            [f"{replace(one, objects=tuple(one.objects))!r} {one.sent!r}" for one in side.records]
            for side in self.sides
        ]
        assert records[1] == records[0], (SEED, sent)
        for side in self.sides:
            side.records.clear()
        status, headers, body = got
        return status, dict(headers), body

    def rows(self, side: Side) -> dict[str, list[Any]]:
        with side.app.app_context(), directory_database.reading() as connection:
            return {
                name: connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1, 2").all()
                for name in directory_database.metadata.tables
                if connection.exec_driver_sql("SELECT 1 FROM sqlite_schema WHERE name = ?", (name,)).all()
                and name != remembered_reads.generation.name
            }


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(tmp_path, monkeypatch)
    yield world
    for side in world.sides:
        middleware.of(side.app).recorder.close()
        with side.app.app_context():
            directory_database.file.close()


class Client:
    """A source of random requests, most of them as Entra sends them."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.ids: dict[str, list[str]] = {"Users": [NOBODY], "Groups": [NOBODY]}

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def next(self) -> Sent:
        kind = self.chance.choice(("Users", "Users", "Groups"))
        sent = self.chance.choices(
            (self.lookup, self.read, self.create, self.patch, self.delete, self.list, self.other),
            (6, 4, 5, 6, 1, 1, 1),
        )[0](kind)
        sent.headers = {**self.authorization(), **self.headers(sent), **sent.headers}
        if self.often(0.06):
            sent.path = self.chance.choice(
                (
                    sent.path + "/",
                    sent.path.replace("/scim", "/scim/v2", 1),
                    "/sub" + sent.path,
                    sent.path.replace("/scim/", "/scim//", 1),
                    sent.path.upper(),
                    sent.path + "/x",
                    sent.path + "%20",
                    sent.path + "\xe9",
                    sent.path.replace("Users", "users"),
                    "/scim/v2/v2" + sent.path[5:],
                )
            )
        if self.often(0.04):
            sent.method = self.chance.choice(("HEAD", "PUT", "OPTIONS", "TRACE", "POST", "DELETE"))
        sent.query = sent.query or self.query_of_change()
        return sent

    def authorization(self) -> dict[str, str]:
        key, token = self.world.key, self.world.token
        texts = (f"Bearer {key}", f"Bearer {key}", f"bearer  {key}", f"BEARER {token}")
        wrong = (
            f"Bearer {key}x",
            f"Bearer Bearer {key}",
            f"Basic {key}",
            f"Bearer {self.world.revoked.text}",
            f"Bearer {token[:-1]}0",
            f"Bearer {key} ",
            "Bearer ",
            "",
        )
        return {"HTTP_AUTHORIZATION": self.chance.choice(wrong if self.often(0.04) else texts)}

    def headers(self, sent: Sent) -> dict[str, str]:
        headers = {"HTTP_ACCEPT": "application/scim+json"} if self.often(0.5) else {}
        if sent.body is not None:
            usual = ("application/scim+json; charset=utf-8", "application/scim+json", "application/json")
            odd = (
                "",
                "text/plain",
                "application/x-www-form-urlencoded",
                "APPLICATION/SCIM+JSON ;x",
                "multipart/form-data",
            )
            headers["CONTENT_TYPE"] = self.chance.choice(odd if self.often(0.05) else usual)
        if self.often(0.08):
            headers |= self.chance.choice(
                (
                    {"HTTP_IF_MATCH": 'W/"1"'},
                    {"HTTP_IF_MATCH": "*"},
                    {"HTTP_IF_NONE_MATCH": 'W/"1", W/"2"'},
                    {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "Upgrade"},
                    {"HTTP_CONTENT_ENCODING": "gzip"},
                    {"HTTP_X_FORWARDED_FOR": "198.51.100.7"},
                    {"HTTP_COOKIE": "recnice_form=x; a=b"},
                    {"HTTP_HOST": "evil.example"},
                    {"HTTP_TRANSFER_ENCODING": "chunked"},
                    {"HTTP_X_RECNICE_SIMULATION": "1"},
                    {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"},
                    {"HTTP_EXPECT": "100-continue"},
                    {"CONTENT_LENGTH": self.chance.choice(("0", "3", "99999", "-1", "x", "9999999999", "\u0663"))},
                )
            )
        return headers

    def query_of_change(self) -> str:
        if self.often(0.8):
            return ""
        return self.chance.choice(
            (
                "aadOptscim062020",
                "attributes=userName",
                "excludedAttributes=members",
                "attributes=displayName,members&excludedAttributes=id",
                "excludedAttributes=groups&excludedAttributes=emails",
                "attributes=" + "x" * 5000,
                "filter=a&filter=b",
                "attributes=emails%5Btype%20eq%20%22work%22%5D.value",
                "count=1;startIndex=2",
                "%ff=%fe&attributes=%E4%BD",
            )
        )

    def name(self) -> str:
        number = self.chance.randrange(self.world.steps // 3 + 3)
        name = f"user{number}@Example.com" if self.often(0.8) else f"\u00dcser {number} \u202e\U0001f600"
        return name.upper() if self.often(0.1) else name

    def id(self, kind: str) -> str:
        if self.often(0.04):
            odd = (NOBODY, NOBODY.upper(), "x", "..", ".search", NOBODY + "0", "%00", "a/b")
            return self.chance.choice(odd)
        return self.chance.choice(self.ids[kind][-8:])

    def lookup(self, kind: str) -> Sent:
        attribute = self.chance.choice(("userName", "externalId", "displayName", "username", "emails.value", "id"))
        if kind == "Groups":
            attribute = self.chance.choice(("displayName", "externalId", f"{GROUP_URN}:displayName"))
        value = json.dumps(self.name(), ensure_ascii=self.often(0.5))
        text = f"{attribute} eq {value}"
        if self.often(0.15):
            text = self.chance.choice(
                (
                    f"{attribute} EQ {value}",
                    f"{attribute} ne {value}",
                    f" {attribute}  eq {value}",
                    f"{text} and active eq true",
                    f"not ({text})",
                    f'emails[type eq "work"].value eq {value}',
                    f"{attribute} eq true",
                    f"{attribute} eq null",
                    f"{attribute} eq",
                    f"{attribute} eq {value}x",
                    f"nothing eq {value}",
                    f'title eq "{NOBODY}"',
                    f'{attribute} eq "{NOBODY}"',
                    f'{attribute} eq "a\\"b\\u00e9"',
                    "",
                )
            )
        escape = quote if self.often(0.7) else lambda text: quote(text, safe="").replace("%20", "+")
        query = "filter=" + (escape(text) if self.often(0.95) else text.replace(" ", "%20"))
        more = ("&attributes=userName", "&excludedAttributes=members", "&aadOptscim062020", "&count=1", "&startIndex=2")
        rarely = ("&cursor", "&sortBy=userName", "&filter=x", "&count=x", "&attributes=id&attributes=active")
        if self.often(0.4):
            query += self.chance.choice(more if self.often(0.8) else rarely)
        return Sent("GET", f"/scim/{kind}", query)

    def read(self, kind: str) -> Sent:
        queries = ("", "excludedAttributes=members", "attributes=displayName,members", "filter=x&filter=y")
        return Sent("GET", f"/scim/{kind}/{self.id(kind)}", self.chance.choice(queries))

    def list(self, kind: str) -> Sent:
        queries = ("", "count=3", "startIndex=2&count=2", "sortBy=userName&sortOrder=descending", "cursor", "count=0")
        return Sent("GET", f"/scim/{kind}", self.chance.choice(queries))

    def other(self, kind: str) -> Sent:
        paths = (
            "/scim",
            "/scim/Schemas",
            f"/scim/{kind}/.search",
            "/scim/Me",
            "/scim/ServiceProviderConfig",
            "/scim/X",
        )
        return Sent("GET", self.chance.choice(paths))

    def value(self, usual: Any) -> Any:
        odd = (None, "", 1, [], {}, "x" * 2000, True, [None], {"value": 1})
        return self.chance.choice(odd) if self.often(0.03) else usual

    def document(self, kind: str) -> dict[str, Any]:
        name = self.name()
        if kind == "Groups":
            members = [{"value": self.id("Users")} for _ in range(self.chance.randrange(3))]
            document = {"schemas": [GROUP_URN], "displayName": self.value(name), "members": members}
            return document if self.often(0.5) else document | {"externalId": f"g{self.name()}"}
        return {
            "schemas": [USER_URN, ENTERPRISE] if self.often(0.9) else self.value([USER_URN]),
            "userName": self.value(name),
            "externalId": self.value(f"ext{self.name()}"),
            "active": self.chance.choice((True, False, "True", "False")),
            "displayName": self.value(f"User {name}"),
            "name": self.value({"givenName": "U", "familyName": name}),
            "emails": self.value([{"type": "work", "primary": True, "value": name}]),
            ENTERPRISE: self.value({"department": "Dev", "employeeNumber": "7"}),
        }

    def encoded(self, message: Any) -> bytes:
        text = json.dumps(message, ensure_ascii=self.often(0.5))
        if self.often(0.95):
            return text.encode()
        return self.chance.choice(
            (
                text.encode("utf-16"),
                text.encode("utf-8-sig"),
                b"\xff" + text.encode(),
                text[:-3].encode(),
                b"",
                b" ",
                b"[" * 100,
                text.replace("{", '{"schemas":1,', 1).encode(),
                b'{"userName": NaN}',
                b'"\\ud800"',
                b"null",
            )
        )

    def create(self, kind: str) -> Sent:
        return Sent("POST", f"/scim/{kind}", body=self.encoded(self.document(kind)))

    def patch(self, kind: str) -> Sent:
        operations = [self.operation(kind) for _ in range(self.chance.choice((1, 1, 1, 2, 5, 0)))]
        message = {"schemas": [PATCH_URN], "Operations": operations}
        if self.often(0.03):
            odd: list[Any] = [{"Operations": {}}, {"schemas": ["x"], "Operations": operations}, {}, []]
            message = self.chance.choice(odd)
        return Sent("PATCH", f"/scim/{kind}/{self.id(kind)}", body=self.encoded(message))

    def operation(self, kind: str) -> dict[str, Any]:
        verb = self.chance.choice(("Add", "Replace", "replace", "add", "Remove"))
        if kind == "Groups":
            path = self.chance.choice(("members", "members", "displayName", "externalId", "nothing"))
            value: Any = [{"value": self.id("Users")}] if path == "members" else self.name()
            if path == "members" and verb == "Remove" and self.often(0.5):
                return {"op": verb, "path": f'members[value eq "{self.id("Users")}"]'}
            return {"op": verb, "path": path, "value": self.value(value)}
        paths = {
            "active": self.chance.choice((True, False, "True", "False")),
            "userName": self.name(),
            "displayName": f"New {self.chance.randrange(99)}",
            'emails[type eq "work"].value': self.name(),
            "name.familyName": "F",
            f"{ENTERPRISE}:department": "D",
            f"{ENTERPRISE}:manager": NOBODY,
            "externalId": f"ext{self.name()}",
            "title": "T",
            "nothing.known": 1,
            "emails[": 1,
        }
        path = self.chance.choice(list(paths))
        return {"op": verb if self.often(0.98) else "move", "path": path, "value": self.value(paths[path])}

    def delete(self, kind: str) -> Sent:
        return Sent("DELETE", f"/scim/{kind}/{self.id(kind)}")

    def learn(self, sent: Sent, status: str, body: bytes) -> None:
        ids = self.ids["Groups" if "Groups" in sent.path else "Users"]
        if sent.method == "POST" and status.startswith("201"):
            ids.append(json.loads(body)["id"])
        elif status.startswith("204") and (gone := sent.path.rpartition("/")[2]) in ids:
            ids.remove(gone)


def play(world: World, count: int, seed: int) -> Counter[str]:
    """Send random requests to both sides, and change what administrators decide in between."""
    client, statuses = Client(world, seed), Counter[str]()
    changes: list[Callable[[], object]] = [
        lambda: strict_attributes.set_strict("User", "title", True, audit.HOST),
        lambda: strict_attributes.set_strict("User", "title", False, audit.HOST),
        lambda: allow_list.set_mode(Mode.WATCH, audit.HOST),
        lambda: allow_list.allow(["192.0.2.0/24"], "", audit.HOST),
        lambda: allow_list.set_mode(Mode.ENFORCE, audit.HOST),
        lambda: allow_list.set_mode(Mode.OFF, audit.HOST),
    ]
    for number in range(count):
        if changes and number % (count // 8) == count // 8 - 1:
            world.both(changes.pop(0))
        sent = client.next()
        if client.often(0.05):
            sent.address = client.chance.choice(("203.0.113.9", "::1", "127.0.0.1", ""))
        status, _, body = world.send(sent)
        client.learn(sent, status, body)
        statuses[f"{sent.method} {status[:3]}"] += 1
    assert world.rows(world.hot) == world.rows(world.flask)
    return statuses


def test_both_ways_answer_record_and_store_the_same(world: World) -> None:
    count = examples(300)
    statuses = play(world, count, SEED)
    for usual in ("GET 200", "POST 201", "PATCH 200", "DELETE 204", "GET 404", "POST 409", "GET 401", "PATCH 400"):
        assert statuses[usual], f"{usual} was not tried"
    assert world.hot.passed_on < count * 0.7, "many requests are answered without Flask"


def usual(world: World, method: str, path: str, message: object = None, query: str = "") -> Sent:
    body = None if message is None else json.dumps(message).encode()
    headers = {"HTTP_AUTHORIZATION": f"Bearer {world.key}", "CONTENT_TYPE": "application/scim+json"}
    return Sent(method, path, query, body, headers)


def test_what_entra_sends_most_is_answered_without_flask(world: World) -> None:
    person = {"userName": "ada@recnice.example", "externalId": "ada", "active": True}
    created = json.loads(world.send(usual(world, "POST", "/scim/Users", person))[2])
    group = json.loads(world.send(usual(world, "POST", "/scim/Groups", {"displayName": "Staff"}))[2])
    user_path, group_path = f"/scim/Users/{created['id']}", f"/scim/Groups/{group['id']}"

    def patch(op: str, path: str, value: object) -> object:
        return {"schemas": [PATCH_URN], "Operations": [{"op": op, "path": path, "value": value}]}

    member = [{"value": created["id"]}]
    lookup = "filter=" + quote('displayName eq "Staff"') + "&excludedAttributes=members"
    for sent, expected in (
        (usual(world, "GET", "/scim/Users", query="filter=" + quote('userName eq "ADA@recnice.example"')), "200 OK"),
        (usual(world, "GET", "/scim/Users", query="filter=userName+eq+%22nobody%22"), "200 OK"),
        (usual(world, "GET", "/scim/Groups", query=lookup), "200 OK"),
        (usual(world, "GET", user_path), "200 OK"),
        (usual(world, "GET", group_path, query="excludedAttributes=members"), "200 OK"),
        (usual(world, "PATCH", user_path, patch("Replace", "displayName", "Ada")), "200 OK"),
        (usual(world, "PATCH", group_path, patch("Add", "members", member)), "200 OK"),
        (usual(world, "PATCH", user_path, patch("Replace", "active", "False")), "200 OK"),
        (usual(world, "DELETE", user_path), "204 NO CONTENT"),
        (usual(world, "DELETE", group_path), "204 NO CONTENT"),
    ):
        assert world.send(sent)[0] == expected
    assert world.hot.passed_on == 1, "the first one, whose key was not known yet"


def test_an_error_of_this_server_is_not_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happened before the error may be done; and a writer that waited in vain must not wait again."""
    person = {"userName": "ada@recnice.example"}
    for error, status in ((busy(), "503"), (RuntimeError("unexpected"), "500")):
        tried = []

        def fail(*_: Any, error: Exception = error, tried: list[int] = tried) -> None:
            tried.append(1)
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(resource_operations, "create", fail)
            assert world.send(usual(world, "POST", "/scim/Users", person))[0].startswith(status)
        assert len(tried) == 2, "once on each side"
    assert world.hot.passed_on == 2


def test_a_key_that_is_revoked_meanwhile_reads_and_changes_nothing(world: World) -> None:
    created = json.loads(world.send(usual(world, "POST", "/scim/Users", {"userName": "ada"}))[2])
    path = f"/scim/Users/{created['id']}"
    disable = {"schemas": [PATCH_URN], "Operations": [{"op": "Replace", "path": "active", "value": False}]}
    requests = (
        usual(world, "GET", path),
        usual(world, "GET", "/scim/Users", query="filter=userName+eq+%22ada%22"),
        usual(world, "PATCH", path, disable),
        usual(world, "POST", "/scim/Users", {"userName": "eve"}),
        usual(world, "DELETE", path),
    )
    assert world.send(requests[0])[0] == "200 OK"
    for sent in requests:
        world.elsewhere(f"UPDATE scim_key SET stopped = '{clock.to_wire(world.now)}' WHERE name = 'Entra'")
        assert world.send(sent)[0] == "401 UNAUTHORIZED"
        world.elsewhere("UPDATE scim_key SET stopped = NULL WHERE name = 'Entra'")
        assert world.send(usual(world, "GET", path))[0] == "200 OK"
    assert world.rows(world.hot)["resource"] == world.rows(world.flask)["resource"]
