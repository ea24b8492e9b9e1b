"""This module stores the one provider that signs users in."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from app.store.access.account_tables import identity_provider as table
from app.store.database.connection import Connection, Row

_ROW = select(table)


def find(connection: Connection) -> Row | None:
    """Return the row of identity_provider; None while single sign-on is off."""
    return connection.execute(_ROW).one_or_none()


def save(connection: Connection, **values: str) -> None:
    """Store the values of all columns, in place of an existing row."""
    saved = insert(table).values(id=1, **values)
    connection.execute(saved.on_conflict_do_update(index_elements=["id"], set_=values))


def remove(connection: Connection) -> None:
    """Delete the row, if there is one."""
    connection.execute(delete(table))
