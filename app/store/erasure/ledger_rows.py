"""This module stores who was erased, by keyed hashes that tell nothing else."""

import hashlib
import hmac
from collections.abc import Collection, Sequence

from sqlalchemy import insert, select, update

from app.scim.resource_types import USER
from app.store.access.account_tables import erasure
from app.store.database.connection import Connection, Row
from app.store.directory.tables import event, resource


def key_of(secret: bytes) -> bytes:
    """Return the key of the hashes, which follows from the secret of the data folder."""
    return hmac.digest(secret, b"recnice erasure", hashlib.sha256)


def hash_of(key: bytes, text: str) -> str:
    """Return the keyed hash of an id or an externalId; "" for ""."""
    return hmac.digest(key, text.encode(), hashlib.sha256).hex() if text else ""


def add(connection: Connection, at: str, id_hash: str, external_id_hash: str) -> int:
    """Add a user who is to be erased, and return the number of the erasure, which no other one gets."""
    values = {"at": at, "id_hash": id_hash, "external_id_hash": external_id_hash}
    return connection.insert(insert(erasure), values)


def due(connection: Connection) -> Sequence[Row]:
    """Return the erasures that are not complete, oldest first."""
    return connection.execute(select(erasure).where(erasure.c.done == "").order_by(erasure.c.number)).all()


def all_rows(connection: Connection) -> Sequence[Row]:
    """Return all erasures, oldest first."""
    return connection.execute(select(erasure).order_by(erasure.c.number)).all()


def number_of(connection: Connection, id_hash: str) -> int | None:
    """Return the number of the erasure of a user; None if the user is not erased."""
    number: int | None = connection.execute(select(erasure.c.number).where(erasure.c.id_hash == id_hash)).scalar()
    return number


def end(connection: Connection, number: int, at: str) -> None:
    """Record that an erasure is complete."""
    connection.execute(update(erasure).where(erasure.c.number == number).values(done=at))


def find_ids(connection: Connection, key: bytes, hashes: Collection[str]) -> dict[str, str]:
    """Return the ids of users, here or in the history, by the hash that they have of the given ones; reads all ids."""
    if not hashes:
        return {}
    ids = select(resource.c.id).where(resource.c.type == USER.name)
    known = ids.union(select(event.c.resource_id).where(event.c.resource_type == USER.name))
    return {hash_of(key, id): id for (id,) in connection.tuples(known, {}) if hash_of(key, id) in hashes}
