"""This module counts which attributes arrive, how and in which shape, without their values.

It counts the mapped attributes (app/scim/recnice_mapping.py) and the names that this server does not know.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import chain, islice
from typing import Any

from app import bounds
from app.observation.attributes.value_shapes import JSON_TEXT, shape_of
from app.observation.redaction import masked
from app.request_record import Request
from app.scim.attribute import Attribute
from app.scim.errors import ScimError
from app.scim.filter_match import implied_value
from app.scim.filter_tree import Target
from app.scim.grammar import parse_path
from app.scim.protocol_messages import read_patch
from app.scim.recnice_mapping import MAPPING
from app.scim.resource_types import RESOURCE_TYPES, ResourceType
from app.store.database.directory_database import Connection
from app.store.request_log import attribute_arrival_rows
from app.store.request_log.attribute_arrival_rows import UNINDEXED, UNKNOWN, ArrivalCount

CREATE, ADD, REPLACE, REMOVE = "create", "add", "replace", "remove"
NO_VALUE = "no value"
"""The shape where an operation has no value, as is usual for `remove`."""

NO_NAME = "(a name)"
_NAME = re.compile(r"[A-Za-z$][A-Za-z0-9_$.:-]*(\[…\][A-Za-z0-9_$.:-]*)?")  # RFC 7643 §2.1; a path has `:`, `.`, `[`

_Find = Callable[[str, str], Target | None]
"""A function that returns what a name or path means in a resource type, by the name of the type."""

_TYPES: Mapping[str, ResourceType] = {one.name: one for one in RESOURCE_TYPES if one.name in MAPPING}


AttributeArrival = tuple[str, str, str]
"""Attribute, way and shape: a mapped attribute in one request, or by another way an unknown name, or an attribute that
was searched by."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A mapped path with its attribute, its part, and the values that the rest must have (`type`), in lower case."""

    path: str
    attribute: Attribute
    part: Attribute | None
    condition: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Destination:
    """What values under one name or path reach, above all the mapped places, by their paths.

    `unknown` is the name as it may be kept if it is unknown here, else "", and `urn` that of a whole extension.
    `has_value_part`: whether a value of the attribute is an object with `value`.

    `whole` are the places of the attribute itself, `parts` those of the part to which the path leads. `inner` are those
    in a value: by the values that the rest of it must have, the places by the name of their part, in lower case.
    """

    unknown: str = ""
    urn: str = ""
    has_value_part: bool = False
    whole: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    inner: dict[tuple[tuple[str, str], ...], dict[str, str]] = field(default_factory=dict)


def update_from(connection: Connection, batch: Sequence[Request]) -> None:
    """Count the attributes that arrived in a batch of requests; skip unreadable bodies."""
    same: dict[tuple[str, frozenset[AttributeArrival]], list[str]] = defaultdict(list)
    for request in batch:
        if request.sent is not None:
            same[request.resource_type, frozenset(arrivals(request))].append(request.at)
        for type_name, path in request.unindexed:
            same[type_name, frozenset(((path, UNINDEXED, ""),))].append(request.at)
    moments: dict[tuple[str, AttributeArrival], list[str]] = defaultdict(list)
    for (type_name, some), at in same.items():
        for arrival in some:
            moments[type_name, arrival] += at
    counts = [ArrivalCount(type_name, *one, min(at), max(at), len(at)) for (type_name, one), at in moments.items()]
    attribute_arrival_rows.count(connection, counts)
    if any(one.way == UNKNOWN for one in counts):
        attribute_arrival_rows.forget_unknown(connection, bounds.UNKNOWN_NAMES)


def arrivals(request: Request) -> Collection[AttributeArrival]:
    """Return what one request brings, from its first `bounds.ARRIVALS_READ` names."""
    resource_type = _TYPES.get(request.resource_type)
    if resource_type is None or request.sent is None:
        return ()
    reader = _ArrivalReader(resource_type)
    if request.method == "PATCH":
        reader.patch(request.sent)
    else:
        reader.document(request.method, request.sent)
    return reader.arrivals


