"""Sightings: what arrives, in both of Entra's dialects, and what is never kept of it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import bounds
from app.observation.attributes.attribute_arrivals import arrivals, shown_name, update_from
from app.request_record import Request
from app.scim.recnice_mapping import MAPPING
from app.simulation.dialects import COMPLIANT, DEFAULT, Dialect, patch
from app.simulation.mapping import DEPARTMENT, GIVEN_NAME, LOCALITY, TITLE, WORK_EMAIL
from app.store.database.connection import Connection
from app.store.request_log.attribute_arrival_rows import UNKNOWN, ArrivalCount, list_all
from tests.observation.conftest import empty_log

AT = "2026-03-01T08:00:00.000Z"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GUID = "0d5c0b6e-3c1f-4b8a-9f2e-7a6d5c4b3a21"


def sent(method: str, body: Any, type_name: str = "User", at: str = AT) -> Request:
    return Request(number="1a2b3c4d", at=at, method=method, path="x", status=200, resource_type=type_name, sent=body)


def seen(method: str, body: Any, type_name: str = "User") -> set[tuple[str, str, str]]:
    return set(arrivals(sent(method, body, type_name)))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Connection]:
    """An empty request log."""
    with empty_log(tmp_path) as connection:
        yield connection


def test_a_creation_shows_every_mapped_attribute():
    body = {
        "userName": "zoe@example.com",
        "active": True,
        "displayName": "Zoe Stone",
        "title": "Editor",
        "emails": [{"type": "home", "value": "x"}, {"type": "Work", "value": "zoe@example.com", "primary": True}],
        "preferredLanguage": "en-US",
        "name": {"givenName": "Zoe", "familyName": "Stone", "formatted": "Zoe Stone"},
        "addresses": [
            {
                "type": "work", "formatted": "18/2111", "streetAddress": "High Street 1", "locality": "Leeds",
                "region": "North", "postalCode": "12345", "country": "GB",
            }
        ],
        "externalId": GUID,
        "roles": [{"value": "Editor", "displayName": "Editor"}],
        ENTERPRISE: {"department": "Legal"},
    }  # fmt: skip
    found = {path: shape for path, way, shape in seen("POST", body) if way == "create"}
    assert found.keys() == {mapped.path for mapped in MAPPING["User"]}
    assert found[WORK_EMAIL] == "an e-mail address"
    assert found["externalId"] == "an object id (GUID)"
    assert found["active"] == "true or false"
    group = {"displayName": "Team A", "externalId": GUID, "members": [{"value": GUID}]}
    assert {path for path, _, _ in seen("POST", group, "Group")} == {mapped.path for mapped in MAPPING["Group"]}


@pytest.mark.parametrize("dialect", [DEFAULT, COMPLIANT], ids=lambda one: one.name)
def test_both_dialects_show_the_same_attributes(dialect: Dialect):
    changed = {"active": False, WORK_EMAIL: "z@example.com", GIVEN_NAME: "Zoe", DEPARTMENT: "Legal", LOCALITY: "Leeds"}
    found = seen("PATCH", dialect.change(changed, changed))
    as_text = dialect is DEFAULT
    assert found == {
        ("active", "replace", "true or false as text" if as_text else "true or false"),
        (WORK_EMAIL, "replace", "an e-mail address"),
        (GIVEN_NAME, "replace", "one word"),
        (DEPARTMENT, "replace", "one word"),
        (LOCALITY, "replace", "one word"),
    }


def test_a_role_as_json_text_is_told_from_a_list():
    text = json.dumps({"id": GUID, "value": "Editor"})
    assert seen("PATCH", patch({"op": "Add", "path": "roles", "value": [{"value": text}]})) == {
        ("roles", "add", "a list of JSON texts")
    }
    assert seen("PATCH", patch({"op": "Replace", "path": "roles", "value": [{"value": "Editor"}]})) == {
        ("roles", "replace", "a list of objects")
    }
    assert seen("PATCH", patch({"op": "Add", "path": 'roles[primary eq "True"].value', "value": "Editor"})) == {
        ("roles", "add", "one word")
    }


def test_a_removal_reaches_what_lies_in_its_target():
    removed = {path for path, way, _ in seen("PATCH", patch({"op": "remove", "path": "addresses"})) if way == "remove"}
    assert removed == {mapped.path for mapped in MAPPING["User"] if mapped.path.startswith("addresses")}
    assert seen("PATCH", patch({"op": "remove", "path": 'addresses[type eq "home"].locality'})) == set()
    assert seen("PATCH", COMPLIANT.remove_members([GUID]), "Group") == {("members", "remove", "no value")}


def test_names_that_mean_nothing_are_told_without_what_stands_in_brackets():
    body = patch(
        {"op": "Add", "path": f'members[value eq "{GUID}"].shoeSize', "value": 44},
        {"op": "Add", "path": "extension_x.y.z", "value": "secret"},
        {"op": "Add", "value": {"badge": "secret", "nickName": "kept, but not in the table"}},
    )
    assert seen("PATCH", body) == {
        ("members[…].shoeSize", UNKNOWN, ""),
        ("extension_x.y.z", UNKNOWN, ""),
        ("badge", UNKNOWN, ""),
    }
    misspelt = {"userName": "zoe@example.com", "departement": "Legal", ENTERPRISE: {"desk": "4", "division": "x"}}
    assert {name for name, way, _ in seen("POST", misspelt) if way == UNKNOWN} == {"departement", f"{ENTERPRISE}:desk"}


def test_a_name_without_its_urn_is_the_extensions():
    for name in ("department", f"{ENTERPRISE}:department"):
        assert seen("POST", {name: "Legal"}) == seen("POST", {ENTERPRISE: {"department": "Legal"}}) != set()


@pytest.mark.parametrize(
    "body",
    [
        None, 1, "x", [], [1], {}, {"Operations": 1}, {"Operations": [1]},
        {"Operations": [{"op": "add", "value": [1]}]},
        {"Operations": [{"op": "add", "path": "emails[", "value": 1}]}, {"emails": {"type": {}, "value": []}},
        {"Operations": [{"op": "add", "path": "emails", "value": [[1], {"type": [1], "value": {}}]}]},
        {"name": [{"givenName": 1}]}, {"roles": [None, {"value": {}}]}, {"": {"": {}}}, {ENTERPRISE: 1},
        {"urn:ietf:params:scim:schemas:core:2.0:User": {"urn:ietf:params:scim:schemas:core:2.0:User": {"title": 1}}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_any_json_is_read_without_harm(method: str, body: Any, log: Connection):
    update_from(log, [sent(method, body), sent(method, body, "Group"), sent(method, body, "Desk")])


def test_counts_are_added_up_and_moments_kept(log: Connection):
    late, early = "2026-03-02T08:00:00.000Z", "2026-02-01T08:00:00.000Z"
    update_from(log, [sent("POST", {"title": "Editor"}), sent("POST", {"title": "Chief"}, at=late)])
    update_from(log, [sent("POST", {"title": "Porter"}, at=early)])
    assert list(list_all(log)) == [ArrivalCount("User", "title", "create", "one word", early, late, 3)]


def test_unknown_names_are_bounded_and_the_last_ones_stay(log: Connection):
    most = bounds.UNKNOWN_NAMES
    update_from(log, [sent("POST", {"badge": 1, "title": "Editor"}, at=AT)])
    update_from(log, [sent("POST", {f"name{number}": 1 for number in range(most)}, at="2026-03-02T08:00:00.000Z")])
    update_from(log, [sent("POST", {"badge": 1}, "Group")])
    names = [(one.resource_type, one.attribute) for one in list_all(log) if one.way == UNKNOWN]
    assert ("User", "badge") not in names
    assert ("Group", "badge") in names
    assert len(names) == most + 1
    assert any(one.attribute == "title" for one in list_all(log))
    long_name = next(iter(arrivals(sent("POST", {"x" * 10_000: 1}))))
    assert long_name == ("x" * (bounds.UNKNOWN_NAME_LENGTH - 1) + "…", UNKNOWN, "")


def test_no_value_is_kept(log: Connection):
    secret = "Unmistakable-7"
    body = {mapped.path: secret for mapped in MAPPING["User"]} | {"name": {"givenName": secret}, "badge": secret}
    update_from(log, [sent("POST", body), sent("PATCH", DEFAULT.change({TITLE: secret, "badge": secret}))])
    kept = list(list_all(log))
    assert kept
    assert secret not in repr([replace(one, first="", last="") for one in kept])


@pytest.mark.parametrize(
    "name, kept",
    [
        ("shoeSize", "shoeSize"),
        ("urn:example:1.0:User:costCentre", "urn:example:1.0:User:costCentre"),
        ('phones[type eq "x"].value', "phones[…].value"),
        ("Ana Ruiz 1980-01-01", "(a name)"),
        ("ana@recnice.example", "(a name)"),
        ("+34 600 000 000", "(a name)"),
    ],
)
def test_only_what_has_the_form_of_a_name_is_kept_as_one(name: str, kept: str):
    assert shown_name(name) == kept
    assert seen("POST", {name: 1}) == {(kept, UNKNOWN, "")}
