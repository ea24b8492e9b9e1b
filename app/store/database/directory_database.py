"""This module opens read and write transactions on the directory's database."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from sqlalchemy import MetaData
from sqlalchemy import Table as Table

from app.store.database import shared_commit
from app.store.database.connection import Connection as Connection  # these are for callers that use this module only
from app.store.database.connection import Row as Row
from app.store.database.database_file import DatabaseFile
from app.store.database.migration import DatabaseUnusable as DatabaseUnusable
from app.store.database.migration import migrate as migrate
from app.store.database.shared_commit import WorkLost
from app.store.database.sqlite_driver import address as address
from app.store.database.sqlite_driver import existing_address as existing_address
from app.store.database.sqlite_driver import sqlite_version as sqlite_version

log = logging.getLogger(__name__)
_Result = TypeVar("_Result")

metadata = MetaData()
"""The declared tables of the directory's file."""


def directory_table(name: str, *columns_and_indexes: Any, **options: Any) -> Table:
    """Declare a table of the directory's file.

    STRICT: SQLite refuses a value of another type than the column's.
    """
    return Table(name, metadata, *columns_and_indexes, sqlite_strict=True, **options)


def _unusable(reason: str, error: BaseException | None) -> str:
    log.error("%s: %s", reason, error or "changes by SCIM are refused until a restart")
    return f"The service cannot use its database: {reason}"


file = DatabaseFile("directory", _unusable)


def reading() -> AbstractContextManager[Connection]:
    """Return a context manager of a connection that sees one unchanging state; all writes on it are rolled back.

    Needs an application context. Raises UNAVAILABLE when the database cannot be used, and TOO_MANY when a statement
    runs longer than `bounds.STATEMENT_S`.
    """
    return file.transaction("BEGIN")


def reading_once() -> AbstractContextManager[Connection]:
    """Return the same for one statement, or for several that need not see the same state: without a transaction."""
    return file.transaction("")


@contextmanager
def writing(wait: bool = True) -> Iterator[Connection]:
    """Yield a connection in a write transaction, committed at the end, or rolled back on an exception.

    Only one thread at a time is inside; the others wait here and not for SQLite's lock, where waiting is polling. BEGIN
    IMMEDIATE, because a transaction that reads first cannot become a writer if another one wrote in between. Needs an
    application context; cannot be nested.

    Raises UNAVAILABLE when the database cannot be used, and TOO_MANY when a statement runs longer than
    `bounds.STATEMENT_S`; then nothing was written. Without `wait`, any other writer makes it unavailable.
    """
    with file.usable() as writers, writers.alone(wait), file.transaction("BEGIN IMMEDIATE", wait) as connection:
        yield connection
        connection.commit()


def write_together(work: Callable[[Connection], _Result]) -> _Result:
    """Return what `work` returns with a connection as that of `writing`: writers who wait share one commit.

    It may run in another thread with the context variables of this one, and twice: it must have no effect outside the
    transaction.
    """
    try:
        return file.write_together(work)
    except WorkLost:
        with writing() as connection:
            return work(connection)


def use_while_waiting(work: Callable[[], bool]) -> None:
    """Let the calling thread do `work` before it waits for other writers or the disk, as long as that returns True."""
    shared_commit.of_thread.use_wait = work


def try_write() -> None:
    """Store a number that nothing reads, in the file's header, as a writer like others. Raises UNAVAILABLE."""
    # Another number than before: SQLite does not write a page that is equal.
    number = time.time_ns() // 1_000_000 % 2**31
    write_together(lambda connection: connection.exec_driver_sql(f"PRAGMA user_version = {number}"))


def last_refusal(within_s: float) -> str:
    """Return why a request's change was last refused by the database, "" if that was not in the last seconds."""
    return file.last_refusal(within_s)


def lift_time_limit(connection: Connection) -> None:
    """Remove the time limit of the current transaction, for work on all rows outside of requests."""
    connection.deadline = None
