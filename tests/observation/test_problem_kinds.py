"""The catalog of problems: every refusal that there can be is of one kind, and each kind says how it is mended."""

from typing import get_args

import pytest

from app.observation.problem_kinds.kind_catalog import BY_NAME, KINDS, kind_of, went_wrong
from app.observation.problem_kinds.problem_kind import RETRIES
from app.request_record import KeyFault, Request
from app.scim.errors import Code
from tests.conftest import ROOT
from tests.observation.conftest import made_up, stranger

PERSON = {"method": "PATCH", "path": "Users/{id}", "resource_type": "User"}

Case = tuple[Code, dict[str, object], str]

CASES: list[Case] = [
    (Code.INVALID_FILTER, {"method": "GET"}, "filter-not-understood"),
    (Code.INVALID_FILTER, PERSON, "path-not-understood"),
    (Code.UNUSABLE_FILTER, {"method": "GET"}, "filter-not-understood"),
    (Code.UNUSABLE_FILTER, PERSON, "path-not-understood"),
    (Code.TOO_MANY, PERSON, "too-many"),
    (Code.UNIQUENESS, PERSON | {"attribute": "userName"}, "user-name-taken"),
    (Code.UNIQUENESS, PERSON | {"resource_type": "Group", "attribute": "displayName"}, "group-name-taken"),
    (Code.UNIQUENESS, PERSON | {"resource_type": "Device", "attribute": "serial"}, "value-taken"),
    (Code.UNIQUENESS, PERSON | {"attribute": "urn:example:badge:1.0:User:badgeNumber"}, "value-taken"),
    (Code.MUTABILITY, PERSON, "read-only"),
    (Code.INVALID_SYNTAX, PERSON, "body-not-understood"),
    (Code.INVALID_PATH, PERSON, "path-not-understood"),
    (Code.INVALID_PATH, {"method": "GET"}, "paging"),
    (Code.UNUSABLE_PATH, PERSON, "path-not-understood"),
    (Code.NO_TARGET, PERSON, "no-target"),
    (Code.MISSING_VALUE, PERSON, "value-missing"),
    (Code.REQUIRED_HERE, PERSON, "value-strict"),
    (Code.VALUE_TOO_LONG, PERSON, "value-too-long"),
    (Code.VALUE_TOO_LONG, {"method": "GET"}, "paging"),
    (Code.INVALID_VALUE, PERSON, "value-wrong"),
    (Code.INVALID_VALUE, {"method": "GET"}, "paging"),
    (Code.INVALID_VALUE, {"method": "POST", "path": "Users/.search"}, "paging"),
    (Code.INVALID_CURSOR, {}, "paging"),
    (Code.EXPIRED_CURSOR, {}, "paging"),
    (Code.INVALID_COUNT, {}, "paging"),
    *(
        (Code.UNAUTHORIZED, {"key_fault": fault}, kind)
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
    ),
    (Code.FORBIDDEN, {"path": "Schemas"}, "not-offered"),
    (Code.SOURCE_REFUSED, {"path": "Schemas", "key_id": ""}, "source-refused"),
    (Code.SOURCE_REFUSED, PERSON | {"key_id": ""}, "source-refused"),
    (Code.NOT_FOUND, PERSON, "gone"),
    (Code.NOT_FOUND, {"path": "unknown"}, "path-unknown"),
    (Code.NOT_FOUND, {"path": "outside", "key_id": ""}, "path-unknown"),
    (Code.NOT_FOUND, {"path": "Schemas/{id}"}, "path-unknown"),
    (Code.NOT_ALLOWED, {}, "method-not-allowed"),
    (Code.UNRESOLVED_REFERENCE, {"path": "Bulk"}, "body-not-understood"),
    (Code.PRECONDITION_FAILED, PERSON, "version-conflict"),
    (Code.TOO_LARGE, PERSON, "body-too-large"),
    (Code.TOO_MANY_OPERATIONS, {"path": "Bulk"}, "too-many"),
    (Code.UNSUPPORTED_MEDIA, PERSON, "media-type"),
    (Code.TOO_OFTEN, {"key_fault": "foreign"}, "too-often"),
    (Code.NOT_IMPLEMENTED, {"path": "Me"}, "not-offered"),
    (Code.UNAVAILABLE, PERSON, "unavailable"),
    (Code.DAMAGED, PERSON, "unavailable"),
    (Code.WRONG_HOST, {}, "host-unknown"),
    (Code.WRONG_HOST, {"path": "outside"}, "host-unknown"),
    (Code.BAD_REQUEST, {}, "not-http"),
    (Code.URI_TOO_LONG, {}, "not-http"),
    (Code.HEAD_TOO_LARGE, {}, "not-http"),
    (Code.INTERNAL, PERSON, "internal"),
]

WITHOUT_CODE = [
    (400, "invalidValue", PERSON, "value-wrong"),
    (400, "invalidValue", {"method": "GET"}, "paging"),
    (409, "uniqueness", PERSON | {"attribute": "userName"}, "user-name-taken"),
    (409, "", PERSON, "body-not-understood"),
    (404, "", PERSON, "gone"),
    (400, "", {}, "not-http"),
    (431, "", {}, "not-http"),
    (413, "", {}, "body-too-large"),
    (500, "", {}, "internal"),
    (502, "", {}, "internal"),
]
"""What the log has from before it had codes, and what no code is for."""


def refused(code: Code, of: dict[str, object]) -> Request:
    return made_up(**{"status": code.status, "scim_type": code.scim_type or "", "code": code} | of)


@pytest.mark.parametrize(("code", "of", "kind"), CASES)
def test_every_refusal_is_of_one_kind(code, of, kind):
    assert kind_of(refused(code, of)).name == kind


@pytest.mark.parametrize(("status", "scim_type", "of", "kind"), WITHOUT_CODE)
def test_refusals_without_a_code_are_of_a_kind_too(status, scim_type, of, kind):
    assert kind_of(made_up(**{"status": status, "scim_type": scim_type} | of)).name == kind


def test_no_text_decides_the_kind():
    for text in ("strict here", "expected at most", "expected a value, got none", "Host:", "Source:", "Operations:"):
        assert kind_of(refused(Code.INVALID_VALUE, PERSON | {"reason": text, "got": text})).name == "value-wrong"


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
        (400, {"code": Code.WRONG_HOST}, "host-unknown"),
        (403, {"code": Code.SOURCE_REFUSED}, "source-refused"),
    ],
)
def test_who_got_no_access_token_is_told_by_what_was_wrong(status, of, kind):
    assert kind_of(made_up(status=status, path="token", key_id="", **of)).name == kind


@pytest.mark.parametrize("status", [200, 303, 401, 404])
def test_outside_of_scim_a_client_is_at_a_wrong_address_whatever_the_answer(status):
    knock = made_up(status=status, path="outside", key_id="")
    assert went_wrong(knock) and kind_of(knock).name == "path-unknown"
    assert not went_wrong(made_up(status=303))


def test_no_code_is_forgotten():
    assert {code for code, _, _ in CASES} == set(Code)


def test_no_kind_is_there_for_nothing():
    assert {kind for _, _, kind in CASES} | {"token-refused"} == BY_NAME.keys()


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


def test_the_advice_for_a_taken_user_name_is_that_of_its_help_page_and_destroys_nothing():
    fix = " ".join(BY_NAME["user-name-taken"].fix)
    page = (ROOT / "docs/admin/problems/user-name-taken.md").read_text("utf-8")
    for step in ("matching attribute", "another user principal name"):
        assert step in fix and step in page
    assert "Provision on demand" in fix and "Delete nothing in Entra" in fix and "unassign" not in fix
