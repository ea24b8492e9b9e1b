"""What counts once and has: remembered until it is too old to count anyway.

Not here: what that is (app/administration). Every function works in the caller's transaction.
"""

from sqlalchemy import delete
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from app.store.account_tables import Spent


def spend(session: Session, kind: str, hash: str, expires: str, now: str) -> bool:
    """Spend it; false when it was spent before. What expired by `now` is forgotten first (moments in wire form)."""
    session.execute(delete(Spent).where(Spent.expires <= now))
    made = insert(Spent).values(kind=kind, hash=hash, expires=expires).on_conflict_do_nothing().returning(Spent.hash)
    return session.execute(made).first() is not None


def is_spent(session: Session, kind: str, hash: str) -> bool:
    """Whether it was spent before; a look, which spends nothing."""
    return session.get(Spent, (kind, hash)) is not None
