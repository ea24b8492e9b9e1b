"""This module stores SCIM Keys."""

import hmac
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, select, update

from app.store.access.credential_tables import scim_key as table
from app.store.database.connection import Connection
from app.store.database.remembered_reads import remembered


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key without its secret: `prefix` are its first characters. Moments are in wire form; None means never.

    `successor` is the id of the key that replaces or has replaced it; `relieved`: since when only that one is used. Use
    by a simulation is recorded in `last_simulated` only.
    """

    id: str
    name: str
    prefix: str
    created: str
    created_by: str
    last_used: str | None = None
    last_address: str | None = None
    stopped: str | None = None
    first_used: str | None = None
    successor: str | None = None
    relieved: str | None = None
    stopped_by: str = ""
    last_simulated: str | None = None
    last_simulated_address: str | None = None

    @property
    def is_retired(self) -> bool:
        """Whether the key was replaced and revoked automatically."""
        return self.stopped is not None and self.successor is not None


_KEYS = select(*(table.c[field.name] for field in fields(KeyRow)))
_NEWEST_FIRST = _KEYS.order_by(table.c.created.desc(), table.c.id)
_USED_LAST = _KEYS.where(table.c.last_used.is_not(None)).order_by(table.c.last_used.desc()).limit(1)
_ACTIVE = _KEYS.where(table.c.stopped.is_(None))
_BY_HASH = _KEYS.add_columns(table.c.hash).where(table.c.hash == bindparam("hash"))


def list_all(connection: Connection) -> list[KeyRow]:
    """Return all keys, newest first, also revoked ones."""
    return _read(connection, _NEWEST_FIRST)


def list_active(connection: Connection) -> list[KeyRow]:
    """Return the keys that are not revoked."""
    return _read(connection, _ACTIVE)


def list_predecessors(connection: Connection, key_id: str) -> list[KeyRow]:
    """Return the active keys that are being replaced by this one."""
    return _read(connection, _ACTIVE.where(table.c.successor == key_id))


def count(connection: Connection) -> int:
    """Return how many keys there are, with revoked ones."""
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def find(connection: Connection, key_id: str) -> KeyRow | None:
    """Return a key, revoked or not, or None."""
    return next(iter(_read(connection, _KEYS.where(table.c.id == key_id))), None)


@remembered
def find_by_hash(connection: Connection, key_hash: str) -> KeyRow | None:
    """Return the key with this hash, revoked or not; its uses may be out of date. Called by every SCIM request."""
    row = connection.execute(_BY_HASH, {"hash": key_hash}).first()
    return KeyRow(*row[:-1]) if row and hmac.compare_digest(row.hash.encode(), key_hash.encode()) else None


def find_used_last(connection: Connection) -> KeyRow | None:
    """Return the key that was used last. Revoked keys count too: the contact happened."""
    return next(iter(_read(connection, _USED_LAST)), None)


def add(connection: Connection, key: KeyRow, key_hash: str) -> None:
    """Store a new key."""
    connection.execute(insert(table), asdict(key) | {"hash": key_hash})


def change(connection: Connection, key_id: str, /, **values: str | None) -> None:
    """Store other values of a key, by the names of their columns."""
    connection.execute(update(table).where(table.c.id == key_id).values(values))


def _read(connection: Connection, query: Select[Any]) -> list[KeyRow]:
    return [KeyRow(*row) for row in connection.execute(query)]
