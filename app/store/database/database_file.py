"""This module keeps the connections to one database file and runs transactions on them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from flask import Flask, current_app

from app import bounds
from app.scim.errors import Code, ScimError, unavailable
from app.store.database import sqlite_driver
from app.store.database.connection import Connection

Begin = Literal["BEGIN", "BEGIN IMMEDIATE"]


class DatabaseFile:
    """A database file of the current application, whose transactions are run one at a time on each connection.

    `name` is that of the file in the application. `unusable` returns the text of UNAVAILABLE for a reason and the
    driver's error. `pragmas`: those in which this file differs from `sqlite_driver`.
    """

    def __init__(self, name: str, unusable: Callable[[str, BaseException | None], str], *pragmas: str) -> None:
        self._name = f"recnice-{name}"
        self._unusable = unusable
        self._pragmas = pragmas

    def init_app(self, app: Flask, address: str) -> None:
        """Let an application use the file at `address` (`sqlite_driver.address`)."""
        app.extensions[self._name] = _Idle(address, self._pragmas)

    def close(self) -> None:
        """Close the connections of the current application that no transaction uses."""
        self._idle().close()

    @contextmanager
    def transaction(self, begin: Begin, wait: bool = True) -> Iterator[Connection]:
        """Yield a connection after `begin`, rolled back at the end unless it was committed.

        Needs an application context. Raises UNAVAILABLE when the file cannot be used, or when all connections are in
        use; TOO_MANY when a statement runs longer than `bounds.STATEMENT_S`. Without `wait`, any other lock makes the
        file unusable.
        """
        idle = self._idle()
        connection = None
        try:
            connection = idle.take()
            connection.deadline = time.monotonic() + bounds.STATEMENT_S
            _begin(connection, begin, wait)
            yield connection
        except sqlite_driver.module.Error as error:
            if connection is not None and sqlite_driver.is_suspect(error):
                # After a failed sync, the content of the library's cache is unknown.
                idle.drop(connection)
                connection = None
            if sqlite_driver.is_interrupted(error):
                raise ScimError(
                    Code.TOO_MANY, sentence=f"The request took longer than {bounds.STATEMENT_S} seconds"
                ) from error
            reason = sqlite_driver.reason(error)
            if reason is None:
                raise
            raise unavailable(self._unusable(reason, error)) from error
        finally:
            if connection is not None:
                idle.give_back(connection)

    def _idle(self) -> _Idle:
        idle: _Idle = current_app.extensions[self._name]
        return idle


class _Idle:
    """The connections of one application to one file; the one used last is taken first, so only a few stay warm."""

    def __init__(self, address: str, pragmas: tuple[str, ...]) -> None:
        self._address = address
        self._pragmas = pragmas
        self._connections: list[Connection] = []
        self._places = threading.BoundedSemaphore(2 * bounds.POOLED_CONNECTIONS)

    def take(self) -> Connection:
        """Return a connection for one transaction. Raises UNAVAILABLE, and the driver's errors for a new one."""
        if not self._places.acquire(timeout=bounds.CONNECTION_WAIT_S):
            raise unavailable("The service is busy")
        with suppress(IndexError):
            return self._connections.pop()
        try:
            return Connection(sqlite_driver.connect(self._address, self._pragmas))
        except BaseException:
            self._places.release()
            raise

    def give_back(self, connection: Connection) -> None:
        """End a connection's transaction and keep it for the next one."""
        try:
            if connection.driver.in_transaction:
                connection.driver.execute("ROLLBACK")
        except sqlite_driver.module.Error:
            self.drop(connection)
        else:
            connection.deadline = None
            self._connections.append(connection)
            self._places.release()

    def drop(self, connection: Connection) -> None:
        """Close a connection instead of keeping it."""
        with suppress(sqlite_driver.module.Error):
            connection.driver.close()
        self._places.release()

    def close(self) -> None:
        """Close all that are kept."""
        while self._connections:
            self._connections.pop().driver.close()


def _begin(connection: Connection, begin: Begin, wait: bool) -> None:
    """Start a transaction. Only here SQLite's lock is waited for: a transaction that has begun to write has it."""
    if wait:
        connection.run(begin)
        return
    sqlite_driver.set_patience(connection.driver, False)
    try:
        connection.run(begin)
    finally:
        sqlite_driver.set_patience(connection.driver, True)
