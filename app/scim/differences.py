"""This module lists the differences between two documents of one resource.

A change is stored for a whole attribute, so that an earlier document can be rebuilt from a later one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from app.scim.attribute import OF_SERVER, Attribute
from app.scim.resource_types import ResourceType

HIDDEN = "(not kept)"
"""The placeholder for a value that is never returned: the history says that it changed, but not to what."""


class Change(NamedTuple):
    """One attribute before and after; None means no value."""

    attribute: str
    old: Any
    new: Any


def differences(
    resource_type: ResourceType, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[Change, ...]:
    """Return the differences, one change per attribute: top attributes whole, those of an extension one by one.

    None means that the resource did not exist yet, or no longer exists.
    """
    return tuple(_changes(resource_type.attributes, before or {}, after or {}))


def _changes(attributes: Iterable[Attribute], before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for attribute in attributes:
        name = attribute.name
        old, new = before.get(name), after.get(name)
        if old == new or name in OF_SERVER:
            continue
        if attribute.is_extension:
            yield from _changes(attribute.sub_attributes.values(), old or {}, new or {})
        else:
            yield Change(attribute.path, _readable(attribute, old), _readable(attribute, new))


def to_stored(change: Change) -> list[Any]:
    """Return a change without its attribute as it is stored: `[old, new]`, or `[old, null, parts]` if that is enough.

    `parts` are those that the new value has instead, by name, null for one that is gone; in a list, by the place of
    each value that differs.
    """
    parts = _replaced_parts(change.old, change.new)
    return [change.old, change.new] if parts is None else [change.old, None, parts]


def from_stored(attribute: str, stored: Sequence[Any]) -> Change:
    """Return the change of an attribute that `to_stored` returned."""
    old, new, *parts = stored
    return Change(attribute, old, _with_parts(old, parts[0]) if parts else new)


def _replaced_parts(old: Any, new: Any) -> dict[str, Any] | None:
    """Return the `parts` of `to_stored`; None if the new value does not follow from them."""
    if isinstance(old, dict) and isinstance(new, dict):
        if list(new) != list(old) and list(new) != [name for name in old if name in new]:
            return None  # it has more parts, or in another order
        return {name: new.get(name) for name, part in old.items() if not _is_same(part, new.get(name))}
    if not isinstance(old, list) or not isinstance(new, list) or len(old) != len(new):
        return None
    places = (place for place in range(len(old)) if not _is_same(old[place], new[place]))
    parts = {str(place): _replaced_parts(old[place], new[place]) for place in places}
    return None if None in parts.values() else parts


def _is_same(old: Any, new: Any) -> bool:
    """Return whether two values are written in the same way; 1 and 1.0 are equal, but not written so."""
    return old is new or (old == new and repr(old) == repr(new))


def _with_parts(old: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(old, list):
        return [_with_parts(one, parts.get(str(place), {})) for place, one in enumerate(old)]
    if not isinstance(old, dict):
        return old
    values = {**old, **parts}
    return {name: part for name, part in values.items() if part is not None}


def all_cleared(document: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the differences between a document without hidden values and none, whatever is declared by now.

    By attribute, the order in which changes are stored.
    """
    changes: list[Change] = []
    for name, value in document.items():
        if name in OF_SERVER:
            continue
        parts = {f"{name}:{part}": of for part, of in value.items()} if name.startswith("urn:") else {name: value}
        changes += (Change(path, old, None) for path, old in parts.items())
    return tuple(sorted(changes, key=lambda one: one.attribute))


def undone(document: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """Return the spread document (attribute to value) as it was before the changes."""
    earlier = dict(document)
    for change in changes:
        earlier.pop(change.attribute, None)
        if change.old is not None:
            earlier[change.attribute] = change.old
    return earlier


def in_detail(changes: Iterable[Change]) -> Iterator[Change]:
    """Yield changes of whole attributes as those of their parts, in the paths of Entra's mapping page.

    `name` becomes `name.givenName`, `emails` becomes `emails[type eq "work"].value`. A list whose values cannot be
    distinguished by their types stays one change.
    """
    for change in changes:
        old, new = _parts(change.attribute, change.old), _parts(change.attribute, change.new)
        if old is None or new is None:
            yield change
            continue
        paths = [path for path in dict.fromkeys((*old, *new)) if old.get(path) != new.get(path)]
        if not paths:
            yield change  # between two values that are not stored
        for path in paths:
            yield Change(path, old.get(path), new.get(path))


def flatten(spread_document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spread document as detailed path to value."""
    whole = (Change(name, None, value) for name, value in spread_document.items())
    return {change.attribute: change.new for change in in_detail(whole)}


def _parts(path: str, value: Any) -> Mapping[str, Any] | None:
    """Return the parts of a value by their paths, or None if it has none that could be named."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return {f"{path}.{name}": part for name, part in value.items()}
    if isinstance(value, list):
        return _typed_parts(path, value)
    return {path: value}


def _typed_parts(path: str, values: Sequence[Any]) -> Mapping[str, Any] | None:
    types = [one.get("type") for one in values if isinstance(one, dict)]
    is_distinct = len(types) == len(values) == len(set(types)) and all(isinstance(one, str) for one in types)
    if not is_distinct:
        return None
    return {
        f'{path}[type eq "{one["type"]}"].{name}': part
        for one in values
        for name, part in one.items()
        if name != "type"
    }


def spread(resource_type: ResourceType, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored document as attribute to value, in the granularity of changes, without what is never returned."""
    return {change.attribute: change.new for change in differences(resource_type, None, document)}


def gathered(resource_type: ResourceType, resource_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of spread values as it was stored; undeclared attributes are left out."""
    document: dict[str, Any] = {"id": resource_id}
    for attribute in resource_type.attributes:
        value = values.get(attribute.path)
        if attribute.is_extension:
            parts = attribute.sub_attributes.values()
            value = {part.name: values[part.path] for part in parts if part.path in values} or None
        if value is not None:
            document[attribute.name] = value
    return {"schemas": resource_type.urns_of(document), **document}


def _readable(attribute: Attribute | None, value: Any) -> Any:
    """Return the value without the parts that are never returned."""
    if value is None or attribute is None or not attribute.has_hidden_values:
        return value
    if attribute.traits.returned == "never":
        return HIDDEN
    if isinstance(value, list):
        return [_readable(attribute, one) for one in value]
    if not isinstance(value, dict):
        return value
    parts = attribute.sub_attributes
    return {name: _readable(parts.get(name.lower()), part) for name, part in value.items()}
