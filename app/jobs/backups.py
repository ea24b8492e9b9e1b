"""This module makes backups on a schedule, and proves once a month that the newest one can be restored.

See also: app/backup (writes, verifies and prunes them).
"""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from app import bounds, clock, process
from app.backup import archive, copies, writing
from app.backup.copies import Backup
from app.exit_codes import TRY_AGAIN, CommandError
from app.jobs.scheduler import JobRun
from app.settings import Settings
from app.simulation import own_server
from app.store.access import audit_rows
from app.store.database import directory_database
from app.store.directory import history_rows

log = logging.getLogger(__name__)


def back_up(run: JobRun, kind: str) -> None:
    """Make a backup now, and delete those that are no longer kept. Raises CommandError.

    Backups after changes are many, and the request log is larger than what they are for.
    """
    writing.back_up(run.settings, kind, with_log=kind != "recent", leave=run.leave_if_stopping)
    copies.prune(run.settings)


def back_up_changes(run: JobRun) -> None:
    """Make a recent backup if something changed since the newest one, of a large database at most once an hour."""
    newest = copies.newest(run.settings)
    if newest is None or (_is_due(run.settings, newest) and _has_changed(newest.made)):
        back_up(run, "recent")


def _is_due(settings: Settings, newest: Backup) -> bool:
    is_small = settings.database.stat().st_size < bounds.BACKUP_SMALL_BYTES
    pause_s = 0 if is_small else bounds.BACKUP_LARGE_EVERY_S - bounds.CLOCK_SLACK_S
    return clock.utc_now() - newest.at >= timedelta(seconds=pause_s)


def _has_changed(made: str) -> bool:
    """Return whether a user, a group or the audit may have changed since a backup was made.

    What began in the last minute before it may have been stored after it.
    """
    with directory_database.reading() as connection:
        event = history_rows.newest_event(connection)
        entries, _ = audit_rows.page(connection, audit_rows.AuditFilter(), None, 1)
    since = clock.to_wire(datetime.fromisoformat(made) - timedelta(seconds=bounds.CLOCK_SLACK_S))
    return any(one.at >= since for one in (event, *entries) if one)


def drill(run: JobRun) -> None:
    """Restore the newest backup into a temporary folder, and let `check` read all of it. Raises CommandError, OSError.

    Encrypted backups cannot be opened here: their private key is elsewhere.
    """
    backups = copies.list_copies(run.settings)
    newest = next((one for one in backups if not one.is_encrypted), None)
    if newest is None:
        if backups:
            log.info("no drill: all backups are encrypted, so only the owner of their key can open them")
            return
        raise CommandError("there is no backup to restore")
    folder = run.settings.own_backups / copies.DRILL  # swept at a start, and never on a share
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700, parents=True)
        with archive.opened(newest.path) as opened:
            opened.require_room(folder)
            opened.unpack(folder)
        run.leave_if_stopping()
        _check(folder, newest.path.name, run.leave_if_stopping)
    except OSError as error:
        raise CommandError(f"{newest.path.name}: {error.strerror or error}", TRY_AGAIN) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check(folder: Path, name: str, leave: Callable[[], None]) -> None:
    """Run `check` on a restored folder as a process of its own, which takes no time from requests."""
    words = [*process.own_program(), "check", "--data", str(folder)]
    environment, nothing = own_server.environment(), subprocess.DEVNULL
    with subprocess.Popen(words, stdin=nothing, stdout=nothing, stderr=subprocess.PIPE, env=environment) as child:
        try:
            if sys.platform != "win32":
                os.setpriority(os.PRIO_PROCESS, child.pid, bounds.DRILL_NICENESS)
            while True:
                with suppress(subprocess.TimeoutExpired):
                    _, errors = child.communicate(timeout=bounds.DRILL_LOOK_S)
                    break
                leave()
        except BaseException:
            child.terminate()
            raise
    if child.returncode:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise CommandError(f"{name}: {lines[-1] if lines else f'check ended with {child.returncode}'}")
