"""This module stores hashes of values that may be used once, until they expire.

Every function works in the caller's transaction.
"""

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from app import bounds
from app.store.access.account_tables import Spent


def spend(connection: Connection, kind: str, hash: str, expires: str, now: str) -> bool:
    """Spend it; false when it was spent before (moments in wire form).

    Of what expired by `now` only the last `bounds.SPENT_KEPT` stay: the clock may be ahead, and be set back later.
    """
    over = select(Spent.expires).where(Spent.expires <= now).order_by(Spent.expires.desc())
    connection.execute(delete(Spent).where(Spent.expires <= over.offset(bounds.SPENT_KEPT).limit(1).scalar_subquery()))
    made = insert(Spent).values(kind=kind, hash=hash, expires=expires).on_conflict_do_nothing().returning(Spent.hash)
    return connection.execute(made).first() is not None


def is_spent(connection: Connection, kind: str, hash: str) -> bool:
    """Whether it was spent before; a look, which spends nothing."""
    return connection.execute(select(Spent.hash).where(Spent.kind == kind, Spent.hash == hash)).first() is not None
