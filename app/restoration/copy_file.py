"""This module opens the file of a copy, an archive or a bare database, and unpacks it into an empty folder."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app import clock, exit_codes
from app.backup import archive
from app.backup import copies as backup_copies
from app.file_swap import REPLACED_BEGINNING
from app.settings import DATABASE_NAME, Settings
from app.store.database import migration
from app.version import VERSION

_SQLITE = b"SQLite format 3\0"
_ROOM = 2.2  # the unpacked file, and as much again while it is upgraded
PART_BYTES = 1024 * 1024


class CopyError(exit_codes.CommandError):
    """The file is not a copy that can be restored; nothing was changed."""

    code = exit_codes.CONFIGURATION


@dataclass(frozen=True, slots=True)
class BackupFile:
    """The file of a copy, and its SHA-256. `made`: when, in wire form."""

    path: Path
    sha256: str
    made: str


def unpack(path: Path, folder: Path, identity: Path | None = None) -> BackupFile:
    """Unpack a copy into an empty folder and return what it is. Raises CopyError, with a sentence for each fault."""
    try:
        if not path.is_file():
            raise CopyError(f"{path}: expected the file of a backup")
        with open(path, "rb") as file:
            beginning = file.read(len(_SQLITE))
            if not beginning:
                raise CopyError(f"{path}: the file is empty, so it is no copy")
        return (_copy_database if beginning == _SQLITE else _unpack_archive)(path, folder, identity)
    except OSError as error:
        raise CopyError(
            f"{error.filename or path}: {error.strerror or error}", exit_codes.of_system_error(error)
        ) from None


@dataclass(frozen=True, slots=True)
class ListedBackup:
    """The file of a copy that can be chosen. `made`: when, in wire form."""

    path: Path
    made: str


def copies(settings: Settings) -> list[ListedBackup]:
    """Return the copies that need no private key, newest first: backups, and databases from before an upgrade."""
    former = [path for path in settings.data.glob("pre-upgrade-*.sqlite3") if path.is_file() and not path.is_symlink()]
    found = [
        ListedBackup(copy.path, copy.made) for copy in backup_copies.list_copies(settings) if not copy.is_encrypted
    ]
    return sorted(
        [*found, *(ListedBackup(path, _made(path)) for path in former)], key=lambda copy: copy.made, reverse=True
    )


def require_room(folder: Path, needed_bytes: int) -> None:
    """Raise CopyError unless the disk of a folder has room for so many bytes and for the server afterwards."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise CopyError(
            f"data folder {folder.parent}: a restore needs {needed_bytes:,} bytes, {free:,} are free",
            exit_codes.TRY_AGAIN,
        )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove(path: Path) -> None:
    """Remove a file or a folder with its content; a link itself."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _unpack_archive(path: Path, folder: Path, identity: Path | None) -> BackupFile:
    with archive.opened(path, identity) as opened:
        manifest = opened.manifest
        known = migration.known_steps()
        if manifest.step not in known:
            raise CopyError(
                f"{path}: the backup is of a newer Recnice SCIM ({manifest.version}, step {manifest.step}), "
                f"this one is {VERSION} (step {known[-1]}): install that version to restore it"
            )
        sizes = [member.bytes for member in manifest.members.values()]
        require_room(folder, sum(sizes) + int((_ROOM - 1) * manifest.members[DATABASE_NAME].bytes))
        opened.unpack(folder)
    return BackupFile(path, sha256_of(path), manifest.made)


def _copy_database(path: Path, folder: Path, _identity: Path | None) -> BackupFile:
    """Copy the bare file of a database, such as the one from before an upgrade; a replaced one with its WAL."""
    sides = [path.with_name(path.name + more) for more in ("-wal", "-journal")]
    sides = [side for side in sides if side.exists() and side.stat().st_size]
    if sides and not path.absolute().parent.name.startswith(REPLACED_BEGINNING):
        raise CopyError(f"{path}: {sides[0].name} is next to it, so a server may use the file: expected a backup of it")
    files = {path: DATABASE_NAME} | {side: DATABASE_NAME + side.name.removeprefix(path.name) for side in sides}
    require_room(folder, int(_ROOM * sum(file.stat().st_size for file in files)))
    for file, name in files.items():
        with open(file, "rb") as source, open(folder / name, "xb", opener=_private) as copied:
            shutil.copyfileobj(source, copied, PART_BYTES)
    return BackupFile(path, sha256_of(path), _made(path))


def _made(path: Path) -> str:
    return clock.to_wire(datetime.fromtimestamp(path.stat().st_mtime, UTC))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
