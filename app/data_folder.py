"""This module creates the data folder, restricts its permissions and locks it for one process."""

import json
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path

from app import process
from app.exit_codes import CONFIGURATION, TRY_AGAIN, CommandError, of_system_error
from app.settings import DATABASE_NAME, REQUESTS_NAME

LOCK_NAME = "recnice.lock"
SECRET_NAME = "recnice.secret"
SECRET_BYTES = 32
SETUP_LINK_NAME = "recnice.setup-link"
SET_UP_NAME = "recnice.set-up"
REPLACED_NAME = "recnice.replaced"
RESTORE_NAME = "recnice.restore"
RESTORE_LOCK_NAME = "recnice.restore-lock"
RESTORE_REQUEST_NAME = "recnice.restore-request"
RESTORE_ANSWER_NAME = "recnice.restore-answer"
BACKUP_LOCK_NAME = "recnice.backup-lock"
DATABASE_FILES = {
    name: tuple(name + more for more in ("", "-wal", "-shm", "-journal")) for name in (DATABASE_NAME, REQUESTS_NAME)
}
"""The names of each database file and of the files that SQLite writes next to it."""
OWN_NAMES = frozenset(
    (
        *(LOCK_NAME, SECRET_NAME, SETUP_LINK_NAME, SET_UP_NAME, REPLACED_NAME, RESTORE_NAME, BACKUP_LOCK_NAME),
        *(RESTORE_LOCK_NAME, RESTORE_REQUEST_NAME, RESTORE_ANSWER_NAME),
        *chain(*DATABASE_FILES.values()),
    )
)
"""The names of the files that the program writes; each must be a regular file."""
OWN_BEGINNINGS = ("recnice.", REQUESTS_NAME.partition(".")[0])  # including unusable request logs that were renamed
WAIT_FOR_COMMAND_S = 5.0
WAIT_FOR_SERVER_S = 30.0
ASK_AGAIN_S = 0.02


class FolderError(CommandError):
    """The data folder cannot be created, read or written."""

    code = CONFIGURATION


@dataclass(frozen=True)
class Holder:
    """The process that holds the folder: its id, its command (`serve` or another), and the URLs of a running server.

    `public_url` and `urls` are empty until `serve` accepts requests. `urls` are those by which a browser reaches it:
    only the public URL where one is set. `address` is the URL of the listening socket for this host.
    """

    process: int = 0
    command: str = ""
    public_url: str = ""
    urls: list[str] = field(default_factory=list)
    address: str = ""


class FolderInUseError(CommandError):
    """Another process holds the folder."""

    code = TRY_AGAIN

    def __init__(self, path: Path, holder: Holder) -> None:
        super().__init__(f"data folder {path} is in use by process {holder.process or '(unknown)'}")
        self.holder = holder


def prepare(path: Path) -> list[str]:
    """Create the folder for its owner only (0700), and remove permissions of others on the program's files in it.

    Return a line for each path whose permissions were changed. The permissions of an existing folder with other
    content are not changed. No link is followed and no pipe is opened, since another user may have created one.
    Raises FolderError.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(_open_regular(path / LOCK_NAME, os.O_RDWR | os.O_CREAT))
        require_regular_files(path)
        if os.name != "posix":
            return []
        names = set(os.listdir(path))
        own = sorted(name for name in names if name.startswith(OWN_BEGINNINGS))
        candidates = [path / name for name in own if stat.S_ISREG((path / name).lstat().st_mode)]
        lines = [_tighten(path, os.O_DIRECTORY)] if names == {LOCK_NAME} or DATABASE_NAME in names else []
        lines += [_tighten(candidate, os.O_NOFOLLOW) for candidate in candidates]
        return [line for line in lines if line]
    except OSError as error:
        raise unusable(path, error) from None


def unusable(path: Path, error: OSError) -> FolderError:
    """Return the error that names the data folder and what the system reports."""
    return FolderError(f"data folder {path}: {error.strerror or error}", of_system_error(error))


def _tighten(path: Path, flag: int) -> str:
    """Remove the permissions of others on a path, and return a line about it; "" where nothing had to be changed.

    The path is opened only if needed: closing the database file would release SQLite's locks on it.
    """
    if not stat.S_IMODE(path.stat().st_mode) & 0o077:
        return ""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | flag)
    try:
        mode = stat.S_IMODE(os.fstat(file).st_mode)
        os.fchmod(file, mode & 0o700)
    finally:
        os.close(file)
    return f"{path} was open to others (mode {mode:04o}); now {mode & 0o700:04o}"


def require_regular_files(folder: Path) -> None:
    """Raise FolderError if a file of the program is a link, folder, pipe or device. None of them need exist."""
    for name in OWN_NAMES:
        _require_regular(folder / name)


def _require_regular(path: Path) -> None:
    """Raise FolderError for a link, folder, pipe or device. The path need not exist."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise FolderError(f"{path}: expected a regular file, not a link, folder, pipe or device")


def _open_regular(path: Path, flags: int) -> int:
    """Return the descriptor of a file of the program; a new one is created private. Raises FolderError, OSError."""
    _require_regular(path)
    # Where the system supports it, these flags refuse a link or pipe that replaced the file after the check.
    file = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o600)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise FolderError(f"{path}: expected a regular file")
    return file


