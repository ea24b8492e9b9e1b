"""The catalogue of problems: every refusal that there can be is of one kind, and each kind says how it is mended."""

import inspect
from typing import get_args

import pytest

from app.observation.problem_kinds.kind_catalog import BY_NAME, KINDS, kind_of, went_wrong
from app.observation.problem_kinds.problem_kind import RETRIES
from app.observation.request_record import KeyFault, Request
from app.scim import errors
from app.scim.errors import ScimError
from tests.conftest import ROOT
from tests.observation.conftest import made_up, stranger

PERSON = {"method": "PATCH", "path": "Users/{id}", "resource_type": "User"}

REFUSALS: dict[str, list[tuple[ScimError, dict[str, object], str]]] = {
    "invalid_filter": [
        (errors.invalid_filter("expected an attribute"), {"method": "GET"}, "filter-not-understood"),
        (errors.invalid_filter("emails.type: expected one"), PERSON, "path-not-understood"),
    ],
    "too_many": [(errors.too_many("Operations: expected at most 1000, got 1001"), PERSON, "too-many")],
    "uniqueness": [
        (errors.uniqueness("userName", "ana"), PERSON, "user-name-taken"),
        (errors.uniqueness("displayName", "x"), PERSON | {"resource_type": "Group"}, "group-name-taken"),
        (errors.uniqueness("serial", "1"), PERSON | {"resource_type": "Device"}, "value-taken"),
        (errors.uniqueness("urn:example:badge:1.0:User:badgeNumber", "1"), PERSON, "value-taken"),
    ],
    "mutability": [(errors.mutability("id: expected an attribute that is not read-only"), PERSON, "read-only")],
    "invalid_syntax": [(errors.invalid_syntax("body: expected JSON"), PERSON, "body-not-understood")],
    "invalid_path": [
        (errors.invalid_path("expected an attribute"), PERSON, "path-not-understood"),
        (errors.invalid_path("expected an attribute", "sortBy"), {"method": "GET"}, "paging"),
    ],
    "no_target": [(errors.no_target("path: expected one, since remove needs a target"), PERSON, "no-target")],
    "invalid_value": [
        (errors.invalid_value("userName: expected a value, got none"), PERSON, "value-missing"),
        (
            errors.invalid_value("title: expected a value, since it is strict here, got none"),
            PERSON,
            "value-strict",
        ),
        (errors.invalid_value("title: expected at most 1024 characters, got 2000"), PERSON, "value-too-long"),
        (errors.invalid_value('active: expected true or false, got "maybe"'), PERSON, "value-wrong"),
        (errors.invalid_value('count: expected a whole number, got "x"'), {"method": "GET"}, "paging"),
        (
            errors.invalid_value('count: expected a whole number, got "x"'),
            {"method": "POST", "path": "Users/.search"},
            "paging",
        ),
    ],
    "invalid_cursor": [(errors.invalid_cursor(), {}, "paging")],
    "expired_cursor": [(errors.expired_cursor(60), {}, "paging")],
    "invalid_count": [(errors.invalid_count("expected 10"), {}, "paging")],
    "unauthorized": [
        (errors.unauthorized(), {"key_fault": fault}, kind)
        for fault, kind in {
            "missing": "key-missing",
            "no-bearer": "key-missing",
            "twice-bearer": "key-bearer",
            "entra-token": "entra-token",
            "cut": "key-cut",
            "stopped": "key-stopped",
            "expired": "token-expired",
            "client-secret": "key-wrong",
            "unknown": "key-wrong",
            "foreign": "key-wrong",
            "": "key-wrong",
        }.items()
    ],
    "forbidden": [(errors.forbidden("filter: expected none"), {"path": "Schemas"}, "not-offered")],
    "source_refused": [
        (errors.source_refused(), {"path": "Schemas", "key_id": ""}, "source-refused"),
        (errors.source_refused(), PERSON | {"key_id": ""}, "source-refused"),
    ],
    "not_found": [
        (errors.not_found("User: expected the id of one that is here"), PERSON, "gone"),
        (errors.not_found("Nothing is at this address"), {"path": "unknown"}, "path-unknown"),
        (errors.not_found("Nothing is at this address"), {"path": "outside", "key_id": ""}, "path-unknown"),
        (errors.not_found("Nothing has this name"), {"path": "Schemas/{id}"}, "path-unknown"),
    ],
    "not_allowed": [(errors.not_allowed("DELETE is not possible here", "GET"), {}, "method-not-allowed")],
    "unresolved_reference": [(errors.unresolved_reference("bulkId:x"), {"path": "Bulk"}, "body-not-understood")],
    "precondition_failed": [(errors.precondition_failed("If-Match: expected another"), PERSON, "version-conflict")],
    "too_large": [(errors.too_large(10), PERSON, "body-too-large")],
    "too_many_operations": [(errors.too_many_operations(10), {"path": "Bulk"}, "too-many")],
    "unsupported_media": [(errors.unsupported_media("text/html"), PERSON, "media-type")],
    "too_often": [(errors.too_often(10), {"key_fault": "foreign"}, "too-often")],
    "not_implemented": [(errors.not_implemented("/Me is not offered"), {"path": "Me"}, "not-offered")],
    "unavailable": [(errors.unavailable("The database is busy"), PERSON, "unavailable")],
    "busy": [(errors.busy(), PERSON, "unavailable")],
}
"""For each function of app/scim/errors.py that makes a refusal: such refusals, requests for them, and their kinds."""

