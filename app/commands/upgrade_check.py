"""This module implements `upgrade-check`, which lets another executable upgrade a copy of the database.

See also: app/store/database_copy.py (the copy).
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import click

from app import bounds, data_folder, process
from app.commands.shared.options import taking
from app.exit_codes import CONFIGURATION, FAILED, TRY_AGAIN, USAGE, CommandError, of_system_error
from app.settings import DATABASE_NAME, FILE_NAME, Settings

MIB = 1024 * 1024


@click.command("upgrade-check")
@click.argument("file", metavar="[FILE]", default="")
@taking("data")
def upgrade_check(settings: Settings, file: str) -> int:
    """Upgrade and check a copy of the database with the executable FILE; print what it needs. Changes nothing."""
    process.keep_private()
    program = [executable_at(file)] if file else process.own_program()
    data = settings.data
    if not settings.database.is_file():
        raise data_folder.FolderError(f"data folder {data}: no database there")
    started_s = time.monotonic()
    try:
        database_bytes = _bytes_in(settings.database, settings.database.with_name(DATABASE_NAME + "-wal"))
        _require_room(settings, database_bytes)
        with tempfile.TemporaryDirectory(suffix=".partial", prefix="upgrade-check-", dir=data) as folder:
            copy = Path(folder)
            before = _copy(settings, copy)
            copied_s = time.monotonic()
            status, peak_bytes, text = _run([*program, "check", "--data", folder], copy)
            ended_s = time.monotonic()
            after = _step(copy / DATABASE_NAME) if status == 0 else before
    except OSError as error:
        raise CommandError(f"{error.filename or data}: {error.strerror or error}", of_system_error(error)) from None
    click.echo(text.replace(folder, str(data)), nl=False)
    if status:
        code = status if status in (TRY_AGAIN, CONFIGURATION) else FAILED
        raise CommandError("the upgrade would fail; the data folder is unchanged", code)
    steps = f"from step {before} to {after}" if before != after else f"none, step {after} is current"
    room = shutil.disk_usage(data).free
    needed_bytes = max(0, peak_bytes - database_bytes) if before != after else 0
    click.echo(f"Upgrade: {steps}")
    click.echo(f"Time:    {ended_s - copied_s:.1f} s with the check; the copy took {copied_s - started_s:.1f} s")
    click.echo(f"Space:   {_mib(needed_bytes)} for a moment; {_mib(room)} are free in {data}")
    return 0


def executable_at(file: str) -> str:
    """Return the absolute path of an executable file. Raises CommandError."""
    path = Path(file).absolute()
    if not path.is_file() or not os.access(path, os.X_OK):
        raise CommandError(f"{file}: expected an executable file", USAGE)
    return str(path)


def _require_room(settings: Settings, database_bytes: int) -> None:
    """Raise CommandError without room for the copy, its backup and what the upgrade writes, besides the reserve."""
    room = shutil.disk_usage(settings.data)
    reserve = min(bounds.BACKUP_RESERVE_BYTES, room.total // bounds.BACKUP_RESERVE_SHARE)
    needed = database_bytes * bounds.UPGRADE_CHECK_SIZES + reserve
    if room.free < needed:
        raise CommandError(
            f"{settings.data}: nothing was checked: it needs {_mib(needed)} of free space, there are {_mib(room.free)}",
            TRY_AGAIN,
        )


def _copy(settings: Settings, folder: Path) -> str:
    """Copy the database and what the check reads with it, and return the schema step. Raises CommandError, OSError."""
    from app.store import database_copy
    from app.store.database import sqlite_driver

    target = folder / DATABASE_NAME
    target.touch(mode=0o600)
    try:
        database_copy.copy(settings.database, target, lambda: None)
        step = _step(target)
    except sqlite_driver.ERRORS as error:
        code = CONFIGURATION if sqlite_driver.is_damage(error) else TRY_AGAIN
        reason = sqlite_driver.reason(error) or error
        raise CommandError(f"{settings.database}: it cannot be copied: {reason}", code) from None
    for name in (data_folder.SECRET_NAME, data_folder.SET_UP_NAME, FILE_NAME):
        with suppress(FileNotFoundError):
            shutil.copyfile(settings.data / name, folder / name)
    if settings.schemas.is_dir():
        shutil.copytree(settings.schemas, folder / settings.schemas.name)
    return step


def _step(database: Path) -> str:
    from app.store import database_copy

    return database_copy.read_contents(database).step


def _run(words: list[str], folder: Path) -> tuple[int, int, str]:
    """Run the executable at low priority; return its status, the folder's greatest size in bytes, and its lines."""
    from app.simulation import own_server

    # recnice.toml may name another folder, whose backups the check must not prune.
    own = {**own_server.environment(), "RECNICE_BACKUP_FOLDER": str(folder / "backups")}
    peak = 0
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(words, env=own, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as child,
    ):
        try:
            if sys.platform != "win32":
                os.setpriority(os.PRIO_PROCESS, child.pid, bounds.DRILL_NICENESS)
            while True:
                peak = max(peak, _bytes_in(*folder.rglob("*")))
                with suppress(subprocess.TimeoutExpired):
                    status = child.wait(bounds.UPGRADE_CHECK_LOOK_S)
                    output.seek(0)
                    return status, peak, output.read(bounds.UPGRADE_CHECK_OUTPUT_BYTES).decode(errors="replace")
        except BaseException:
            child.kill()
            raise


def _bytes_in(*paths: Path) -> int:
    total = 0
    for path in paths:
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def _mib(count: int) -> str:
    return f"{-(-count // MIB):,} MiB"
