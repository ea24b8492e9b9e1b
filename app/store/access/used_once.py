"""This module stores hashes of values that may be used once, until they expire.

Every function works in the caller's transaction.
"""

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from app import bounds
from app.store.access.account_tables import used_once as table
from app.store.database.connection import Connection


def use(connection: Connection, kind: str, hash: str, expires: str, now: str) -> bool:
    """Record the use of a value; return False if it was used before (moments in wire form).

    Of values that expired by `now`, only the last `bounds.USED_ONCE_KEPT` stay: the clock may be ahead, and be set back
    later.
    """
    over = select(table.c.expires).where(table.c.expires <= now).order_by(table.c.expires.desc())
    oldest_kept = over.offset(bounds.USED_ONCE_KEPT).limit(1).scalar_subquery()
    connection.execute(delete(table).where(table.c.expires <= oldest_kept))
    use = insert(table).values(kind=kind, hash=hash, expires=expires).on_conflict_do_nothing()
    return connection.execute(use.returning(table.c.hash)).first() is not None


def is_used(connection: Connection, kind: str, hash: str) -> bool:
    """Return whether the value was used before, without using it."""
    query = select(table.c.hash).where(table.c.kind == kind, table.c.hash == hash)
    return connection.execute(query).first() is not None
