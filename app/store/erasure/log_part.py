"""This module erases a user from the request log: from requests in parts, then from the rest."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, or_, select, update

from app import bounds
from app.store.database.connection import Connection, Row
from app.store.database.list_parameter import many
from app.store.erasure.directory_part import stand_in, stand_in_id
from app.store.erasure.person import Person
from app.store.request_log.tables import due_removal, last_seen, problem, request

_TEXTS = ("resource_name", "reason", "body")
_COLUMNS = ("id", "resource_id", "other_id", *_TEXTS)
_PART = (
    select(*(request.c[name] for name in _COLUMNS))
    .where(request.c.id > bindparam("after"))
    .order_by(request.c.id)
    .limit(bounds.LOG_ROWS_PRUNED_AT_ONCE)
)
_OF_ID = select(*(request.c[name] for name in _COLUMNS)).where(
    or_(request.c.resource_id == bindparam("own"), request.c.other_id == bindparam("own"))
)
_PROBLEM_TEXTS = ("expected", "got", *_TEXTS)
_PROBLEMS = select(*(problem.c[name] for name in ("id", "resource_id", "other_id", *_PROBLEM_TEXTS)))
_GONE = (
    delete(due_removal).where(due_removal.c.user_id == bindparam("own")),
    delete(last_seen).where(last_seen.c.resource_id == bindparam("own")),
)


def erase_requests(connection: Connection, person: Person, number: int, after: int) -> int | None:
    """Erase a user from some requests with ids above `after`; return the last of these ids, None after the last part.

    Status, time, key and action of the request stay.
    """
    rows = connection.execute(_PART, {"after": after}).all()
    for row in rows:
        _write(connection, request, row, _without(person, number, row, _TEXTS))
    return rows[-1].id if rows else None


def erase_rest(connection: Connection, person: Person, number: int) -> None:
    """Erase a user from problems and last times, and from what was recorded meanwhile with the id."""
    for row in connection.execute(_OF_ID, {"own": person.id}).all():
        _write(connection, request, row, _without(person, number, row, _TEXTS))
    for row in connection.execute(_PROBLEMS).all():
        values = _without(person, number, row, _PROBLEM_TEXTS)
        if values and row.resource_id in ("", person.id):
            connection.execute(delete(problem).where(problem.c.id == row.id))
        else:
            _write(connection, problem, row, values)
    for statement in _GONE:
        connection.execute(statement, {"own": person.id})


def requests_naming(connection: Connection, person: Person, after: int) -> tuple[list[dict[str, Any]], int | None]:
    """Return the requests with ids above `after` that name a user, and the last id read; None after the last part."""
    rows = connection.execute(_PART, {"after": after}).all()
    ids = [row.id for row in rows if _without(person, 0, row, _TEXTS)]
    whole = connection.execute(select(request).where(request.c.id.in_(many(ids))).order_by(request.c.id))
    return [row._asdict() for row in whole], rows[-1].id if rows else None


def problems_naming(connection: Connection, person: Person) -> list[dict[str, Any]]:
    """Return the problems that name a user."""
    ids = [row.id for row in connection.execute(_PROBLEMS) if _without(person, 0, row, _PROBLEM_TEXTS)]
    whole = connection.execute(select(problem).where(problem.c.id.in_(many(ids))).order_by(problem.c.id))
    return [row._asdict() for row in whole]


def last_seen_of(connection: Connection, user_id: str) -> str | None:
    """Return when a client last matched, read or changed a user; None if that is unknown."""
    at: str | None = connection.execute(select(last_seen.c.at).where(last_seen.c.resource_id == user_id)).scalar()
    return at


def _without(person: Person, number: int, row: Row, texts: Sequence[str]) -> dict[str, Any]:
    """Return the columns of a row that must change so that it no longer names the user."""
    is_own, is_about_another = person.id == row.resource_id, row.resource_id not in ("", person.id)
    values = {name: stand_in_id(number) for name in ("resource_id", "other_id") if getattr(row, name) == person.id}
    for name in texts:
        text = getattr(row, name)
        if text and (person.is_in(text, is_about_another) or (is_own and name != "reason")):
            values[name] = stand_in(number) if name == "resource_name" else ""
    return values


def _write(connection: Connection, table: Any, row: Row, values: dict[str, Any]) -> None:
    if values:
        connection.execute(update(table).where(table.c.id == row.id).values(**values))
