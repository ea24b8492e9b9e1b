"""This module stores the console's sessions."""

from collections.abc import Collection
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, bindparam, delete, insert, or_, select, update

from app.store.access.account_tables import operator
from app.store.access.account_tables import session as table
from app.store.database.connection import Connection


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as stored, with exactly one of `operator_id` and `user_id`.

    See also: account_tables.session (columns).
    """

    token_hash: str
    operator_id: str | None
    user_id: str | None
    method: str
    created: str
    last_seen: str
    proved: str
    wrong_proofs: int
    address: str
    user_agent: str


_USED_LAST = table.c.last_seen.desc(), table.c.token_hash
# Used by every page, and by every change of a user, so built once.
_ROW = select(*(table.c[name] for name in SessionRow.__slots__))
_WITH_TOKEN = _ROW.where(table.c.token_hash == bindparam("token_hash"))
_END_OF_USER = delete(table).where(table.c.user_id == bindparam("user"))


def find(connection: Connection, token_hash: str) -> SessionRow | None:
    """Return the session with this token hash, or None."""
    row = connection.execute(_WITH_TOKEN, {"token_hash": token_hash}).one_or_none()
    return SessionRow(*row) if row else None


def list_owned(connection: Connection, operator_id: str | None, user_id: str | None) -> list[SessionRow]:
    """Return the sessions of one owner, last used first."""
    owned = _ROW.where(*_is_owned(operator_id, user_id)).order_by(*_USED_LAST)
    return [SessionRow(*row) for row in connection.execute(owned)]


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of a session; one of `operator_id` and `user_id` is "".

    `role` and `is_disabled` are those of an administrator.
    """

    operator_id: str
    user_id: str
    role: str
    is_disabled: bool


def owner(connection: Connection, token_hash: str) -> Owner | None:
    """Return the owner of a session, as of this transaction."""
    columns = select(table.c.operator_id, table.c.user_id, operator.c.role, operator.c.disabled)
    joined = columns.outerjoin(operator, operator.c.id == table.c.operator_id)
    row = connection.execute(joined.where(table.c.token_hash == token_hash)).one_or_none()
    return Owner(row[0] or "", row[1] or "", row[2] or "", bool(row[3])) if row else None


def add(connection: Connection, row: SessionRow) -> None:
    """Store a new session."""
    connection.execute(insert(table), asdict(row))


def change(connection: Connection, token_hash: str, /, **values: str | int) -> None:
    """Store other values of a session, by the names of their columns."""
    connection.execute(update(table).where(table.c.token_hash == token_hash).values(values))


def end(connection: Connection, token_hash: str) -> None:
    """End one session."""
    connection.execute(delete(table).where(table.c.token_hash == token_hash))


def end_of_operator(connection: Connection, operator_id: str, but: str = "") -> None:
    """End all sessions of an administrator, except the one with the token hash `but`."""
    connection.execute(delete(table).where(table.c.operator_id == operator_id, table.c.token_hash != but))


def end_of_users(connection: Connection, user_ids: Collection[str]) -> None:
    """End all sessions of these users."""
    if user_ids:
        connection.execute(_END_OF_USER, [{"user": id} for id in user_ids])


def end_surplus(connection: Connection, operator_id: str | None, user_id: str | None, kept: int) -> None:
    """End all sessions of one owner except the last used ones."""
    owned = select(table.c.token_hash).where(*_is_owned(operator_id, user_id))
    surplus = owned.order_by(*_USED_LAST).limit(-1).offset(kept)
    connection.execute(delete(table).where(table.c.token_hash.in_(surplus)))


def end_of_people(connection: Connection) -> None:
    """End every session of a user."""
    connection.execute(delete(table).where(table.c.user_id.is_not(None)))


def end_outside(connection: Connection, last_seen: str, created: str, until: str) -> None:
    """End every session not used from `last_seen` to `until`, or not started from `created` to `until`."""
    over = or_(~table.c.last_seen.between(last_seen, until), ~table.c.created.between(created, until))
    connection.execute(delete(table).where(over))


def _is_owned(operator_id: str | None, user_id: str | None) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.operator_id.is_(operator_id), table.c.user_id.is_(user_id)
