"""This module stores the codes of setup links, by their hashes."""

from sqlalchemy import ColumnElement, delete, exists, insert, select, update

from app.store.access.account_tables import operator
from app.store.access.account_tables import setup_code as table
from app.store.database.connection import Connection


def add(connection: Connection, code_hash: str, created: str, expires: str) -> None:
    """Store a new code."""
    connection.execute(insert(table), {"hash": code_hash, "created": created, "expires": expires})


def is_open(connection: Connection, code_hash: str, now: str, ahead: str) -> bool:
    """Return whether a code is known, unused, not expired, not created after `ahead`, with no administrator yet."""
    return connection.execute(select(table.c.hash).where(*_is_open(code_hash, now, ahead))).first() is not None


def consume(connection: Connection, code_hash: str, now: str, ahead: str) -> bool:
    """Use up an open code; return True for exactly one caller."""
    consumed = update(table).where(*_is_open(code_hash, now, ahead)).values(consumed=now)
    return connection.execute(consumed).rowcount > 0


def forget_expired(connection: Connection, now: str) -> None:
    """Delete the codes that have expired."""
    connection.execute(delete(table).where(table.c.expires <= now))


def _is_open(code_hash: str, now: str, ahead: str) -> tuple[ColumnElement[bool], ...]:
    is_unused = table.c.hash == code_hash, table.c.consumed.is_(None)
    return *is_unused, table.c.expires > now, table.c.created <= ahead, ~exists().select_from(operator)
