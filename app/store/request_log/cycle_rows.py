"""This module stores cycles."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, select, update

from app.store.database.connection import Connection, Row
from app.store.request_log.tables import cycle

_LAST = select(cycle).order_by(cycle.c.id.desc()).limit(bindparam("count"))
_WRITE = update(cycle).where(cycle.c.id == bindparam("cycle_id"))


_DAY = func.substr(cycle.c.started, 1, 10)
_STARTED = func.julianday(cycle.c.started)
_WITH_PAUSE = select(
    cycle, _DAY.label("day"), ((_STARTED - func.lag(_STARTED).over(order_by=cycle.c.id)) * 86_400).label("pause_s")
)
_OF_DAYS = _WITH_PAUSE.where(cycle.c.started >= bindparam("since")).subquery().c
_DAYS = select(
    _OF_DAYS.day,
    func.count().label("syncs"),
    *(func.sum(_OF_DAYS[name]).label(name) for name in ("created", "disabled", "deleted")),
    func.sum(_OF_DAYS.changed + _OF_DAYS.enabled).label("changed"),
    func.sum(_OF_DAYS.failed).label("refused"),
    func.coalesce(func.max(_OF_DAYS.pause_s), 0.0).label("longest_pause_s"),
).group_by(_OF_DAYS.day)


def of_days(connection: Connection, since: str) -> Sequence[Row]:
    """Return the totals of each day (UTC) with a cycle that started at or after a moment, and its longest pause.

    A pause is the time between the starts of two cycles, and belongs to the day of the second one.
    """
    return connection.execute(_DAYS, {"since": since}).all()


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
