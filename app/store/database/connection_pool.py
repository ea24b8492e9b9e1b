"""This module keeps open connections to a database file."""

import threading
from contextlib import suppress

from app import bounds
from app.scim.errors import unavailable
from app.store.database import sqlite_driver
from app.store.database.connection import Connection, Memory


class Connections:
    """The connections of one application to one file, with their common `memory`.

    The one used last is taken first, so only a few stay warm. To take one that is kept needs no lock.
    """

    def __init__(self, address: str, pragmas: tuple[str, ...]) -> None:
        self.memory = Memory()
        self._address = address
        self._pragmas = pragmas
        self._idle: list[Connection] = []
        self._count = 0
        self._waiting = 0
        self._changed = threading.Condition()

    def take(self) -> Connection:
        """Return a connection for one transaction. Raises UNAVAILABLE, and the driver's errors for a new one."""
        try:
            return self._idle.pop()
        except IndexError:
            return self._wait() or self._connect()

    def _wait(self) -> Connection | None:
        """Return a connection that was given back; None if there may be one more. Raises UNAVAILABLE."""
        taken: list[Connection | None] = []

        def has_taken() -> bool:
            if self.memory.refusal:
                raise unavailable(self.memory.refusal)
            try:
                taken.append(self._idle.pop())
            except IndexError:
                if self._count == 2 * bounds.POOLED_CONNECTIONS:
                    return False
                taken.append(None)
                self._count += 1
            return True

        with self._changed:
            self._waiting += 1
            try:
                if not self._changed.wait_for(has_taken, bounds.CONNECTION_WAIT_S):
                    raise unavailable("The service is busy")
            finally:
                self._waiting -= 1
        return taken[0]

    def _connect(self) -> Connection:
        try:
            return Connection(sqlite_driver.connect(self._address, self._pragmas), self.memory)
        except BaseException:
            self._remove()
            raise

    def _remove(self) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify()

    def give_back(self, connection: Connection, error: BaseException | None = None) -> None:
        """End a connection's transaction and keep it for the next one, unless an error makes it suspect."""
        # After a failed sync, its cache is unknown.
        if self.memory.refusal or (error is not None and sqlite_driver.is_suspect(error)):
            self.drop(connection)
            return
        try:
            if connection.driver.in_transaction:
                connection.driver.execute("ROLLBACK")
            connection.deadline = connection.generation = None
            connection.keeps_generation = False
            self._idle.append(connection)
        except sqlite_driver.ERRORS:
            self.drop(connection)
            return
        if self._waiting:
            with self._changed:
                self._changed.notify()

    def drop(self, connection: Connection) -> None:
        """Close a connection and keep a new one in its place, unless the file is abandoned.

        It is opened first: with no connection open, it would read the whole WAL, and take for committed what a failed
        commit has written there.
        """
        if not self.memory.refusal:
            with suppress(sqlite_driver.ERRORS):
                with self._changed:
                    self._count += 1
                self._idle.append(self._connect())
        self._close(connection)

    def _close(self, connection: Connection) -> None:
        try:
            with suppress(sqlite_driver.ERRORS):
                connection.driver.close()
        finally:
            self._remove()

    def abandon(self, refusal: str) -> None:
        """Refuse every transaction from now on, also those that have begun, with a sentence. Nothing undoes this.

        SQLite closes a connection to such a file without a checkpoint, and leaves the WAL of the new file alone.
        """
        self.memory.refusal = refusal
        with self._changed:
            self._changed.notify_all()
        self.close()

    def close(self) -> None:
        """Close all that are kept."""
        while self._idle:
            self._close(self._idle.pop())
