"""This module stores which mapped attributes are required here."""

from dataclasses import dataclass

import sqlalchemy as sql
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import sqlite

from app.store.database.connection import Connection
from app.store.database.remembered_reads import remembered
from app.store.directory.tables import strict_attribute

_OF_TYPE = select(strict_attribute.c.attribute).where(strict_attribute.c.type == bindparam("type"))


@dataclass(frozen=True, slots=True)
class Strict:
    """Since when (wire form) a path is strict, and which administrator set it."""

    since: str
    set_by: str


@remembered
def strict_paths(connection: Connection, type_name: str) -> frozenset[str]:
    """Return the strict paths of one resource type; called by every write."""
    return frozenset(connection.execute(_OF_TYPE, {"type": type_name}).scalars())


def all_strict(connection: Connection) -> dict[tuple[str, str], Strict]:
    """Return all strict paths, by resource type and path."""
    rows = connection.execute(select(strict_attribute))
    return {(row.type, row.attribute): Strict(row.since, row.set_by) for row in rows}


def add(connection: Connection, type_name: str, path: str, since: str, set_by: str) -> None:
    """Make a path strict; one that is strict already stays unchanged."""
    row = {"type": type_name, "attribute": path, "since": since, "set_by": set_by}
    connection.execute(sqlite.insert(strict_attribute).values(row).on_conflict_do_nothing())


def remove(connection: Connection, type_name: str, path: str) -> None:
    """Make a path recommended again instead of strict."""
    is_it = sql.and_(strict_attribute.c.type == type_name, strict_attribute.c.attribute == path)
    connection.execute(sql.delete(strict_attribute).where(is_it))
