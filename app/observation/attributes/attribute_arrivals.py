"""This module counts which attributes arrive, how and in which shape, without their values.

It counts the mapped attributes (app/scim/recnice_mapping.py) and the names that this server does not know.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from itertools import islice
from typing import Any, NamedTuple

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

_TYPES: Mapping[str, ResourceType] = {one.name: one for one in RESOURCE_TYPES if one.name in MAPPING}


class AttributeArrival(NamedTuple):
    """A mapped attribute in one request; by another way an unknown name, or an attribute that was searched by."""

    attribute: str
    way: str
    shape: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A mapped path with its attribute, its part, and the values that the rest must have (`type`), in lower case."""

    path: str
    attribute: Attribute
    part: Attribute | None
    condition: Mapping[str, str]


def update_from(connection: Connection, batch: Sequence[Request]) -> None:
    """Count the attributes that arrived in a batch of requests; skip unreadable bodies."""
    moments: dict[tuple[str, AttributeArrival], list[str]] = defaultdict(list)
    for request in batch:
        for arrival in set(arrivals(request)):
            moments[request.resource_type, arrival].append(request.at)
        for type_name, path in request.unindexed:
            moments[type_name, AttributeArrival(path, UNINDEXED, "")].append(request.at)
    counts = [ArrivalCount(type_name, *one, min(at), max(at), len(at)) for (type_name, one), at in moments.items()]
    attribute_arrival_rows.count(connection, counts)
    if any(one.way == UNKNOWN for one in counts):
        attribute_arrival_rows.forget_unknown(connection, bounds.UNKNOWN_NAMES)


def arrivals(request: Request) -> Iterator[AttributeArrival]:
    """Return what one request brings, unordered, with duplicates, from its first `bounds.ARRIVALS_READ` names."""
    resource_type = _TYPES.get(request.resource_type)
    if resource_type is None or request.sent is None:
        return iter(())
    reader = _ArrivalReader(resource_type)
    return reader.patch(request.sent) if request.method == "PATCH" else reader.document(request.method, request.sent)


class _ArrivalReader:
    """A reader of one body that knows the same names and paths as provisioning itself."""

    def __init__(self, resource_type: ResourceType) -> None:
        self.type_name = resource_type.name
        self.tree = resource_type.tree
        self.places = _places(resource_type.name)
        self.names_left = bounds.ARRIVALS_READ

    def document(self, method: str, body: Any) -> Iterator[AttributeArrival]:
        """Yield the arrivals of a whole resource, as in POST and PUT."""
        if isinstance(body, dict):
            yield from self.named(REPLACE if method == "PUT" else CREATE, body, partial(_name, self.type_name))

    def patch(self, body: Any) -> Iterator[AttributeArrival]:
        """Yield the arrivals of a PATCH (RFC 7644 §3.5.2), with and without a path."""
        try:
            operations = read_patch(body)
        except ScimError:
            return
        for operation in operations:
            if operation.path is None or self.tree.is_whole(operation.path):
                yield from self.named(operation.op, operation.value, partial(_target, self.type_name))
                continue
            with suppress(ScimError):
                target = _target(self.type_name, operation.path)
                yield from self.of_target(operation.op, operation.path, target, operation.value, operation.has_value)

    def named(self, way: str, values: Any, find: Callable[[str], Target | None]) -> Iterator[AttributeArrival]:
        """Yield the arrivals of each name in a value that applies to the whole resource."""
        for name, value, _ in self.tree.named(values):
            self.names_left -= 1
            if self.names_left < 0:
                return
            with suppress(ScimError):
                yield from self.of_target(way, name, find(name), value)

    def of_target(
        self, way: str, name: str, target: Target | None, value: Any, has_value: bool = True
    ) -> Iterator[AttributeArrival]:
        """Yield the arrivals of one name or path with its value."""
        if target is None:
            yield AttributeArrival(shown_name(name), UNKNOWN, "")
        elif target.attribute.is_extension:
            yield from self.in_extension(way, target.attribute, value)
        else:
            for place in self.places.get(target.attribute.path, ()):
                shapes = _shapes(place, target, value) if has_value else _removed(place, target)
                yield from (AttributeArrival(place.path, way, shape) for shape in shapes)

    def in_extension(self, way: str, extension: Attribute, value: Any) -> Iterator[AttributeArrival]:
        for name, inner in value.items() if isinstance(value, dict) else ():
            attribute = extension.sub_attributes.get(name.lower())
            yield from self.of_target(way, f"{extension.name}:{name}", Target(attribute) if attribute else None, inner)


@lru_cache(maxsize=bounds.PATHS_REMEMBERED)
def _name(type_name: str, name: str) -> Target | None:
    """Return what a name in a document means, cached like a path."""
    attributes = _TYPES[type_name].tree.find(name)
    return Target(attributes[0], part=attributes[1] if len(attributes) > 1 else None) if attributes else None


def _target(type_name: str, path: str) -> Target | None:
    return parse_path(path, _TYPES[type_name].tree)


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


def _shapes(place: _Place, target: Target, value: Any) -> Iterator[str]:
    """Yield the shapes in which a target's value reaches a mapped place of the same attribute."""
    if place.part is None:
        yield _whole_shape(place.attribute, value)
    elif place.condition and target.where and not _matches(_demanded(target), place.condition):
        return  # another value of the list, such as the home address
    elif target.part is not None:
        if target.part.path == place.part.path:
            yield shape_of(value)
    else:
        condition = {} if target.where else place.condition
        for one in islice(value if isinstance(value, list) else (value,), bounds.VALUES_PER_ATTRIBUTE):
            if isinstance(one, dict) and _matches(one, condition):
                yield from (shape_of(inner) for name, inner in one.items() if name.lower() == place.part.name.lower())


def _removed(place: _Place, target: Target) -> Iterator[str]:
    """Yield "no value" if an operation without a value reaches the place: it reaches every place inside its target."""
    is_another = place.condition and target.where and not _matches(_demanded(target), place.condition)
    is_part = place.part is None or target.part is None or target.part.path == place.part.path
    if is_part and not is_another:
        yield NO_VALUE


def _matches(value: Mapping[str, Any], condition: Mapping[str, str]) -> bool:
    """Return whether a value of a list has these sub-attribute values, case-insensitively."""
    if not condition:
        return True
    parts = {str(name).lower(): inner for name, inner in value.items()}
    return all(str(parts.get(name, "")).lower() == part for name, part in condition.items())


def _whole_shape(attribute: Attribute, value: Any) -> str:
    """Return the shape of an attribute's whole value.

    Entra: a role may be JSON text inside `value`; then the shape is that of the JSON text.
    """
    if attribute.type != "complex" or not attribute.value_attribute:
        return shape_of(value)
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
