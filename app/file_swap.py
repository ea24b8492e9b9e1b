"""This module replaces files of the data folder by staged ones, in steps that the next start can finish.

A note in the folder says which step is being done, so a process that is killed at any moment leaves the former files or
the new ones: `finish` goes on from the note, before anything opens a file.
"""

import json
import os
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from app import clock
from app.data_folder import ASK_AGAIN_S, DATABASE_FILES, REPLACED_NAME, RESTORE_NAME, FolderError, unusable
from app.settings import DATABASE_NAME

NOTE_NAME = RESTORE_NAME
STAGED_NAME = "restore-staged"
REPLACED_BEGINNING = "replaced-"
FOLDER_MODE = 0o700
FILE_MODE = 0o600
RENAME_WAIT_S = 10.0


class _Note(NamedTuple):
    """The step: the files `names` are moved `away` into the folder `replaced`, or the staged ones `in`."""

    step: Literal["away", "in"]
    replaced: str
    names: Sequence[str]


def staging_folder(folder: Path) -> Path:
    """Return a new empty folder inside the data folder, for its owner only, in place of one that was left behind."""
    remove_staged(folder)
    staged = folder / STAGED_NAME
    staged.mkdir(mode=FOLDER_MODE)
    return staged


def swap(folder: Path, also: Iterable[str] = ()) -> Path:
    """Move the present files that have staged ones away, then the staged ones in; return where the former are.

    With a database go its WAL and its other side files: SQLite would apply those of the former one to the new one.
    `also`: names of present files that go away without a staged one. No process may have a staged file open or write
    a present one. Raises FolderError: either nothing has changed, or the next start goes on.
    """
    staged = folder / STAGED_NAME
    try:
        _sync_all(staged)
        files = {*os.listdir(staged), *also}
        names = {REPLACED_NAME} | {name for file in files for name in DATABASE_FILES.get(file, (file,))}
        replaced = folder / f"{REPLACED_BEGINNING}{clock.utc_now():%Y%m%dT%H%M%S%fZ}"
        replaced.mkdir(mode=FOLDER_MODE)
        _sync_folder(folder)
        _write(folder, _Note("away", replaced.name, sorted(names)))
    except OSError as error:
        raise unusable(folder, error) from None
    finish(folder)
    return replaced


def is_under_way(folder: Path) -> bool:
    """Return whether a swap was begun and not finished."""
    return (folder / NOTE_NAME).exists()


def finish(folder: Path) -> bool:
    """Go on with a swap that was interrupted, and remove what is staged without one; return whether there was one.

    The caller holds the folder. Raises FolderError.
    """
    try:
        note = _read(folder)
        if note is None:
            remove_staged(folder)
            for path in replaced_folders(folder):
                _remove_empty(path)
            return False
        if note.step == "away":
            _move_away(folder, note)
            note = note._replace(step="in")
            _write(folder, note)
        staged = folder / STAGED_NAME
        _move(sorted(os.listdir(staged)) if staged.exists() else (), staged, folder)
        (folder / NOTE_NAME).unlink()
        _sync_folder(folder)
        remove_staged(folder)
        _remove_empty(folder / note.replaced)  # there may have been nothing to replace
        return True
    except OSError as error:
        raise unusable(folder, error) from None


def replaced_folders(folder: Path) -> list[Path]:
    """Return the folders with files that a restore replaced, oldest first."""
    return sorted(path for path in folder.glob(f"{REPLACED_BEGINNING}*") if path.is_dir() and not path.is_symlink())


def remove_replaced(path: Path) -> None:
    """Delete a folder with replaced files. Raises OSError."""
    shutil.rmtree(path)


def _move_away(folder: Path, note: _Note) -> None:
    """Move the present files away; take it back if one cannot be moved, or what should replace them is gone."""
    replaced = folder / note.replaced
    try:
        if not (folder / STAGED_NAME / DATABASE_NAME).exists():
            raise FolderError(f"data folder {folder}: {STAGED_NAME} was removed, so nothing was restored")
        _move(note.names, folder, replaced)
    except (OSError, FolderError):
        _move(note.names, replaced, folder)
        (folder / NOTE_NAME).unlink()
        _sync_folder(folder)
        raise


def _move(names: Iterable[str], source: Path, target: Path) -> None:
    """Move those that exist, durably."""
    for name in names:
        with suppress(FileNotFoundError):
            _rename(source / name, target / name)
    for folder in (target, source):
        if folder.exists():
            _sync_folder(folder)


def _read(folder: Path) -> _Note | None:
    try:
        text = (folder / NOTE_NAME).read_bytes()
    except FileNotFoundError:
        return None
    try:
        note = _Note(**json.loads(text))
        paths = (note.replaced, *note.names)
        are_names = all(Path(name).name == name for name in paths)
        if are_names and note.step in ("away", "in") and note.replaced.startswith(REPLACED_BEGINNING):  # not `..`
            return note
    except (ValueError, TypeError):
        pass
    raise FolderError(f"{folder / NOTE_NAME}: expected the step of a restore, not other text")


def _write(folder: Path, note: _Note) -> None:
    """Replace the note, so that after a loss of power it is the former one or this one."""
    new = folder / f"{NOTE_NAME}.new"
    with open(new, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, FILE_MODE)) as file:
        json.dump(note._asdict(), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, folder / NOTE_NAME)
    _sync_folder(folder)


def _sync_all(folder: Path) -> None:
    for path, _, names in os.walk(folder, topdown=False):
        for name in names:
            with open(Path(path, name), "r+b") as file:
                os.fsync(file.fileno())
        _sync_folder(Path(path))


def _rename(source: Path, target: Path) -> None:
    """Rename a file or folder; wait for other programs that have it open, which on Windows prevents it."""
    end = time.monotonic() + RENAME_WAIT_S
    while True:
        try:
            source.rename(target)
            return
        except PermissionError:
            if os.name == "posix" or time.monotonic() > end:
                raise
            time.sleep(ASK_AGAIN_S)


def _sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; Windows opens no folder."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def remove_staged(folder: Path) -> None:
    """Remove what was staged, or left of a note that was being written."""
    (folder / f"{NOTE_NAME}.new").unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(folder / STAGED_NAME)
