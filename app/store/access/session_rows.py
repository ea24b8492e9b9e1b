"""This module stores the console's sessions.

Every function works in the caller's transaction.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, or_, select
from sqlalchemy.orm import Session

from app.store.access.account_tables import ConsoleSession, Operator
from app.store.access.account_tables import session as table

__all__ = ["ConsoleSession"]

_USED_LAST = ConsoleSession.last_seen.desc(), ConsoleSession.token_hash
# Asked for with whatever changes a person, so put together once.
_END_OF_USERS = delete(table).where(
    table.c.user_id.in_(select(func.json_each(bindparam("ids")).table_valued("value").c.value))
)


def session(session: Session, token_hash: str) -> ConsoleSession | None:
    return session.get(ConsoleSession, token_hash)


def of_operator(session: Session, operator_id: str) -> Sequence[ConsoleSession]:
    """The one used last first."""
    return _ordered(session, ConsoleSession.operator_id == operator_id)


def of_user(session: Session, user_id: str) -> Sequence[ConsoleSession]:
    """The one used last first."""
    return _ordered(session, ConsoleSession.user_id == user_id)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a session is: of `operator_id` and `user_id` one is "". `role` and `is_disabled` are an operator's."""

    operator_id: str
    user_id: str
    role: str
    is_disabled: bool


def owner(connection: Connection, token_hash: str) -> Owner | None:
    """Whose session this is, as it stands in this transaction."""
    columns = select(ConsoleSession.operator_id, ConsoleSession.user_id, Operator.role, Operator.disabled)
    joined = columns.outerjoin(Operator, Operator.id == ConsoleSession.operator_id)
    row = connection.execute(joined.where(ConsoleSession.token_hash == token_hash)).one_or_none()
    return Owner(row[0] or "", row[1] or "", row[2] or "", bool(row[3])) if row else None


def end_of_operator(session: Session, operator_id: str, but: str = "") -> None:
    """End all sessions of an operator, except the one with the token hash `but`."""
    mine = ConsoleSession.operator_id == operator_id
    session.execute(delete(ConsoleSession).where(mine, ConsoleSession.token_hash != but))


def end_of_users(connection: Connection, user_ids: Collection[str]) -> None:
    """End all sessions of these provisioned people."""
    connection.execute(_END_OF_USERS, {"ids": json.dumps(list(user_ids))})


def end_surplus(session: Session, operator_id: str | None, user_id: str | None, kept: int) -> None:
    """End the sessions of one owner but those that were used last."""
    mine = ConsoleSession.operator_id.is_(operator_id), ConsoleSession.user_id.is_(user_id)
    surplus = select(ConsoleSession.token_hash).where(*mine).order_by(*_USED_LAST).limit(-1).offset(kept)
    session.execute(delete(ConsoleSession).where(ConsoleSession.token_hash.in_(surplus)))


def end_of_people(session: Session) -> None:
    """End every session of provisioned people."""
    session.execute(delete(ConsoleSession).where(ConsoleSession.user_id.is_not(None)))


def end_outside(session: Session, last_seen: str, created: str, until: str) -> None:
    """End every session that was not used from `last_seen` to `until`, or did not begin from `created` to `until`."""
    over = or_(~ConsoleSession.last_seen.between(last_seen, until), ~ConsoleSession.created.between(created, until))
    session.execute(delete(ConsoleSession).where(over))


def _ordered(session: Session, mine: ColumnElement[bool]) -> Sequence[ConsoleSession]:
    return session.scalars(select(ConsoleSession).where(mine).order_by(*_USED_LAST)).all()
