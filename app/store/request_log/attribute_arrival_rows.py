"""This module stores how often each attribute arrived, and in which shape."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sql
from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import insert

from app.store.database.connection import Connection
from app.store.request_log.tables import attribute_arrival as table

UNKNOWN = "unknown"
"""The `way` of a name that is unknown here; such a row has no shape."""

UNINDEXED = "search"
"""The `way` of an attribute by which a search read each resource of the type; such a row has no shape."""


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


_COLUMNS = [column.name for column in table.columns]
_insert = insert(table)
_COUNT = _insert.on_conflict_do_update(
    index_elements=[column.name for column in table.primary_key],
    set_={
        "first": func.min(table.c.first, _insert.excluded.first),
        "last": func.max(table.c.last, _insert.excluded.last),
        "count": table.c.count + _insert.excluded.count,
    },
)


def count(connection: Connection, seen: Sequence[ArrivalCount]) -> None:
    """Add to the counters, and extend the time from the first to the last arrival."""
    if seen:
        connection.execute(_COUNT, [{name: getattr(one, name) for name in _COLUMNS} for one in seen])


def forget_unknown(connection: Connection, most: int) -> None:
    """Keep at most `most` unknown names of each resource type, the last seen ones."""
    columns = table.c
    newest_first = (columns.last.desc(), columns.attribute)
    rank = func.row_number().over(partition_by=columns.resource_type, order_by=newest_first).label("rank")
    ranked = select(columns.resource_type, columns.attribute, rank).where(columns.way == UNKNOWN).subquery().c
    surplus = select(ranked.resource_type, ranked.attribute).where(ranked.rank > most)
    names = sql.tuple_(columns.resource_type, columns.attribute)
    connection.execute(sql.delete(table).where(columns.way == UNKNOWN, names.in_(surplus)))


def list_all(connection: Connection) -> Iterator[ArrivalCount]:
    """Yield all counters, by type, attribute, way and shape."""
    for row in connection.execute(select(table).order_by(*table.primary_key)):
        yield ArrivalCount(*row)
