"""This module copies a database file while others use it, and compares the copy with the original.

Works on a database of any step, also of one that this version does not know. See also: app/backup (the archive).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.store.database import sqlite_driver

COUNTS: Mapping[str, str] = {
    "users": "SELECT count(*) FROM resource WHERE type = 'User'",
    # The number of disabled ones is that of the rows of a small index.
    "active_users": (
        "SELECT (SELECT count(*) FROM resource WHERE type = 'User') - count(*) FROM resource "
        "WHERE type = 'User' AND active = 0"
    ),
    "groups": "SELECT count(*) FROM resource WHERE type = 'Group'",
    "memberships": "SELECT count(*) FROM membership",
    "administrators": "SELECT count(*) FROM operator",
    "scim_keys": "SELECT count(*) FROM scim_key",
    "oauth_clients": "SELECT count(*) FROM oauth_client",
    "events": "SELECT count(*) FROM event",
    "audit_entries": "SELECT entries FROM audit_head",
}
"""What is counted in the directory's file."""

_KEPT: Mapping[str, str] = {
    "users": "SELECT total FROM population WHERE type = 'User'",
    "active_users": "SELECT active FROM population WHERE type = 'User'",
    "groups": "SELECT total FROM population WHERE type = 'Group'",
    "memberships": "SELECT coalesce(sum(members), 0) FROM resource WHERE type = 'Group'",
    "audit_entries": "SELECT max(id) FROM audit",
}
"""What each transaction stores next to the rows that it writes; so the difference between both never changes."""

_MARKS: Mapping[str, str] = {
    "events": "SELECT seq FROM sqlite_sequence WHERE name = 'event'",
    "audit entries": "SELECT entries FROM audit_head",
    "requests": "SELECT max(id) FROM request",
}
"""Numbers that only rise."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database file has, in one state.

    `step` is the schema step, for the request log its version. `instance` is the installation's id, "" in older
    databases and in the request log. `differences`: of each count and of the total that is kept next to its rows.
    """

    step: str
    instance: str
    audit_hash: str
    counts: Mapping[str, int]
    differences: Mapping[str, int]
    marks: Mapping[str, int]


def read_contents(path: Path, is_unchanging: bool = False) -> Contents:
    """Return what a file has, read in one transaction. Raises the driver's errors.

    `is_unchanging`: no other process uses the file, so that none is created next to it.
    """
    address = f"{sqlite_driver.address(path)}?mode=ro&immutable=1" if is_unchanging else _address(path)
    with closing(_connect(address)) as connection:
        connection.execute("BEGIN")
        return _contents(connection)


def copy(source: Path, target: Path, look: Callable[[], None]) -> None:
    """Write one state of a database that others use into the empty file `target`, without what was deleted from it.

    Writers go on meanwhile. `look` is called every few milliseconds, and ends the copy by raising an exception.
    Raises it, and the driver's errors.
    """
    with closing(_connect(_address(source))) as connection, _ended_by(look, connection):
        connection.execute("VACUUM INTO ?", (str(target),))


def faults(path: Path, look: Callable[[], None] = lambda: None) -> list[str]:
    """Return what is wrong with the structure of a copy and with its references; reads all of it.

    `look` ends it as in `copy`. Raises it, and the driver's errors.
    """
    address = f"{sqlite_driver.address(path)}?mode=ro&immutable=1"
    with closing(_connect(address)) as connection, _ended_by(look, connection):
        lines = [line for (line,) in connection.execute("PRAGMA integrity_check(10)") if line != "ok"]
        return (
            lines
            + [
                f"{table}: a row refers to a missing row of {parent}"
                for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check")
            ][:10]
        )


def differences(before: Contents, copied: Contents) -> list[str]:
    """Return how a copy differs from the original as it was just before, where no writer can be the reason.

    Writers go on between both, so the counts may differ. But the copy has at least the events and audit entries that
    were there; and each transaction changes rows and kept totals alike, so their difference is the same in both.
    """
    lines = []
    if (copied.step, copied.instance) != (before.step, before.instance):
        lines.append(f"expected the tables of step {before.step}, got {copied.step or 'none'}")
    for name, least in before.marks.items():
        if copied.marks.get(name, -1) < least:
            lines.append(f"{name}: expected at least {least:,}, got {copied.marks.get(name, 0):,}")
    for name, difference in before.differences.items():
        if copied.differences.get(name) != difference:
            lines.append(f"{name}: {copied.counts.get(name, 0):,} rows do not agree with the total")
    return lines


@contextmanager
def _ended_by(look: Callable[[], None], connection: Any) -> Iterator[None]:
    """Let an exception of `look` end the statements of the connection, and raise it."""
    causes: list[BaseException] = []

    def is_over() -> bool:
        try:
            look()
        except BaseException as cause:
            causes.append(cause)
        return bool(causes)

    sqlite_driver.set_time_limit(connection, is_over)
    try:
        yield
    except sqlite_driver.ERRORS:
        if causes:
            raise causes[0] from None
        raise


def _address(path: Path) -> str:
    return sqlite_driver.existing_address(path)


def _connect(address: str) -> Any:
    """Return a connection without the pragmas of the service: it neither creates a file nor changes its mode."""
    connection = sqlite_driver.module.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    sqlite_driver.set_patience(connection, is_patient=True)
    return connection


def _contents(connection: Any) -> Contents:
    kinds = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    tables = {name for (name,) in kinds}
    (log_version,) = connection.execute("PRAGMA user_version").fetchone()
    step = _one(connection, "SELECT version_num FROM alembic_version") if "alembic_version" in tables else log_version
    counts = _numbers(connection, COUNTS)
    return Contents(
        step=str(step or ""),
        instance=str(_one(connection, "SELECT instance FROM installation") or ""),
        audit_hash=str(_one(connection, "SELECT hash FROM audit_head") or ""),
        counts=counts,
        differences={name: counts[name] - kept for name, kept in _numbers(connection, _KEPT).items() if name in counts},
        marks=_numbers(connection, _MARKS),
    )


def _numbers(connection: Any, queries: Mapping[str, str]) -> dict[str, int]:
    numbers = {name: _one(connection, query) for name, query in queries.items()}
    return {name: number for name, number in numbers.items() if isinstance(number, int)}


def _one(connection: Any, query: str) -> Any:
    """Return the first value of a query; None without a row, and where an older step lacks the table or column."""
    try:
        row = connection.execute(query).fetchone()
    except sqlite_driver.module.OperationalError as error:
        if str(error).startswith("no such "):
            return None
        raise
    return row[0] if row else None
