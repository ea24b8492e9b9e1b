"""The data folder: made private, kept for one process at a time, and a note of who has it.

Not here: what is in the database, and the settings file's meaning.
"""

import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

LOCK_NAME = "recnice.lock"
WAIT_FOR_COMMAND_S = 5.0
WAIT_FOR_SERVER_S = 30.0
ASK_AGAIN_S = 0.02
LOCKED_BYTE = 1 << 30  # Windows locks bytes and keeps others from reading them: take one far behind the note


class FolderError(Exception):
    """The data folder cannot be made, read or written: one line for an administrator."""


@dataclass(frozen=True)
class Holder:
    """Who has the folder: process id, command (`serve` or another), and its public URL once `serve` answers."""

    process: int = 0
    command: str = ""
    public_url: str = ""


class FolderInUseError(Exception):
    """Another process has the folder."""

    def __init__(self, path: Path, holder: Holder) -> None:
        super().__init__(f"data folder {path} is in use by process {holder.process or '(unknown)'}")
        self.holder = holder


def prepare(path: Path) -> list[str]:
    """Make the folder for its owner alone (0700), and take others' rights to what is ours in it away.

    Gives a line for each thing that had to be tightened. A folder that was there before and holds something else is
    left as it is. Raises FolderError.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path / LOCK_NAME).touch(mode=0o600)
        if os.name != "posix":
            return []
        names = set(os.listdir(path))
        ours = sorted(name for name in names if name.startswith("recnice."))
        candidates = [path / name for name in ours]
        if names == {LOCK_NAME} or "recnice.sqlite3" in names:
            candidates.insert(0, path)
        return [line for candidate in candidates if (line := _tighten(candidate))]
    except OSError as error:
        raise FolderError(f"data folder {path}: {error.strerror or error}") from None


def _tighten(path: Path) -> str:
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & 0o077:
        return ""
    path.chmod(mode & 0o700)
    return f"{path} was open to others (mode {mode:04o}); now {mode & 0o700:04o}"


@contextmanager
def held(path: Path, command: str) -> Iterator["Hold"]:
    """Have the folder until the block ends; also kill -9 ends it, since the system itself gives the lock back.

    Waits a few seconds where a short command has it. Raises FolderInUseError, FolderError.
    """
    give_up = time.monotonic() + WAIT_FOR_COMMAND_S
    try:
        file = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FolderError(f"data folder {path}: {error.strerror or error}") from None
    try:
        while not _lock(file):
            holder = _read(file)
            if holder.command == "serve" or time.monotonic() > give_up:
                raise FolderInUseError(path, holder)
            time.sleep(ASK_AGAIN_S)
        hold = Hold(file)
        hold.note(Holder(os.getpid(), command))
        yield hold
    finally:
        os.close(file)


class Hold:
    """A folder that this process has."""

    def __init__(self, file: int) -> None:
        self._file = file

    def note(self, holder: Holder) -> None:
        """Write down who has the folder, for whoever is refused and for commands beside the server."""
        os.lseek(self._file, 0, os.SEEK_SET)
        os.write(self._file, json.dumps(asdict(holder)).encode() + b"\n")
        os.ftruncate(self._file, os.lseek(self._file, 0, os.SEEK_CUR))


def server(path: Path) -> Holder | None:
    """The server that has the folder, or None. One that is just starting is waited for, since it may still migrate.

    Raises FolderInUseError where it does not come up in time, FolderError where there is no folder.
    """
    give_up = time.monotonic() + WAIT_FOR_SERVER_S
    while True:
        try:
            with held(path, "look"):
                return None
        except FolderInUseError as error:
            if error.holder.public_url:
                return error.holder
            if time.monotonic() > give_up:
                raise
        time.sleep(ASK_AGAIN_S)


def _read(file: int) -> Holder:
    """The holder's note; an empty one while it is being written."""
    with suppress(OSError, ValueError, TypeError):
        os.lseek(file, 0, os.SEEK_SET)
        return Holder(**json.loads(os.read(file, 4096)))
    return Holder()


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> bool:
        os.lseek(file, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
