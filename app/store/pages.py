"""Lists of resources: filtered, sorted, cut into pages (RFC 7644 §3.4.2).

Not here: how a filter becomes a condition (query.py) and how a page is answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select

from app.scim.attribute import Attribute
from app.scim.filter import Node
from app.scim.resource_types import ResourceType
from app.store import query
from app.store.record import COLUMNS, Record, to_record
from app.store.tables import lookup, population, resource


@dataclass(frozen=True, slots=True)
class Order:
    """`sortBy` and `sortOrder`: the way to an attribute, and whether the greatest comes first."""

    path: tuple[Attribute, ...]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """`total` counts all that match; `records` are those of this page."""

    total: int
    records: list[Record]


# What a client asks before every change. Put together once: that takes SQLAlchemy longer than SQLite needs to run it.
_MATCHING = (
    select(*COLUMNS)
    .join(lookup, lookup.c.resource_id == resource.c.id)
    .where(
        lookup.c.type == bindparam("type"),
        lookup.c.attribute == bindparam("path"),
        lookup.c.value == bindparam("value"),
    )
    .order_by(resource.c.position)
    .limit(bindparam("count"))
    .offset(bindparam("offset"))
)


def page(
    connection: Connection,
    resource_type: ResourceType,
    where: Node | None,
    order: Order | None,
    start_index: int,
    count: int,
) -> Page:
    """At most `count` records from the `start_index`-th on (1-based) of those that match, in a stable order.

    Without an order that is the order of creation. With one, resources without the attribute come last ascending and
    first descending (RFC 7644 §3.4.2.3), and equal ones in order of creation.
    Raises invalidFilter and invalidValue for attributes that cannot be compared or sorted by.
    """
    offset = max(start_index, 1) - 1
    match = query.exact_match(where) if order is None else None
    found: Iterable[Any] = ()
    if count > 0 and match:
        path, value = match
        values = {"type": resource_type.name, "path": path, "value": value, "count": count, "offset": offset}
        found = connection.execute(_MATCHING, values)
    elif count > 0:
        rows = select(*COLUMNS).where(*_conditions(where, resource_type)).order_by(*_terms(order, resource_type))
        found = connection.execute(rows.limit(count).offset(offset))
    records = [to_record(row) for row in found]
    if where is None:
        total = count_all(connection, resource_type)
    elif len(records) < count and (records or offset == 0):
        # The last page tells by itself how many there are: a look-up needs no second statement.
        total = offset + len(records)
    else:
        rows = select(func.count()).select_from(resource).where(*_conditions(where, resource_type))
        total = connection.execute(rows).scalar_one()
    return Page(total, records)


def count_all(connection: Connection, resource_type: ResourceType) -> int:
    """How many resources of a type there are, from the kept count."""
    total: int | None = connection.execute(
        select(population.c.total).where(population.c.type == resource_type.name)
    ).scalar_one_or_none()
    return total or 0


def _conditions(where: Node | None, resource_type: ResourceType) -> list[ColumnElement[bool]]:
    of_type = resource.c.type == resource_type.name
    return [of_type] if where is None else [of_type, query.condition(where, resource_type)]


def _terms(order: Order | None, resource_type: ResourceType) -> list[ColumnElement[object]]:
    if order is None:
        return [resource.c.position]
    key = query.sort_key(order.path, resource_type)
    return [key.desc().nulls_first() if order.descending else key.asc().nulls_last(), resource.c.position]
