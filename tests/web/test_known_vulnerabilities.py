"""What went wrong in products like this one, tried here; as far as no other file tries it already.

docs/security.md names for each threat where it is tested.
"""

import json
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from app import bounds
from app.console_roles import Role
from app.settings import Settings
from app.store.database import sqlite_driver
from tests.conftest import Appliance
from tests.web.test_access import BASE, console_rules, signed_in
from tests.web.test_console import USER, provision_user
from tests.web.test_security import concrete
from tests.web.visitor import Visitor

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


# --- a client's value is never taken for an identifier of ours --------------------------------------------------------


def test_an_external_id_is_only_data(appliance: Appliance):
    made = appliance.command("admin", "create", "--user-name", "eva", "--password-stdin", typed="a blue kettle sings\n")
    assert made.returncode == 0
    database = appliance.data / "recnice.sqlite3"
    operators = contents(database)["operator"]
    first = provision_user(appliance, userName="first@recnice.example")
    for number, given in enumerate(("1", "0", "-1", "2147483647", first, operators[0][0])):
        name = f"user{number}@recnice.example"
        second = provision_user(appliance, userName=name, externalId=given, id=given)
        assert second not in (given, first)
        body = {"schemas": [USER], "userName": name, "externalId": given, "id": given, "title": "changed"}
        assert appliance.request("PUT", f"/scim/Users/{second}", body).json["id"] == second
        assert "title" not in appliance.request("GET", f"/scim/Users/{first}").json
        if given != first:
            assert appliance.request("DELETE", f"/scim/Users/{given}").status == 404
    assert contents(database)["operator"] == operators


# --- one path, read in two ways ---------------------------------------------------------------------------------------

ODD_PATHS = (
    "/%61ccount",
    "/account/",
    "//account",
    "/./account",
    "/login/../account",
    "/login/..%2faccount",
    "/login%2f..%2faccount",
    "/static/../account",
    "/static/..%2f..%2faccount",
    "/static/%2e%2e/account",
    "/account;x=1",
    "/account%00",
    "/account%20",
    "/ACCOUNT",
    "/healthz/../audit",
    "/%2e/audit",
    "/audit%3fformat=json",
    "/oauth/token/../../audit",
    "/scim/../account",
    "/login?next=/../account",
)


@pytest.mark.parametrize("path", ODD_PATHS)
def test_no_spelling_of_a_path_opens_a_page(console: Appliance, stranger: Visitor, path: str):
    for method in ("GET", "HEAD", "POST"):
        answer = stranger.request(method, path)
        assert answer.status >= 300 or path.startswith("/login?"), (method, answer.status)
        assert "Tenant URL" not in answer.text and "head-hash" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/scim/%55sers", "/scim/Users;x=1", "//scim/Users", "/scim//Users", "/./scim/Users", "/static/../scim/Users"],
)
def test_no_spelling_of_a_path_opens_scim(console: Appliance, path: str):
    answer = console.request("GET", path, headers={"Authorization": None})
    assert answer.status in (308, 401, 404, 303), answer.status
    assert "Resources" not in answer.text


# --- nothing is parsed for a stranger, and nothing without an end -----------------------------------------------------


@pytest.mark.parametrize("depth", [bounds.FILTER_DEPTH + 1, 5_000])
def test_nested_brackets_are_not_looked_at_without_a_key_and_end_nothing_with_one(console: Appliance, depth: int):
    path = "/scim/Users?filter=" + quote("(" * depth + "title pr" + ")" * depth)
    assert console.request("GET", path, headers={"Authorization": None}).status == 401
    assert console.request("GET", path).status == 400
    body = '{"a":' * depth + "1" + "}" * depth
    sent = {"Content-Type": "application/scim+json"}
    assert console.request("POST", "/scim/Users", body, sent | {"Authorization": None}).status == 401
    assert console.request("POST", "/scim/Users", body, sent).status == 400
    assert console.request("GET", "/scim/Users?count=1").status == 200


# --- a path or a name from outside reaches no more than the schema ----------------------------------------------------

REACHING = (
    "__proto__.x",
    "__class__",
    "constructor.prototype.x",
    "toString.x",
    "name.__class__.__init__",
    "meta.resourceType",
    "password_hash",
    "role",
    "document",
    "$.password_hash",
)


@pytest.mark.parametrize("path", REACHING)
def test_a_patch_reaches_no_more_than_the_schema(console: Appliance, path: str):
    someone = provision_user(console, userName=f"{quote(path)}@recnice.example")
    before = console.request("GET", f"/scim/Users/{someone}").json
    for operation in (
        {"op": "add", "path": path, "value": "reached"},
        {"op": "replace", "value": {path: "reached"}},
        {"op": "add", "value": {path.partition(".")[0]: {path.rpartition(".")[2]: "reached"}}},
    ):
        answer = console.request("PATCH", f"/scim/Users/{someone}", {"schemas": [PATCH], "Operations": [operation]})
        assert answer.status in (200, 204, 400), answer.text
        found = console.request("GET", f"/scim/Users/{someone}").json
        assert "reached" not in json.dumps(found)
        assert {**found, "meta": None} == {**before, "meta": None}


# --- looking changes nothing ------------------------------------------------------------------------------------------

LOOKS_ELSEWHERE = frozenset({"console.auth_start", "console.auth_proof", "console.test_single_sign_on"})
"""They lead to the provider, and write nothing either; without one there is nowhere to go."""


def contents(path: Path) -> dict[str, list[Any]]:
    """Every table but what is noted of the session's own last use."""
    with closing(sqlite_driver.module.connect(path)) as connection:
        found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'session'")
        tables = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in found.fetchall()}
        tables["session"] = connection.execute("SELECT token_hash, created, proved FROM session").fetchall()
    return tables


def test_no_page_changes_anything_by_being_looked_at(app: Flask):
    eva = signed_in(app, Role.OWNER, True)
    settings: Settings = app.config["RECNICE_SETTINGS"]
    before = contents(settings.database)
    assert before["operator"] and before["audit"]
    answered = set()
    for rule, method in console_rules(app):
        if method == "GET":
            answer = eva.get("/sub" + concrete(rule.rule), base_url=BASE)
            answered.add(answer.status_code)
            assert answer.status_code < 500 or rule.endpoint in LOOKS_ELSEWHERE, rule.rule
            assert contents(settings.database) == before, rule.rule
    for endpoint_path in ("/login", "/setup", "/healthz", "/readyz", "/documentation", "/signed-out", "/auth/start"):
        eva.get("/sub" + endpoint_path, base_url=BASE)
        assert contents(settings.database) == before, endpoint_path
    assert {200, 404} <= answered
