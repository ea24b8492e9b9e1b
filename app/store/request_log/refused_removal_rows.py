"""This module stores whose access refused requests were meant to remove.

See also: app/observation/problems/refused_removals.py (when that is settled). Every function works in the caller's
transaction.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, exists, select, update
from sqlalchemy.dialects import sqlite

from app.store.database.connection import Connection, Row
from app.store.database.list_parameter import many_named
from app.store.request_log.tables import due_removal, problem

_KEY = [due_removal.c.problem_id, due_removal.c.user_id, due_removal.c.group_id]
_IS_DUE = due_removal.c.over.is_(None)

DUE_PROBLEMS = select(due_removal.c.problem_id).where(_IS_DUE)
"""The ids of problems by which a user still has access that their requests were meant to remove."""

_OF_PROBLEMS = select(due_removal.c.problem_id).where(due_removal.c.problem_id.in_(many_named("ids")), _IS_DUE)


def add(connection: Connection, problem_id: int, removals: Iterable[tuple[str, str, str]]) -> None:
    """Add (purpose, user id, group id) to a problem; a settled removal is due again."""
    rows = [
        {"problem_id": problem_id, "purpose": purpose, "user_id": user_id, "group_id": group_id}
        for purpose, user_id, group_id in removals
    ]
    if rows:
        adding = sqlite.insert(due_removal)
        again = {"purpose": adding.excluded.purpose, "over": None}
        connection.execute(adding.on_conflict_do_update(index_elements=_KEY, set_=again), rows)


def of_problems(connection: Connection, problem_ids: Collection[int]) -> set[int]:
    """Return those of the problems that have a due removal."""
    return set(connection.execute(_OF_PROBLEMS, {"ids": json.dumps(list(problem_ids))}).scalars())


def due(
    connection: Connection, limit: int, problem_id: int | None = None, *, is_ignored: bool | None = None
) -> Sequence[Row]:
    """Return due removals of problems that are not closed, or of one of them, newest problem first.

    Each row has problem_id, user_id, group_id, purpose, and the problem's `first` and `last`.
    """
    query = _due(problem_id is not None, is_ignored)
    return connection.execute(query, {"limit": limit, "problem_id": problem_id}).all()


@cache  # each batch of requests asks for it
def _due(is_of_one: bool, is_ignored: bool | None) -> Select[Any]:
    columns = (*_KEY, due_removal.c.purpose, problem.c.first, problem.c.last)
    query = select(*columns).join_from(due_removal, problem).where(_IS_DUE, problem.c.closed.is_(None))
    if is_of_one:
        query = query.where(problem.c.id == bindparam("problem_id"))
    if is_ignored is not None:
        query = query.where(problem.c.ignored.is_not(None) if is_ignored else problem.c.ignored.is_(None))
    return query.order_by(problem.c.last.desc(), *_KEY).limit(bindparam("limit"))


def had_any(connection: Connection, problem_id: int) -> bool:
    """Return whether the requests of a problem were meant to remove access, whether it is settled or not."""
    return bool(connection.execute(select(exists().where(due_removal.c.problem_id == problem_id))).scalar())


def end(connection: Connection, user_id: str, group_id: str, at: str) -> set[int]:
    """Mark one removal as settled in every problem; return the problems without any due removal."""
    same = and_(due_removal.c.user_id == user_id, due_removal.c.group_id == group_id, _IS_DUE)
    ids = set(connection.execute(select(due_removal.c.problem_id).where(same)).scalars())
    connection.execute(update(due_removal).where(same).values(over=at))
    return ids - of_problems(connection, ids)


def is_due(connection: Connection, user_id: str, group_id: str) -> bool:
    """Return whether one removal is due in any problem."""
    same = exists().where(due_removal.c.user_id == user_id, due_removal.c.group_id == group_id, _IS_DUE)
    return bool(connection.execute(select(same)).scalar())
