"""This module lists the backups of a data folder, and deletes those that its rules no longer keep.

Only verified backups have a name that is listed: until then, it ends in `.partial`.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app import bounds, clock, process
from app.backup import archive, encryption
from app.backup.manifest import KINDS, Manifest
from app.exit_codes import CommandError
from app.settings import Settings

PARTIAL = ".partial"
DRILL = "drill.partial"
"""The folder within that of the backups into which a drill unpacks one."""
TIME_FORM = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(rf"recnice-({'|'.join(KINDS)})-([0-9]{{8}}T[0-9]{{6}}Z)\.zip(\.age)?")
_FORMER = "pre-upgrade-*-*.sqlite3"
"""The names of copies in the data folder that versions before 0.2 made before an upgrade; a bare database each."""


@dataclass(frozen=True)
class Backup:
    """A verified backup. `made` is the time in wire form; `manifest` is None for an encrypted one."""

    path: Path
    kind: str
    made: str
    bytes: int
    manifest: Manifest | None = None

    @property
    def is_encrypted(self) -> bool:
        return self.path.name.endswith(encryption.SUFFIX)

    @property
    def at(self) -> datetime:
        """The time when it was made, in UTC."""
        return datetime.fromisoformat(self.made)


def folders(settings: Settings) -> list[Path]:
    """Return the folders that can have backups: that of the settings, and that within the data folder."""
    return list(dict.fromkeys((settings.backups, settings.own_backups)))


def list_copies(settings: Settings) -> list[Backup]:
    """Return the verified backups, newest first. A folder that cannot be read has none."""
    return _newest_first(copy for folder in folders(settings) for copy in _copies_in(folder))


def newest(settings: Settings) -> Backup | None:
    """Return the newest verified backup; reads the manifest of no older one.

    One with a time after now is of a clock that was ahead. It may be older than all others, so it does not count.
    """
    paths = [path for folder in folders(settings) for path in _paths_in(folder)]
    paths.sort(key=lambda path: path.name.partition(".")[0].rpartition("-")[2], reverse=True)
    now = clock.to_wire(clock.utc_now())
    return next((copy for path in paths if (copy := _read(path)) and copy.made <= now), None)


def read(path: Path) -> Backup:
    """Return the backup in a file of any name. Raises ArchiveError."""
    manifest = archive.read_manifest(path)
    return Backup(path, manifest.kind, manifest.made, path.stat().st_size, manifest)


def prune(settings: Settings, *, is_trial: bool = False) -> list[Path]:
    """Delete what the rules no longer keep, and return it; to be called after a backup. With `is_trial` only return it.

    The newest verified backup stays always, and so do those of kind `manual`. Those with a time after now stay, too,
    and do not count: otherwise a new backup would be older than they are, and be deleted. Raises OSError.
    """
    now = clock.to_wire(clock.utc_now())
    copies = [copy for copy in list_copies(settings) if copy.made <= now]
    former = [Backup(path, "before-upgrade", _former_time(path), 0) for path in settings.data.glob(_FORMER)]
    surplus = [copy.path for copy in find_surplus(settings, copies, former)]
    if not is_trial:
        for path in surplus:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in surplus}:
            archive.sync_folder(folder)
    return surplus


def find_surplus(settings: Settings, copies: Sequence[Backup], former: Sequence[Backup] = ()) -> list[Backup]:
    """Return the backups that no rule keeps, newest first. A rule whose settings are 0 deletes nothing.

    `former` are copies that versions before 0.2 made.
    """
    kept: set[Path] = {copy.path for copy in _newest_first(copies)[:1]}
    for kind, keep in _RULES.items():
        there = _newest_first(copy for copy in (*copies, *former) if copy.kind == kind)
        kept |= {copy.path for copy in keep(settings, there)}
    return [copy for copy in _newest_first([*copies, *former]) if copy.kind in _RULES and copy.path not in kept]


def kept_until(settings: Settings, copy: Backup) -> str:
    """Return until about when the rules keep a backup, in wire form; "" if no time can be known.

    One of kind `manual` stays until an administrator deletes it, one before an upgrade until others follow.
    """
    days = {
        "nightly": max(settings.backup_daily, 7 * settings.backup_weekly),
        "recent": 1 if settings.backup_recent_mb else 0,
    }.get(copy.kind, 0)
    return clock.to_wire(copy.at + timedelta(days=days)) if days else ""


def _nightly(settings: Settings, copies: Sequence[Backup]) -> Iterator[Backup]:
    """Yield the last one of each of the last days and weeks that have one."""
    if not settings.makes_nightly_backups:
        yield from copies
    yield from _last_of_each(copies, settings.backup_daily, lambda at: at.date())
    yield from _last_of_each(copies, settings.backup_weekly, lambda at: at.isocalendar()[:2])


def _recent(settings: Settings, copies: Sequence[Backup]) -> Iterator[Backup]:
    """Yield the last few, and the last one of each hour of a day, as long as they have room together."""
    if not settings.backup_recent_mb or not copies:
        yield from copies
        return
    day = [copy for copy in copies if copy.at > copies[0].at - timedelta(days=1)]
    hourly = _last_of_each(day, len(day), lambda at: at.replace(minute=0, second=0))
    total = 0
    for copy in _newest_first({copy.path: copy for copy in (*copies[: bounds.RECENT_BACKUPS], *hourly)}.values()):
        total += copy.bytes
        if copy is copies[0] or total <= settings.backup_recent_mb * process.MIB:
            yield copy


def _last_three(_: Settings, copies: Sequence[Backup]) -> Sequence[Backup]:
    return copies[: bounds.UPGRADE_COPIES]


_RULES: dict[str, Callable[[Settings, Sequence[Backup]], Sequence[Backup] | Iterator[Backup]]] = {
    "nightly": _nightly,
    "recent": _recent,
    "before-upgrade": _last_three,
}
"""What each kind keeps of its backups, which are newest first. A kind without a rule keeps all."""


def _last_of_each(copies: Sequence[Backup], number: int, period: Callable[[datetime], object]) -> list[Backup]:
    """Return the last backup of each of the newest periods that have one; `copies` are newest first."""
    last: dict[object, Backup] = {}
    for copy in copies:
        last.setdefault(period(copy.at), copy)
    return list(last.values())[:number]


def _newest_first(copies: Iterable[Backup]) -> list[Backup]:
    return sorted(copies, key=lambda copy: (copy.made, copy.path.name), reverse=True)


def _paths_in(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]


def _copies_in(folder: Path) -> Iterator[Backup]:
    yield from filter(None, map(_read, _paths_in(folder)))


def _read(path: Path) -> Backup | None:
    """Return the backup with such a name; None if it cannot be read."""
    name = _NAME.fullmatch(path.name)
    with suppress(OSError, CommandError):
        if name and name[3]:
            with archive.open_file(path) as file:
                is_encrypted = file.read(len(encryption.BEGINNING)) == encryption.BEGINNING
            return Backup(path, name[1], _wire_time(name[2]), path.stat().st_size) if is_encrypted else None
        return read(path)
    return None


def _wire_time(text: str) -> str:
    return clock.to_wire(datetime.strptime(text, TIME_FORM).replace(tzinfo=UTC))


def _former_time(path: Path) -> str:
    with suppress(ValueError):
        return _wire_time(path.stem.rpartition("-")[2])
    return ""


def sweep(settings: Settings, *, is_served: bool = False) -> list[Path]:
    """Delete what killed processes left of unfinished backups, and return it; files that a process writes stay.

    With `is_served`, a server may use the data folder, and be unpacking a backup to try or verify it.
    """
    found = [path for folder in folders(settings) for path in folder.glob(f"recnice-*{PARTIAL}")]
    removed = [path for path in found if remove_partial(path)]
    unpacked = (path for name in (DRILL, archive.VERIFICATIONS) for path in settings.own_backups.glob(name))
    checked = settings.data.glob(f"upgrade-check-*{PARTIAL}")
    for path in () if is_served else (*unpacked, *checked):
        shutil.rmtree(path, ignore_errors=True)
        removed.append(path)
    # Versions before 0.2 wrote these, and only while they held the data folder.
    for path in settings.data.glob(f"pre-upgrade-*{PARTIAL}*"):
        path.unlink(missing_ok=True)
        removed.append(path)
    return removed


def remove_partial(path: Path) -> bool:
    """Delete an unfinished backup with the files next to it, unless a process writes it. Return whether it is gone."""
    try:
        file = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        if not process.lock(file):
            return False
    finally:
        os.close(file)
    for other in (*path.parent.glob(f"{path.name}-*"), path):
        other.unlink(missing_ok=True)
    return True
