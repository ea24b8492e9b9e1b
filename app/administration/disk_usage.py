"""This module measures the data folder and the free space."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app import bounds

COMPANIONS = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Storage:
    """The sizes of the files and of the disk of the folder. `wal_bytes`: the larger of both."""

    folder: str
    free_bytes: int
    total_bytes: int
    database_bytes: int
    log_bytes: int
    wal_bytes: int

    @property
    def is_low(self) -> bool:
        """Whether little space is free."""
        return self.free_bytes < min(bounds.DISK_LOW_BYTES, self.total_bytes // bounds.DISK_LOW_SHARE)

    @property
    def has_large_wal(self) -> bool:
        """Whether a reader keeps a WAL from being emptied."""
        return self.wal_bytes > bounds.WAL_BYTES


def storage(database: Path, log: Path) -> Storage:
    """Return the current sizes. Raises OSError if the system cannot read the disk usage."""
    room = shutil.disk_usage(database.parent)
    return Storage(
        str(database.parent),
        room.free,
        room.total,
        _size(database),
        _size(log),
        max(wal_bytes(database), wal_bytes(log)),
    )


def wal_bytes(database: Path) -> int:
    """Return the size of the WAL of a database, in bytes; 0 if it does not exist."""
    try:
        return database.with_name(database.name + "-wal").stat().st_size
    except FileNotFoundError:
        return 0


def _size(path: Path) -> int:
    """Return the size of a database with its companions, in bytes; 0 if it does not exist."""
    total = 0
    for more in COMPANIONS:
        with suppress(FileNotFoundError):
            total += path.with_name(path.name + more).stat().st_size
    return total
