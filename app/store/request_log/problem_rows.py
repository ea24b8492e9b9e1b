"""This module stores problems: opened, continued, closed, ignored."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, delete, desc, func, insert, literal_column, or_, select, update
from sqlalchemy.dialects import sqlite

from app.store.database.connection import Connection, Row
from app.store.database.list_parameter import many, many_named
from app.store.request_log.refused_removal_rows import DUE_PROBLEMS
from app.store.request_log.tables import problem, problem_key

Status = Literal["open", "closed", "ignored"]

_CONDITIONS: Mapping[Status, tuple[ColumnElement[bool], ...]] = {
    "open": (problem.c.closed.is_(None), problem.c.ignored.is_(None)),
    "closed": (problem.c.closed.is_not(None),),
    "ignored": (problem.c.closed.is_(None), problem.c.ignored.is_not(None)),
}
# These are used by many pages, so built once.
_COUNT = {
    status: select(func.count()).select_from(problem).where(*conditions) for status, conditions in _CONDITIONS.items()
}
_COUNTS = select(*(of_status.scalar_subquery() for of_status in _COUNT.values()))
IS_DUE = problem.c.id.in_(DUE_PROBLEMS)
_WITH_DUE = select(problem, IS_DUE.label("is_due"))
_OPEN_OF = _WITH_DUE.where(problem.c.resource_id.in_(many_named("resource_ids")), *_CONDITIONS["open"]).order_by(
    problem.c.last.desc()
)


@dataclass(frozen=True, slots=True)
class ProblemFilter:
    """A filter for problems that fulfill every given field. `text`: part of a name or of an attribute."""

    status: Status = "open"
    kind: str = ""
    attribute: str | None = None
    text: str = ""
    resource_type: str | None = None
    id: int | None = None


_IS_LEFT_OUT = and_(problem.c.status < 400, problem.c.scim_type != "")
_CHANGING = ("PATCH", "PUT", "DELETE")
_IS_OF_CHANGE = or_(problem.c.method.in_(_CHANGING), _IS_LEFT_OUT)
_BY_SEVERITY = (problem.c.kind, IS_DUE.label("is_due"), _IS_OF_CHANGE.label("is_of_change"))
_COUNT_OPEN = select(*_BY_SEVERITY, func.count().label("problems")).where(*_CONDITIONS["open"]).group_by(*_BY_SEVERITY)
_METHODS_OF_OPEN = select(problem.c.method).where(problem.c.closed.is_(None)).distinct()
_OF_KEYS = select(problem_key).where(problem_key.c.object_key.in_(many_named("keys")))
_OF_IDS = select(problem).where(problem.c.id.in_(many_named("ids")))


def methods_of_open(connection: Connection) -> set[str]:
    """Return the methods of the last requests of all open problems."""
    return set(connection.execute(_METHODS_OF_OPEN).scalars())


def open_by_keys(connection: Connection, keys: Collection[str]) -> dict[str, list[int]]:
    """Return the ids of open problems by key; keys without a problem are left out."""
    by_key: dict[str, list[int]] = {}
    for key, problem_id in connection.execute(_OF_KEYS, {"keys": json.dumps(list(keys))}):
        by_key.setdefault(key, []).append(problem_id)
    return by_key


def by_ids(connection: Connection, ids: Collection[int]) -> Sequence[Row]:
    """Return problems by their ids."""
    return connection.execute(_OF_IDS, {"ids": json.dumps(list(ids))}).all()


def single(connection: Connection, problem_id: int) -> Row | None:
    """Return one problem, or None."""
    return connection.execute(_WITH_DUE.where(problem.c.id == problem_id)).first()


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    """Add a problem and return its id."""
    return int(connection.execute(insert(problem).values(values).returning(problem.c.id)).scalar_one())


def write(connection: Connection, problem_id: int, values: Mapping[str, Any]) -> None:
    """Write some columns of a problem."""
    connection.execute(update(problem).where(problem.c.id == problem_id).values(values))


def add_keys(connection: Connection, problem_id: int, keys: Collection[str]) -> None:
    """Add the keys by which a problem is found again."""
    if keys:
        rows = [{"object_key": key, "problem_id": problem_id} for key in sorted(keys)]
        connection.execute(sqlite.insert(problem_key).on_conflict_do_nothing(), rows)


def close(connection: Connection, ids: Collection[int], at: str, number: str) -> None:
    """Close problems by the request with this request ID ("" if no request closes them)."""
    connection.execute(delete(problem_key).where(problem_key.c.problem_id.in_(many(ids))))
    over = update(problem).where(problem.c.id.in_(many(ids)), problem.c.closed.is_(None))
    connection.execute(over.values(closed=at, closed_by=number))


LASTS = and_(problem.c.closed.is_(None), or_(_IS_LEFT_OUT, IS_DUE))
"""The open problems that time does not close: no client retries, or a user still has access."""


def is_left_out(row: Any) -> bool:
    """Return whether a problem is a value left out of a request that succeeded, as `_IS_LEFT_OUT` in SQL."""
    return row.status < 400 and bool(row.scim_type)


def is_of_change(row: Any) -> bool:
    """Return whether a problem is of something that is here, as `_IS_OF_CHANGE` in SQL."""
    return row.method in _CHANGING or is_left_out(row)


def open_before(connection: Connection, last: str, keys_from: str = "", kind: str = "") -> list[int]:
    """Return open problems with their last request before a moment; with a key prefix, or of one kind.

    Problems of `LASTS` are left out.
    """
    query = select(problem.c.id).where(problem.c.closed.is_(None), problem.c.last < last, ~LASTS)
    if keys_from:
        begins = problem_key.c.object_key.startswith(keys_from, autoescape=True)
        query = query.where(problem.c.id.in_(select(problem_key.c.problem_id).where(begins)))
    if kind:
        query = query.where(problem.c.kind == kind)
    return list(connection.execute(query).scalars())


def forget_surplus(connection: Connection, most: int) -> None:
    """Keep at most `most` problems, and delete closed ones first, then those with the oldest last request.

    Those by which a user still has access are deleted last.
    """
    surplus = connection.execute(select(func.count()).select_from(problem)).scalar_one() - most
    if surplus > 0:
        oldest = select(problem.c.id).order_by(problem.c.closed.is_(None), IS_DUE, problem.c.last)
        connection.execute(delete(problem).where(problem.c.id.in_(oldest.limit(surplus).scalar_subquery())))


def set_ignored(connection: Connection, criteria: ProblemFilter, ignored: str | None) -> int:
    """Ignore the matching problems (since a moment in wire form), or stop ignoring them (None); return how many."""
    return connection.execute(update(problem).where(*_conditions(criteria)).values(ignored=ignored)).rowcount


def counts(connection: Connection) -> dict[Status, int]:
    """Return the number of problems of each status."""
    return dict(zip(_CONDITIONS, connection.execute(_COUNTS).one(), strict=True))


def count_open(connection: Connection) -> Sequence[Row]:
    """Return the number of open problems by kind, `is_due` and `is_of_change`."""
    return connection.execute(_COUNT_OPEN).all()


def causes(connection: Connection, criteria: ProblemFilter) -> Sequence[Row]:
    """Return the matching problems by kind, attribute and resource type: count, requests, first, last; newest first.

    `is_due`: whether a user still has access that was to be removed; `is_of_change`: whether each is of a change.
    """
    by = (problem.c.kind, problem.c.attribute, problem.c.resource_type)
    sums = (
        func.max(IS_DUE).label("is_due"),
        func.min(_IS_OF_CHANGE).label("is_of_change"),
        func.count().label("problems"),
        func.sum(problem.c.count).label("requests"),
        func.min(problem.c.first).label("first"),
        func.max(problem.c.last).label("last"),
    )
    grouped = select(*by, *sums).where(*_conditions(criteria)).group_by(*by)
    return connection.execute(grouped.order_by(desc("last"), *by)).all()


def listed(connection: Connection, criteria: ProblemFilter, skip: int = 0, limit: int = -1) -> Iterator[Row]:
    """Yield the matching problems, newest first, after those by which a user still has access.

    Each row also has `is_due`. A negative limit means all of them.
    """
    query = _WITH_DUE.where(*_conditions(criteria))
    worst = (IS_DUE.desc(), _IS_OF_CHANGE, problem.c.last.desc(), problem.c.id.desc())
    yield from connection.execute(query.order_by(*worst).limit(limit).offset(skip))


def count(connection: Connection, criteria: ProblemFilter) -> int:
    """Return the number of matching problems."""
    query: Select[Any] = select(func.count()).select_from(problem).where(*_conditions(criteria))
    return int(connection.execute(query).scalar_one())


def open_of(connection: Connection, resource_ids: Collection[str]) -> Sequence[Row]:
    """Return the open problems of these resources, newest first."""
    return connection.execute(_OPEN_OF, {"resource_ids": json.dumps(list(resource_ids))}).all()


def of_refusals(connection: Connection, refused: Collection[Mapping[str, Any]]) -> dict[int, int]:
    """Return the stored problem that each refused request is part of, by the id of the request's row.

    It has the same kind, time, attribute and resource, which either may know by id or by name only. `refused`: id,
    kind, at, attribute, resource_type, resource_id and resource_name of each.
    """
    names = ("id", "kind", "at", "attribute", "resource_type", "resource_id", "resource_name")
    values = json.dumps([{name: one[name] for name in names} for one in refused])
    rows = select(*(func.json_extract(literal_column("value"), f"$.{name}").label(name) for name in names))
    row = rows.select_from(func.json_each(values).table_valued("value")).cte("refused").c
    same = [problem.c[name] == row[name] for name in ("kind", "attribute", "resource_type")]
    of_its_time = select(func.min(problem.c.id)).where(*same, problem.c.first <= row.at, problem.c.last >= row.at)
    has_id, has_name = problem.c.resource_id == row.resource_id, problem.c.resource_name == row.resource_name
    best = func.coalesce(
        of_its_time.where(has_id, has_name).scalar_subquery(),
        of_its_time.where(has_id, row.resource_id != "").scalar_subquery(),
        of_its_time.where(has_name, row.resource_name != "").scalar_subquery(),
    )
    pairs = connection.execute(select(row.id, best))
    return {id: problem_id for id, problem_id in pairs if problem_id is not None}


def _conditions(criteria: ProblemFilter) -> list[ColumnElement[bool]]:
    conditions = list(_CONDITIONS[criteria.status])
    if criteria.kind:
        conditions.append(problem.c.kind == criteria.kind)
    for name in ("attribute", "resource_type", "id"):
        if (value := getattr(criteria, name)) is not None:
            conditions.append(problem.c[name] == value)
    if criteria.text:
        columns = (problem.c.resource_name, problem.c.attribute, problem.c.resource_id)
        conditions.append(or_(*(column.icontains(criteria.text, autoescape=True) for column in columns)))
    return conditions
