"""This module reads a backup: a ZIP whose first member is its manifest, and whose other members that one declares.

What it declares decides what is read: no name of the ZIP becomes a path, and no member may be longer than declared.
"""

import hashlib
import io
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app import bounds
from app.backup import encryption
from app.backup.manifest import NAME, ArchiveError, Manifest, parse
from app.exit_codes import TRY_AGAIN
from app.settings import DATABASE_NAME, REQUESTS_NAME
from app.store import database_copy
from app.store.database import sqlite_driver

CHUNK_BYTES = 1024 * 1024
FILE_MODE = 0o600
VERIFICATIONS = "verification-*.partial"
"""The names of the folders into which backups are unpacked to verify them."""
_DATABASE_BEGINNING = b"SQLite format 3\0"
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OverflowError, ValueError)
"""What zipfile raises for members that no version writes."""


@dataclass(frozen=True)
class Archive:
    """A backup that is open for reading. `path` is for messages."""

    path: Path
    manifest: Manifest
    _zip: zipfile.ZipFile

    def unpack(self, folder: Path, names: Collection[str] | None = None) -> None:
        """Write the members (None: all) into an existing folder, for their owner only, compared by their SHA-256.

        Synced. No file is replaced. Raises ArchiveError, FileExistsError, OSError; then none of them is there.
        """
        written: list[Path] = []
        try:
            for name in self.manifest.members if names is None else names:
                target = folder / name
                target.parent.mkdir(mode=0o700, exist_ok=True)
                file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), FILE_MODE)
                written.append(target)
                with open(file, "wb") as opened_file:
                    self._read(name, opened_file)
                    opened_file.flush()
                    os.fsync(opened_file.fileno())
            for parent in {target.parent for target in written} | {folder}:
                sync_folder(parent)
        except BaseException:
            for target in written:
                target.unlink(missing_ok=True)
            raise

    def verify_hashes(self) -> None:
        """Read all members, and compare their sizes and SHA-256 with the manifest. Raises ArchiveError."""
        for name in self.manifest.members:
            self._read(name, None)

    def require_room(self, folder: Path) -> None:
        """Raise ArchiveError unless half of the free space of a folder is enough for all members."""
        needed = 2 * sum(member.bytes for member in self.manifest.members.values())
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise ArchiveError(
                f"{self.path}: to unpack it takes {needed:,} free bytes in {folder.parent}, there are {free:,}",
                TRY_AGAIN,
            )

    def verify(self, parent: Path | None = None) -> None:
        """Unpack everything into a temporary folder, check the databases, and compare their counts with the manifest.

        `parent`: where that folder is; None for the one of the system. Raises ArchiveError, OSError.
        """
        if parent:
            parent.mkdir(mode=0o700, exist_ok=True)
        prefix, _, suffix = VERIFICATIONS.partition("*")
        with tempfile.TemporaryDirectory(suffix, prefix, parent) as folder:
            self.require_room(Path(folder))
            self.unpack(Path(folder))
            for name in {DATABASE_NAME, REQUESTS_NAME} & self.manifest.members.keys():
                self._check_database(Path(folder, name), name)

    def _check_database(self, file: Path, name: str) -> None:
        try:
            lines = database_copy.faults(file)
            contents = database_copy.read_contents(file, is_unchanging=True)
        except sqlite_driver.ERRORS as error:
            raise ArchiveError(f"{self.path}: {name} is damaged: {error}") from None
        if name == DATABASE_NAME and (contents.step, contents.counts) != (self.manifest.step, self.manifest.counts):
            lines.append("its counts are not those of the manifest")
        if lines:
            raise ArchiveError(f"{self.path}: {name} is damaged: {lines[0]}")

    def _read(self, name: str, target: IO[bytes] | None) -> None:
        member, sha256, length = self.manifest.members[name], hashlib.sha256(), 0
        try:
            with self._zip.open(name) as source:
                while chunk := source.read(CHUNK_BYTES):
                    length += len(chunk)
                    if length > member.bytes:
                        break
                    sha256.update(chunk)
                    if target:
                        target.write(chunk)
        except _UNREADABLE:
            raise ArchiveError(f"{self.path}: the backup is damaged: {name} cannot be read") from None
        if (length, sha256.hexdigest()) != (member.bytes, member.sha256):
            raise ArchiveError(f"{self.path}: the backup is damaged: {name} is not as it was written")


@contextmanager
def opened(path: Path, identity: Path | None = None) -> Iterator[Archive]:
    """Open a backup for reading; `identity` is a file with the private key of an encrypted one. Raises ArchiveError."""
    with open_file(path) as file:
        beginning = file.read(len(encryption.BEGINNING))
        file.seek(0)
        if not beginning:
            raise ArchiveError(f"{path}: the file is empty (0 bytes)")
        if beginning != encryption.BEGINNING:
            yield from _read_zip(path, file, beginning)
            return
        if identity is None:
            raise ArchiveError(f"{path}: the backup is encrypted: name the file of its private key (--identity FILE)")
        with tempfile.TemporaryFile() as plain:
            encryption.decrypt(path, file, plain, identity)
            plain.seek(0)
            yield from _read_zip(path, plain, b"PK")


def open_file(path: Path) -> IO[bytes]:
    """Open the file of a backup for reading; never wait for a pipe. Raises ArchiveError."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror or error}") from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise ArchiveError(f"{path}: expected a regular file")
    return os.fdopen(file, "rb")


def read_manifest(path: Path, identity: Path | None = None) -> Manifest:
    """Return the manifest of a backup. Raises ArchiveError."""
    with opened(path, identity) as archive:
        return archive.manifest


def _read_zip(path: Path, file: IO[bytes], beginning: bytes) -> Iterator[Archive]:
    if beginning.startswith(_DATABASE_BEGINNING[: len(beginning)]):
        raise ArchiveError(f"{path}: expected a backup of Recnice SCIM, got a bare SQLite database")
    try:
        packed = zipfile.ZipFile(file)
    except _UNREADABLE:
        if beginning.startswith(b"PK"):
            raise ArchiveError(f"{path}: the backup is incomplete: its end is missing") from None
        raise ArchiveError(f"{path}: expected a backup of Recnice SCIM, got a file of another kind") from None
    with packed:
        yield Archive(path, _read_manifest(path, packed), packed)


def _read_manifest(path: Path, packed: zipfile.ZipFile) -> Manifest:
    """Return the manifest, after a look at the directory of the ZIP: one entry for each declared member, no other."""
    entries = packed.infolist()
    if not entries or entries[0].filename != NAME or entries[0].file_size > bounds.BACKUP_MANIFEST_BYTES:
        raise ArchiveError(f"{path}: expected a backup of Recnice SCIM, got another archive")
    try:
        with packed.open(entries[0]) as source:
            manifest = parse(source.read(bounds.BACKUP_MANIFEST_BYTES), path)
    except _UNREADABLE:
        raise ArchiveError(f"{path}: the backup is damaged: its manifest cannot be read") from None
    sizes = [(entry.filename, entry.file_size) for entry in entries[1:]]
    if sorted(sizes) != sorted((name, member.bytes) for name, member in manifest.members.items()):
        raise ArchiveError(f"{path}: the backup is damaged: its files are not those of its manifest")
    if any(stat.S_ISLNK(entry.external_attr >> 16) for entry in entries):
        raise ArchiveError(f"{path}: the backup has links, which no version writes")
    return manifest


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; Windows has nothing of the kind."""
    if os.name == "posix":
        with suppress(io.UnsupportedOperation):
            file = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(file)
            finally:
                os.close(file)
