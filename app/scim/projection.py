"""This module turns a stored record into the representation that a client receives (RFC 7644 §3.9).

Without `attributes` and `excludedAttributes` the stored text is sent unchanged, with the separately stored values
appended; only a projection parses it.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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

    def project(self, attributes: Iterable[Attribute], values: Mapping[str, Any], *, is_whole: bool) -> dict[str, Any]:
        """Return the requested values of these attributes, in declared order; `is_whole` as for `includes`."""
        return {
            one.name: narrowed
            for one in attributes
            if one.name in values and self.includes(one, is_whole=is_whole)
            if (narrowed := self._narrow(one, values[one.name], is_whole)) is not None
        }

    def _narrow(self, attribute: Attribute, value: Any, is_whole: bool) -> Any:
        """Return a requested value with only the requested parts; None if nothing is left of it."""
        if not attribute.sub_attributes:
            return value
        is_whole = (is_whole or attribute.path in (self.attributes or ())) and attribute.path not in self.excluded
        parts = attribute.sub_attributes.values()
        if isinstance(value, list):
            narrowed = [kept for one in value if (kept := self.project(parts, one, is_whole=is_whole))]
            return narrowed if narrowed or not value else None
        return self.project(parts, value, is_whole=is_whole) or None


EVERYTHING = Selection()


def read_selection(tree: AttributeTree, attributes: str | None, excluded: str | None) -> Selection:
    """Read the two query parameters, lists of names with commas.

    Unknown names are ignored, and so are brackets: `emails[type eq "work"].value`, which Microsoft's request collection
    requests, selects `emails.value`.

    Raises invalidValue for a list longer than `bounds.ATTRIBUTE_LIST_LENGTH`.
    """
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


def reference(resource_type: ResourceType, resource_id: str, *, is_absolute: bool = False) -> str:
    """Return a `$ref` that this server generates, relative to the base URL (RFC 7643 §2.3.7): `Users/<id>`.

    An absolute one begins with a slash here; `represent` prefixes the base URL.
    """
    path = f"{resource_type.endpoint}/{resource_id}"
    return path if is_absolute else path.removeprefix("/")


def _with_base(value: Mapping[str, Any], base: str) -> Mapping[str, Any]:
    ref = value.get("$ref", "")
    return {**value, "$ref": base + ref} if ref.startswith("/") else value


def represent(
    resource_type: ResourceType,
    stored: StoredResource,
    memberships: Mapping[str, Sequence[Mapping[str, Any]]],
    base: str,
    selection: Selection = EVERYTHING,
) -> str:
    """Return the JSON text of one resource.

    `memberships` holds the values of attributes that are stored as rows (`members`, `groups`), by name. An empty list
    is unassigned: a user's `groups` are left out then. A group's `members` are `[]`, without which a known client adds
    no first member. `base` is the public URL of `/scim`.
    """
    separate: dict[str, Any] = {
        name: [_with_base(value, base) for value in values]
        for name, values in memberships.items()
        if values or resource_type.has_members
    }
    separate["meta"] = {
        "resourceType": resource_type.name,
        "created": stored.created,
        "lastModified": stored.last_modified,
        "version": entity_tag(stored.version),
        "location": location(base, resource_type, stored.id),
    }
    if selection.is_everything and resource_type.is_sent_whole:
        return f"{stored.document[:-1]},{compact(separate)[1:]}"
    is_whole = selection.attributes is None
    return compact(selection.project(resource_type.attributes, {**stored.content, **separate}, is_whole=is_whole))


def compact(value: Any) -> str:
    """Return JSON text without spaces, characters unescaped: the form in which documents are stored and sent."""
    return _ENCODER.encode(value)