BEYOND = [
    (400, "Host: expected the host of the public URL", "host-unknown"),
    (400, "expected a well-formed HTTP request", "not-http"),
    (431, "too many header fields", "not-http"),
    (413, "body: expected less", "body-too-large"),
    (500, "Something went wrong here", "internal"),
    (502, "", "internal"),
]
"""What is refused without any of these functions."""


def refused(error: ScimError, of: dict[str, object]) -> Request:
    told = {"status": error.status, "scim_type": error.scim_type or "", "reason": error.detail}
    return made_up(**told | {"attribute": error.attribute} | of)


CASES = [(*case[:2], case[2], name) for name, cases in REFUSALS.items() for case in cases]


@pytest.mark.parametrize(("error", "of", "kind", "name"), CASES)
def test_every_refusal_is_of_one_kind(error, of, kind, name):
    assert kind_of(refused(error, of)).name == kind


@pytest.mark.parametrize(("status", "reason", "kind"), BEYOND)
def test_refusals_before_the_application_are_of_a_kind_too(status, reason, kind):
    assert kind_of(made_up(status=status, reason=reason)).name == kind


@pytest.mark.parametrize(
    ("status", "of", "kind"),
    [
        (401, {"key_fault": "client"}, "token-refused"),
        (401, {"key_fault": "assertion"}, "token-refused"),
        (401, {"key_fault": "stopped"}, "token-refused"),
        (401, {"key_fault": "missing"}, "token-refused"),
        (400, {}, "token-refused"),
        (413, {}, "token-refused"),
        (503, {"key_fault": "assertion"}, "token-refused"),
        (503, {}, "unavailable"),
        (429, {"key_fault": "client"}, "too-often"),
        (500, {}, "internal"),
        (400, {"reason": "Host: expected the host of the public URL"}, "host-unknown"),
        (403, {"reason": errors.source_refused().detail}, "source-refused"),
    ],
)
def test_who_got_no_access_token_is_told_by_what_was_wrong(status, of, kind):
    assert kind_of(made_up(status=status, path="token", key_id="", **of)).name == kind


@pytest.mark.parametrize("status", [200, 303, 401, 404])
def test_outside_of_scim_a_client_is_at_a_wrong_address_whatever_the_answer(status):
    knock = made_up(status=status, path="outside", key_id="")
    assert went_wrong(knock) and kind_of(knock).name == "path-unknown"
    assert not went_wrong(made_up(status=303))


def test_no_way_to_refuse_is_forgotten():
    makers = {
        name
        for name, made in inspect.getmembers(errors, inspect.isfunction)
        if inspect.signature(made).return_annotation is ScimError and made.__module__ == errors.__name__
    }
    assert makers == REFUSALS.keys()


def test_no_kind_is_there_for_nothing():
    provoked = {case[2] for case in CASES} | {kind for _, _, kind in BEYOND} | {"token-refused"}
    assert provoked == BY_NAME.keys()


def test_every_wrong_key_is_of_a_kind_that_the_next_right_one_closes():
    for fault in get_args(KeyFault):
        kind = kind_of(stranger(fault=fault))
        assert kind.is_of_key and kind.retry == "job"


def test_names_are_there_once_and_can_be_addresses():
    names = [kind.name for kind in KINDS]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalpha() and name.islower() for name in names)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_says_what_happened_and_what_to_do(kind):
    assert kind.title and kind.what.endswith(".") and kind.menu and kind.retry in RETRIES
    assert kind.fix and all(step.endswith(".") for step in kind.fix)
    assert not kind.title.endswith(".")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_has_a_page_of_help(kind):
    assert (ROOT / "docs" / "admin" / "problems" / f"{kind.name}.md").is_file()
