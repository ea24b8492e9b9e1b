"""This module creates attribute classes from schema files of the administrator (RFC 7643 §6, §7).

All code for built-in attributes therefore also works for these.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from marshmallow import fields

from app import bounds
from app.scim.attribute import Attribute
from app.scim.data_types import Binary, Decimal, Flag, Instant, Integer, Reference, ResourceId, Text
from app.scim.discovery_documents import RESOURCE_TYPE_URN, SCHEMA_URN
from app.scim.fields import Complex, ScimSchema, attribute
from app.scim.resource_types import RESOURCE_TYPES, ResourceType, attributes_of
from app.scim.schema_file import Part, SchemaFileError, read_folder
from app.scim.schemas import ResourceSchema

__all__ = ["SchemaFileError", "read"]

_SCHEMA = ("schemas", "id", "name", "description", "attributes", "meta")
_RESOURCE_TYPE = ("schemas", "id", "name", "description", "endpoint", "schema", "schemaExtensions", "meta")
ATTRIBUTE_MEMBERS = (
    "name", "type", "multiValued", "description", "required", "canonicalValues", "caseExact", "mutability", "returned",
    "uniqueness", "referenceTypes", "subAttributes", "lookup",
)  # fmt: skip
KINDS: Mapping[str, Any] = {
    kind.scim_type: kind for kind in (Text, Flag, Decimal, Integer, Instant, Reference, Binary, Complex)
}
_MUTABILITY = ("readOnly", "readWrite", "immutable", "writeOnly")
_RETURNED = ("always", "never", "default", "request")
_UNIQUENESS = ("none", "server", "global")

_URN = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]+(:[A-Za-z0-9._~%/-]+)+\Z", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_$-]*\Z", re.ASCII)
_PART_NAME = re.compile(r"[A-Za-z$][A-Za-z0-9_$-]*\Z", re.ASCII)
_TYPE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z", re.ASCII)
_ENDPOINT = re.compile(r"/[A-Za-z][A-Za-z0-9_-]*\Z", re.ASCII)

_COMMON = frozenset(attributes_of(ResourceSchema))
_BUILT_IN = {resource_type.name.lower(): resource_type for resource_type in RESOURCE_TYPES}
_TAKEN_NAMES = frozenset({"schema", "resourcetype", "serviceproviderconfig"})
_TAKEN_ENDPOINTS = frozenset(
    {"/schemas", "/resourcetypes", "/serviceproviderconfig", "/serviceconfiguration", "/bulk", "/me", "/v2"}
    | {resource_type.endpoint.lower() for resource_type in RESOURCE_TYPES}
)
_TAKEN_URNS = frozenset(
    schema.urn.lower() for built_in in RESOURCE_TYPES for schema in (built_in.schema, *built_in.extensions)
)
_TAKEN_BEGINNINGS = ("urn:ietf:params:scim:api:", "urn:ietf:params:scim:schemas:core:2.0:")


def is_custom(resource_type: ResourceType, attribute: Attribute) -> bool:
    """Return whether a schema file declares the attribute of a resource type."""
    built_in = _BUILT_IN.get(resource_type.name.lower())
    return attribute.name not in _COMMON and (built_in is None or not built_in.tree.find(attribute.path))


def read(folder: Path) -> tuple[ResourceType, ...]:
    """Return all resource types: the built-in ones, with their extensions from the folder, then those of the folder.

    Without files the result is RESOURCE_TYPES itself. Raises SchemaFileError.
    """
    schemas: dict[str, Part] = {}
    types: list[Part] = []
    for part in read_folder(folder):
        if _kind(part) == RESOURCE_TYPE_URN:
            types.append(part)
        else:
            _add_schema(schemas, part)
    return _Declared(schemas).resource_types(types)


def _kind(part: Part) -> str:
    for urn in (SCHEMA_URN, RESOURCE_TYPE_URN):
        if urn in part.texts("schemas"):
            return urn
    raise part.wrong("schemas", f'["{SCHEMA_URN}"] or ["{RESOURCE_TYPE_URN}"]')


def _add_schema(schemas: dict[str, Part], part: Part) -> None:
    part.only(_SCHEMA)
    urn = part.text("id", None, bounds.SCHEMA_URN_LENGTH, _URN).lower()
    if urn in _TAKEN_URNS or urn.startswith(_TAKEN_BEGINNINGS):
        raise part.wrong("id", "a URN of your own, since this one is built in")
    if urn in schemas:
        raise part.wrong("id", f"a URN that is in no other file ({schemas[urn].file} has it)")
    schemas[urn] = part


class _Declared:
    """The schemas of the files, from which the resource types are built."""

    def __init__(self, schemas: Mapping[str, Part]) -> None:
        self.schemas = schemas
        self.classes: dict[str, type[ScimSchema]] = {}
        self.types: dict[str, ResourceType] = dict(_BUILT_IN)

    def resource_types(self, parts: Iterable[Part]) -> tuple[ResourceType, ...]:
        for part in parts:
            part.only(_RESOURCE_TYPE)
            name = part.text("name", None, bounds.SCHEMA_NAME_LENGTH, _TYPE_NAME)
            base = self.built_in(part, name) if name.lower() in _BUILT_IN else self.new(part, name)
            self.types[name.lower()] = self.extended(part, base)
        for urn, part in self.schemas.items():
            if urn not in self.classes:
                raise part.wrong("id", "a schema that a resource type uses, as its schema or as an extension")
        return tuple(self.types.values())

    def built_in(self, part: Part, name: str) -> ResourceType:
        """Return User or Group, to which a file adds extensions; the file must not change the rest."""
        base = self.types[name.lower()]
        for member, value in (("name", base.name), ("endpoint", base.endpoint), ("schema", base.schema.urn)):
            if part.members.get(member, value) != value:
                raise part.wrong(member, f'"{value}", since {base.name} is built in')
        return base

    def new(self, part: Part, name: str) -> ResourceType:
        if name.lower() in _TAKEN_NAMES:
            raise part.wrong("name", "a name of your own, since this one is built in")
        if name.lower() in self.types:
            raise part.wrong("name", "a name that no other file has")
        endpoint = part.text("endpoint", None, bounds.SCHEMA_NAME_LENGTH, _ENDPOINT)
        if endpoint.lower() in _TAKEN_ENDPOINTS:
            raise part.wrong("endpoint", "an endpoint of your own, since this one is built in")
        if any(endpoint.lower() == known.endpoint.lower() for known in self.types.values()):
            raise part.wrong("endpoint", "an endpoint that no other file has")
        schema = self.schema(part, ResourceSchema)
        return ResourceType(name, endpoint, _description(part, name), schema)

    def extended(self, part: Part, base: ResourceType) -> ResourceType:
        for listed in part.parts("schemaExtensions"):
            listed.only(("schema", "required"))
            is_required = listed.flag("required")
            urn = listed.text("schema", None, bounds.SCHEMA_URN_LENGTH).lower()
            if name := next((one.urn for one in base.extensions if one.urn.lower() == urn), None):
                if urn not in _TAKEN_URNS:
                    raise listed.wrong("schema", f"each extension of {base.name} once")
            else:
                extension = self.schema(listed, ScimSchema)
                name = extension.urn
                base = replace(base, extensions=(*base.extensions, extension))
            if is_required:
                base = replace(base, required_extensions=base.required_extensions | {name})
        return base

    def schema(self, part: Part, kind: type[ScimSchema]) -> type[ScimSchema]:
        """Return the class of the schema that `part` names: a core schema with ResourceSchema, else an extension."""
        urn = part.text("schema", None, bounds.SCHEMA_URN_LENGTH).lower()
        if urn not in self.schemas:
            raise part.wrong("schema", "the id of a schema in one of the files")
        if urn in self.classes and ResourceSchema in (kind, self.classes[urn].__base__):
            raise part.wrong("schema", "a schema that nothing else is made of")
        if urn not in self.classes:
            self.classes[urn] = _schema_class(self.schemas[urn], kind)
        return self.classes[urn]


def _schema_class(part: Part, kind: type[ScimSchema]) -> type[ScimSchema]:
    urn = part.members["id"]
    name = part.text("name", urn.rpartition(":")[2], bounds.SCHEMA_NAME_LENGTH)
    if not part.members.get("attributes"):
        raise part.wrong("attributes", "a list with an attribute or more")
    total = sum(1 + len(list(one.parts("subAttributes"))) for one in part.parts("attributes"))
    if total > bounds.SCHEMA_ATTRIBUTES:
        raise part.wrong("attributes", f"at most {bounds.SCHEMA_ATTRIBUTES} attributes with sub-attributes ({total})")
    for one in part.parts("attributes"):
        if str(one.members.get("name")).lower() in _COMMON:
            raise one.wrong("name", "a name of your own, since every resource has this one")
    members = {"urn": urn, "schema_name": name, "schema_description": _description(part, name)}
    return type("CustomSchema", (kind,), members | _fields(part.parts("attributes"), _NAME))


def _description(part: Part, default: str) -> str:
    return part.text("description", default, bounds.SCHEMA_DESCRIPTION_LENGTH)


def _fields(parts: Iterable[Part], pattern: re.Pattern[str], parent: Part | None = None) -> dict[str, Any]:
    """Return one schema's fields under generated names, since a wire name could be one of Python's or marshmallow's."""
    declared: dict[str, Any] = {}
    names: set[str] = set()
    for part in parts:
        part.only(ATTRIBUTE_MEMBERS)
        name = part.text("name", None, bounds.SCHEMA_NAME_LENGTH, pattern)
        if name.lower() in names:
            raise part.wrong("name", "each name once, whatever its letter case")
        names.add(name.lower())
        declared[f"attribute_{len(declared)}"] = _field(part, name, parent)
    return declared


