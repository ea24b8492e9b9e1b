"""This module separates stored values that are declared from values that no longer are.

A schema file may be added, removed and changed while values stay stored.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import ValidationError

from app.scim.attribute import OF_SERVER, Attribute, is_unassigned
from app.scim.fields import identity
from app.scim.resource_types import ResourceType


def sort_out(
    resource_type: ResourceType, document: Mapping[str, Any], undeclared: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the document of all values that the type declares and that fit, and the other values.

    Of two values for one place, that of the document, which is newer, wins if both fit. Only an undeclared value that
    lost in this way is discarded, and parts of a value that no longer exists.
    """
    stored = {name: value for name, value in document.items() if name not in OF_SERVER}
    kept, rest = _sort_parts(resource_type.attributes, stored, undeclared)
    return {"schemas": resource_type.urns_of(kept), "id": document["id"], **kept}, rest


def _sort_parts(
    attributes: Iterable[Attribute], stored: Mapping[str, Any], undeclared: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the same for the parts of one value; `kept` has declared names in declared order."""
    kept: dict[str, Any] = {}
    by_name: dict[str, list[tuple[str, Any]]] = {}
    for name, value in (*stored.items(), *undeclared.items()):
        by_name.setdefault(name.lower(), []).append((name, value))
    rest: dict[str, Any] = {}
    for attribute in attributes:
        if attribute.traits.storage != "document" or attribute.is_read_only:
            continue  # no client could write it
        if named := by_name.pop(attribute.name.lower(), None):
            value, left = _sort_values(attribute, [value for _, value in named])
            if not is_unassigned(value):
                kept[attribute.name] = value
            if not is_unassigned(left):
                rest[attribute.name] = left
    for (name, value), *more in by_name.values():
        # Both are undeclared, one before and one now: an extension may lose its attributes one after the other.
        rest[name] = more[0][1] | value if more and isinstance(value, dict) and isinstance(more[0][1], dict) else value
    return kept, rest


def _sort_values(attribute: Attribute, candidates: list[Any]) -> tuple[Any, Any]:
    """Return the value to keep or None, and the undeclared one or None, of one or two candidates, the newer first."""
    newer, older = candidates[0], candidates[1] if len(candidates) > 1 else None
    if attribute.sub_attributes and not attribute.multi_valued and all(isinstance(one, dict) for one in candidates):
        return _sort_parts(attribute.sub_attributes.values(), newer, older or {})
    if attribute.sub_attributes and attribute.multi_valued and all(_is_of_objects(one) for one in candidates):
        return _sort_many(attribute, newer, older or [])
    if _fits(attribute, newer):
        return newer, older if older is not None and not _fits(attribute, older) else None
    return (older, newer) if older is not None and _fits(attribute, older) else (None, newer)


def _sort_many(attribute: Attribute, stored: list[Any], undeclared: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return the same for a multi-valued complex attribute; `identity` assigns undeclared parts to their value."""
    kept, rest = [], []
    unmatched = list(undeclared)
    for one in stored:
        older = next((other for other in unmatched if _is_same(one, other)), None)
        if older is not None:
            unmatched.remove(older)
        value, left = _sort_parts(attribute.sub_attributes.values(), one, older or {})
        if value:
            kept.append(value)
        if left:
            rest.append(dict(identity(one)) | left)
    return kept, rest + unmatched


def _is_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _is_same(stored: Mapping[str, Any], undeclared: Mapping[str, Any]) -> bool:
    known = identity(stored)
    return bool(known) and all(undeclared.get(name) == value for name, value in known)


def _fits(attribute: Attribute, value: Any) -> bool:
    try:
        return bool(attribute.check(value) == value)
    except ValidationError:
        return False
