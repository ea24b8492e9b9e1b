"""This module runs transactions on a database file of the current application."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from flask import Flask

from app import bounds, clock, current_application
from app.scim.errors import Code, ScimError, unavailable
from app.store.database import sqlite_driver
from app.store.database.connection import Connection, Memory, over_time
from app.store.database.connection_pool import Connections
from app.store.database.shared_commit import Writers

_Result = TypeVar("_Result")
Begin = Literal["", "BEGIN", "BEGIN IMMEDIATE"]


class DatabaseFile:
    """A database file of the current application, whose transactions are run one at a time on each connection.

    `name` is that of the file in the application. `unusable` returns the text of UNAVAILABLE for a reason and the
    driver's error. `pragmas`: those in which this file differs from `sqlite_driver`.
    """

    def __init__(self, name: str, unusable: Callable[[str, BaseException | None], str], *pragmas: str) -> None:
        self._name = f"recnice-{name}"
        self._unusable = unusable
        self._pragmas = pragmas

    def init_app(self, app: Flask, address: str, *pragmas: str) -> None:
        """Let an application use the file at `address` (`sqlite_driver.address`), with more `pragmas`."""
        app.extensions[self._name] = Writers(Connections(address, (*self._pragmas, *pragmas)))

    @contextmanager
    def opened(self, path: Path, *pragmas: str) -> Iterator[None]:
        """Enter the context of an application that has the existing file at `path` only, and close it at the end."""
        app = Flask("opened")
        self.init_app(app, sqlite_driver.existing_address(path), *pragmas)
        with app.app_context():
            try:
                yield
            finally:
                self.close()

    @property
    def memory(self) -> Memory:
        """What the current application remembers."""
        return self._writers().connections.memory

    def close(self) -> None:
        """Close the connections of the current application that no transaction uses."""
        self._writers().connections.close()

    def abandon(self, refusal: str) -> None:
        """Refuse every transaction of the current application from now on, with a sentence that says why."""
        self._writers().connections.abandon(refusal)

    def abandon_after_writes(self, refusal: str) -> None:
        """Do the same when the writer at work has committed, so that all that was acknowledged is in the file."""
        with self.usable() as writers, writers.alone(wait=True):
            writers.connections.abandon(refusal)

    @contextmanager
    def usable(self) -> Iterator[Writers]:
        """Yield the writers of the current application, which have its connections.

        Raises UNAVAILABLE instead of the driver's errors when the file cannot be used, and TOO_MANY for a statement
        that ran longer than `bounds.STATEMENT_S`.
        """
        try:
            yield self._writers()
        except sqlite_driver.ERRORS as error:
            self.refuse(error)
            raise

    def refuse(self, error: Exception) -> None:
        """Raise the refusal that an error of the driver means; return for an error that is none."""
        if sqlite_driver.is_interrupted(error):
            raise over_time() from error
        if sqlite_driver.is_damage(error) and not self._writers().damaged_since:
            self._writers().damaged_since = clock.to_wire(clock.utc_now())
        if (reason := sqlite_driver.reason(error)) is not None:
            raise unavailable(self._unusable(reason, error)) from error

    def transaction(self, begin: Begin, wait: bool = True) -> AbstractContextManager[Connection]:
        """Return a context manager of a connection after `begin`, rolled back at the end unless it was committed.

        Without `begin` it is for reading, and each statement sees a state of its own. Needs an application context.
        Raises what `usable` raises, and UNAVAILABLE when all connections are in use. Without `wait`, any other lock
        makes the file unusable.
        """
        return _Transaction(self, self._writers().connections, begin, wait)

    def write_together(self, work: Callable[[Connection], _Result]) -> _Result:
        """Return what `work` returns (`Writers.together`). Raises WorkLost, and what `usable` raises.

        Raises DAMAGED once damage was met (docs/decisions/0061-damage-stops-changes-by-scim.md).
        """
        if damage := self.damage():
            raise damage
        try:
            return self._writers().together(work)
        except sqlite_driver.ERRORS as error:
            try:
                self.refuse(error)
            except ScimError as refusal:
                if refusal.code is Code.UNAVAILABLE:
                    self._writers().last_refusal = time.monotonic(), refusal.detail
                raise
            raise

    def damage(self) -> ScimError | None:
        """Return the refusal of a change once damage was met in the file."""
        if not self._writers().damaged_since:
            return None
        return ScimError(Code.DAMAGED, sentence=self._unusable(sqlite_driver.DAMAGED, None))

    @property
    def damaged_since(self) -> str:
        """When the current application first met damage in the file, in wire form; "" if it has not."""
        return self._writers().damaged_since

    @property
    def abandoned(self) -> str:
        """Why every transaction of the current application is refused (`abandon`), "" if it is not."""
        return self.memory.refusal

    @property
    def transactions(self) -> int:
        """How many write transactions the current application has begun."""
        return self._writers().transactions

    def last_refusal(self, within_s: float) -> str:
        """Return why the database refused to store the work of writers who share, "" if not in the last seconds."""
        at, sentence = self._writers().last_refusal
        return sentence if time.monotonic() - at < within_s else ""

    def clean(self, is_rewritten: bool = False) -> bool:
        """Copy the WAL into the file and empty it; return whether no reader or other process kept it from that.

        With `is_rewritten` the whole file is written again before, without what it no longer uses: writers wait.
        """
        with self.usable() as writers, writers.alone(True):
            connection = writers.connections.take()
            try:
                if is_rewritten:
                    connection.exec_driver_sql("VACUUM").all()
                (is_busy, *_) = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()[0]
            except BaseException as error:
                writers.connections.give_back(connection, error)
                raise
            writers.connections.give_back(connection)
            return not is_busy

    def checkpoint(self) -> bool:
        """Copy what writers have appended to the WAL into the file, if it is much; readers and writers go on.

        Return whether it was.
        """
        with self.usable() as writers:
            if writers.turns < bounds.WRITES_BEFORE_CHECKPOINT:
                return False
            writers.turns = 0
        with self.transaction("") as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").all()
        return True

    def empty_wal(self) -> bool:
        """Copy the WAL into the file and cut it to nothing; return whether no reader needs it any longer.

        Does not wait: what a reader still needs stays, and the next call tries again.
        """
        with self.transaction("") as connection:
            sqlite_driver.set_patience(connection.driver, False)
            try:
                # Writers wait during the second one only, which then finds nearly nothing to copy.
                for mode in ("PASSIVE", "TRUNCATE"):
                    is_busy, _, _ = connection.exec_driver_sql(f"PRAGMA wal_checkpoint({mode})").one()
            finally:
                sqlite_driver.set_patience(connection.driver, True)
        return not is_busy

    def _writers(self) -> Writers:
        writers: Writers = current_application.extension(self._name)
        return writers


class _Transaction:
    """A transaction. A class, because a generator takes as long as a short statement, and each request has one."""

    __slots__ = ("_begin", "_connection", "_connections", "_file", "_wait")

    def __init__(self, file: DatabaseFile, connections: Connections, begin: Begin, wait: bool) -> None:
        self._file = file
        self._connections = connections
        self._begin = begin
        self._wait = wait

    def __enter__(self) -> Connection:
        try:
            self._connection = connection = self._connections.take()
        except sqlite_driver.ERRORS as error:
            self._file.refuse(error)
            raise
        try:
            connection.keeps_generation = self._begin != "BEGIN IMMEDIATE"
            if self._begin:
                _begin(connection, self._begin, self._wait)
            connection.deadline = time.monotonic() + bounds.STATEMENT_S
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        self._connections.give_back(self._connection, error)
        if isinstance(error, sqlite_driver.ERRORS):
            self._file.refuse(error)


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
