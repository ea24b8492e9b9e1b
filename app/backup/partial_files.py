"""This module keeps the file of an unfinished backup apart from finished ones, and requires room for it.

Its name ends in `.partial`, and its mode is 0600, from the first moment until the backup is complete. A lock on the
file says that a process still writes it; the system also releases it after kill -9.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app import bounds, data_folder, process
from app.backup import archive, copies
from app.backup.copies import PARTIAL
from app.exit_codes import CONFIGURATION, TRY_AGAIN, CommandError

ASK_AGAIN_S = 0.02
_BINARY = getattr(os, "O_BINARY", 0)


class BackupError(CommandError):
    """No backup was written, and nothing is left of it; the text is one line."""

    code = TRY_AGAIN


@contextmanager
def lock(data: Path, wait_s: float) -> Iterator[None]:
    """Hold the lock of the backups of a data folder. Raises BackupError, OSError."""
    file = os.open(data / data_folder.BACKUP_LOCK_NAME, os.O_RDWR | os.O_CREAT, archive.FILE_MODE)
    try:
        give_up = time.monotonic() + wait_s
        while not process.lock(file):
            if time.monotonic() >= give_up:
                raise BackupError(f"data folder {data}: another backup is being written; try again later")
            time.sleep(ASK_AGAIN_S)
        yield
    finally:
        os.close(file)


@contextmanager
def partial_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new locked file, whose name is that of `path` and `.partial`; whatever still has this name is deleted."""
    partial = path.with_name(path.name + PARTIAL)
    if not copies.remove_partial(partial):
        raise BackupError(f"{partial}: another process writes this file")
    file = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, archive.FILE_MODE)
    with os.fdopen(file, "w+b") as opened:
        process.lock(file)
        try:
            yield opened
        finally:
            for other in partial.parent.glob(f"{partial.name}-*"):
                other.unlink(missing_ok=True)
            partial.unlink(missing_ok=True)


def complete(file: IO[bytes], path: Path) -> int:
    """Give the finished file of `partial_file` its name, durably, and return its size in bytes."""
    file.flush()
    os.fsync(file.fileno())
    size = os.fstat(file.fileno()).st_size
    file.close()  # Windows renames no open file
    path.with_name(path.name + PARTIAL).replace(path)
    archive.sync_folder(path.parent)
    return size


def prepare_folder(folder: Path, is_own: bool) -> None:
    """Create the folder for its owner only. Raises BackupError if others may write to one that exists."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name != "posix":
        return
    mode = folder.stat().st_mode
    if is_own and mode & 0o077:
        folder.chmod(0o700)
    elif mode & 0o022 and not mode & stat.S_ISVTX:
        raise BackupError(
            f"{folder}: expected a folder that only its owner may write to (mode 0700), "
            f"got mode {stat.S_IMODE(mode):04o}",
            CONFIGURATION,
        )


def require_reserve(data: Path) -> None:
    """Raise BackupError if the disk of the data folder gets too full for the service."""
    room = shutil.disk_usage(data)
    if room.free < _reserve(room.total):
        raise BackupError(
            f"no backup was written: the disk of {data} has {_mib(room.free)} free, "
            f"and {_mib(_reserve(room.total))} are reserved for the service"
        )


def require_room(folder: Path, written_bytes: int, data: Path) -> None:
    """Raise BackupError if a folder does not have 1.2 times the room that will be written.

    On the disk of the data folder `data`, the reserve of the service comes on top.
    """
    needed = written_bytes * 6 // 5
    room = shutil.disk_usage(folder)
    if folder.stat().st_dev == data.stat().st_dev:
        needed += _reserve(room.total)
    if room.free < needed:
        raise BackupError(
            f"{folder}: no backup was written: it needs {_mib(needed)} of free space, there are {_mib(room.free)}"
        )


def _reserve(total_bytes: int) -> int:
    """Return how much of a disk a backup leaves to the service."""
    return min(bounds.BACKUP_RESERVE_BYTES, total_bytes // bounds.BACKUP_RESERVE_SHARE)


def _mib(size: int) -> str:
    return f"{size / process.MIB:,.1f} MiB"
