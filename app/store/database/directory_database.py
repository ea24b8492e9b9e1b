"""This module opens read and write transactions on the directory's database."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, QueuePool, Row, Table, event

from app import bounds
from app.scim.errors import busy
from app.store.database import sqlite_driver
from app.store.database.migration import DatabaseUnusable, migrate
from app.store.database.sqlite_driver import address, sqlite_version
from app.store.database.transaction import transaction

__all__ = [
    "Connection",
    "DatabaseUnusable",
    "Row",
    "Table",
    "address",
    "db",
    "directory_table",
    "engine_options",
    "lift_time_limit",
    "migrate",
    "reading",
    "sqlite_version",
    "writing",
]

log = logging.getLogger(__name__)


db = SQLAlchemy()
"""Holds the engines of both files; the tables of each are in its metadata."""

directory_table = partial(db.Table, sqlite_strict=True)
"""Declares a table of the directory's file. STRICT: SQLite refuses a value of another type than the column's."""


class Connections(QueuePool):
    """The pool of one database file; every connection in it is set by `driver.set_pragmas`."""


event.listen(Connections, "connect", sqlite_driver.set_pragmas)

_door = threading.Lock()


def engine_options() -> dict[str, Any]:
    """SQLALCHEMY_ENGINE_OPTIONS: the driver, its autocommit off our hands, and a pool wide enough for every thread.

    With `isolation_level=None` the driver begins nothing by itself, so that a check and the write after it are one
    transaction. The connection used last is taken first: few stay warm, not all.
    """
    return {
        "module": sqlite_driver.module,
        "poolclass": Connections,
        "pool_size": bounds.POOLED_CONNECTIONS,
        "max_overflow": bounds.POOLED_CONNECTIONS,
        "pool_timeout": bounds.CONNECTION_WAIT_S,
        "pool_use_lifo": True,
        "connect_args": {"isolation_level": None, "cached_statements": 256},
    }


@contextmanager
def reading() -> Iterator[Connection]:
    """A connection that sees one unchanging state of the database. Whatever is written on it is rolled back.

    Needs an application context. Raises UNAVAILABLE when the database cannot be used, and TOO_MANY
    when SQLite still works after `bounds.STATEMENT_S`.
    """
    with transaction(db.engine, "BEGIN", _unusable) as connection:
        yield connection


@contextmanager
def writing(wait: bool = True) -> Iterator[Connection]:
    """A connection in a write transaction: committed at the end, rolled back when an exception leaves the block.

    Only one thread at a time is inside; the others wait here and not for SQLite's lock, where waiting is a poll.
    BEGIN IMMEDIATE, because a transaction that reads first cannot become a writer when somebody else wrote in between.
    Needs an application context; does not stand in itself.
    Raises UNAVAILABLE when the database cannot be used, and TOO_MANY when SQLite still works after
    `bounds.STATEMENT_S`; then nothing was written. Without `wait`, anybody else who is writing makes it unavailable.
    """
    if not _door.acquire(timeout=bounds.WRITE_WAIT_S if wait else 0):
        raise busy()
    try:
        with transaction(db.engine, "BEGIN IMMEDIATE", _unusable, wait) as connection:
            yield connection
            connection.commit()
    finally:
        _door.release()


def lift_time_limit(connection: Connection) -> None:
    """Lets the present transaction take as long as it needs: for work on all rows that no request asks for."""
    sqlite_driver.set_time_limit(connection.connection.driver_connection, None)


def _unusable(reason: str, error: BaseException | None) -> str:
    log.error("%s: %s", reason, error)
    return f"The service cannot use its database: {reason}"
