"""This module stores when something happened for the first or the last time."""

from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from app.store.database.connection import Connection
from app.store.request_log.tables import setup_step as table

_ALL = select(table)


class StepRow(NamedTuple):
    """A step that was reached: when (wire form), and by which request (its request ID)."""

    name: str
    at: str
    number: str


def by_name(connection: Connection) -> dict[str, StepRow]:
    """Return every stored step by its name."""
    return {row.name: StepRow(*row) for row in connection.execute(_ALL)}


def reach(connection: Connection, name: str, at: str, number: str) -> None:
    """Record the first time of a step; a later one changes nothing."""
    connection.execute(insert(table).values(name=name, at=at, number=number).on_conflict_do_nothing())


def forget(connection: Connection, name: str, number: str) -> bool:
    """Delete a step if this request caused it; return whether it did."""
    caused = delete(table).where(table.c.name == name, table.c.number == number)
    return bool(connection.execute(caused).rowcount)


def move(connection: Connection, name: str, at: str, number: str) -> None:
    """Record the last time of a step."""
    reached = insert(table).values(name=name, at=at, number=number)
    later = {"at": reached.excluded.at, "number": reached.excluded.number}
    connection.execute(reached.on_conflict_do_update(index_elements=["name"], set_=later))
