"""This module writes and reads rows of requests."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import sqlalchemy as sql
from sqlalchemy import Select, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app import bounds
from app.request_record import SIMULATED, STORED, Request, column_of
from app.store.database.connection import DIALECT, Connection, Row
from app.store.database.list_parameter import many
from app.store.request_log.tables import counter, request

_ROW = [request.c[column_of(one)].label(one.name) for one in STORED]
_WRITTEN = tuple(one for one in STORED if one.name != "id")
_INSERT = str(sql.insert(request).compile(dialect=DIALECT, column_keys=list(map(column_of, _WRITTEN))))
_values_of = attrgetter(*(one.name for one in _WRITTEN))  # in the order of the table's columns, as in the statement
_CYCLE = [one.name for one in _WRITTEN].index("cycle_id")


def insert(connection: Connection, requests: Sequence[Request], cycle_ids: Sequence[int] = ()) -> None:
    """Append requests in their order; the database assigns each `id`. `cycle_ids`: of each, in place of its own."""
    rows = list(map(list, map(_values_of, requests)))
    for row, cycle_id in zip(rows, cycle_ids, strict=False):
        row[_CYCLE] = cycle_id
    if rows:
        connection.run_many(_INSERT, rows)


def add_to_counters(connection: Connection, counts: Mapping[str, int]) -> None:
    """Add to the counters of requests that have no row."""
    if counts:
        counting = sqlite_insert(counter)
        counting = counting.on_conflict_do_update(
            index_elements=[counter.c.name], set_={"number": counter.c.number + counting.excluded.number}
        )
        connection.execute(counting, [{"name": name, "number": number} for name, number in counts.items()])


def counters(connection: Connection) -> dict[str, int]:
    """Return all counters by name."""
    return {row.name: row.number for row in connection.execute(select(counter))}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """A filter for requests that fulfill every given field: `since` ≤ at < `until`, in wire form."""

    since: str = ""
    until: str = ""
    number: str = ""
    resource_type: str = ""
    resource_id: str = ""
    about: Sequence[str] = ()
    """Ids of resources: the request was about one of them, or refused because of one, or it is one of `numbers`."""
    numbers: Collection[str] = ()
    named: str = ""
    """A part of the resource's name, ASCII case-insensitive."""
    key_id: str = ""
    address: str = ""
    actions: Sequence[str] = ()
    without_actions: Sequence[str] = ()
    """Actions to leave out; refused requests are included whatever their action."""
    cycle_id: int | None = None
    is_refused: bool | None = None
    has_key: bool | None = None
    """Whether the request had a valid key."""
    is_simulated: bool | None = False
    """Whether the request is part of a simulation; None for both. A cycle has no such request."""


def page(connection: Connection, criteria: RequestFilter, before: int | None = None, limit: int = 50) -> list[Request]:
    """Return the newest matching requests, newest first; `before`: only smaller ids (the next page)."""
    query = _where(select(*_ROW), criteria)
    if before is not None:
        query = query.where(request.c.id < before)
    rows = connection.execute(query.order_by(request.c.id.desc()).limit(min(limit, bounds.LOG_PAGE_SIZE)))
    return [Request(**row._asdict()) for row in rows]


def of_number(connection: Connection, number: str, limit: int) -> list[Request]:
    """Return the rows of a request ID as they were written: a request, then its operations."""
    query = select(*_ROW).where(request.c.number == number).order_by(request.c.id).limit(limit)
    return [Request(**row._asdict()) for row in connection.execute(query)]


def actions_of(connection: Connection, numbers: Collection[str]) -> list[Row]:
    """Return (id, number, resource_id, action) of all rows of these request IDs that were not refused, as written."""
    columns = (request.c.id, request.c.number, request.c.resource_id, request.c.deed.label("action"))
    query = select(*columns).where(request.c.number.in_(many(numbers)), request.c.status < 400)
    return list(connection.execute(query.order_by(request.c.id)))


def count(connection: Connection, criteria: RequestFilter) -> int:
    """Return the number of rows of matching requests."""
    return int(connection.execute(_where(select(sql.func.count()).select_from(request), criteria)).scalar_one())


def _where(query: Select[Any], criteria: RequestFilter) -> Select[Any]:
    columns = request.c
    if criteria.since:
        query = query.where(columns.at >= criteria.since)
    if criteria.until:
        query = query.where(columns.at < criteria.until)
    for name in ("number", "resource_type", "resource_id", "address"):
        if value := getattr(criteria, name):
            query = query.where(columns[name] == value)
    if criteria.about or criteria.numbers:
        about, numbers = many(criteria.about), many(criteria.numbers)
        is_conflict = sql.and_(columns.other_id.in_(about), sql.text("other_id <> ''"))  # as in the partial index
        query = query.where(sql.or_(columns.resource_id.in_(about), is_conflict, columns.number.in_(numbers)))
    if criteria.named:
        query = query.where(columns.resource_name.icontains(criteria.named, autoescape=True))
    if criteria.key_id:
        query = query.where(columns.key_id == criteria.key_id)
    if criteria.actions:
        # SQLite uses one index, so this one is disabled in favor of a more selective one.
        is_narrow = criteria.cycle_id is not None or any(
            (criteria.number, criteria.resource_id, criteria.about, criteria.numbers, criteria.is_refused)
        )
        query = query.where((_without_index(columns.deed) if is_narrow else columns.deed).in_(criteria.actions))
    if criteria.without_actions:
        query = query.where(sql.or_(columns.deed.not_in(criteria.without_actions), sql.text("status >= 400")))
    if criteria.cycle_id is not None:
        query = query.where(columns.cycle_id == criteria.cycle_id)
    elif criteria.is_simulated:
        query = query.where(columns.cycle_id == SIMULATED)
    elif criteria.is_simulated is False:
        query = query.where(sql.text(f"+cycle_id <> {SIMULATED}"))  # `+`: its index is not selective
    if criteria.is_refused is not None:
        # As a literal, as in the partial index: with a parameter SQLite would not use that index.
        query = query.where(sql.text("status >= 400" if criteria.is_refused else "status < 400"))
    if criteria.has_key is not None:
        is_right = sql.and_(columns.key_id != "", columns.key_fault == "")
        query = query.where(is_right if criteria.has_key else sql.not_(is_right))
    return query


def _without_index(column: sql.ColumnElement[str]) -> sql.ColumnElement[str]:
    """Return the same text, as an expression that matches no index."""
    return column + ""


def cycles_of(connection: Connection, numbers: Collection[str]) -> dict[str, int]:
    """Return the cycle of each request ID that belongs to one."""
    query = select(request.c.number, request.c.cycle_id).where(request.c.number.in_(many(numbers)))
    return {number: id for number, id in connection.execute(query.where(request.c.cycle_id > 0))}
