"""The vendor's own attribute table: each path resolves, has its type, and can be matched on and patched as promised."""

import json
from typing import Any

import pytest

from app.scim.attribute import Attribute
from app.scim.errors import ScimError
from app.scim.filter_match import matches
from app.scim.filter_tree import Target
from app.scim.grammar import parse, parse_path
from app.scim.member_changes import LinkChange
from app.scim.patch import apply
from app.scim.protocol_messages import Operation
from app.scim.recnice_mapping import MAPPING, filled_paths
from app.scim.resource_types import ResourceType
from tests.normalized import normalize_document
from tests.scim.vectors import TYPES, read

TABLE = read("recnice_mapping.json")
ROWS = [pytest.param(TYPES[name], row, id=f"{name} {row['path']}") for name in TYPES for row in TABLE[name]]
SCIM_TYPES = {"String": "string", "Boolean": "boolean", "Reference": "reference"}
SAMPLES: dict[str, Any] = {"String": "Sample", "Boolean": True}
REQUIRED = {"User": {"userName": "ada"}, "Group": {"displayName": "Editors"}}


def target_of(resource_type: ResourceType, path: str) -> Target:
    target = parse_path(path, resource_type.tree)
    assert target is not None
    return target


def leaf_of(target: Target) -> Attribute:
    """Where the value itself stands: a role's or member's `value`, not the complex attribute around it."""
    attribute = target.part or target.attribute
    return attribute if attribute.type != "complex" else attribute.sub_attributes["value"]


def test_the_table_is_whole() -> None:
    assert [len(TABLE[name]) for name in TYPES] == [18, 3]


def test_the_program_knows_the_same_table() -> None:
    declared = {
        name: [
            {"path": row.path, "type": row.type, "filter": row.is_matching, "required": row.is_listed_required}
            for row in rows
        ]
        for name, rows in MAPPING.items()
    }
    assert declared == {name: TABLE[name] for name in TYPES}


def test_a_path_is_filled_where_the_document_has_a_value() -> None:
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    document = {
        "userName": "ada",
        "name": {"givenName": "Ada"},
        "emails": [{"type": "home", "value": "a@example.com"}, {"value": "b@example.com"}],
        "addresses": [{"type": "work", "country": "UK"}],
        urn: {"department": "Research"},
    }
    paths = {"userName", "name.givenName", 'addresses[type eq "work"].country', f"{urn}:department"}
    assert filled_paths("User", document) == paths
    assert filled_paths("User", {}) == frozenset()
    assert filled_paths("Device", document) == frozenset()


@pytest.mark.parametrize(("resource_type", "row"), ROWS)
def test_path_resolves_with_its_type(resource_type: ResourceType, row: dict[str, Any]) -> None:
    target = target_of(resource_type, row["path"])
    if row["type"] == "Reference":
        assert target.attribute.multi_valued
        assert target.attribute.sub_attributes["$ref"].type == "reference"
    else:
        assert leaf_of(target).type == SCIM_TYPES[row["type"]]
    assert (target.where is not None) == ("[" in row["path"])


def test_roles_are_many_values_of_text() -> None:
    roles = target_of(TYPES["User"], "roles").attribute
    assert (roles.type, roles.multi_valued, roles.sub_attributes["value"].type) == ("complex", True, "string")


@pytest.mark.parametrize(("resource_type", "row"), [row for row in ROWS if row.values[1]["type"] != "Reference"])
def test_what_is_patched_is_found(resource_type: ResourceType, row: dict[str, Any]) -> None:
    """Entra writes the path, and looks for the value by the very same path."""
    path, sample = row["path"], SAMPLES[row["type"]]
    before = resource_type.load(REQUIRED[resource_type.name])
    after, links = apply(resource_type, before, [Operation("replace", path, sample)])
    after = resource_type.load(after)
    assert links == ()
    node = parse(f"{path} eq {json.dumps(sample)}", resource_type.tree)
    assert matches(node, normalize_document(resource_type.attributes, after))
    assert not matches(node, normalize_document(resource_type.attributes, before))


def test_members_are_patched() -> None:
    _, links = apply(TYPES["Group"], {}, [Operation("add", "members", [{"value": "u1"}])])
    assert links == (LinkChange("add", ("u1",)),)


@pytest.mark.parametrize(("resource_type", "row"), [row for row in ROWS if row.values[1]["filter"]])
def test_promised_matching_attributes_have_an_index(resource_type: ResourceType, row: dict[str, Any]) -> None:
    assert leaf_of(target_of(resource_type, row["path"])) in resource_type.lookups


@pytest.mark.parametrize(("resource_type", "row"), ROWS)
def test_only_the_name_refuses_when_missing(resource_type: ResourceType, row: dict[str, Any]) -> None:
    """Entra sends no empty values, so what the vendor marks as required cannot be implied_value, but for the name."""
    attribute = target_of(resource_type, row["path"]).attribute
    assert attribute.required == (attribute.name in REQUIRED[resource_type.name])


@pytest.mark.parametrize("resource_type", TYPES.values(), ids=TYPES)
def test_the_name_alone_is_a_resource(resource_type: ResourceType) -> None:
    (name,) = REQUIRED[resource_type.name]
    assert resource_type.load(REQUIRED[resource_type.name])[name]
    with pytest.raises(ScimError, match=f"{name}: expected a value, got none"):
        resource_type.load({})
