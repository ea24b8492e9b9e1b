"""Rows of the console's sessions, an operator's and a provisioned person's alike.

Not here: when one is over and who may do what in it (app/administration). Every function works in the caller's
transaction.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, delete, or_, select
from sqlalchemy.orm import Session

from app.store.account_tables import ConsoleSession
from app.store.account_tables import session as table
from app.store.parameter import many

__all__ = ["ConsoleSession"]


def session(session: Session, token_hash: str) -> ConsoleSession | None:
    return session.get(ConsoleSession, token_hash)


def of_operator(session: Session, operator_id: str) -> Sequence[ConsoleSession]:
    """The one used last first."""
    return _ordered(session, ConsoleSession.operator_id == operator_id)


def of_user(session: Session, user_id: str) -> Sequence[ConsoleSession]:
    """The one used last first."""
    return _ordered(session, ConsoleSession.user_id == user_id)


def end(session: Session, token_hash: str) -> None:
    session.execute(delete(ConsoleSession).where(ConsoleSession.token_hash == token_hash))


def end_of_operator(session: Session, operator_id: str, but: str = "") -> None:
    """End all sessions of an operator, except the one with the token hash `but`."""
    mine = ConsoleSession.operator_id == operator_id
    session.execute(delete(ConsoleSession).where(mine, ConsoleSession.token_hash != but))


def end_of_users(connection: Connection, user_ids: Collection[str]) -> int:
    """End all sessions of provisioned people; how many those were."""
    return connection.execute(delete(table).where(table.c.user_id.in_(many(user_ids)))).rowcount


def end_before(session: Session, last_seen: str, created: str) -> None:
    """End every session that was not used since `last_seen` or began before `created`."""
    over = or_(ConsoleSession.last_seen < last_seen, ConsoleSession.created < created)
    session.execute(delete(ConsoleSession).where(over))


def _ordered(session: Session, mine: ColumnElement[bool]) -> Sequence[ConsoleSession]:
    found = select(ConsoleSession).where(mine)
    return session.scalars(found.order_by(ConsoleSession.last_seen.desc(), ConsoleSession.token_hash)).all()
