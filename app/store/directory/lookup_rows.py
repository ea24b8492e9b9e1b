"""This module stores the values by which resources are found, and which of them are taken."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping

import sqlalchemy as sql
from sqlalchemy import bindparam, func, select

from app.scim.derived_values import DerivedValues, LookupValue
from app.scim.resource_types import ResourceType
from app.store.database.connection import Connection
from app.store.directory.tables import lookup, resource

_OF_RESOURCE = lookup.c.position == resource.c.position
_HOLDER = select(resource.c.id).where(
    _OF_RESOURCE,
    lookup.c.type == bindparam("type"),
    lookup.c.attribute == bindparam("path"),
    lookup.c.value == bindparam("value"),
)
_INSERT = sql.insert(lookup)
_DELETE = sql.delete(lookup).where(
    lookup.c.type == bindparam("of_type"),
    lookup.c.attribute == bindparam("path"),
    lookup.c.value == bindparam("gone"),
    lookup.c.position == bindparam("at"),
)
_IS_OF_TYPE = lookup.c.type == bindparam("of_type")
_DELETE_ALL = sql.delete(lookup).where(_IS_OF_TYPE)
_COUNT = select(func.count()).select_from(lookup).where(_IS_OF_TYPE)
_pair = (
    select(func.min(lookup.c.position).label("first"), func.max(lookup.c.position).label("last"))
    .where(_IS_OF_TYPE, lookup.c.attribute == bindparam("path"))
    .group_by(lookup.c.value)
    .having(func.count() > 1)
    .subquery()
)
_last = resource.alias()
_SHARED = (
    select(resource.c.id, _last.c.id)
    .join_from(_pair, resource, resource.c.position == _pair.c.first)
    .join(_last, _last.c.position == _pair.c.last)
)
_given = func.json_each(bindparam("rows")).table_valued("value").c.value
_part = [func.json_extract(_given, f"$[{place}]") for place in range(3)]
_WITHOUT = select(_part[2]).where(
    ~sql.exists().where(
        _IS_OF_TYPE, lookup.c.attribute == _part[0], lookup.c.value == _part[1], lookup.c.position == _part[2]
    )
)


def holder(connection: Connection, resource_type: ResourceType, path: str, value: str) -> str | None:
    """Return the id of the resource that has a unique value, or None."""
    parameters = {"type": resource_type.name, "path": path, "value": value}
    id: str | None = connection.execute(_HOLDER, parameters).scalar()
    return id


def holders(connection: Connection, values: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], set[str]]:
    """Return the ids of the resources that have a value, by resource type, path and normalized value."""
    one = func.json_each(json.dumps(list(values))).table_valued("value")
    key = [func.json_extract(one.c.value, f"$[{place}]") for place in range(3)]
    is_same = sql.and_(lookup.c.type == key[0], lookup.c.attribute == key[1], lookup.c.value == key[2])
    those = one.join(lookup, is_same).join(resource, _OF_RESOURCE)
    by_value: dict[tuple[str, str, str], set[str]] = {}
    for *parts, id in connection.execute(select(*key, resource.c.id).select_from(those)):
        by_value.setdefault((parts[0], parts[1], parts[2]), set()).add(id)
    return by_value


def insert(connection: Connection, resource_type: ResourceType, position: int, lookups: Iterable[LookupValue]) -> None:
    """Add lookups of one resource; the caller has checked that unique ones are free."""
    type_name = resource_type.name
    rows = [{"type": type_name, "attribute": path, "value": value, "position": position} for path, value, _ in lookups]
    if rows:
        connection.execute(_INSERT, rows)


def delete(connection: Connection, resource_type: ResourceType, position: int, lookups: Iterable[LookupValue]) -> None:
    """Delete some lookups of one resource."""
    rows = [{"of_type": resource_type.name, "path": path, "gone": value, "at": position} for path, value, _ in lookups]
    if rows:
        connection.execute(_DELETE, rows)


def delete_all(connection: Connection, resource_type: ResourceType) -> None:
    """Delete all lookups of a type."""
    connection.execute(_DELETE_ALL, {"of_type": resource_type.name})


def count(connection: Connection, resource_type: ResourceType) -> int:
    """Return how many lookups the resources of a type have; reads them."""
    return int(connection.execute(_COUNT, {"of_type": resource_type.name}).scalar_one())


def without(connection: Connection, resource_type: ResourceType, derived: Mapping[int, DerivedValues]) -> set[int]:
    """Return the positions of those resources of which a lookup is not stored."""
    rows = [(path, value, position) for position, values in derived.items() for path, value, _ in values.lookups]
    parameters = {"of_type": resource_type.name, "rows": json.dumps(rows)}
    return set(connection.execute(_WITHOUT, parameters).scalars())


def shared_values(connection: Connection, resource_type: ResourceType) -> Iterator[tuple[str, str, str]]:
    """Yield a path that must be unique, and the ids of two resources that have the same value; reads all."""
    for attribute in resource_type.lookups:
        if attribute.traits.uniqueness != "none":
            parameters = {"of_type": resource_type.name, "path": attribute.path}
            yield from ((attribute.path, first, last) for first, last in connection.execute(_SHARED, parameters))
