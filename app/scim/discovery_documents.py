"""This module renders /ServiceProviderConfig, /ResourceTypes and /Schemas (RFC 7643 §5 to §7).

Everything in them follows from the schemas, the resource types and the bounds.
"""

from collections.abc import Iterable
from typing import Any

from app import bounds
from app.scim.attribute import Attribute
from app.scim.resource_types import ResourceType, attributes_of

CONFIG_URN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
RESOURCE_TYPE_URN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
SCHEMA_URN = "urn:ietf:params:scim:schemas:core:2.0:Schema"


def service_provider_config(
    base: str, documentation: str, token_endpoint: str, *, has_cursors: bool = True
) -> dict[str, Any]:
    """Return the document of RFC 7643 §5, with `pagination` of RFC 9865 §4.

    `base` is the public URL of `/scim`, `documentation` that of the page for administrators, `token_endpoint` that
    where OAuth clients get access tokens.
    """
    return {
        "schemas": [CONFIG_URN],
        "documentationUri": documentation,
        "patch": {"supported": True},
        "bulk": {"supported": True, "maxOperations": bounds.BULK_OPERATIONS, "maxPayloadSize": bounds.BODY_BYTES},
        "filter": {"supported": True, "maxResults": bounds.PAGE_SIZE_MAXIMUM},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "pagination": {
            "cursor": has_cursors,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": bounds.PAGE_SIZE,
            "maxPageSize": bounds.PAGE_SIZE_MAXIMUM,
            **({"cursorTimeout": bounds.CURSOR_S} if has_cursors else {}),
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "SCIM Key",
                "description": "The SCIM Key of the Account page as a bearer token; Entra calls it Secret Token",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "documentationUri": documentation,
                "primary": True,
            },
            {
                "type": "oauth2",
                "name": "OAuth 2.0 client credentials",
                "description": f"An access token that a client of the OAuth page fetches at {token_endpoint}",
                "specUri": "https://www.rfc-editor.org/info/rfc6749",
                "documentationUri": documentation,
                "primary": False,
            },
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def resource_types(types: Iterable[ResourceType], base: str) -> list[dict[str, Any]]:
    """Return the documents of RFC 7643 §6, one for each resource type."""
    return [
        {
            "schemas": [RESOURCE_TYPE_URN],
            "id": resource_type.name,
            "name": resource_type.name,
            "endpoint": resource_type.endpoint,
            "description": resource_type.description,
            "schema": resource_type.schema.urn,
            "schemaExtensions": [
                {"schema": extension.urn, "required": extension.urn in resource_type.required_extensions}
                for extension in resource_type.extensions
            ],
            "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{resource_type.name}"},
        }
        for resource_type in types
    ]


def schemas(types: Iterable[ResourceType], base: str) -> list[dict[str, Any]]:
    """Return the documents of RFC 7643 §7, one for each core schema and extension of the resource types."""
    declared = (schema for one in types for schema in (one.schema, *one.extensions))
    return [
        {
            "schemas": [SCHEMA_URN],
            "id": schema.urn,
            "name": schema.schema_name,
            "description": schema.schema_description,
            "attributes": [_definition(a) for a in attributes_of(schema).values() if is_listed(a)],
            "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{schema.urn}"},
        }
        for schema in dict.fromkeys(declared)  # an extension may belong to several types
    ]


def is_listed(attribute: Attribute) -> bool:
    """Return whether a schema lists the attribute: all but `schemas`, `id`, `meta`, common to all (RFC 7643 §3.1).

    `externalId` is listed, because Entra looks for it among a schema's attributes.
    """
    return attribute.traits.storage != "row" and attribute.name != "schemas"


def _definition(attribute: Attribute) -> dict[str, Any]:
    """Return one attribute by RFC 7643 §7. Nothing in it is null: Entra refuses that."""
    traits = attribute.traits
    definition: dict[str, Any] = {
        "name": attribute.name,
        "type": attribute.type,
        "multiValued": attribute.multi_valued,
        "description": traits.description,
        "required": attribute.required,
        "caseExact": traits.case_exact,
        "mutability": traits.mutability,
        "returned": traits.returned,
        "uniqueness": traits.uniqueness,
    }
    if traits.canonical_values:
        definition["canonicalValues"] = list(traits.canonical_values)
    if traits.reference_types:
        definition["referenceTypes"] = list(traits.reference_types)
    if attribute.sub_attributes:
        definition["subAttributes"] = [_definition(part) for part in attribute.sub_attributes.values()]
    return definition
