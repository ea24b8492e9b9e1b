"""This module chooses the SQLite library, configures its connections and classifies its errors."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine

from app.scim.value_comparison import exact_text, normalize_instant, normalize_text

try:
    # Before 3.51.3 SQLite can damage a database in a rare race when the WAL is reset; this package has a newer one.
    import pysqlite3.dbapi2 as _library
except ImportError:
    import sqlite3 as _library

module: Any = _library
ERRORS: Any = (module.Error, MemoryError)
"""What the driver raises; MemoryError takes the place of an error with the code SQLITE_NOMEM."""

SAFE_VERSION = (3, 51, 3)
BUSY_TIMEOUT_MS = 5_000
STEPS_BETWEEN_LOOKS = 10_000  # of SQLite's virtual machine: about a millisecond
CACHE_KIB = 4_096
CACHED_STATEMENTS = 256
JOURNAL_LIMIT_BYTES = 64 * 1024 * 1024
AUTOCHECKPOINT_PAGES = 8_000

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "trusted_schema = OFF",
    "cell_size_check = ON",
    # What is deleted is overwritten, so that it can be erased. Neither time nor disk use could be told from without.
    "secure_delete = ON",
    f"journal_size_limit = {JOURNAL_LIMIT_BYTES}",
    f"cache_size = -{CACHE_KIB}",
    "temp_store = MEMORY",
    # A request makes a checkpoint only if the background thread did not (DatabaseFile.checkpoint).
    f"wal_autocheckpoint = {AUTOCHECKPOINT_PAGES}",
)

DAMAGED = "the database is damaged"
_REASONS = {
    module.SQLITE_BUSY: "the database is locked by another program",
    module.SQLITE_LOCKED: "the database is locked",
    module.SQLITE_PROTOCOL: "the database is locked by another program",
    module.SQLITE_FULL: "the disk is full",
    module.SQLITE_IOERR: "the disk reports an error",
    module.SQLITE_READONLY: "the database cannot be written",
    module.SQLITE_CANTOPEN: "the database cannot be opened",
    module.SQLITE_CORRUPT: DAMAGED,
    module.SQLITE_NOTADB: DAMAGED,
    module.SQLITE_NOMEM: "memory is short",
}
_PASSING = frozenset(
    {
        *(module.SQLITE_BUSY, module.SQLITE_LOCKED, module.SQLITE_PROTOCOL),
        *(module.SQLITE_FULL, module.SQLITE_IOERR, module.SQLITE_NOMEM),
    }
)
_NO_SHARED_MEMORY: int = module.SQLITE_IOERR | (19 << 8)  # SQLITE_IOERR_SHMSIZE, which the driver does not declare
_INTERRUPTED: int = module.SQLITE_INTERRUPT
_DAMAGE = frozenset({module.SQLITE_CORRUPT, module.SQLITE_NOTADB})
_SUSPECT = _DAMAGE | {module.SQLITE_IOERR, module.SQLITE_NOMEM}


def sqlite_version() -> str:
    """Return the version of the SQLite library in use, such as `3.53.4`."""
    version: str = module.sqlite_version
    return version


def version_warning() -> str | None:
    """Return a sentence for the administrator if the library has the bug that 3.51.3 fixed, else None."""
    if tuple(module.sqlite_version_info) >= SAFE_VERSION:
        return None
    safe = ".".join(map(str, SAFE_VERSION))
    return f"SQLite {sqlite_version()} has a rare fault that can damage a database; {safe} or newer is advised."


def address(path: Path) -> str:
    """Return the URI of the database file, in which a path may contain `?` and `%`."""
    return path.absolute().as_uri()


def existing_address(path: Path) -> str:
    """Return the same for a file that must exist: a new connection must not create an empty one in its place."""
    return f"{address(path)}?mode=rw"


def connect(address: str, pragmas: Iterable[str] = ()) -> Any:
    """Return a new connection, which the caller closes. Raises `module.Error`.

    It is durable (WAL with synchronous=FULL, unless `pragmas` say otherwise), checked, and waits for locks. Its cache
    is small because each thread's connection has its own; the operating system caches the file for all. With
    `isolation_level=None` the driver starts no transaction, so that a check and the write after it are one.
    """
    connection = module.connect(
        address, uri=True, isolation_level=None, check_same_thread=False, cached_statements=CACHED_STATEMENTS
    )
    try:
        set_patience(connection, is_patient=True)
        for pragma in (*_PRAGMAS, *pragmas):
            connection.execute(f"PRAGMA {pragma}").close()
        # SQLite itself neither composes Unicode text nor knows the case of more than ASCII.
        for function in (exact_text, _normalize_text, _normalize_instant):
            connection.create_function(function.__name__.lstrip("_"), 1, function, deterministic=True)
    except ERRORS:
        connection.close()
        raise
    return connection


def _normalize_text(value: Any) -> Any:
    """Return a text in comparable form, and a value that is no text unchanged: app/store/directory/filter_sql.py."""
    return normalize_text(value) if isinstance(value, str) else value


def _normalize_instant(value: Any) -> Any:
    return normalize_instant(value) if isinstance(value, str) else value


def make_engine(address: str) -> Engine:
    """Return an engine for the creation and migration of tables; it keeps no connection."""
    return create_engine("sqlite://", creator=lambda: connect(address), module=module, poolclass=NullPool)


def set_patience(connection: Any, is_patient: bool) -> None:
    """Set whether a driver connection waits for locks (the default of a new one) or fails at once."""
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS if is_patient else 0}").close()


def set_time_limit(connection: Any, is_over: Callable[[], bool]) -> None:
    """Interrupt a statement, at the next look, when its time `is_over`."""
    connection.set_progress_handler(is_over, STEPS_BETWEEN_LOOKS)


def is_interrupted(error: BaseException | None) -> bool:
    """Return whether the time limit ended the statement."""
    return _primary_code(error) == _INTERRUPTED


def reason(error: BaseException | None) -> str | None:
    """Return why the database cannot be used now, in plain words; None for an error of another kind."""
    if "Could not decode to UTF-8" in str(error):  # the driver's own error, without an SQLite error code
        return "the database is damaged: it has text that is not UTF-8"
    if getattr(error, "sqlite_errorcode", 0) == _NO_SHARED_MEMORY:  # the -shm file finds no room
        return _REASONS[module.SQLITE_FULL]
    return _REASONS.get(_primary_code(error))


def may_pass(error: BaseException | None) -> bool:
    """Return whether the same may succeed later: the disk is full or reports an error, the file is locked."""
    return _primary_code(error) in _PASSING


def is_suspect(error: BaseException | None) -> bool:
    """Return whether the connection should not be used again after this error."""
    return _primary_code(error) in _SUSPECT


def is_damage(error: BaseException | None) -> bool:
    """Return whether the file itself is damaged or not a database."""
    return _primary_code(error) in _DAMAGE


def _primary_code(error: BaseException | None) -> int:
    """Return SQLite's primary result code, without the extended bits; 0 for other errors."""
    code: int = module.SQLITE_NOMEM if isinstance(error, MemoryError) else getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
