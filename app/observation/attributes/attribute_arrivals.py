"""This module counts which attributes arrive, how and in which shape, without their values.

The mapped attributes are counted (app/scim/recnice_mapping.py), and the names that mean nothing here.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from app import bounds
from app.observation.attributes.value_shapes import JSON_TEXT, shape_of
from app.observation.redaction import masked
from app.request_record import Request
from app.scim.attribute import Attribute
from app.scim.errors import ScimError
from app.scim.filter_match import demanded
from app.scim.filter_tree import Target
from app.scim.grammar import parse_path
from app.scim.protocol_messages import read_patch
from app.scim.recnice_mapping import MAPPING
from app.scim.resource_types import RESOURCE_TYPES, ResourceType
from app.store.database.directory_database import Connection
from app.store.request_log import attribute_arrival_rows
from app.store.request_log.attribute_arrival_rows import UNKNOWN, ArrivalCount

CREATE, ADD, REPLACE, REMOVE = "create", "add", "replace", "remove"
NO_VALUE = "no value"
"""The shape where an operation has none, as `remove` usually has."""

NO_NAME = "(a name)"
_NAME = re.compile(r"[A-Za-z$][A-Za-z0-9_$.:-]*(\[…\][A-Za-z0-9_$.:-]*)?")  # RFC 7643 §2.1; a path has `:`, `.`, `[`

_TYPES: Mapping[str, ResourceType] = {one.name: one for one in RESOURCE_TYPES if one.name in MAPPING}


@dataclass(frozen=True, slots=True)
class AttributeArrival:
    """A mapped attribute, or with the way `UNKNOWN` a name that means nothing here, as it stands in one request."""

    attribute: str
    way: str
    shape: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A mapped path with what it means: its attribute, the part of it, and what a value of it must say (`type`)."""

    path: str
    attribute: Attribute
    part: Attribute | None
    wanted: Mapping[str, Any]


def update_from(connection: Connection, batch: Sequence[Request]) -> None:
    """Counts what arrived in a batch of requests; a body that cannot be read tells nothing."""
    seen: Counter[tuple[str, AttributeArrival]] = Counter()
    first: dict[tuple[str, AttributeArrival], str] = {}
    last: dict[tuple[str, AttributeArrival], str] = {}
    for request in batch:
        for arrival in set(arrivals(request)):
            key = (request.resource_type, arrival)
            seen[key] += 1
            first[key] = min(first.get(key, request.at), request.at)
            last[key] = max(last.get(key, request.at), request.at)
    attribute_arrival_rows.count(
        connection,
        [
            ArrivalCount(resource_type, one.attribute, one.way, one.shape, first[key], last[key], number)
            for key, number in seen.items()
            for resource_type, one in (key,)
        ],
    )
    if any(arrival.way == UNKNOWN for _, arrival in seen):
        attribute_arrival_rows.forget_unknown(connection, bounds.SIGHTED_NAMES)


def arrivals(request: Request) -> Iterator[AttributeArrival]:
    """What one request brings, in any order and possibly twice, in the first `bounds.SIGHTED_PLACES` names of it."""
    resource_type = _TYPES.get(request.resource_type)
    if resource_type is None or request.sent is None:
        return iter(())
    reader = _Reader(resource_type)
    return reader.patch(request.sent) if request.method == "PATCH" else reader.document(request.method, request.sent)


