"""This module stores the one provider that signs users in.

Every function works in the caller's transaction.
"""

from sqlalchemy import Connection, delete, exists, select
from sqlalchemy.orm import Session

from app.store.access.account_tables import IdentityProvider

__all__ = ["IdentityProvider"]

_ONLY = 1


def provider(session: Session) -> IdentityProvider | None:
    return session.get(IdentityProvider, _ONLY)


def is_set_up(connection: Connection) -> bool:
    """Whether there is one: without it nobody comes in by a granted role."""
    return bool(connection.execute(select(exists().select_from(IdentityProvider))).scalar())


def save(session: Session, **values: str) -> None:
    """Put the values of all columns in place of what was there."""
    session.merge(IdentityProvider(id=_ONLY, **values))


def remove(session: Session) -> None:
    session.execute(delete(IdentityProvider))
