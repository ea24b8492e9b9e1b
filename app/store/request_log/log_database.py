"""This module opens connections to the request log, a separate database file.

If the log cannot be used, only the console is affected.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from app.store.database.connection import Connection
from app.store.database.database_file import DatabaseFile

log = logging.getLogger(__name__)


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


def _unusable(reason: str, error: BaseException | None) -> str:
    _trouble.say(reason)
    return f"The request log cannot be used: {reason}"


# A power failure may lose the last rows; the file stays valid (WAL).
file = DatabaseFile("requests", _unusable, "synchronous = NORMAL")


@contextmanager
def reading() -> Iterator[Connection]:
    """Yield a connection that sees one unchanging state of the log. Needs an application context.

    Raises UNAVAILABLE when the log cannot be used, TOO_MANY after `bounds.STATEMENT_S`.
    """
    with file.transaction("BEGIN") as connection:
        yield connection


@contextmanager
def writing() -> Iterator[Connection]:
    """Yield a connection in a write transaction, committed at the end, or rolled back on an exception."""
    with file.transaction("BEGIN IMMEDIATE") as connection:
        yield connection
        connection.commit()
    _trouble.is_over()
