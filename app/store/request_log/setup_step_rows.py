"""This module stores when something happened for the first or the last time.

Every function works in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.dialects.sqlite import insert

from app.store.request_log.tables import milestone


def all_of(connection: Connection) -> Sequence[Row[Any]]:
    """Return every stored step."""
    return connection.execute(select(milestone)).all()


def reach(connection: Connection, name: str, at: str, number: str) -> None:
    """Record the first time of a step; a later one changes nothing."""
    connection.execute(insert(milestone).values(name=name, at=at, number=number).on_conflict_do_nothing())


def forget(connection: Connection, name: str, number: str) -> bool:
    """Delete a step if this request caused it; return whether it did."""
    forgotten = delete(milestone).where(milestone.c.name == name, milestone.c.number == number)
    return bool(connection.execute(forgotten).rowcount)


def move(connection: Connection, name: str, at: str, number: str) -> None:
    """Record the last time of a step."""
    noted = insert(milestone).values(name=name, at=at, number=number)
    moved = {"at": noted.excluded.at, "number": noted.excluded.number}
    connection.execute(noted.on_conflict_do_update(index_elements=["name"], set_=moved))
