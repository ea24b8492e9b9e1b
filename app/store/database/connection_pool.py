"""This module keeps open connections to a database file."""

from __future__ import annotations

import threading
from contextlib import suppress

from app import bounds
from app.scim.errors import unavailable
from app.store.database import sqlite_driver
from app.store.database.connection import Connection, Memory


class Connections:
    """The connections of one application to one file, with their common `memory`.

    The one used last is taken first, so only a few stay warm.
    """

    def __init__(self, address: str, pragmas: tuple[str, ...]) -> None:
        self.memory = Memory()
        self._address = address
        self._pragmas = pragmas
        self._idle: list[Connection] = []
        self._places = threading.BoundedSemaphore(2 * bounds.POOLED_CONNECTIONS)

    def take(self) -> Connection:
        """Return a connection for one transaction. Raises UNAVAILABLE, and the driver's errors for a new one."""
        if not self._places.acquire(timeout=bounds.CONNECTION_WAIT_S):
            raise unavailable("The service is busy")
        with suppress(IndexError):
            return self._idle.pop()
        try:
            return Connection(sqlite_driver.connect(self._address, self._pragmas), self.memory)
        except BaseException:
            self._places.release()
            raise

    def give_back(self, connection: Connection, error: BaseException | None = None) -> None:
        """End a connection's transaction and keep it for the next one, unless an error makes it suspect."""
        if sqlite_driver.is_suspect(error):  # after a failed sync, the content of the library's cache is unknown
            self.drop(connection)
            return
        try:
            if connection.driver.in_transaction:
                connection.driver.execute("ROLLBACK")
        except sqlite_driver.ERRORS:
            self.drop(connection)
        else:
            connection.deadline = connection.generation = None
            connection.is_reading = False
            self._idle.append(connection)
            self._places.release()

    def drop(self, connection: Connection) -> None:
        """Close a connection instead of keeping it."""
        with suppress(sqlite_driver.ERRORS):
            connection.driver.close()
        self._places.release()

    def close(self) -> None:
        """Close all that are kept."""
        while self._idle:
            self._idle.pop().driver.close()