class _Reader:
    """Reads one body, with the names and paths that provisioning itself understands."""

    def __init__(self, resource_type: ResourceType) -> None:
        self.type_name = resource_type.name
        self.tree = resource_type.tree
        self.places = _places(resource_type.name)
        self.names_left = bounds.SIGHTED_PLACES

    def document(self, method: str, body: Any) -> Iterator[AttributeArrival]:
        """A whole resource, as POST and PUT have it."""
        if isinstance(body, dict):
            yield from self.named(REPLACE if method == "PUT" else CREATE, body, self.name_in_document)

    def patch(self, body: Any) -> Iterator[AttributeArrival]:
        """RFC 7644 §3.5.2, with and without a path."""
        try:
            operations = read_patch(body)
        except ScimError:
            return
        for operation in operations:
            if operation.path is None or self.tree.is_whole(operation.path):
                yield from self.named(operation.op, operation.value, self.name_in_patch)
                continue
            with suppress(ScimError):
                target = _target(self.type_name, operation.path)
                yield from self.arrived(operation.op, operation.path, target, operation.value, operation.is_given)

    def named(self, way: str, values: Any, find: Callable[[str], Target | None]) -> Iterator[AttributeArrival]:
        """Each name of a value that is about the whole resource."""
        for name, value, _ in self.tree.named(values):
            self.names_left -= 1
            if self.names_left < 0:
                return
            with suppress(ScimError):
                yield from self.arrived(way, name, find(name), value)

    def name_in_document(self, name: str) -> Target | None:
        way = self.tree.find(name)
        return Target(way[0], part=way[1] if len(way) > 1 else None) if way else None

    def name_in_patch(self, name: str) -> Target | None:
        return _target(self.type_name, name)

    def arrived(
        self, way: str, name: str, target: Target | None, value: Any, has_value: bool = True
    ) -> Iterator[AttributeArrival]:
        """What one name or path with its value brings."""
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
            yield from self.arrived(way, f"{extension.name}:{name}", Target(attribute) if attribute else None, inner)


@lru_cache(maxsize=bounds.PATHS_REMEMBERED)
def _target(type_name: str, path: str) -> Target | None:
    """What a path means; Entra writes the same few over and over."""
    return parse_path(path, _TYPES[type_name].tree)


@cache
def _places(type_name: str) -> Mapping[str, Sequence[_Place]]:
    """The places of a type by the path of their attribute."""
    found: dict[str, list[_Place]] = defaultdict(list)
    for row in MAPPING[type_name]:
        target = _target(type_name, row.path)
        if target is None:
            raise LookupError(row.path)
        place = _Place(row.path, target.attribute, target.part, _demanded(target))
        found[target.attribute.path].append(place)
    return found


def _demanded(target: Target) -> Mapping[str, Any]:
    """What the filter in a path says of the value; nothing where there is none, or one that says it in no plain way."""
    return (demanded(target.where) or {}) if target.where else {}


def _shapes(place: _Place, target: Target, value: Any) -> Iterator[str]:
    """The shapes in which a target's value reaches a place of the same attribute."""
    if place.part is None:
        yield _whole_shape(place.attribute, value)
    elif place.wanted and target.where and not _says(_demanded(target), place.wanted):
        return  # another value of the list, as the home address is
    elif target.part is not None:
        if target.part.path == place.part.path:
            yield shape_of(value)
    else:
        wanted = {} if target.where else place.wanted
        for one in islice(value if isinstance(value, list) else (value,), bounds.VALUES_PER_ATTRIBUTE):
            if isinstance(one, dict) and _says(one, wanted):
                yield from (shape_of(inner) for name, inner in one.items() if name.lower() == place.part.name.lower())


def _removed(place: _Place, target: Target) -> Iterator[str]:
    """An operation without a value reaches every place that lies in its target."""
    is_another = place.wanted and target.where and not _says(_demanded(target), place.wanted)
    is_part = place.part is None or target.part is None or target.part.path == place.part.path
    if is_part and not is_another:
        yield NO_VALUE


def _says(value: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a value of a list says of itself what is wanted, in any letter case."""
    said = {str(name).lower(): inner for name, inner in value.items()}
    return all(str(said.get(name.lower(), "")).lower() == str(wish).lower() for name, wish in wanted.items())


def _whole_shape(attribute: Attribute, value: Any) -> str:
    """The shape of an attribute's whole value. Entra: a role may be JSON text inside `value`; then that is told."""
    if attribute.type != "complex" or not attribute.value_attribute:
        return shape_of(value)
    values = value if isinstance(value, list) else [value]
    inner = [one.get("value") if isinstance(one, dict) else one for one in values[: bounds.SHAPED_VALUES]]
    is_json = bool(inner) and all(shape_of(one) == JSON_TEXT for one in inner)
    return shape_of(inner) if is_json else shape_of(value)


def shown_name(name: str) -> str:
    """A name that means nothing here, bounded, masked, and without what stands in brackets: that may be a value.

    What has not the form of a name in SCIM may be a value too, and nothing of it is kept.
    """
    before, bracket, rest = name.partition("[")
    plain = f"{before}[…]{rest.rpartition(']')[2] if ']' in rest else ''}" if bracket else name
    return masked(plain, bounds.SIGHTED_NAME_LENGTH) if _NAME.fullmatch(plain) else NO_NAME