def _field(part: Part, name: str, parent: Part | None) -> fields.Field[Any]:
    kind = KINDS[part.choice("type", tuple(KINDS), Text.scim_type)]
    parts: list[type[ScimSchema]] = []
    if kind is Complex:
        if parent is not None:
            raise part.wrong("type", "a simple type, since this is a sub-attribute")
        if not part.members.get("subAttributes"):
            raise part.wrong("subAttributes", "a list with a sub-attribute or more")
        members = _fields(part.parts("subAttributes"), _PART_NAME, part)
        parts.append(type("CustomPartsSchema", (ScimSchema,), members))
    elif part.members.get("subAttributes"):
        raise part.wrong("subAttributes", 'none, since the type is not "complex"')
    if parent is not None:
        _check_part(part, name, kind, parent)
        if kind is Text and name.lower() == "value" and _has_resource_ref(parent):
            kind = ResourceId
    mutability = part.choice("mutability", _MUTABILITY, "readWrite")
    uniqueness = part.choice("uniqueness", _UNIQUENESS, "none")
    if kind is Complex and uniqueness != "none":
        raise part.wrong("uniqueness", '"none", since only a simple value can be unique')
    case_exact = kind.case_exact if part.members.get("caseExact") is None else part.flag("caseExact")
    return attribute(
        kind,
        _description(part, name),
        *parts,
        name=name,
        many=part.flag("multiValued"),
        required=part.flag("required"),
        mutability=mutability,
        returned=_returned(part, mutability, parent),
        uniqueness=uniqueness,
        case_exact=case_exact or kind is Binary,  # RFC 7643 §2.3.6; many files declare false for every attribute
        canonical_values=part.texts("canonicalValues"),
        reference_types=part.texts("referenceTypes"),
        lookup=uniqueness != "none" or (part.flag("lookup") and kind is not Complex),
    )


