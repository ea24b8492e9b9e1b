"""This module creates, checks, copies and migrates the database file before the service uses it.

Alembic is loaded only when there is a step to take; a start on a file that is up to date does without it.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from app import bounds, bundled_files, clock
from app.store.database import sqlite_driver

FOLDER_MODE = 0o700
FILE_MODE = 0o600
_IS_POSIX = os.name == "posix"


class DatabaseUnusable(Exception):  # noqa: N818  # the state of the file, which no code here caused
    """The database cannot be used as it lies there; the text is one sentence for the administrator."""


def migrate(path: Path) -> tuple[str, ...]:
    """Brings the database file to the newest step; makes it, for its owner only, where it is missing.

    An existing database is copied first (`pre-upgrade-<step>-<time>.sqlite3` beside it). Each step is one transaction,
    so that a stop at any moment leaves a database that the next start goes on with.
    Returns warnings for the administrator. Raises DatabaseUnusable, and has then changed nothing but finished steps.
    """
    known = _known_steps()
    try:
        _make_file(path)
        with closing(sqlite_driver.connect(path)) as connection:
            _check_file(connection, path)
            step = _current_step(connection, path)
            if step is not None and step not in known:
                raise DatabaseUnusable(
                    f"{path}: the database is from a newer Recnice SCIM (step {step}, this one knows {known[-1]}): "
                    "start that version, or restore a backup from before its upgrade."
                )
            if step is not None and step != known[-1]:
                _copy(connection, path, step)
        if step != known[-1]:
            _upgrade(path)
        _restrict_files(path)
    except OSError as error:
        raise DatabaseUnusable(f"{path}: the database cannot be used: {error.strerror}.") from error
    except (sqlite_driver.module.Error, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise DatabaseUnusable(
            f"{path}: the database cannot be used: {sqlite_driver.reason(cause) or cause}."
        ) from error
    warning = sqlite_driver.version_warning()
    return (warning,) if warning else ()


def _known_steps() -> list[str]:
    """The names of all steps, oldest first: a step's file is `<name>_<words>.py`, numbered."""
    return sorted(file.name.partition("_")[0] for file in (bundled_files.MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _make_file(path: Path) -> None:
    """Makes the file before SQLite does, so that no moment passes in which others could read it."""
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
    _restrict_files(path)


def _restrict_files(path: Path) -> None:
    """Takes away what others may do; Windows has no such modes, there the folder's own rights count."""
    for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        if _IS_POSIX and file.exists():
            file.chmod(FILE_MODE)


def _check_file(connection: Any, path: Path) -> None:
    """Reads the structure of the whole file, unless it is so large that the start would take minutes."""
    if path.stat().st_size >= bounds.QUICK_CHECK_BYTES:
        return
    (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        found = " ".join(finding.split())
        raise DatabaseUnusable(f"{path}: the database is damaged, restore a backup in its place: {found}")


def _current_step(connection: Any, path: Path) -> str | None:
    """The step that the database is at; None for an empty file. Refuses a file that another program made."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise DatabaseUnusable(f"{path}: the file is the database of another program.")
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None


def _copy(connection: Any, path: Path, step: str) -> None:
    """Makes a verified copy beside the database, complete or not there at all. Raises what `migrate` catches."""
    moment = clock.utc_now().strftime("%Y%m%dT%H%M%SZ")
    copy = path.with_name(f"pre-upgrade-{step}-{moment}.sqlite3")
    partial = copy.with_suffix(".partial")
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, FILE_MODE))
        with closing(sqlite_driver.module.connect(partial, isolation_level=None)) as target:
            connection.backup(target)
            # One file without companions: what is copied is a database in WAL mode.
            target.execute("PRAGMA journal_mode = DELETE")
            (finding,) = target.execute("PRAGMA integrity_check(1)").fetchone()
            if finding != "ok" or _current_step(target, partial) != step:
                raise DatabaseUnusable(f"{path}: the copy before the upgrade is not sound: {finding}")
        _sync(partial, os.O_RDWR)
        partial.replace(copy)
        if _IS_POSIX:
            _sync(copy.parent, os.O_RDONLY)
    finally:
        partial.unlink(missing_ok=True)


def _sync(path: Path, flags: int) -> None:
    """Waits until a file or a folder's names are on the disk."""
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _upgrade(path: Path) -> None:
    """Takes the missing steps with Alembic."""
    from alembic import command
    from alembic.config import Config

    engine = create_engine(
        sqlite_driver.address(path),
        module=sqlite_driver.module,
        poolclass=NullPool,
        connect_args={"isolation_level": None},
    )
    event.listen(engine, "connect", sqlite_driver.set_pragmas)
    event.listen(engine, "begin", _begin)
    settings = Config()
    settings.set_main_option("script_location", str(bundled_files.MIGRATIONS).replace("%", "%%"))
    with engine.connect() as connection:
        # A step may rebuild a table that others refer to; env.py checks the references before each commit.
        # On the driver's connection, since inside a transaction SQLite would ignore it.
        connection.connection.driver_connection.execute("PRAGMA foreign_keys = OFF")  # type: ignore[union-attr]
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def _begin(connection: Connection) -> None:
    """The driver begins nothing by itself, and SQLAlchemy relies on the driver: without this a step half-applies."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
