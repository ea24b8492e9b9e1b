"""This module writes a backup: consistent copies of the databases, verified, in one file with what belongs to them.

Its name ends in `.partial` until it was synced, read again and compared (app/backup/partial_files.py).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import stat
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO

from app import clock, data_folder, thread_priority
from app.backup import archive, copies, encryption, partial_files
from app.backup.copies import PARTIAL, Backup
from app.backup.manifest import NAME, Manifest, Member
from app.backup.partial_files import BackupError as BackupError  # it is for callers that use this module only
from app.exit_codes import CONFIGURATION, TRY_AGAIN, USAGE, of_system_error
from app.scim import schema_file
from app.settings import DATABASE_NAME, FILE_NAME, REQUESTS_NAME, Settings
from app.store import database_copy
from app.store.database import sqlite_driver
from app.version import VERSION

LOOK_EVERY_S = 0.1
_BINARY = getattr(os, "O_BINARY", 0)


def stay() -> None:
    """Do nothing: for a backup that nothing ends early."""


def back_up(
    settings: Settings,
    kind: str,
    to: Path | IO[bytes] | None = None,
    *,
    with_log: bool = True,
    leave: Callable[[], None] = stay,
    wait_s: float = 0.0,
) -> Backup:
    """Write a verified backup, and return it. Nothing is pruned.

    `to` is a folder, a new file, an open one (such as standard output), or None for the folder of backups. What leaves
    the data folder is encrypted if the settings have a public key. Waits at most `wait_s` for another backup of this
    data folder. `leave` is called every 0.1 s, and ends the backup by raising an exception. The work is done by a
    thread of low priority. Raises BackupError, and what `leave` raises.
    """
    results: list[Backup] = []
    errors: list[BaseException] = []

    def run() -> None:
        thread_priority.lower_priority()
        try:
            results.append(_BackupWriter(settings, kind, to, with_log, leave).write(wait_s))
        except BaseException as error:
            errors.append(error)

    worker = threading.Thread(target=run, name="backup")
    worker.start()
    worker.join()
    for error in errors:
        raise error
    return results[0]


@dataclass
class _BackupWriter:
    """A backup that is written. `looked`: when `_look` last looked, by the monotonic clock."""

    settings: Settings
    kind: str
    to: Path | IO[bytes] | None
    with_log: bool
    leave: Callable[[], None]
    looked: float = field(default=0.0)

    def write(self, wait_s: float) -> Backup:
        settings, own = self.settings, self.settings.own_backups
        if not settings.database.exists():
            raise BackupError(f"data folder {settings.data}: no database there", CONFIGURATION)
        place = "the backup"
        try:
            with partial_files.lock(settings.data, wait_s), ExitStack() as stack:
                copies.sweep(settings, is_served=True)
                moment = clock.utc_now().replace(microsecond=0)
                while (target := self._target(moment)) and target.exists():
                    if self._is_file:
                        raise BackupError(f"{target}: expected the name of a new file; this one exists", USAGE)
                    moment += timedelta(seconds=1)
                # What is still to be encrypted or sent is written within the data folder only.
                work = target if target and target.suffix != encryption.SUFFIX else own / self._name(moment)
                place = str(work.parent)
                for path in {work, target or work}:
                    partial_files.prepare_folder(path.parent, is_own=path.parent == own)
                self._require_room(work.parent)
                file = stack.enter_context(partial_files.partial_file(work))
                manifest = self._write_archive(file, work)
                if work == target:
                    return _finish(file, work, manifest)
                if target:
                    place = str(target.parent)
                    partial_files.require_room(target.parent, os.fstat(file.fileno()).st_size, settings.data)
                    encrypted = stack.enter_context(partial_files.partial_file(target))
                    encryption.encrypt(file, encrypted, settings.backup_public_key)
                    return _finish(encrypted, target, manifest)
                self._send(file)
                return Backup(work, self.kind, manifest.made, os.fstat(file.fileno()).st_size, manifest)
        except sqlite_driver.ERRORS as error:
            raise BackupError(
                f"{settings.database}: no backup was written: {sqlite_driver.reason(error) or error}",
                CONFIGURATION if sqlite_driver.is_damage(error) else TRY_AGAIN,
            ) from None
        except OSError as error:
            name = error.filename or place
            raise BackupError(
                f"{name}: no backup was written: {error.strerror or error}", of_system_error(error)
            ) from None

    @property
    def _is_file(self) -> bool:
        return isinstance(self.to, Path) and not self.to.is_dir()

    def _name(self, moment: object) -> str:
        return f"recnice-{self.kind}-{moment:{copies.TIME_FORM}}.zip"

    def _target(self, moment: object) -> Path | None:
        """Return the path of the finished file; None for an open file."""
        if self.to is not None and not isinstance(self.to, Path):
            return None
        own, settings = self.settings.own_backups, self.settings
        folder = self.to or (own if self.kind == "before-upgrade" else settings.backups)
        path = folder if self._is_file else folder / self._name(moment)
        is_leaving = not path.is_relative_to(settings.data)
        if settings.backup_public_key and is_leaving and path.suffix != encryption.SUFFIX:
            return path.with_name(path.name + encryption.SUFFIX)
        return path

    def _write_archive(self, file: IO[bytes], work: Path) -> Manifest:
        partial = work.with_name(work.name + PARTIAL)
        settings = self.settings
        made = clock.to_wire(clock.utc_now())
        before = database_copy.read_contents(settings.database)
        members = _small_files(settings)
        copied = self._copy_database(settings.database, partial.with_name(f"{partial.name}-{DATABASE_NAME}"))
        members[DATABASE_NAME] = copied
        contents = database_copy.read_contents(copied, is_unchanging=True)
        if lines := database_copy.faults(copied, self._look) + database_copy.differences(before, contents):
            raise BackupError(f"{settings.database}: the copy is not sound: {lines[0]}", CONFIGURATION)
        left_out, log_version = [], ""
        log = self._copy_log(partial) if self.with_log else None
        if log:
            members[REQUESTS_NAME], log_version = log
        elif settings.requests_database.exists():
            left_out.append(REQUESTS_NAME)
        manifest = Manifest(
            kind=self.kind,
            made=made,
            version=VERSION,
            step=contents.step,
            log_version=log_version,
            host=socket.gethostname(),
            instance=contents.instance,
            counts=contents.counts,
            audit_hash=contents.audit_hash,
            left_out=tuple(left_out),
            members={name: self._describe(content) for name, content in members.items()},
        )
        self._pack(file, manifest, members)
        for content in members.values():
            if isinstance(content, Path):
                content.unlink()
        with archive.opened(partial) as written:
            if written.manifest != manifest:
                raise BackupError(f"{work}: the backup reads back otherwise than it was written")
            written.verify_hashes()
        file.seek(0)
        return manifest

    def _copy_log(self, partial: Path) -> tuple[Path, str] | None:
        """Return the copy of the request log and its version; None where it cannot be read: no backup fails for it."""
        path = self.settings.requests_database
        target = partial.with_name(f"{partial.name}-{REQUESTS_NAME}")
        try:
            if not path.exists():
                return None
            before = database_copy.read_contents(path)
            self._copy_database(path, target)
            contents = database_copy.read_contents(target, is_unchanging=True)
            if not database_copy.faults(target, self._look) and not database_copy.differences(before, contents):
                return target, contents.step
        except sqlite_driver.ERRORS as error:
            if not sqlite_driver.is_damage(error):
                raise
        target.unlink(missing_ok=True)
        return None

    def _copy_database(self, source: Path, target: Path) -> Path:
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, archive.FILE_MODE))
        database_copy.copy(source, target, self._look)
        return target

    def _describe(self, content: Path | bytes) -> Member:
        if isinstance(content, bytes):
            return Member(len(content), hashlib.sha256(content).hexdigest())
        sha256 = hashlib.sha256()
        with content.open("rb") as file:
            while chunk := file.read(archive.CHUNK_BYTES):
                self._look()
                sha256.update(chunk)
            return Member(file.tell(), sha256.hexdigest())

    def _pack(self, file: IO[bytes], manifest: Manifest, members: Mapping[str, Path | bytes]) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            packed.writestr(_entry(NAME), manifest.to_bytes())
            for name in manifest.members:
                content = members[name]
                if isinstance(content, bytes):
                    packed.writestr(_entry(name), content)
                    continue
                with content.open("rb") as source, packed.open(_entry(name), "w", force_zip64=True) as target:
                    while chunk := source.read(archive.CHUNK_BYTES):
                        self._look()
                        target.write(chunk)
        file.flush()
        os.fsync(file.fileno())

    def _send(self, file: IO[bytes]) -> None:
        """Write the finished archive to the open file, encrypted if there is a public key."""
        assert self.to is not None and not isinstance(self.to, Path)
        if self.settings.backup_public_key:
            encryption.encrypt(file, self.to, self.settings.backup_public_key)
        else:
            shutil.copyfileobj(file, self.to, archive.CHUNK_BYTES)
        self.to.flush()

    def _look(self) -> None:
        """End the backup if that is asked for, or if the disk of the data folder gets too full for the service."""
        if time.monotonic() - self.looked < LOOK_EVERY_S:
            return
        self.leave()
        partial_files.require_reserve(self.settings.data)
        self.looked = time.monotonic()

    def _require_room(self, folder: Path) -> None:
        """Raise BackupError if a folder does not have room for the copies of the databases, and for the archive.

        Both are there for a moment. The archive is a third of the copies at most.
        """
        logs = [self.settings.requests_database] if self.with_log else []
        copied_bytes = sum(map(_bytes_of, [self.settings.database, *logs]))
        partial_files.require_room(folder, copied_bytes * 4 // 3, self.settings.data)


def _small_files(settings: Settings) -> dict[str, Path | bytes]:
    """Return the contents of the other files of the data folder, by their names in a backup."""
    contents: dict[str, Path | bytes] = {}
    for name in (data_folder.SECRET_NAME, FILE_NAME):
        with suppress(FileNotFoundError):
            contents[name] = (settings.data / name).read_bytes()
    for path, content in schema_file.contents(settings.schemas).items():
        contents[f"{settings.schemas.name}/{path.name}"] = content
    return contents


def _entry(name: str) -> zipfile.ZipInfo:
    """Return an entry of the ZIP for a file of mode 0600 without a time of its own."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry._compresslevel = 1  # type: ignore[attr-defined]
    entry.external_attr = (stat.S_IFREG | archive.FILE_MODE) << 16
    return entry


def _finish(file: IO[bytes], path: Path, manifest: Manifest) -> Backup:
    """Give the verified file its name, and return the backup."""
    size = partial_files.complete(file, path)
    is_encrypted = path.suffix == encryption.SUFFIX
    return Backup(path, manifest.kind, manifest.made, size, None if is_encrypted else manifest)


def _bytes_of(path: Path) -> int:
    total = 0
    for more in ("", "-wal"):
        with suppress(FileNotFoundError):
            total += path.with_name(path.name + more).stat().st_size
    return total
