"""The connections to the request log, a database file of its own beside the one with identity data.

Not here: the rows (requests.py) and the file at the start (request_file.py). Where the log cannot be used, only the
console misses it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, QueuePool, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import bounds
from app.scim import errors
from app.store import driver
from app.store.db import db

BIND = "requests"
"""The name of the engine among Flask-SQLAlchemy's."""

log = logging.getLogger(__name__)


class LogConnections(QueuePool):
    """The pool of the log's file. A power cut may take the last rows; the file stays sound (WAL)."""


def _set(connection: Any, record: object) -> None:
    driver.set_pragmas(connection, record)
    connection.execute("PRAGMA synchronous = NORMAL").close()


event.listen(LogConnections, "connect", _set)


def engine_options(path: Path) -> dict[str, Any]:
    """One of SQLALCHEMY_BINDS, under the name `BIND`."""
    return {
        "url": driver.address(path),
        "module": driver.module,
        "poolclass": LogConnections,
        "pool_size": 4,
        "max_overflow": bounds.POOLED_CONNECTIONS,
        "pool_timeout": bounds.CONNECTION_WAIT_S,
        "pool_use_lifo": True,
        "hide_parameters": True,  # an error's text goes to the program's log, and says nothing of anybody there
        "connect_args": {"isolation_level": None},
    }


class _Trouble:
    """Says once that the log cannot be used, and once that it can be used again."""

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
    """A connection to the log that sees one unchanging state of it. Needs an application context.

    Raises `errors.unavailable` when the log cannot be used, `errors.too_many` after `bounds.STATEMENT_S`.
    """
    with _transaction("BEGIN") as connection:
        yield connection


@contextmanager
def writing() -> Iterator[Connection]:
    """The same in a write transaction: committed at the end, rolled back when an exception leaves the block."""
    with _transaction("BEGIN IMMEDIATE") as connection:
        yield connection
        connection.commit()
    _trouble.is_over()


@contextmanager
def _transaction(begin: str) -> Iterator[Connection]:
    try:
        with db.engines[BIND].connect() as connection:
            try:
                with _limited(connection):
                    connection.exec_driver_sql(begin)
                    yield connection
            except DBAPIError as error:
                # After the limit is taken away: an invalidated connection is closed, and takes nothing more.
                if driver.is_suspect(error.orig):
                    connection.invalidate()
                raise
    except DBAPIError as error:
        if driver.is_interrupted(error.orig):
            raise errors.too_many(f"The request took longer than {bounds.STATEMENT_S} seconds") from error
        reason = driver.reason(error.orig)
        if reason is None:
            raise
        _trouble.say(reason)
        raise errors.unavailable(f"The request log cannot be used: {reason}") from error
    except PoolTimeout as error:
        raise errors.unavailable("The service is busy") from error


@contextmanager
def _limited(connection: Connection) -> Iterator[None]:
    """The time limit of a transaction; gone at the end, so that the next one on this connection has its own."""
    driver_connection = connection.connection.driver_connection
    driver.set_time_limit(driver_connection, bounds.STATEMENT_S)
    try:
        yield
    finally:
        driver.set_time_limit(driver_connection, None)
