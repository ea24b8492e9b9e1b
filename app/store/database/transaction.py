"""This module runs one transaction on a pooled connection with its lock and time limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import bounds
from app.scim.errors import Code, ScimError, unavailable
from app.store.database import sqlite_driver

Begin = Literal["BEGIN", "BEGIN IMMEDIATE"]


@contextmanager
def transaction(
    engine: Engine, begin: Begin, unusable: Callable[[str, BaseException | None], str], wait: bool = True
) -> Iterator[Connection]:
    """Yield a connection after `begin`, rolled back at the end unless it was committed.

    Raises UNAVAILABLE when the file cannot be used, with the text that `unusable` returns for the reason and the
    driver's error, or when all connections are in use; TOO_MANY when a statement runs longer than `bounds.STATEMENT_S`.
    Without `wait`, any other lock makes the file unusable.
    """
    try:
        with engine.connect() as connection:
            try:
                with _limited(connection):
                    _begin(connection, begin, wait)
                    yield connection
            except DBAPIError as error:
                # After a failed sync, the content of the library's cache is unknown. Only after the limit is removed:
                # an invalidated connection is closed, and accepts no further calls.
                if sqlite_driver.is_suspect(error.orig):
                    connection.invalidate()
                raise
    except DBAPIError as error:
        if sqlite_driver.is_interrupted(error.orig):
            raise ScimError(
                Code.TOO_MANY, sentence=f"The request took longer than {bounds.STATEMENT_S} seconds"
            ) from error
        reason = sqlite_driver.reason(error.orig)
        if reason is None:
            raise
        raise unavailable(unusable(reason, error.orig)) from error
    except PoolTimeout as error:
        raise unavailable("The service is busy") from error


@contextmanager
def _limited(connection: Connection) -> Iterator[None]:
    """Apply the time limit to a transaction, and remove it at the end: the next transaction has its own."""
    driver_connection = connection.connection.driver_connection
    sqlite_driver.set_time_limit(driver_connection, bounds.STATEMENT_S)
    try:
        yield
    finally:
        sqlite_driver.set_time_limit(driver_connection, None)


def _begin(connection: Connection, begin: Begin, wait: bool) -> None:
    """Start a transaction. Only here SQLite's lock is waited for: a transaction that has begun to write has it."""
    if wait:
        connection.exec_driver_sql(begin)
        return
    driver_connection = connection.connection.driver_connection
    sqlite_driver.set_patience(driver_connection, False)
    try:
        connection.exec_driver_sql(begin)
    finally:
        sqlite_driver.set_patience(driver_connection, True)
