"""This module stores users that may be another person than before."""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, exists, func, insert, select, text

from app.store.access.account_tables import unconfirmed_user as table
from app.store.database.connection import Connection
from app.store.directory.tables import ACTIVE, resource

_ROW = select(table.c.user_id, table.c.external_id, table.c.since)
_BY_ID = _ROW.where(table.c.user_id == bindparam("id"))
# Not a join: SQLite would begin with all active users, although the table is nearly always empty.
_ACTIVE = _ROW.where(exists().where(resource.c.id == table.c.user_id, text(ACTIVE)))
_NEWEST = _ACTIVE.order_by(table.c.since.desc(), table.c.user_id).limit(bindparam("limit"))
_COUNT_ACTIVE = select(func.count()).select_from(_ACTIVE.subquery())


@dataclass(frozen=True, slots=True)
class UnconfirmedRow:
    """A user with the externalId that it had before, and when that changed (wire form)."""

    user_id: str
    external_id: str
    since: str


def find(connection: Connection, user_id: str) -> UnconfirmedRow | None:
    """Return the row of one user, active or not; None if nothing is to be confirmed."""
    row = connection.execute(_BY_ID, {"id": user_id}).one_or_none()
    return UnconfirmedRow(*row) if row else None


def add(connection: Connection, row: UnconfirmedRow) -> None:
    """Add a user that has no row yet."""
    connection.execute(insert(table), {"user_id": row.user_id, "external_id": row.external_id, "since": row.since})


def remove(connection: Connection, user_id: str) -> None:
    """Remove a user's row."""
    connection.execute(delete(table).where(table.c.user_id == user_id))


def active(connection: Connection, limit: int) -> list[UnconfirmedRow]:
    """Return the rows of active users, newest first."""
    return [UnconfirmedRow(*row) for row in connection.execute(_NEWEST, {"limit": limit})]


def count_active(connection: Connection) -> int:
    """Return how many active users have a row."""
    return int(connection.execute(_COUNT_ACTIVE).scalar_one())
