"""This module stores administrators."""

from dataclasses import asdict, dataclass, field

from sqlalchemy import bindparam, delete, exists, func, insert, select, update

from app.console_roles import Role
from app.store.access.account_tables import operator as table
from app.store.database.connection import Connection


@dataclass(frozen=True, slots=True)
class AdministratorRow:
    """An administrator as stored: `password_hash` in PHC form, `role` a value of Role."""

    id: str
    user_name: str
    folded_name: str
    password_hash: str = field(repr=False)
    created: str
    disabled: bool
    role: str


_ROW = select(*(table.c[name] for name in AdministratorRow.__slots__))
_OLDEST_FIRST = _ROW.order_by(table.c.created, table.c.id)
_BY_ID = _ROW.where(table.c.id == bindparam("id"))
_BY_NAME = _ROW.where(table.c.folded_name == bindparam("folded_name"))


def has_any(connection: Connection) -> bool:
    """Return whether there is an administrator."""
    return bool(connection.execute(select(exists().select_from(table))).scalar())


def list_all(connection: Connection) -> list[AdministratorRow]:
    """Return all administrators, oldest first."""
    return [AdministratorRow(*row) for row in connection.execute(_OLDEST_FIRST)]


def find(connection: Connection, operator_id: str) -> AdministratorRow | None:
    """Return the administrator with this id, or None."""
    row = connection.execute(_BY_ID, {"id": operator_id}).one_or_none()
    return AdministratorRow(*row) if row else None


def find_named(connection: Connection, folded_name: str) -> AdministratorRow | None:
    """Return the administrator with this normalized user name, or None."""
    row = connection.execute(_BY_NAME, {"folded_name": folded_name}).one_or_none()
    return AdministratorRow(*row) if row else None


def count_active_owners(connection: Connection) -> int:
    """Return how many active administrators have the role owner."""
    owners = select(func.count()).where(table.c.role == Role.OWNER.value, ~table.c.disabled)
    return int(connection.execute(owners).scalar_one())


def add(connection: Connection, row: AdministratorRow) -> None:
    """Store a new administrator."""
    connection.execute(insert(table), asdict(row))


def change(connection: Connection, operator_id: str, /, **values: str | bool) -> None:
    """Store other values of an administrator, by the names of their columns."""
    connection.execute(update(table).where(table.c.id == operator_id).values(values))


def remove(connection: Connection, operator_id: str) -> None:
    """Delete an administrator, and with them their sessions and second factor."""
    connection.execute(delete(table).where(table.c.id == operator_id))
