"""This module opens connections to the request log, a separate database file.

If the log cannot be used, only the console is affected.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, QueuePool, event

from app import bounds
from app.store.database import sqlite_driver
from app.store.database.directory_database import db
from app.store.database.transaction import transaction

BIND = "requests"
"""The name of the engine in Flask-SQLAlchemy."""

log = logging.getLogger(__name__)


class LogConnections(QueuePool):
    """The pool of the log's file. A power failure may lose the last rows; the file stays valid (WAL)."""


def _set(connection: Any, record: object) -> None:
    sqlite_driver.set_pragmas(connection, record)
    connection.execute("PRAGMA synchronous = NORMAL").close()


event.listen(LogConnections, "connect", _set)


def engine_options(path: Path) -> dict[str, Any]:
    """Return the engine options of the log, for SQLALCHEMY_BINDS under the name `BIND`."""
    return {
        "url": sqlite_driver.address(path),
        "module": sqlite_driver.module,
        "poolclass": LogConnections,
        "pool_size": 4,
        "max_overflow": bounds.POOLED_CONNECTIONS,
        "pool_timeout": bounds.CONNECTION_WAIT_S,
        "pool_use_lifo": True,
        "hide_parameters": True,  # the text of an error goes to the server's log, and must not contain personal data
        "connect_args": {"isolation_level": None},
    }


class _Trouble:
    """A reporter that logs once that the log cannot be used, and once that it can be used again."""

    def __init__(self) -> None:
        self._said = ""

    def say(self, reason: str) -> None:
        if reason != self._said:
            self._said = reason
            log.error("the request log cannot be used: %s", reason)

    def is_over(self) -> None:
        if self._said:
            self._said = ""
            log.warning("the request log can be used again")


_trouble = _Trouble()


@contextmanager
def reading() -> Iterator[Connection]:
    """Yield a connection that sees one unchanging state of the log. Needs an application context.

    Raises UNAVAILABLE when the log cannot be used, TOO_MANY after `bounds.STATEMENT_S`.
    """
    with transaction(db.engines[BIND], "BEGIN", _unusable) as connection:
        yield connection


@contextmanager
def writing() -> Iterator[Connection]:
    """Yield a connection in a write transaction, committed at the end, or rolled back on an exception."""
    with transaction(db.engines[BIND], "BEGIN IMMEDIATE", _unusable) as connection:
        yield connection
        connection.commit()
    _trouble.is_over()


def _unusable(reason: str, error: BaseException | None) -> str:
    _trouble.say(reason)
    return f"The request log cannot be used: {reason}"
