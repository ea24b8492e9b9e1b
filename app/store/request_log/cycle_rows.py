"""This module stores cycles."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, select, update

from app.store.database.connection import Connection, Row
from app.store.request_log.tables import cycle

_LAST = select(cycle).order_by(cycle.c.id.desc()).limit(bindparam("count"))
_WRITE = update(cycle).where(cycle.c.id == bindparam("cycle_id"))


def last(connection: Connection, count: int) -> Sequence[Row]:
    """Return the newest cycles, newest first."""
    return connection.execute(_LAST, {"count": count}).all()


def with_deletions(connection: Connection, count: int) -> Sequence[Row]:
    """Return the newest cycles in which something was deleted, newest first."""
    query = select(cycle).where(cycle.c.deleted > 0).order_by(cycle.c.id.desc()).limit(count)
    return connection.execute(query).all()


def single(connection: Connection, cycle_id: int) -> Row | None:
    """Return one cycle, or None."""
    return connection.execute(select(cycle).where(cycle.c.id == cycle_id)).first()


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    """Add a cycle and return its id, which is greater than all before."""
    return int(connection.execute(insert(cycle).values(values).returning(cycle.c.id)).scalar_one())


def write(connection: Connection, cycle_id: int, values: Mapping[str, Any]) -> None:
    """Write some columns of a cycle."""
    connection.execute(_WRITE, {**values, "cycle_id": cycle_id})


def forget_up_to(connection: Connection, cycle_id: int) -> None:
    """Delete a cycle and all before it."""
    connection.execute(delete(cycle).where(cycle.c.id <= cycle_id))


def count(connection: Connection, since: str = "", until: str = "") -> int:
    """Return the number of cycles that started within a period."""
    return int(connection.execute(_within(select(func.count()).select_from(cycle), since, until)).scalar_one())


def page(connection: Connection, since: str = "", until: str = "", skip: int = 0, limit: int = -1) -> Iterator[Row]:
    """Yield cycles that started at or after `since` and before `until` (wire form, "" for no limit), newest first.

    A negative limit means all of them.
    """
    query = _within(select(cycle), since, until).order_by(cycle.c.id.desc()).limit(limit).offset(skip)
    yield from connection.execute(query)


def _within(query: Select[Any], since: str, until: str) -> Select[Any]:
    if since:
        query = query.where(cycle.c.started >= since)
    return query.where(cycle.c.started < until) if until else query
