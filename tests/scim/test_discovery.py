"""What the discovery endpoints say (RFC 7643 §5 to §8.7, and what Entra needs of it)."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from app import bounds
from app.scim import discovery_documents
from app.scim.attribute import Attribute
from app.scim.resource_types import RESOURCE_TYPES, attributes_of

BASE = "https://example.com/scim"
DOCUMENTATION = "https://example.com/documentation"
TOKEN_ENDPOINT = "https://example.com/oauth/token"
SCHEMAS = {document["name"]: document for document in discovery_documents.schemas(RESOURCE_TYPES, BASE)}
DOCUMENTS = [
    discovery_documents.service_provider_config(BASE, DOCUMENTATION, TOKEN_ENDPOINT),
    *discovery_documents.resource_types(RESOURCE_TYPES, BASE),
    *SCHEMAS.values(),
]
WORDS = {
    "type": {"string", "boolean", "decimal", "integer", "dateTime", "reference", "binary", "complex"},
    "mutability": {"readOnly", "readWrite", "immutable", "writeOnly"},
    "returned": {"always", "never", "default", "request"},
    "uniqueness": {"none", "server", "global"},
}
TOLD = {"name", "type", "multiValued", "description", "required", "caseExact", "mutability", "returned", "uniqueness"}


def every_value(value: Any) -> Iterator[Any]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from every_value(one)


def definitions(attributes: list[dict[str, Any]], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for definition in attributes:
        yield prefix + definition["name"], definition
        yield from definitions(definition.get("subAttributes", []), f"{prefix}{definition['name']}.")


DEFINITIONS = {f"{name} {path}": d for name, s in SCHEMAS.items() for path, d in definitions(s["attributes"])}


def test_schemas_are_the_three_of_the_rfc() -> None:
    """Without Group all group tests of Entra's gallery fail."""
    assert list(SCHEMAS) == ["User", "EnterpriseUser", "Group"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["meta"]["location"])
def test_nothing_is_null_and_everything_has_an_address(document: dict[str, Any]) -> None:
    assert None not in list(every_value(document))
    assert document["schemas"] and document["meta"]["location"].startswith(BASE + "/")
    assert document["meta"]["location"].endswith(document.get("id", "ServiceProviderConfig"))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_definition(name: str) -> None:
    definition = DEFINITIONS[name]
    assert definition.keys() >= TOLD
    for characteristic, words in WORDS.items():
        assert definition[characteristic] in words
    assert definition["description"]
    assert ("referenceTypes" in definition) == (definition["type"] == "reference")
    assert ("subAttributes" in definition) == (definition["type"] == "complex")


def test_only_two_attributes_are_required() -> None:
    assert [name for name, d in DEFINITIONS.items() if d["required"]] == ["User userName", "Group displayName"]


def test_external_id_is_listed_and_what_all_have_is_not() -> None:
    """Entra looks for externalId among a schema's attributes, although RFC 7643 §3.1 may leave it out."""
    assert {"User externalId", "Group externalId"} <= DEFINITIONS.keys()
    assert not {f"{name} {common}" for name in SCHEMAS for common in ("id", "meta", "schemas")} & DEFINITIONS.keys()


@pytest.mark.parametrize("attribute", ["emails", "phoneNumbers", "addresses"])
def test_types_that_entra_flattens_have_canonical_values(attribute: str) -> None:
    assert "work" in DEFINITIONS[f"User {attribute}.type"]["canonicalValues"]


def test_mobile_is_a_canonical_value() -> None:
    assert {"work", "mobile", "fax"} <= set(DEFINITIONS["User phoneNumbers.type"]["canonicalValues"])


def test_schemas_say_what_is_declared() -> None:
    """Every declared attribute is told with its own characteristics, and nothing else is."""
    told: dict[str, Mapping[str, Attribute]] = {}
    for resource_type in RESOURCE_TYPES:
        for schema in (resource_type.schema, *resource_type.extensions):
            told[schema.schema_name] = attributes_of(schema)
    expected = {
        f"{name} {node.path}": node
        for name, attributes in told.items()
        for top in attributes.values()
        if discovery_documents.is_listed(top)
        for node in top.walk()
    }
    assert expected.keys() == DEFINITIONS.keys()
    for name, node in expected.items():
        definition = DEFINITIONS[name]
        assert (definition["type"], definition["multiValued"]) == (node.type, node.multi_valued)
        assert definition["caseExact"] == node.traits.case_exact
        assert definition["mutability"] == node.traits.mutability
        assert definition.get("canonicalValues", []) == list(node.traits.canonical_values)


def test_resource_types() -> None:
    user, group = discovery_documents.resource_types(RESOURCE_TYPES, BASE)
    assert (user["name"], user["endpoint"], user["schema"]) == ("User", "/Users", SCHEMAS["User"]["id"])
    assert user["schemaExtensions"] == [{"schema": SCHEMAS["EnterpriseUser"]["id"], "required": False}]
    assert (group["name"], group["endpoint"], group["schemaExtensions"]) == ("Group", "/Groups", [])


def test_service_provider_config_promises_what_is_there() -> None:
    config = discovery_documents.service_provider_config(BASE, DOCUMENTATION, TOKEN_ENDPOINT)
    features = {name: value for name, value in config.items() if isinstance(value, dict) and "supported" in value}
    offered = {name: value["supported"] for name, value in features.items()}
    assert offered == {
        "patch": True,
        "bulk": True,
        "filter": True,
        "changePassword": False,
        "sort": True,
        "etag": True,
    }
    assert config["filter"]["maxResults"] == bounds.PAGE_SIZE_MAXIMUM
    assert config["bulk"]["maxOperations"] == bounds.BULK_OPERATIONS
    assert config["bulk"]["maxPayloadSize"] == bounds.BODY_BYTES
    schemes = {scheme["type"]: scheme for scheme in config["authenticationSchemes"]}
    assert {name: scheme["primary"] for name, scheme in schemes.items()} == {"oauthbearertoken": True, "oauth2": False}
    assert TOKEN_ENDPOINT in schemes["oauth2"]["description"]


def test_cursors_are_offered_where_they_are_on() -> None:
    """RFC 9865 §4: how long a cursor is good is told only where there are cursors."""
    by_index = discovery_documents.service_provider_config(BASE, DOCUMENTATION, TOKEN_ENDPOINT, has_cursors=False)[
        "pagination"
    ]
    assert by_index == {
        "cursor": False,
        "index": True,
        "defaultPaginationMethod": "index",
        "defaultPageSize": bounds.PAGE_SIZE,
        "maxPageSize": bounds.PAGE_SIZE_MAXIMUM,
    }
    both = discovery_documents.service_provider_config(BASE, DOCUMENTATION, TOKEN_ENDPOINT)["pagination"]
    assert both == {**by_index, "cursor": True, "cursorTimeout": bounds.CURSOR_S}
