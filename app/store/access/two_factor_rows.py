"""This module stores authenticator secrets and recovery codes."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.dialects import sqlite

from app.store.access.account_tables import recovery_code, second_factor
from app.store.database.connection import Connection


@dataclass(frozen=True, slots=True)
class SecondFactorRow:
    """A second factor as stored. See also: account_tables.second_factor (columns)."""

    operator_id: str
    secret: str = field(repr=False)
    created: str
    confirmed: str | None
    last_step: int
    wrong_codes: int


def find(connection: Connection, operator_id: str) -> SecondFactorRow | None:
    """Return an administrator's second factor, confirmed or not, or None."""
    query = select(second_factor).where(second_factor.c.operator_id == operator_id)
    row = connection.execute(query).one_or_none()
    return SecondFactorRow(**row._asdict()) if row else None


def owners(connection: Connection) -> frozenset[str]:
    """Return the ids of the administrators whose second factor is confirmed."""
    confirmed = select(second_factor.c.operator_id).where(second_factor.c.confirmed.is_not(None))
    return frozenset(connection.execute(confirmed).scalars())


def begin(connection: Connection, operator_id: str, secret: str, created: str) -> None:
    """Store a new secret, in place of one that an administrator has not confirmed."""
    begun = {"secret": secret, "created": created}
    added = sqlite.insert(second_factor).values(operator_id=operator_id, **begun)
    connection.execute(added.on_conflict_do_update(index_elements=["operator_id"], set_=begun))


def change(connection: Connection, operator_id: str, /, **values: str | int) -> None:
    """Store other values of a second factor, by the names of their columns."""
    connection.execute(update(second_factor).where(second_factor.c.operator_id == operator_id).values(values))


def forget_unconfirmed(connection: Connection, operator_id: str) -> None:
    """Delete a second factor that is not confirmed yet."""
    own = second_factor.c.operator_id == operator_id
    connection.execute(delete(second_factor).where(own, second_factor.c.confirmed.is_(None)))


def remove(connection: Connection, operator_id: str) -> None:
    """Delete the second factor and all of its recovery codes."""
    for table in (second_factor, recovery_code):
        connection.execute(delete(table).where(table.c.operator_id == operator_id))


def replace_recovery_codes(connection: Connection, operator_id: str, hashes: Iterable[str]) -> None:
    """Store new recovery codes in place of all existing ones."""
    connection.execute(delete(recovery_code).where(recovery_code.c.operator_id == operator_id))
    connection.execute(insert(recovery_code), [{"operator_id": operator_id, "hash": one} for one in hashes])


def has_recovery_code(connection: Connection, operator_id: str, code_hash: str) -> bool:
    """Return whether the administrator has this code, and has not used it."""
    query = select(recovery_code.c.hash).where(*_is_left(operator_id), recovery_code.c.hash == code_hash)
    return connection.execute(query).first() is not None


def use_recovery_code(connection: Connection, operator_id: str, code_hash: str, at: str) -> bool:
    """Use up a recovery code; return whether the administrator had it, unused."""
    used = update(recovery_code).where(*_is_left(operator_id), recovery_code.c.hash == code_hash)
    return connection.execute(used.values(used=at)).rowcount > 0


def count_recovery_codes(connection: Connection, operator_id: str) -> int:
    """Return how many codes can still be used."""
    return int(connection.execute(select(func.count()).where(*_is_left(operator_id))).scalar_one())


def _is_left(operator_id: str) -> tuple[ColumnElement[bool], ...]:
    return recovery_code.c.operator_id == operator_id, recovery_code.c.used.is_(None)