def _check_part(part: Part, name: str, kind: Any, parent: Part) -> None:
    if part.flag("multiValued"):
        raise part.wrong("multiValued", "false, since this is a sub-attribute")
    if name.lower() == "primary" and parent.flag("multiValued") and kind is not Flag:
        raise part.wrong("type", '"boolean", since primary marks one of many values (RFC 7643 section 2.4)')


def _has_resource_ref(parent: Part) -> bool:
    """Return whether values have a `$ref` to a resource, so that their `value` is its id (RFC 7643 §2.4 and §7)."""
    refs = (one for one in parent.parts("subAttributes") if str(one.members.get("name")).lower() == "$ref")
    return any(set(one.texts("referenceTypes")) - {"external", "uri"} for one in refs)


def _returned(part: Part, mutability: str, parent: Part | None) -> str:
    """Return `returned`: "never" for a writeOnly attribute, and for the parts of one that is never returned."""
    if mutability == "writeOnly" and part.members.get("returned") not in (None, "never"):
        raise part.wrong("returned", '"never", since the attribute is writeOnly')
    is_hidden = parent is not None and "never" in (parent.members.get("returned"), _returned_of(parent))
    return part.choice("returned", _RETURNED, _returned_of(part)) if not is_hidden else "never"


def _returned_of(part: Part) -> str:
    return "never" if part.members.get("mutability") == "writeOnly" else "default"
