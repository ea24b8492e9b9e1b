"""This module empties a WAL that has grown large, and logs that a reader prevents it.

While a reader keeps an old state of the database, SQLite appends what is written, and each reader becomes slower.
"""

import logging
from pathlib import Path

from app import bounds
from app.administration import disk_usage
from app.store.database import directory_database
from app.store.request_log import log_database

log = logging.getLogger(__name__)


def look(database: Path, requests_database: Path) -> None:
    """Empty the WAL of each of these files that is larger than `bounds.WAL_BYTES`, as far as readers allow."""
    for file, path in ((directory_database.file, database), (log_database.file, requests_database)):
        if disk_usage.wal_bytes(path) > bounds.WAL_BYTES and not file.empty_wal():
            size = disk_usage.wal_bytes(path) // 2**20
            log.warning("the WAL of %s has %d MiB: a program reads the database and does not end", path.name, size)
