"""This module counts how many resources have a value at each mapped attribute."""

from __future__ import annotations

import json
from collections.abc import Mapping

import sqlalchemy as sql
from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects import sqlite

from app.store.database.connection import Connection
from app.store.directory.tables import coverage

_each = func.json_each(bindparam("changes")).table_valued("key", "value").c
_insert = sqlite.insert(coverage).from_select(
    ["type", "attribute", "filled"], select(bindparam("of_type"), _each.key, _each.value).where(sql.true())
)
_COUNT = _insert.on_conflict_do_update(
    index_elements=["type", "attribute"], set_={"filled": coverage.c.filled + _insert.excluded.filled}
)


def count(connection: Connection, type_name: str, changes: Mapping[str, int]) -> None:
    """Add to the counts of some paths; negative numbers subtract."""
    if changes:
        connection.execute(_COUNT, {"of_type": type_name, "changes": json.dumps(changes)})


def rewrite(connection: Connection, type_name: str, filled: Mapping[str, int]) -> None:
    """Replace all counts of a type."""
    connection.execute(sql.delete(coverage).where(coverage.c.type == type_name))
    count(connection, type_name, filled)


def filled(connection: Connection) -> dict[tuple[str, str], int]:
    """Return the number of resources with a value, by type and path."""
    rows = connection.execute(select(coverage.c.type, coverage.c.attribute, coverage.c.filled))
    return {(type_name, path): number for type_name, path, number in rows}
