"""This module lets several writers share one transaction, and so one wait for the disk.

Writers work one after the other. One that sees others waiting leaves its work in the open transaction, and is answered
when the last one has committed it. Each has a savepoint of its own, so an error takes back the work of its writer only
(docs/decisions/0053-writers-share-a-commit.md).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from app import bounds
from app.scim.errors import ScimError, busy
from app.store.database import sqlite_driver
from app.store.database.connection import Connection
from app.store.database.connection_pool import Connections

LOOK_EVERY_S = 0.05

_Of = ParamSpec("_Of")
_Result = TypeVar("_Result")


class WorkLost(Exception):  # noqa: N818  # no fault of the writer who meets it
    """The database took back a shared transaction because of another writer's error; the work can be done again."""


def repeated(operation: Callable[_Of, _Result]) -> Callable[_Of, _Result]:
    """Return an operation that is done again if its work is lost, or UNAVAILABLE after some times."""

    @wraps(operation)
    def attempt(*of: _Of.args, **named: _Of.kwargs) -> _Result:
        for _ in range(bounds.WORK_REPEATED):
            try:
                return operation(*of, **named)
            except WorkLost:
                continue
        raise busy()

    return attempt


class Writers:
    """The writers of one application to one file, on its connections."""

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.turns = 0  # since the last checkpoint
        self._door = threading.Lock()
        self._counting = threading.Lock()
        self._waiting = 0
        self._batch: _Batch | None = None

    @contextmanager
    def alone(self, wait: bool) -> Iterator[None]:
        """Wait until no other writer of this process works or has work that is not committed.

        Raises UNAVAILABLE after `bounds.WRITE_WAIT_S`; without `wait`, at once if there is another writer.
        """
        self._enter(bounds.WRITE_WAIT_S if wait else 0)
        try:
            if self._batch is not None:
                if not wait:
                    raise busy()
                self._end(self._batch)
            self.turns += 1
            yield
        finally:
            self._door.release()

    @contextmanager
    def together(self) -> Iterator[Connection]:
        """Yield a connection in a write transaction that others may share; it is committed when the block is over.

        Raises UNAVAILABLE after `bounds.WRITE_WAIT_S`, the driver's errors, and WorkLost. An error of the block is
        raised when the transaction is over: it may follow from the work of others, who may lose it.
        """
        self._enter(bounds.WRITE_WAIT_S)
        batch = self._batch
        try:
            if batch is None:
                batch = self._batch = _Batch(self.connections)
            with batch.turn() as connection:
                yield connection
        except ScimError:
            self._leave(batch)
            raise
        except BaseException:
            self._leave(batch, wait=False)
            raise
        else:
            self._leave(batch)

    def _leave(self, batch: _Batch | None, wait: bool = True) -> None:
        """Let the next writer in, or end the transaction; then wait for its end. Raises the error that ended it."""
        if batch is not None and (batch.is_spent or not self._waiting or batch.size >= bounds.WRITERS_TOGETHER):
            self._end(batch)
        self._door.release()
        if batch is None or not wait:
            return
        while not batch.is_over.wait(LOOK_EVERY_S):
            # The writer who was waiting may have given up.
            if self._door.acquire(blocking=False):
                if self._batch is batch:
                    self._end(batch)
                self._door.release()
        if batch.error is not None:
            raise batch.error

    def _enter(self, timeout: float) -> None:
        with self._counting:
            self._waiting += timeout > 0
        has_entered = self._door.acquire(timeout=timeout)
        with self._counting:
            self._waiting -= timeout > 0
        if not has_entered:
            raise busy()

    def _end(self, batch: _Batch) -> None:
        self._batch = None
        self.turns += batch.size
        batch.end()


class _Batch:
    """A transaction of several writers. `size` is how many have done their work in it, `error` why they lost it.

    `is_spent`: no other writer may join.
    """

    def __init__(self, connections: Connections) -> None:
        self.is_over = threading.Event()
        self.is_spent = False
        self.size = 0
        self.error: Exception | None = None
        self._connections = connections
        self._connection = connections.take()
        self._is_suspect = False
        try:
            self._connection.run("BEGIN IMMEDIATE")
        except BaseException as error:
            connections.give_back(self._connection, error)
            raise

    @contextmanager
    def turn(self) -> Iterator[Connection]:
        """Yield the connection to one writer, whose work is undone on an exception.

        After a refusal the transaction goes on. After any other error it does not: SQLite has undone all work after
        some, and a statement may still be open.
        """
        connection = self._connection
        connection.deadline = time.monotonic() + bounds.STATEMENT_S
        is_first = not self.size
        try:
            if not is_first:
                connection.run("SAVEPOINT turn")
            yield connection
            if not is_first:
                connection.run("RELEASE turn")
            self.size += 1
        except ScimError:
            if is_first:
                self.is_spent = True
            else:
                self._undo()
            raise
        except BaseException:
            self._lose()
            raise

    def _undo(self) -> None:
        try:
            self._connection.run("ROLLBACK TO turn")
            self._connection.run("RELEASE turn")
        except Exception:  # an open savepoint, or none, would change what the next writer's RELEASE does
            self._lose()

    def _lose(self) -> None:
        self.is_spent = self._is_suspect = True
        self.error = WorkLost()

    def end(self) -> None:
        """Commit the work, unless it is lost, and let its writers go on."""
        try:
            if self.size and self.error is None:
                self._connection.deadline = None
                self._connection.commit()
        except Exception as error:
            self.error = error
            self._is_suspect = sqlite_driver.is_suspect(error)
        finally:
            (self._connections.drop if self._is_suspect else self._connections.give_back)(self._connection)
            self.is_over.set()