class _ArrivalReader:
    """A reader of one body that knows the same names and paths as provisioning itself."""

    def __init__(self, resource_type: ResourceType) -> None:
        self.type_name = resource_type.name
        self.tree = resource_type.tree
        self.names_left = bounds.ARRIVALS_READ
        self.arrivals: set[AttributeArrival] = set()

    def document(self, method: str, body: Any) -> None:
        """Read a whole resource, as in POST and PUT."""
        if isinstance(body, dict):
            self.named(REPLACE if method == "PUT" else CREATE, body, _name)

    def patch(self, body: Any) -> None:
        """Read a PATCH (RFC 7644 §3.5.2), with and without a path."""
        try:
            operations = read_patch(body)
        except ScimError:
            return
        for operation in operations:
            if operation.path is None or self.tree.is_whole(operation.path):
                self.named(operation.op, operation.value, _target)
                continue
            if destination := _destination(_target, self.type_name, operation.path):
                if operation.has_value or destination.unknown:
                    self.value(operation.op, destination, operation.value)
                else:
                    self.removed(operation.op, destination)

    def named(self, way: str, values: Any, find: _Find) -> None:
        """Read each name in a value that applies to the whole resource."""
        for name, value, _ in self.tree.named(values):
            self.names_left -= 1
            if self.names_left < 0:
                return
            if destination := _destination(find, self.type_name, name):
                self.value(way, destination, value)

    def value(self, way: str, destination: _Destination, value: Any) -> None:
        """Read the value of one name or path."""
        if destination.unknown:
            self.arrivals.add((destination.unknown, UNKNOWN, ""))
        elif destination.urn:
            for name, inner in value.items() if isinstance(value, dict) else ():
                if below := _destination_in_extension(self.type_name, destination.urn, name):
                    self.value(way, below, inner)
        for path in destination.whole:
            self.arrivals.add((path, way, _whole_shape(value) if destination.has_value_part else shape_of(value)))
        for path in destination.parts:
            self.arrivals.add((path, way, shape_of(value)))
        if destination.inner:
            self.inner(way, destination, value)

    def inner(self, way: str, destination: _Destination, value: Any) -> None:
        """Read the parts of a complex value, or of the values of a list."""
        for one in islice(value if isinstance(value, list) else (value,), bounds.VALUES_PER_ATTRIBUTE):
            if not isinstance(one, dict):
                continue
            parts = [(name.lower(), part) for name, part in one.items()]
            for condition, places in destination.inner.items():
                if not condition or _matches(dict(parts), condition):
                    for name, part in parts:
                        if path := places.get(name):
                            self.arrivals.add((path, way, shape_of(part)))

    def removed(self, way: str, destination: _Destination) -> None:
        """Read an operation without a value, which reaches every place inside its target."""
        inner = chain.from_iterable(places.values() for places in destination.inner.values())
        self.arrivals |= {(path, way, NO_VALUE) for path in (*destination.whole, *destination.parts, *inner)}


def _name(type_name: str, name: str) -> Target | None:
    """Return what a name in a document means."""
    attributes = _TYPES[type_name].tree.find(name)
    return Target(attributes[0], part=attributes[1] if len(attributes) > 1 else None) if attributes else None


def _target(type_name: str, path: str) -> Target | None:
    return parse_path(path, _TYPES[type_name].tree)


@lru_cache(maxsize=bounds.PATHS_REMEMBERED)
def _destination(find: _Find, type_name: str, name: str) -> _Destination | None:
    """Return what a name or path reaches, None for nothing or if it is invalid; cached, since names are few."""
    try:
        return _destination_of(type_name, name, find(type_name, name))
    except ScimError:
        return None


@lru_cache(maxsize=bounds.PATHS_REMEMBERED)
def _destination_in_extension(type_name: str, urn: str, name: str) -> _Destination | None:
    attribute = _TYPES[type_name].tree.extensions[urn.lower()].sub_attributes.get(name.lower())
    return _destination_of(type_name, f"{urn}:{name}", Target(attribute) if attribute else None)


def _destination_of(type_name: str, name: str, target: Target | None) -> _Destination | None:
    if target is None:
        return _Destination(unknown=shown_name(name))
    attribute = target.attribute
    if attribute.is_extension:
        return _Destination(urn=attribute.name)
    destination = _Destination(has_value_part=attribute.type == "complex" and attribute.value_attribute is not None)
    for place in _places(type_name).get(attribute.path, ()):
        if place.condition and target.where and not _matches(_demanded(target), tuple(place.condition.items())):
            continue  # another value of the list, such as the home address
        if place.part is None:
            destination.whole.append(place.path)
        elif target.part is None:
            condition = {} if target.where else place.condition
            destination.inner.setdefault(tuple(condition.items()), {})[place.part.name.lower()] = place.path
        elif target.part.path == place.part.path:
            destination.parts.append(place.path)
    return destination if destination.whole or destination.parts or destination.inner else None


@cache
def _places(type_name: str) -> Mapping[str, Sequence[_Place]]:
    """Return the mapped places of a type by the path of their attribute."""
    places: dict[str, list[_Place]] = defaultdict(list)
    for row in MAPPING[type_name]:
        target = _target(type_name, row.path)
        if target is None:
            raise LookupError(row.path)
        place = _Place(row.path, target.attribute, target.part, _demanded(target))
        places[target.attribute.path].append(place)
    return places


def _demanded(target: Target) -> Mapping[str, str]:
    """Return the values that the filter in a path requires; empty without one, or if it is not a plain equality."""
    implied = (implied_value(target.where) or {}) if target.where else {}
    return {name.lower(): str(value).lower() for name, value in implied.items()}


def _matches(parts: Mapping[str, Any], condition: Iterable[tuple[str, str]]) -> bool:
    """Return whether the parts of a value, by their names in lower case, have these values, case-insensitively."""
    return all(str(parts.get(name, "")).lower() == text for name, text in condition)


def _whole_shape(value: Any) -> str:
    """Return the shape of the whole value of an attribute whose values are objects with `value`.

    Entra: a role may be JSON text inside `value`; then the shape is that of the JSON text.
    """
    values = value if isinstance(value, list) else [value]
    inner = [one.get("value") if isinstance(one, dict) else one for one in values[: bounds.SHAPED_VALUES]]
    is_json = bool(inner) and all(shape_of(one) == JSON_TEXT for one in inner)
    return shape_of(inner) if is_json else shape_of(value)


def shown_name(name: str) -> str:
    """Return an unknown name, cut, masked, and without the text in brackets, which may be a value.

    Text that does not have the form of a SCIM name may be a value too, so nothing of it is kept.
    """
    before, bracket, rest = name.partition("[")
    plain = f"{before}[…]{rest.rpartition(']')[2] if ']' in rest else ''}" if bracket else name
    return masked(plain, bounds.UNKNOWN_NAME_LENGTH) if _NAME.fullmatch(plain) else NO_NAME
