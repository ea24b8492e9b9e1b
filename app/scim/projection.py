"""This module turns a stored record into the representation that a client receives (RFC 7644 §3.9).

A stored text of which nothing is left out is sent unchanged, with the separately stored values appended; any other one
is parsed.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from app import bounds
from app.scim.attribute import Attribute, AttributeTree
from app.scim.errors import Code, ScimError
from app.scim.resource_types import ResourceType

_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
_BRACKETS = re.compile(r"\[[^\[\]]*+\]")


class StoredResource(Protocol):
    """A stored row: `document` is JSON text without meta and memberships, times are wire text.

    `content` is the document as an object.
    """

    @property
    def id(self) -> str: ...
    @property
    def document(self) -> str: ...
    @property
    def content(self) -> Mapping[str, Any]: ...
    @property
    def version(self) -> int: ...
    @property
    def created(self) -> str: ...
    @property
    def last_modified(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Selection:
    """The paths in `attributes` (None: all) and in `excludedAttributes` of one request."""

    attributes: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()

    @property
    def is_everything(self) -> bool:
        return self.attributes is None and not self.excluded

    def includes(self, attribute: Attribute, *, is_whole: bool | None = None) -> bool:
        """Return whether any of an attribute is to be returned (RFC 7643 §7: always, default, request, never).

        `is_whole`: its parent is requested as a whole, and so is all that is returned by default. None: no parent.
        """
        returned = attribute.traits.returned
        if returned in ("always", "never"):
            return returned == "always"
        if self.attributes is not None and any(part.path in self.attributes for part in attribute.walk()):
            return True
        if attribute.is_extension and any(part.traits.returned == "always" for part in attribute.walk()):
            return True
        is_whole = self.attributes is None if is_whole is None else is_whole
        return returned == "default" and is_whole and attribute.path not in self.excluded

    def parts(self, attributes: Iterable[Attribute], *, is_whole: bool) -> "dict[str, Parts | None]":
        """Return what is requested of these attributes, in declared order; `is_whole` as for `includes`."""
        return {one.name: self._part(one, is_whole) for one in attributes if self.includes(one, is_whole=is_whole)}

    def _part(self, attribute: Attribute, is_whole: bool) -> "Parts | None":
        is_whole = (is_whole or attribute.path in (self.attributes or ())) and attribute.path not in self.excluded
        parts = self.parts(attribute.sub_attributes.values(), is_whole=is_whole)
        return parts if len(parts) < len(attribute.sub_attributes) or any(parts.values()) else None


Parts = Mapping[str, "Parts | None"]
"""The requested attributes by name, each with its requested parts; None for one of which nothing is left out."""

EVERYTHING = Selection()


@lru_cache(bounds.PROJECTIONS_REMEMBERED)
def read_selection(tree: AttributeTree, attributes: str | None, excluded: str | None) -> Selection:
    """Read the two query parameters, lists of names with commas.

    Unknown names are ignored, and so are brackets: `emails[type eq "work"].value`, which Microsoft's request collection
    requests, selects `emails.value`.

    Raises invalidValue for a list longer than `bounds.ATTRIBUTE_LIST_LENGTH`.
    """
    if not attributes and not excluded:
        return EVERYTHING
    selected = _paths(tree, attributes, "attributes") if attributes else None
    return Selection(selected, _paths(tree, excluded or "", "excludedAttributes"))


def _paths(tree: AttributeTree, names: str, parameter: str) -> frozenset[str]:
    if len(names) > bounds.ATTRIBUTE_LIST_LENGTH:
        raise ScimError(
            Code.VALUE_TOO_LONG, parameter, f"at most {bounds.ATTRIBUTE_LIST_LENGTH} characters", len(names)
        )
    paths = (tree.find(name.strip()) for name in _BRACKETS.sub("", names).split(","))
    return frozenset(path[-1].path for path in paths if path)


def location(base: str, resource_type: ResourceType, resource_id: str) -> str:
    """Return `meta.location`: absolute, from the configured base URL (`https://host/scim`)."""
    return f"{base}{resource_type.endpoint}/{resource_id}"


def entity_tag(version: int) -> str:
    """Return `meta.version`, a weak ETag (RFC 7644 §3.14)."""
    return f'W/"{version}"'


class Projection:
    """What one request selects of the resources of a type, as JSON text. `base` is the public URL of `/scim`."""

    def __init__(self, resource_type: ResourceType, selection: Selection, base: str) -> None:
        parts = selection.parts(resource_type.attributes, is_whole=selection.attributes is None)
        self._meta = parts.pop("meta", {})
        self._document = {name: parts[name] for name in resource_type.document_names if name in parts}
        self._is_sent_as_stored = self._document == dict.fromkeys(resource_type.document_names)
        self._separate = parts
        self._has_members = resource_type.has_members
        self._type = compact(resource_type.name)
        self._location = compact(location(base, resource_type, ""))[:-1]
        self._reference = f'"$ref":{compact(base)[:-1]}/'

    def text(self, stored: StoredResource, memberships: Mapping[str, Iterable[str]]) -> str:
        """Return the JSON text of one resource; see `pieces`."""
        return "".join(self.pieces(stored, memberships))

    def pieces(self, stored: StoredResource, memberships: Mapping[str, Iterable[str]]) -> Iterator[str]:
        """Yield the JSON text of one resource, which may be a group with very many members.

        `memberships` holds the values of attributes that are stored as rows (`members`, `groups`), by name, as portions
        of JSON text without brackets. Without any they are unassigned: a user's `groups` are left out then. A group's
        `members` are `[]`, without which a known client adds no first member.
        """
        # `id` and `schemas` are always in the document, so that a comma follows it.
        text = (
            stored.document[:-1] if self._is_sent_as_stored else compact(_narrow(self._document, stored.content))[:-1]
        )
        for name, portions in memberships.items():
            if name not in self._separate:
                continue
            separator, is_unassigned = f',"{name}":[', True
            for portion in portions:
                is_unassigned = False
                if values := self._values(name, portion):
                    yield f"{text}{separator}{values}"
                    text, separator = "", ","
            if separator == ",":
                text = "]"
            elif is_unassigned and self._has_members:
                text += separator + "]"
        if self._meta is None:
            text += f',"meta":{self._meta_of(stored)}'
        elif self._meta and (meta := _narrow(self._meta, json.loads(self._meta_of(stored)))):
            text += f',"meta":{compact(meta)}'
        yield text + "}"

    def _values(self, name: str, portion: str) -> str:
        # A quote inside a JSON string is escaped, so this is the beginning of a reference and nothing else. Only those
        # of members may be full URLs.
        values = portion.replace('"$ref":"/', self._reference) if self._has_members else portion
        parts = self._separate[name]
        if parts is None:
            return values
        return compact([kept for one in json.loads(f"[{values}]") if (kept := _narrow(parts, one))])[1:-1]

    def _meta_of(self, stored: StoredResource) -> str:
        return (
            f'{{"resourceType":{self._type},"created":"{stored.created}","lastModified":"{stored.last_modified}",'
            f'"version":"W/\\"{stored.version}\\"","location":{self._location}{stored.id}"}}'
        )


def _narrow(parts: Parts, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the requested parts of an object; one of which nothing is left is left out."""
    narrowed = {}
    for name, inner in parts.items():
        if (value := values.get(name)) is None:
            continue
        if inner is not None:
            if isinstance(value, list):
                value = [kept for one in value if (kept := _narrow(inner, one))]
            else:
                value = _narrow(inner, value)
            if not value:
                continue
        narrowed[name] = value
    return narrowed


@lru_cache(bounds.PROJECTIONS_REMEMBERED)
def projection(resource_type: ResourceType, selection: Selection, base: str) -> Projection:
    """Return the projection of a selection, which takes longer to make than to use."""
    return Projection(resource_type, selection, base)


def compact(value: Any) -> str:
    """Return JSON text without spaces, characters unescaped: the form in which documents are stored and sent."""
    return _ENCODER.encode(value)
