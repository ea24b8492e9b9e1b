"""This module creates and checks the request log's file at start, and renames an unusable one.

Only the console needs the log, so no content of the file prevents a start. A folder or a link in its place does: then
the whole data folder is refused (app/data_folder.py).
"""

import os
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateColumn

from app import bounds, clock
from app.store.database import sqlite_driver
from app.store.request_log.tables import LOG_VERSION, metadata

FILE_MODE = 0o600
_COMPANIONS = ("", "-wal", "-shm", "-journal")


class _Unfit(Exception):  # noqa: N818
    """The file is not a request log that this version can continue."""


def prepare(path: Path) -> tuple[str, ...]:
    """Create the log at `path`, for its owner only, or check that it can be used; return warnings. Never raises.

    A damaged log, or one of another version, is renamed to `recnice-requests-<time>.sqlite3`, and a new one is created.
    """
    try:
        try:
            _bring_up(path)
        except _Unfit as unfit:
            aside = put_aside(path)
            _bring_up(path)
            return (f"{path}: {unfit}; it is now {aside.name}, and a new request log is begun",)
    except (OSError, DBAPIError, sqlite_driver.module.Error, _Unfit) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        return (
            f"{path}: the request log cannot be used, so no requests are kept: {sqlite_driver.reason(cause) or cause}",
        )
    return ()


def _bring_up(path: Path) -> None:
    """Create or check the log file.

    Raises _Unfit for a file that must be replaced, and OSError or a database error if the log cannot be used now.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
    try:
        with closing(sqlite_driver.module.connect(path, isolation_level=None)) as connection:
            sqlite_driver.set_patience(connection, is_patient=True)
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if not tables and not version:
                # Only a file without any table accepts this; pruned rows then free disk space.
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL").close()
            elif version != LOG_VERSION:
                raise _Unfit(f"the request log is of another version ({version}, this one writes {LOG_VERSION})")
            elif path.stat().st_size < bounds.QUICK_CHECK_BYTES:
                (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if finding != "ok":
                    raise _Unfit("the request log is damaged")
        _make_tables(path)
    except (DBAPIError, sqlite_driver.module.Error) as error:
        if sqlite_driver.is_damage(error.orig if isinstance(error, DBAPIError) else error):
            raise _Unfit("the request log is damaged") from error
        raise
    for companion in _COMPANIONS:
        with suppress(FileNotFoundError):
            path.with_name(path.name + companion).chmod(FILE_MODE)


def _make_tables(path: Path) -> None:
    """Create missing tables, columns and indexes, delete former indexes, set the version, all in one transaction."""
    engine = sqlite_driver.make_engine(sqlite_driver.address(path))
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        metadata.create_all(connection)
        for table in metadata.sorted_tables:
            there = {column["name"] for column in inspect(connection).get_columns(table.name)}
            for column in (column for column in table.columns if column.name not in there):
                added = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {added}")
            declared = {index.name for index in table.indexes}
            for former in {index["name"] for index in inspect(connection).get_indexes(table.name)} - declared:
                connection.exec_driver_sql(f"DROP INDEX {former}")
            for index in table.indexes:
                index.create(connection, checkfirst=True)
        connection.exec_driver_sql(f"PRAGMA user_version = {LOG_VERSION}")
        connection.commit()


def put_aside(path: Path) -> Path:
    """Rename the file with its companions: an old journal next to a new log would damage it."""
    moment = clock.utc_now().strftime("%Y%m%dT%H%M%S%fZ")
    aside = path.with_name(f"{path.stem}-{moment}{path.suffix}")
    for companion in _COMPANIONS:
        with suppress(FileNotFoundError):
            path.with_name(path.name + companion).replace(aside.with_name(aside.name + companion))
    return aside
