"""This module measures the data folder, the free space and the last copy before an upgrade."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app import clock

COPIES = "pre-upgrade-*.sqlite3"
"""The names of the copies that app/store/database/migration.py makes beside the database."""
COMPANIONS = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the database: its file's name, and when it was written (wire form)."""

    name: str
    at: str


@dataclass(frozen=True, slots=True)
class Storage:
    """Sizes in bytes; `free_bytes` of the disk that the folder is on. `copy`: the newest one, None: there is none."""

    folder: str
    free_bytes: int
    total_bytes: int
    database_bytes: int
    log_bytes: int
    copy: Copy | None


def storage(database: Path, log: Path) -> Storage:
    """The folder of the database as it is now. Raises OSError where the system tells nothing of it."""
    room = shutil.disk_usage(database.parent)
    return Storage(
        str(database.parent), room.free, room.total, _size(database), _size(log), _newest_copy(database.parent)
    )


def _size(path: Path) -> int:
    """Of a database with its companions; 0 where it is not there."""
    total = 0
    for more in COMPANIONS:
        with suppress(FileNotFoundError):
            total += path.with_name(path.name + more).stat().st_size
    return total


def _newest_copy(folder: Path) -> Copy | None:
    found = [(path.stat().st_mtime, path.name) for path in folder.glob(COPIES)]
    if not found:
        return None
    written, name = max(found)
    return Copy(name, clock.to_wire(datetime.fromtimestamp(written, UTC)))
