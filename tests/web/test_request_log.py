"""The request log over HTTP: what a request leaves there, what never does, and that nobody waits for it."""

import base64
import http.client
import json
import re
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import bounds, clock
from app.administration import audit
from app.administration.credentials import scim_keys
from app.provisioning import resource_queries
from app.store.request_log import log_database, request_rows
from app.web.request_log import middleware
from tests.conftest import Answer, Appliance, wait_until, with_values
from tests.web.visitor import PASSWORD, USER_NAME, Visitor, set_up

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
GUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiI4YWRmOGU2ZSJ9.c2lnbmF0dXJl"

Row = dict[str, Any]


@pytest.fixture(scope="module")
def asked(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One appliance for these tests, with a key."""
    appliance = Appliance(program, tmp_path_factory.mktemp("asked") / "recnice").start()
    appliance.make_key()
    yield appliance
    assert appliance.stop() == 0, appliance.output


def read(appliance: Appliance, table: str = "request") -> list[Row]:
    with closing(sqlite3.connect(appliance.data / "recnice-requests.sqlite3", timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]


def rows_of(appliance: Appliance, answer: Answer) -> list[Row]:
    number = answer.headers["x-request-id"]
    found: list[Row] = wait_until(
        lambda: [row for row in read(appliance) if row["number"] == number], f"the log has {number}"
    )
    return found


def row_of(appliance: Appliance, answer: Answer) -> Row:
    (row,) = rows_of(appliance, answer)
    return row


def said(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def person(name: str, **more: Any) -> dict[str, Any]:
    return {"schemas": [USER], "userName": f"{name}@example.com", "displayName": name.title(), **more}


def patch(*operations: Any) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


def user(appliance: Appliance, name: str, **more: Any) -> str:
    made = appliance.request("POST", "/scim/Users", person(name, **more))
    assert made.status == 201, made.text
    return str(made.json["id"])


# --- columns ----------------------------------------------------------------------------------------------------------


def test_all_columns_of_a_refused_request(asked: Appliance):
    other = user(asked, "ana", externalId="e-1")
    before = clock.to_wire(clock.utc_now())
    answer = asked.request("POST", "/scim/Users/", person("ANA", shoeSize="44", password=PASSWORD))
    row = row_of(asked, answer)
    assert answer.status == 409
    key_id = asked.command("key", "list").stdout.split()[-8:]
    assert row["key_id"] in asked.command("key", "list").stdout, key_id
    assert before <= row["at"] <= clock.to_wire(clock.utc_now())
    assert row["duration_ms"] > 0
    assert said(
        row, "method", "path", "status", "scim_type", "attribute", "key_fault", "address", "dialect", "deed"
    ) == (*("POST", "Users", 409, "uniqueness", "userName", "", "127.0.0.1", "", "create"),)
    assert said(row, "resource_type", "resource_id", "resource_name", "other_id") == ("User", "", "Ana", other)
    assert row["reason"] == answer.json["detail"]
    assert json.loads(row["body"]) == {
        "schemas": [USER],
        "userName": "ANA@example.com",
        "displayName": "Ana",
        "shoeSize": "(text of 2)",
        "password": f"(text of {len(PASSWORD)})",
    }
    assert row["cycle_id"] > 0


def test_what_succeeds_keeps_no_body(asked: Appliance):
    answer = asked.request("POST", "/scim/v2/Users", person("bert"))
    row = row_of(asked, answer)
    assert said(row, "status", "path", "deed", "resource_id", "resource_name", "reason", "body") == (
        *(201, "Users", "create", answer.json["id"], "Bert", "", ""),
    )


ACTIONS: dict[str, tuple[str, str, Any, tuple[str, str, str]]] = {
    "probe": ("GET", f"/scim/Users?filter=userName+eq+%22{GUID}%22", None, ("probe", "Users", "")),
    "match": ("GET", "/scim/Users?filter=userName+eq+%22NOBODY%22", None, ("match", "Users", "")),
    "match that finds": (
        "GET",
        "/scim/Users?filter=userName+eq+%22CARL@example.com%22",
        None,
        ("match", "Users", "ID"),
    ),
    "match of two": ("GET", f'/scim/Users?filter=id+eq+"{GUID}"+and+title+eq+"x"', None, ("match", "Users", "")),
    "other filter": ("GET", "/scim/Users?filter=userName+sw+%22a%22", None, ("list", "Users", "")),
    "list": ("GET", "/scim/Users", None, ("list", "Users", "")),
    "list of all": ("GET", "/scim/v2/", None, ("list", "/", "")),
    "search": (
        *("POST", "/scim/Users/.search", {"schemas": [SEARCH], "filter": f'externalId eq "{GUID}"'}),
        ("match", "Users/.search", ""),
    ),
    "read": ("GET", "/scim/Users/ID", None, ("read", "Users/{id}", "ID")),
    "schemas": ("GET", "/scim/Schemas", None, ("schema", "Schemas", "")),
    "schema": ("GET", f"/scim/Schemas/{USER}", None, ("schema", "Schemas/{id}", "")),
    "config": ("GET", "/scim/ServiceProviderConfig", None, ("schema", "ServiceProviderConfig", "")),
    "disable": (
        "PATCH",
        "/scim/Users/ID",
        patch({"op": "Replace", "path": "active", "value": "False"}),
        ("disable", "Users/{id}", "ID"),
    ),
    "enable": (
        "PATCH",
        "/scim/Users/ID",
        patch({"op": "replace", "value": {"active": True}}),
        ("enable", "Users/{id}", "ID"),
    ),
    "confirm": (
        "PATCH",
        "/scim/Users/ID",
        patch({"op": "replace", "path": "active", "value": True}),
        ("confirm", "Users/{id}", "ID"),
    ),
    "change": (
        "PATCH",
        "/scim/Users/ID",
        patch({"op": "Add", "path": "title", "value": "Dr"}),
        ("change", "Users/{id}", "ID"),
    ),
    "replace": ("PUT", "/scim/Users/ID", person("carl"), ("change", "Users/{id}", "ID")),
    "delete": ("DELETE", "/scim/Users/ID", None, ("delete", "Users/{id}", "ID")),
}


def test_every_deed_is_told(asked: Appliance):
    carl = user(asked, "carl", active=True)
    found = {}
    for name, (method, path, body, _) in ACTIONS.items():
        answer = asked.request(method, path.replace("ID", carl).replace(" ", "%20").replace('"', "%22"), body)
        assert answer.status < 300, (name, answer.text)
        found[name] = said(row_of(asked, answer), "deed", "path", "resource_id")
    assert found == {name: (deed, path, one.replace("ID", carl)) for name, (*_, (deed, path, one)) in ACTIONS.items()}


def test_a_change_of_what_is_not_stored_here_names_it(asked: Appliance):
    one = user(asked, "wally", active=True)
    odd = {"op": "Add", "path": "shoeSize", "value": "42"}
    known = {"op": "replace", "path": "active", "value": True}
    assert said(
        row_of(asked, asked.request("PATCH", f"/scim/Users/{one}", patch(odd, known))), "deed", "attribute"
    ) == (
        "confirm",
        "shoeSize",
    )
    data = {"method": "PATCH", "path": f"/Users/{one}", "data": {"Operations": [odd]}}
    answer = asked.request("POST", "/scim/Bulk", {"schemas": [BULK], "Operations": [data]})
    assert [said(row, "deed", "attribute") for row in rows_of(asked, answer)] == [("bulk", ""), ("confirm", "shoeSize")]


@pytest.mark.parametrize(
    ("operation", "dialect"),
    [
        ({"op": "Replace", "path": "title", "value": "a"}, "default"),
        ({"op": "replace", "path": "active", "value": "False"}, "default"),
        ({"op": "replace", "value": {"active": False, "name.givenName": "A"}}, "compliant"),
        ({"op": "add", "path": "title", "value": "b"}, "compliant"),
    ],
)
def test_the_dialect_of_a_patch(asked: Appliance, operation: dict[str, Any], dialect: str):
    one = user(asked, f"dialect{time.monotonic_ns()}")
    answer = asked.request("PATCH", f"/scim/Users/{one}", patch(operation))
    assert said(row_of(asked, answer), "status", "dialect") == (200, dialect)
    assert row_of(asked, asked.request("PATCH", f"/scim/Users/{one}", patch()))["dialect"] == ""


def test_a_bulk_request_has_a_row_and_so_has_each_operation(asked: Appliance):
    dora = user(asked, "dora")
    answer = asked.request(
        "POST",
        "/scim/Bulk",
        {
            "schemas": [BULK],
            "Operations": [
                {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "Choir", "members": []}},
                {
                    "method": "PATCH",
                    "path": f"/Users/{dora}",
                    "data": patch({"op": "Add", "path": "title", "value": 5.5}),
                },
                {"method": "DELETE", "path": f"/Users/{dora}"},
            ],
        },
    )
    own, *operations = rows_of(asked, answer)
    assert said(own, "path", "method", "status", "deed") == ("Bulk", "POST", 200, "bulk")
    assert [said(row, "path", "method", "status", "deed", "resource_name") for row in operations] == [
        ("Bulk operation", "POST", 201, "create", "Choir"),
        ("Bulk operation", "PATCH", 400, "change", "Dora"),
        ("Bulk operation", "DELETE", 204, "delete", "Dora"),
    ]
    failed = operations[1]
    assert said(failed, "scim_type", "attribute", "resource_id", "dialect") == (
        "invalidValue",
        "title",
        dora,
        "default",
    )
    assert json.loads(failed["body"])["Operations"] == [{"op": "Add", "path": "title", "value": 5.5}]
    assert {row["cycle_id"] for row in (own, *operations)} != {0}


def test_who_was_spoken_of_is_kept(asked: Appliance):
    emma = user(asked, "emma")

    def mentioned() -> list[str]:
        return [row["at"] for row in read(asked, "mention") if row["resource_id"] == emma]

    wait_until(mentioned, "creating is a mention")
    with closing(sqlite3.connect(asked.data / "recnice-requests.sqlite3", timeout=10)) as log, log:
        log.execute("UPDATE mention SET at = '2026-03-02T08:00:59.999Z' WHERE resource_id = ?", (emma,))
    for _ in range(2):
        row = row_of(asked, asked.request("GET", "/scim/Users?filter=userName+eq+%22emma@example.com%22"))
        assert [at[:16] for at in mentioned()] == [row["at"][:16]], "it is exact to the minute"
    row_of(asked, asked.request("DELETE", f"/scim/Users/{emma}"))
    assert mentioned() == []


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind", "shown"),
    [
        ("/scim/users", "unknown", "/scim/users"),
        ("/scim/Users/a/b", "unknown", "/scim/Users/a/b"),
        ("/scim/hunter2/Users", "unknown", "/scim/…/Users"),
        ("/scim/" + "x" * 21, "unknown", "/scim/…"),
        ("/scim/scim/v2/Users/1/2/3", "unknown", "/scim/scim/v2/Users/…"),
        ("/Users", "outside", "/Users"),
        ("/api/v2/Users?filter=x", "outside", "/api/v2/Users"),
        ("/Scim/Groups/" + GUID, "outside", "/Scim/Groups/…"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_by_its_short_words(asked: Appliance, path: str, kind: str, shown: str):
    known = len(read(asked))
    answer = asked.request("GET", path, headers={"Authorization": f"Bearer {asked.key}"})
    assert answer.status == 404
    row = wait_until(lambda: read(asked)[known:], "the log has it")[-1]
    assert said(row, "path", "status") == (kind, 404)
    assert row["reason"].endswith(f"({shown})")


def test_the_console_leaves_nothing_in_the_log(asked: Appliance):
    known = len(read(asked))
    for path in ("/", "/login", "/healthz", "/favicon.ico", "/static/console.css", "/nothing", "/users/x"):
        asked.request("GET", path)
    row_of(asked, asked.request("GET", "/scim/Users?count=1"))
    assert len(read(asked)) == known + 1


def test_a_token_at_a_page_of_the_console_is_a_knock(asked: Appliance):
    known = len(read(asked))
    asked.request("GET", "/", headers={"Authorization": f"Bearer {asked.key}"})
    (row,) = wait_until(lambda: read(asked)[known:], "the log has it")
    assert said(row, "path", "key_id") == ("outside", "")


# --- keys -------------------------------------------------------------------------------------------------------------


def test_every_fault_of_a_key_is_told_apart_here_and_nowhere_else(new_appliance: Callable[..., Appliance]):
    appliance = new_appliance("faults").start()
    stopped = appliance.make_key("stopped")
    (stopped_id,) = re.findall(r"\b[0-9a-f]{8}\b", appliance.command("key", "list").stdout)
    assert appliance.command("key", "stop", stopped_id).returncode == 0
    other = new_appliance("other").start()
    foreign = other.make_key()
    right = appliance.make_key()
    faults = {
        "missing": [None, ""],
        "no-bearer": [f"Basic {base64.b64encode(b'a:b').decode()}", "Bearer", right],
        "twice-bearer": [f"Bearer Bearer {right}", "bearer bearer"],
        "entra-token": [f"Bearer {JWT}"],
        "cut": [
            *(f"Bearer {right[:-1]}", f"Bearer {right[:12]}", f"Bearer {right}x"),
            *(f'Bearer "{right}"', f"Bearer {right[:20]} {right[20:]}"),
        ],
        "stopped": [f"Bearer {stopped}"],
        "unknown": [f"Bearer {foreign}"],
        "foreign": [f"Bearer {GUID}", "Bearer " + "y" * 1_000],
    }
    asked = [(fault, header) for fault, headers in faults.items() for header in headers]
    assert len(asked) < bounds.UNAUTHENTICATED_A_MINUTE_OF_ONE, "the start itself asked once, without a key"
    answers = [appliance.request("GET", "/scim/Users", headers={"Authorization": header}) for _, header in asked]
    for (fault, header), answer in zip(asked, answers, strict=True):
        wanted = (fault, stopped_id if fault == "stopped" else "", 401, "", "")
        assert said(row_of(appliance, answer), "key_fault", "key_id", "status", "deed", "body") == wanted, header
    assert len({answer.text for answer in answers}) == 1
    varying = ("date", "x-request-id")
    assert len({tuple(sorted((n, v) for n, v in one.headers.items() if n not in varying)) for one in answers}) == 1
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    assert appliance.request("GET", "/scim/Users").status == 200


def test_many_wrong_keys_fill_no_log(new_appliance: Callable[..., Appliance]):
    appliance = new_appliance("flood").start()
    appliance.make_key()
    row_of(appliance, appliance.request("GET", "/scim/Users"))
    before = len(read(appliance))  # the start itself asked without a key
    statuses = {
        appliance.request("GET", "/scim/Users", headers={"Authorization": "Bearer no"}).status for _ in range(150)
    }
    assert statuses == {401, 429}
    row_of(appliance, appliance.request("GET", "/scim/Users"))
    strangers = len([row for row in read(appliance) if row["key_fault"]])
    assert strangers == bounds.UNAUTHENTICATED_A_MINUTE_OF_ONE
    assert appliance.output.count("refused") == strangers, "nor the program's own log"
    left = 150 + before - 1 - strangers
    wait_until(lambda: read(appliance, "tally") == [{"name": "strangers", "number": left}], "the others are counted")
    assert f"{left} requests of unauthenticated clients were counted" in set_up(appliance).get("/activity").text


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_the_number_is_the_same_in_the_answer_in_the_line_and_in_the_row(asked: Appliance):
    answer = asked.request("POST", "/scim/Users", person("", title={"is": "Ada Secretname"}))
    row = row_of(asked, answer)
    number = answer.headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{16}", number)
    lines = [json.loads(line) for line in asked.output.splitlines() if number in line]
    assert [(line["level"], line["logger"]) for line in lines] == [("info", "recnice.scim")]
    assert lines[0]["message"] == (
        f"request {number} refused: POST Users 400 {row['scim_type']} {row['attribute']}".rstrip()
    )
    assert "Secretname" not in asked.output


def test_what_a_change_left_in_the_history_has_the_number_of_its_request(asked: Appliance):
    answer = asked.request("POST", "/scim/Users", person("hana"))
    with closing(sqlite3.connect(asked.data / "recnice.sqlite3", timeout=10)) as connection:
        found = connection.execute("SELECT request FROM event WHERE resource_id = ?", (answer.json["id"],)).fetchall()
    assert found == [(answer.headers["x-request-id"],)]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/scim/Users", 200),
        ("HEAD", "/scim/Users", 200),
        ("GET", "/scim/nothing", 404),
        ("PATCH", "/scim/Bulk", 405),
    ],
)
def test_every_answer_of_scim_has_a_number(asked: Appliance, method: str, path: str, status: int):
    answer = asked.request(method, path)
    assert (answer.status, said(row_of(asked, answer), "method", "status")) == (status, (method, status))


def test_what_the_server_refuses_before_anybody_sees_it_is_noted_too(asked: Appliance):
    for request, status, path in (
        (b"GET /scim/Users HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "Users"),
        (b"GET /scim/Users HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431, "Users"),
        (b"POST /scim/Users HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413, "Users"),
        (b"GET /scim/Users HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n", 400, "Users"),
        (b"BREW-" + asked.key.encode() + b" /scim/pot HTTP/1.1\r\n\r\n", 400, "unknown"),
    ):
        with socket.create_connection(("127.0.0.1", asked.port), 10) as connection:
            connection.sendall(request)
            response = http.client.HTTPResponse(connection)
            response.begin()
            answer = Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read().decode())
        row = row_of(asked, answer)
        assert (answer.status, said(row, "status", "path", "address")) == (status, (status, path, "127.0.0.1"))
        assert row["reason"].startswith(answer.json["detail"])
        assert row["method"] in ("GET", "POST", "…")


def test_the_number_of_a_failure_is_that_of_its_request(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("what went wrong")

    monkeypatch.setattr(resource_queries, "search", broken)
    with app.app_context():
        key = scim_keys.create_key("test", audit.HOST).text
    answer = app.test_client().get(
        "/scim/Users", base_url="https://scim.recnice.example", headers={"Authorization": f"Bearer {key}"}
    )
    number = answer.headers["X-Request-Id"]
    assert (answer.status_code, number in answer.get_json()["detail"]) == (500, True)
    assert f"number {number}" in caplog.text
    assert middleware.of(app).recorder.settle(10)
    with app.app_context(), log_database.reading() as connection:
        [row] = request_rows.of_number(connection, number, 2)
    assert (row.status, row.path) == (500, "Users")
    assert "what went wrong" not in row.reason


def test_a_key_by_plain_http_before_an_https_address_is_remembered(new_appliance: Callable[..., Appliance]):
    for name, scheme, is_told in (("plain", "http", True), ("behind", "https", False)):
        flags = ("--public-url", "https://scim.example.com", "--trusted-proxy", "127.0.0.1")
        appliance = new_appliance(name, flags=flags).start()
        appliance.make_key()
        headers = {"X-Forwarded-Proto": scheme, "X-Forwarded-For": "192.0.2.7"}
        row = row_of(appliance, appliance.request("GET", "/scim/Users", headers=headers))
        assert row["address"] == "192.0.2.7"
        reached = {row["name"] for row in read(appliance, "milestone")}
        assert ("plain-http" in reached, "knocked" in reached) == (is_told, True)


# --- nothing secret ---------------------------------------------------------------------------------------------------


def test_no_key_password_or_session_is_anywhere_in_the_log(new_appliance: Callable[..., Appliance]):
    appliance = new_appliance("hostile").start()
    visitor = set_up(appliance)
    session = next(value for name, value in visitor.cookies.items() if "session" in name)
    key = appliance.make_key()
    one = user(appliance, "ida")
    for secret in (key, key[9:52], session, f"Bearer {session}", JWT):
        quoted = secret.replace(" ", "%20")
        for method, path, body in (
            ("GET", f"/scim/Users?key={quoted}&access_token={quoted}", None),
            ("GET", f"/scim/Users?filter={quoted}", None),
            ("GET", f"/scim/Users?filter=%22{quoted}%22", None),
            ("GET", f"/scim/Users?filter=userName%20eq%20%22{quoted}%22%20x", None),
            ("GET", f"/scim/Users?filter=userName%20eq%20%22{quoted}%22", None),
            ("GET", f"/scim/Users?sortBy={quoted}", None),
            ("GET", f"/scim/Users?count={quoted}", None),
            ("GET", f"/scim/Users?cursor={quoted}", None),
            ("GET", f"/scim/Users/{quoted}", None),
            ("GET", f"/scim/{quoted}/Users", None),
            ("GET", f"/scim/Schemas/{quoted}", None),
            ("GET", f"/{quoted}/Users", None),
            ("DELETE", f"/scim/Users/{quoted}", None),
            ("POST", "/scim/Users", secret),
            ("POST", "/scim/Users", {secret: secret}),
            ("POST", "/scim/Users", {"schemas": [secret], "userName": secret, "displayName": secret}),
            ("POST", "/scim/Users", {"userName": secret, "active": secret, "externalId": secret}),
            ("POST", "/scim/Users", {"userName": "x", "emails": [{"value": secret, "type": {secret: 1}}]}),
            ("POST", "/scim/Users", {"userName": "x", "active": secret, f"urn:{secret}": {secret: secret}}),
            ("PATCH", f"/scim/Users/{one}", patch({"op": secret, "path": secret, "value": secret})),
            ("PATCH", f"/scim/Users/{one}", patch({"op": "add", "path": f'emails[value eq "{secret}"]', "value": 1})),
            ("PATCH", f"/scim/Users/{one}", patch({"op": "add", "value": {secret: secret, "active": secret}})),
            ("POST", "/scim/Users/.search", {"schemas": [SEARCH], "filter": secret}),
            ("POST", "/scim/Bulk", {"schemas": [BULK], "Operations": [{"method": secret, "path": secret}]}),
            (
                *("POST", "/scim/Bulk"),
                {"schemas": [BULK], "Operations": [{"method": "POST", "path": f"/{secret}", "bulkId": secret}]},
            ),
        ):
            answer = appliance.request(method, path, body)
            assert answer.status < 500, (method, path, body)
        for headers in ({"Authorization": secret}, {"Authorization": f"Bearer {secret}x"}, {"X-Key": secret}):
            appliance.request("GET", "/scim/Users", headers=headers)
    for body in (
        {"userName": "ida@example.com", "password": PASSWORD},
        {"userName": 5, "password": [PASSWORD], "initialPassword": PASSWORD},
        patch(
            {"op": "replace", "path": "password", "value": {"a": PASSWORD}}, {"op": "add", "path": "active", "value": 4}
        ),
    ):
        assert appliance.request("PATCH" if "Operations" in body else "POST", "/scim/Users", body).status >= 400
        assert appliance.request("PATCH", f"/scim/Users/{one}", body).status < 500
    text = PASSWORD.replace(" ", "%20")
    appliance.request("GET", f"/scim/Users?filter=password%20eq%20%22{text}%22%20{text}")
    credentials = base64.b64encode(f"{USER_NAME}:{PASSWORD}".encode()).decode()
    appliance.request("GET", "/scim/Users", headers={"Authorization": f"Basic {credentials}"})
    Visitor(appliance.url).sign_in(password=PASSWORD)
    row_of(appliance, appliance.request("GET", "/scim/Users?count=1"))
    assert len(read(appliance)) > 100
    kept = b"".join(path.read_bytes() for path in appliance.data.glob("recnice-requests.sqlite3*"))
    for secret in (key, key[9:52], session, JWT, PASSWORD, credentials):
        assert secret.encode() not in kept
        assert secret.lower().encode() not in kept
        assert secret not in appliance.output.replace(f"code={secret}", "")


# --- nobody waits -----------------------------------------------------------------------------------------------------


def test_requests_go_on_while_another_program_has_the_log(new_appliance: Callable[..., Appliance]):
    """A request that waited for the log would wait for longer than its client."""
    patient = with_values(store__database__sqlite_driver__BUSY_TIMEOUT_MS=600_000)
    appliance = new_appliance("locked", program=patient).start()
    appliance.make_key()
    appliance.request("GET", "/scim/Users")
    with closing(sqlite3.connect(appliance.data / "recnice-requests.sqlite3", isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout = 10000")
        other.execute("BEGIN EXCLUSIVE")
        for number in range(30):
            user(appliance, f"locked{number}")
        other.execute("ROLLBACK")
    wait_until(lambda: len(read(appliance)) >= 31, "what came meanwhile is written then")


def test_requests_go_on_with_a_log_that_cannot_be_used_at_all(new_appliance: Callable[..., Appliance]):
    appliance = new_appliance("unusable")
    appliance.start()
    assert appliance.stop() == 0
    log = appliance.data / "recnice-requests.sqlite3"
    log.write_bytes(b"this is no database " * 1_000)
    appliance.start()
    appliance.make_key()
    row_of(appliance, appliance.request("GET", "/scim/Users"))
    assert "a new request log is begun" in appliance.output
    with closing(sqlite3.connect(log, timeout=10)) as other:
        other.execute("DROP TABLE request")
        other.commit()
    one = user(appliance, "gone")
    assert appliance.request("GET", f"/scim/Users/{one}").status == 200
    wait_until(lambda: "could not be" in appliance.output, "it is said")
    assert appliance.stop() == 0


def test_a_locked_log_hinders_no_start_and_no_request(new_appliance: Callable[..., Appliance]):
    appliance = new_appliance("locked").start()
    eva = set_up(appliance)
    appliance.make_key()
    assert appliance.stop() == 0
    appliance.program = with_values(store__database__sqlite_driver__BUSY_TIMEOUT_MS=200)
    with closing(sqlite3.connect(appliance.data / "recnice-requests.sqlite3", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        appliance.start()
        user(appliance, "bo")
        assert appliance.request("GET", "/scim/Users").json["totalResults"] == 1
        assert eva.get("/account").status == 200
        assert eva.get("/").status in (200, 503)
    assert "no requests are kept" in appliance.output
    assert "Traceback" not in appliance.output


def test_a_kill_loses_no_identity_data_and_the_log_opens_again(appliance: Appliance):
    made = [user(appliance, f"killed{number}") for number in range(40)]
    appliance.kill()
    appliance.start()
    assert all(appliance.request("GET", f"/scim/Users/{one}").status == 200 for one in made)
    row_of(appliance, appliance.request("GET", "/scim/Users"))
    assert "put aside" not in appliance.output and "is begun" not in appliance.output


def test_an_orderly_stop_writes_everything(appliance: Appliance):
    answers = [appliance.request("GET", "/scim/Users?count=0") for _ in range(20)]
    assert appliance.stop() == 0
    numbers = {row["number"] for row in read(appliance)}
    assert {answer.headers["x-request-id"] for answer in answers} <= numbers


def test_a_page_shows_what_happened_before_it(console: Appliance, eva: Visitor):
    for _ in range(5):
        answer = console.request("GET", "/scim/Users?count=0")
        assert eva.get("/account").status == 200
        assert answer.headers["x-request-id"] in {row["number"] for row in read(console)}


def test_pages_go_on_without_a_log_and_say_so(new_appliance: Callable[..., Appliance]):
    appliance = new_appliance("without").start()
    eva = set_up(appliance)
    appliance.make_key()
    one = user(appliance, "gone")
    pages = ("/", "/users", f"/users/{one}", "/search?q=gone", "/search?q=00112233aabbccdd", "/attributes", "/groups")
    for path in pages:
        page = eva.get(path)
        assert page.status == 200 and "request log cannot be used" not in page.text, path
    damage(appliance.data / "recnice-requests.sqlite3")
    for path in pages:
        page = eva.get(path)
        assert page.status == 200 and "The request log cannot be used: the database is damaged" in page.text, path
    assert eva.get("/problems").status == 503
    assert appliance.request("GET", f"/scim/Users/{one}").status == 200
    assert appliance.stop() == 0
    assert "Traceback" not in appliance.output and "ProgrammingError" not in appliance.output
    assert "could not be written before the end" in appliance.output


def damage(log: Path) -> None:
    """As a disk may do it while the program runs: the tables lead nowhere."""
    with closing(sqlite3.connect(log, timeout=10, isolation_level=None)) as other:
        (version,) = other.execute("PRAGMA schema_version").fetchone()
        other.execute("PRAGMA writable_schema = ON")
        other.execute("UPDATE sqlite_schema SET rootpage = 1000000 WHERE rootpage > 0")
        other.execute(f"PRAGMA schema_version = {version + 1}")