@contextmanager
def hold(path: Path, command: str) -> Iterator[Callable[[Holder], None]]:
    """Hold an exclusive lock on the folder until the block ends. The system also releases it after kill -9.

    Waits up to `WAIT_FOR_COMMAND_S` while a command other than `serve` holds it. The yielded function writes the holder
    into the lock file, for error messages and for commands that run next to the server.
    Raises FolderInUseError, FolderError.
    """

    def note(holder: Holder) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, json.dumps(asdict(holder)).encode() + b"\n")
        os.ftruncate(file, os.lseek(file, 0, os.SEEK_CUR))

    give_up = time.monotonic() + WAIT_FOR_COMMAND_S
    try:
        file = _open_regular(path / LOCK_NAME, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise unusable(path, error) from None
    try:
        while not process.lock(file):
            holder = _read(file)
            if holder.command == "serve" or time.monotonic() > give_up:
                raise FolderInUseError(path, holder)
            time.sleep(ASK_AGAIN_S)
        note(Holder(os.getpid(), command))
        yield note
    finally:
        os.close(file)


def server(path: Path, wait_s: float | None = None) -> Holder | None:
    """Return the server that holds the folder, or None. Wait for a starting server, which may still migrate.

    No lock file is created: one of root would keep the server of another account from starting.
    Raises FolderInUseError if it does not start within `wait_s` (None: `WAIT_FOR_SERVER_S`), FolderError.
    """
    give_up = time.monotonic() + (WAIT_FOR_SERVER_S if wait_s is None else wait_s)
    while True:
        if not (path / LOCK_NAME).exists():
            return None
        try:
            with hold(path, "look"):
                return None
        except FolderInUseError as error:
            if error.holder.public_url:
                return error.holder
            if time.monotonic() > give_up:
                raise
        time.sleep(ASK_AGAIN_S)


def write_setup_links(path: Path, links: Sequence[str]) -> None:
    """Write the setup links into a file of the folder, since a service has no terminal. Raises FolderError, OSError."""
    file = _open_regular(path / SETUP_LINK_NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with open(file, "w", encoding="utf-8") as opened:
        opened.writelines(f"{link}\n" for link in links)


def remove_setup_links(path: Path) -> None:
    """Remove the file with the setup links, once there is an administrator."""
    with suppress(OSError):
        (path / SETUP_LINK_NAME).unlink()


def note_set_up(path: Path) -> None:
    """Write the file which says that the folder was set up, unless it exists: an empty database is then refused.

    Where it cannot be written, as on a full disk, the next start does it.
    """
    _note(path / SET_UP_NAME)


def note_loss(path: Path) -> None:
    """Let the next start refuse, after the database file was removed or replaced while it was in use.

    A removed folder is created again: without it, the next start would begin with an empty database.
    """
    with suppress(OSError):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _note(path / SET_UP_NAME)
    if (path / DATABASE_NAME).exists():
        _note(path / REPLACED_NAME)


def _note(path: Path) -> None:
    if not path.exists():
        with suppress(OSError, FolderError):
            os.close(_open_regular(path, os.O_WRONLY | os.O_CREAT))


def may_be_new(path: Path) -> bool:
    """Return whether the folder was never set up, so that it may have an empty database or none.

    Raises FolderError for a database that replaced the one in use: SQLite would apply the WAL of that one to it.
    """
    database = path / DATABASE_NAME
    if (path / REPLACED_NAME).exists() and database.exists():
        raise FolderError(
            f"{database}: the file was replaced while the server ran. Restore a backup into a new data folder, "
            f"or remove {DATABASE_NAME}-wal, {DATABASE_NAME}-shm and {REPLACED_NAME} to use this file"
        )
    return not (path / SET_UP_NAME).exists()


def begin_again(path: Path) -> None:
    """Let the folder be as one that was never set up. Raises FolderError if it has a database with content."""
    database = path / DATABASE_NAME
    if database.exists() and database.stat().st_size:
        raise FolderError(f"--new: {database} has content; move it away first, or start without --new")
    for name in (SET_UP_NAME, REPLACED_NAME):
        (path / name).unlink(missing_ok=True)


def _read(file: int) -> Holder:
    """Return the holder from the lock file; an empty one while it is being written, or if it is damaged."""
    empty = Holder()
    with suppress(OSError, ValueError, TypeError, RecursionError):
        os.lseek(file, 0, os.SEEK_SET)
        holder = Holder(**json.loads(os.read(file, 4096)))
        if all(type(value) is type(getattr(empty, name)) for name, value in vars(holder).items()):
            return holder
    return empty


def secret(folder: Path) -> bytes:
    """Return the folder's secret key, which encrypts and signs: random, created once, readable by its owner only.

    If two processes create one at the same time, both use the first: values encrypted with another key could not be
    decrypted after the next start.
    """
    path = folder / SECRET_NAME
    if stored := _read_secret(path):
        return stored
    new = secrets.token_bytes(SECRET_BYTES)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(file, "wb") as writer:
        writer.write(new)
    try:
        os.link(temporary, path)
        return new
    except OSError:  # it exists by now, or is not a secret, or the file system has no hard links
        if stored := _read_secret(path):
            return stored
        os.replace(temporary, path)
        return new
    finally:
        temporary.unlink(missing_ok=True)


def _read_secret(path: Path) -> bytes | None:
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return None
    return stored if len(stored) == SECRET_BYTES else None
