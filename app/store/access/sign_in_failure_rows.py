"""This module stores refused sign-ins, which are counted for their account and their IP address."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, insert, or_, select

from app.store.access.account_tables import sign_in_failure as table
from app.store.database.connection import Connection

_AFTER_DIGITS = "g"


def add(connection: Connection, account: str, address: str, at: str) -> int:
    """Store a failure, and return the id by which it can be deleted."""
    added = insert(table).values(account=account, address=address, at=at).returning(table.c.id)
    return int(connection.execute(added).scalar_one())


def moments(
    connection: Connection, since: str, until: str, account: str | None = None, network: str | None = None
) -> Sequence[str]:
    """Return the times of the failures of an account, a network, or both together; oldest first.

    `network`: the beginning of a failure's IP address in hexadecimal digits, or the whole one
    (ip_addresses.counted_networks).
    """
    query = select(table.c.at).where(table.c.at >= since, table.c.at <= until).order_by(table.c.at)
    if account is not None:
        query = query.where(table.c.account == account)
    if network is not None:
        query = query.where(table.c.address >= network, table.c.address < f"{network}{_AFTER_DIGITS}")
    return connection.execute(query).scalars().all()


def forget(connection: Connection, failure_id: int) -> None:
    """Delete one failure."""
    connection.execute(delete(table).where(table.c.id == failure_id))


def forget_all(connection: Connection, accounts: Collection[str], addresses: Collection[str]) -> None:
    """Delete the failures of these accounts from these IP addresses."""
    connection.execute(delete(table).where(table.c.account.in_(accounts), table.c.address.in_(addresses)))


def forget_outside(connection: Connection, since: str, until: str) -> None:
    """Delete the failures before and after a period."""
    connection.execute(delete(table).where(or_(table.c.at < since, table.c.at > until)))
