"""This module stores the settings that the console has set."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from app.store.database import sqlite_driver
from app.store.database.columns import texts
from app.store.database.connection import Connection, Row
from app.store.database.directory_database import directory_table, existing_address

setting = directory_table(
    "setting",
    *texts("name", primary_key=True),
    *texts("value", "changed", "changed_by"),
    sqlite_with_rowid=False,
)
"""The value of an option that the console has set, as text, with the time and the account of the last change."""

_ROWS = select(setting)
_TABLE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'setting'"


def list_all(connection: Connection) -> list[Row]:
    """Return all rows, in no order."""
    return connection.execute(_ROWS).all()


def save(connection: Connection, **values: str) -> None:
    """Store the values of all columns, in place of an existing row of this name."""
    saved = insert(setting).values(**values)
    connection.execute(saved.on_conflict_do_update(index_elements=["name"], set_=values))


def remove(connection: Connection, name: str) -> None:
    """Delete the row of an option, if there is one."""
    connection.execute(delete(setting).where(setting.c.name == name))


def read_file(database: Path) -> Mapping[str, str]:
    """Return the values by the names of their options, before an application opens the database.

    {} where there is no database yet, or one of an earlier version. Raises an error of `sqlite_driver.ERRORS`.
    """
    if not database.is_file():
        return {}
    timeout_s = sqlite_driver.BUSY_TIMEOUT_MS / 1000
    with closing(sqlite_driver.module.connect(existing_address(database), uri=True, timeout=timeout_s)) as connection:
        if not connection.execute(_TABLE).fetchone():
            return {}
        return dict(connection.execute("SELECT name, value FROM setting"))
