"""This module stores when a client last matched, read or changed each resource."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from app.store.database.connection import Connection
from app.store.database.list_parameter import many, many_named
from app.store.request_log.tables import last_seen as table

_TO_THE_MINUTE = len("2026-03-02T08:00")
_insert = insert(table)
# Entra's lookup, get and PATCH of a user follow each other: only the first writes two pages of a large file.
_RECORD = _insert.on_conflict_do_update(
    index_elements=[table.c.resource_id],
    set_={"at": _insert.excluded.at},
    where=func.substr(table.c.at, 1, _TO_THE_MINUTE) < func.substr(_insert.excluded.at, 1, _TO_THE_MINUTE),
)
_OF_IDS = select(table.c.resource_id, table.c.at).where(table.c.resource_id.in_(many_named("ids")))


def record(connection: Connection, moments: Mapping[str, tuple[str, str]]) -> None:
    """Store type and moment by resource id; one before the end of the stored one's minute changes nothing."""
    rows = [{"resource_id": one, "resource_type": name, "at": at} for one, (name, at) in moments.items()]
    if rows:
        connection.execute(_RECORD, rows)


def forget(connection: Connection, ids: Iterable[str]) -> None:
    """Delete the entries of deleted resources."""
    connection.execute(delete(table).where(table.c.resource_id.in_(many(ids))))


def of_ids(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Return the moment of the last request about each known id."""
    return dict(connection.tuples(_OF_IDS, {"ids": json.dumps(list(ids))}))


def before(connection: Connection, resource_type: str, moment: str, skip: int, limit: int) -> list[tuple[str, str]]:
    """Return the ids and last moments of resources whose last moment is before `moment`, oldest first."""
    query = select(table.c.resource_id, table.c.at).where(_is_before(resource_type, moment))
    rows = connection.execute(query.order_by(table.c.at, table.c.resource_id).offset(skip).limit(limit))
    return [(row.resource_id, row.at) for row in rows]


def count_before(connection: Connection, resource_type: str, moment: str) -> int:
    """Return the number of resources whose last moment is before `moment`."""
    query: Any = select(func.count()).select_from(table).where(_is_before(resource_type, moment))
    return int(connection.execute(query).scalar_one())


def _is_before(resource_type: str, moment: str) -> ColumnElement[bool]:
    return and_(table.c.resource_type == resource_type, table.c.at < moment)
