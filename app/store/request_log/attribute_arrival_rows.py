"""This module stores how often each attribute arrived, and in which shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sql
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from app.store.request_log.tables import sighting

UNKNOWN = "unknown"
"""The `way` of a name that is unknown here; such a row has no shape."""


@dataclass(frozen=True, slots=True)
class ArrivalCount:
    """How often an attribute of a resource type arrived in one way and shape; moments are in wire form."""

    resource_type: str
    attribute: str
    way: str
    shape: str
    first: str
    last: str
    count: int


_insert = insert(sighting)
_COUNT = _insert.on_conflict_do_update(
    index_elements=[column.name for column in sighting.primary_key],
    set_={
        "first": func.min(sighting.c.first, _insert.excluded.first),
        "last": func.max(sighting.c.last, _insert.excluded.last),
        "count": sighting.c.count + _insert.excluded.count,
    },
)
_FIELDS = ("resource_type", "attribute", "way", "shape", "first", "last", "count")


def count(connection: Connection, seen: Sequence[ArrivalCount]) -> None:
    """Add to the counters, and extend the time from the first to the last arrival."""
    if seen:
        connection.execute(_COUNT, [{name: getattr(one, name) for name in _FIELDS} for one in seen])


def forget_unknown(connection: Connection, most: int) -> None:
    """Keep at most `most` unknown names of each resource type, the last seen ones."""
    place = func.row_number().over(
        partition_by=sighting.c.resource_type, order_by=(sighting.c.last.desc(), sighting.c.attribute)
    )
    unknown = select(sighting.c.resource_type, sighting.c.attribute, place.label("place")).where(
        sighting.c.way == UNKNOWN
    )
    ranked = unknown.subquery()
    too_many = select(ranked.c.resource_type, ranked.c.attribute).where(ranked.c.place > most)
    names = sql.tuple_(sighting.c.resource_type, sighting.c.attribute)
    connection.execute(sql.delete(sighting).where(sighting.c.way == UNKNOWN, names.in_(too_many)))


def sightings(connection: Connection) -> Iterator[ArrivalCount]:
    """Yield all counters, by type, attribute, way and shape."""
    for row in connection.execute(select(*(sighting.c[name] for name in _FIELDS)).order_by(*sighting.primary_key)):
        yield ArrivalCount(*row)
