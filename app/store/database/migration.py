"""This module creates, checks and migrates the database file before the service uses it.

Alembic is loaded only if there is a migration step to run; a start with a current file does not load it.
"""

import logging
import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from app import bounds, bundled_files, exit_codes
from app.store.database import sqlite_driver
from app.throttle import Throttle

FOLDER_MODE = 0o700
FILE_MODE = 0o600
PROGRESS_EVERY_S = 5.0
UPGRADE_CACHE_KIB = 65_536  # a step that rebuilds a table looks into indexes in no order
_IS_POSIX = os.name == "posix"
_EMPTY = (
    "{}: the database is missing or empty, but this data folder was set up: restore a backup in its place, "
    "or begin with an empty directory (recnice-scim serve --new)."
)

log = logging.getLogger(__name__)


class DatabaseUnusable(exit_codes.CommandError):
    """The database cannot be used in its present state; the text is one sentence for the administrator."""

    code = exit_codes.CONFIGURATION


def migrate(path: Path, may_be_new: bool = True, back_up: Callable[[], object] = lambda: None) -> tuple[str, ...]:
    """Migrate the database file to the newest step; create it, readable by its owner only, if it is missing.

    `back_up` is called before an existing database is changed, and prevents that by an exception. Each step is one
    transaction, so after an interruption at any moment the next start continues. Unless it `may_be_new`, a missing or
    empty database is refused: it had content once, whose ids Entra still uses.

    Returns warnings for the administrator. Raises DatabaseUnusable, and what `back_up` raises; then nothing but
    finished steps has changed.
    """
    known = known_steps()
    try:
        if not may_be_new and not (path.exists() and path.stat().st_size):
            raise DatabaseUnusable(_EMPTY.format(path))
        _make_file(path)
        with closing(sqlite_driver.connect(sqlite_driver.address(path))) as connection:
            _check_file(connection, path)
            step = _current_step(connection, path)
            if step is None and not may_be_new:
                raise DatabaseUnusable(_EMPTY.format(path))
            if step is not None and step not in known:
                raise DatabaseUnusable(
                    f"{path}: the database is from a newer Recnice SCIM (step {step}, this one knows {known[-1]}): "
                    "start that version, or restore a backup from before its upgrade."
                )
        if step is not None and step != known[-1]:
            back_up()
        if step != known[-1]:
            _upgrade(path)
        _restrict_files(path)
    except OSError as error:
        code = exit_codes.of_system_error(error)
        raise DatabaseUnusable(f"{path}: the database cannot be used: {error.strerror}.", code) from error
    except (sqlite_driver.module.Error, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise DatabaseUnusable(
            f"{path}: the database cannot be used: {sqlite_driver.reason(cause) or cause}.",
            exit_codes.TRY_AGAIN if sqlite_driver.may_pass(cause) else exit_codes.CONFIGURATION,
        ) from error
    warning = sqlite_driver.version_warning()
    return (warning,) if warning else ()


def known_steps() -> list[str]:
    """Return the names of all steps, oldest first: a step's file is `<name>_<words>.py`, with a number as its name."""
    return sorted(file.name.partition("_")[0] for file in (bundled_files.MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def is_current(connection: Any) -> bool:
    """Return whether the tables are those of this version."""
    return bool(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == known_steps()[-1])


def _make_file(path: Path) -> None:
    """Create the file before SQLite does, so that other users cannot read it at any moment."""
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
    _restrict_files(path)


def _restrict_files(path: Path) -> None:
    """Remove the permissions of other users; Windows has no such modes, there those of the folder apply."""
    for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        if _IS_POSIX and file.exists():
            file.chmod(FILE_MODE)


def _check_file(connection: Any, path: Path) -> None:
    """Check the structure of the whole file, unless it is so large that the start would take minutes."""
    if path.stat().st_size >= bounds.QUICK_CHECK_BYTES:
        return
    (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        damage = " ".join(finding.split())
        raise DatabaseUnusable(f"{path}: the database is damaged, restore a backup in its place: {damage}")


def _current_step(connection: Any, path: Path) -> str | None:
    """Return the step that the database is at; None for an empty file.

    Raises DatabaseUnusable for a file that another program created.
    """
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise DatabaseUnusable(f"{path}: the file is the database of another program.")
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None


def _upgrade(path: Path) -> None:
    """Run the missing steps with Alembic."""
    from alembic import command
    from alembic.config import Config

    engine = sqlite_driver.make_engine(sqlite_driver.address(path))
    event.listen(engine, "begin", _begin)
    settings = Config()
    settings.set_main_option("script_location", str(bundled_files.MIGRATIONS).replace("%", "%%"))
    with engine.connect() as connection:
        # A step may rebuild a table that others refer to; env.py checks the references before each commit.
        # On the driver's connection, since inside a transaction SQLite would ignore it.
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys = OFF")
        driver.execute(f"PRAGMA cache_size = -{UPGRADE_CACHE_KIB}")
        sqlite_driver.set_time_limit(driver, _progress(path))
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def _progress(path: Path) -> Callable[[], bool]:
    """Return a function that logs now and then how long the upgrade has taken; it returns False, so nothing ends."""
    started, throttle = time.monotonic(), Throttle()
    throttle.begin()

    def log_now_and_then() -> bool:
        if throttle.take(PROGRESS_EVERY_S):
            log.info("%s is upgraded to this version's layout: %d s so far", path, time.monotonic() - started)
        return False

    return log_now_and_then


def _begin(connection: Connection) -> None:
    """Start a transaction: the driver starts none, and SQLAlchemy relies on it, so a step could be half applied."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
