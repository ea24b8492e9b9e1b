"""Which names of a request mean nothing here, told for both of Entra's dialects, documents and extensions."""

from typing import Any

import pytest

from app import bounds
from app.observation.attributes.unstored_attributes import unstored_names
from app.scim.resource_types import GROUP, USER, ResourceType

CORE = USER.schema.urn
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "Add", "path": "shoeSize", "value": "42"}, ["shoeSize"]),
        ({"op": "Remove", "path": "shoeSize"}, ["shoeSize"]),
        ({"op": "replace", "value": {"shoeSize": 42, "active": True}}, ["shoeSize"]),
        ({"op": "replace", "value": {CORE: {"shoeSize": 42}}}, ["shoeSize"]),
        ({"op": "Replace", "path": "name.nick", "value": "x"}, ["name.nick"]),
        ({"op": "Replace", "path": "name", "value": {"nick": "x", "givenName": "Ana"}}, ["name.nick"]),
        ({"op": "Add", "path": "emails", "value": [{"value": "a@b.example", "label": "x"}]}, ["emails.label"]),
        ({"op": "Replace", "path": 'emails[type eq "work"].label', "value": "x"}, ["emails[…].label"]),
        ({"op": "Add", "path": f"{ENTERPRISE}:desk", "value": "x"}, [f"{ENTERPRISE}:desk"]),
        ({"op": "add", "value": {ENTERPRISE: {"desk": "x", "department": "y"}}}, [f"{ENTERPRISE}:desk"]),
        ({"op": "add", "value": {ENTERPRISE: {"manager": {"mood": "x"}}}}, [f"{ENTERPRISE}:manager.mood"]),
        ({"op": "Add", "path": "extension_0a1b.code", "value": "x"}, ["extension_0a1b.code"]),
        ({"op": "Add", "path": "password", "value": "secret"}, ["password"]),
        ({"op": "add", "value": {"a..b": "x", "secret value": "y"}}, ["a..b", "(a name)"]),
        ({"op": "Replace", "path": "ACTIVE", "value": "True"}, []),
        ({"op": "Add", "path": "manager", "value": "x"}, []),
        ({"op": "Replace", "path": 'roles[primary eq "True"].value', "value": "x"}, []),
    ],
)
def test_what_a_patch_names_in_vain(operation: dict[str, Any], expected: list[str]):
    assert unstored_names(USER, "PATCH", patched(operation)) == expected


@pytest.mark.parametrize(
    ("resource_type", "body", "expected"),
    [
        (USER, {"schemas": [CORE], "id": "x", "userName": "ana", "meta": {}, "shoeSize": 42}, ["shoeSize"]),
        (USER, {"userName": "ana", "urn:example:desk": {"room": "1"}}, ["urn:example:desk"]),
        (GROUP, {"displayName": "Legal", "members": [{"value": "x", "$ref": "y"}], "color": "red"}, ["color"]),
    ],
)
def test_what_a_document_names_in_vain(resource_type: ResourceType, body: dict[str, Any], expected: list[str]):
    assert unstored_names(resource_type, "PUT", body) == expected


@pytest.mark.parametrize("body", [None, "text", [], 1, {"Operations": 1}, {}])
def test_what_is_no_body_names_nothing(body: Any):
    assert unstored_names(USER, "PATCH", body) == [] == unstored_names(USER, "PUT", None)


def test_few_names_are_named_each_once():
    operations = [{"op": "Add", "path": f"x{number // 2}", "value": "1"} for number in range(20)]
    assert unstored_names(USER, "PATCH", patched(*operations)) == ["x0", "x1", "x2"][: bounds.UNSTORED_NAMES]
