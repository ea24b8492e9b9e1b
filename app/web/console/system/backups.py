"""This module serves the Backups page: when backups are made, what they are, and the forms that make and verify one."""

import threading
from datetime import UTC, datetime, tzinfo

from flask import abort, current_app, redirect, request, send_file, url_for
from werkzeug.wrappers import Response

from app import schedules
from app.administration import audit
from app.administration.audit import Action
from app.administration.errors import Refused
from app.backup import archive, copies, job_titles
from app.backup.copies import Backup
from app.exit_codes import CommandError
from app.jobs import backup_health, scheduler
from app.settings import Settings
from app.web.console.shared import list_paging
from app.web.console.shared.error_pages import with_refusal
from app.web.security import browser_session, request_authentication

KINDS = {
    "manual": "On request",
    "nightly": "Nightly",
    "recent": "After changes",
    "before-upgrade": "Before an upgrade",
}
_verifying = threading.Lock()


def backups() -> Response:
    """Show the schedule with the last results, and the backups, newest first."""
    return _page()


def back_up() -> Response:
    """Start a backup, which the thread of the jobs makes."""
    audit.record_alone(browser_session.actor(), Action.BACKUP_STARTED)
    scheduler.current().request("manual-backup")
    return redirect(url_for("console.backups", started="yes"), 303)


def verify_backup() -> Response:
    """Verify a backup again: each file in it, the databases, and their counts. One at a time."""
    backup = _find(request.form.get("name", ""))
    if not _verifying.acquire(blocking=False):
        return _page(Refused("Another backup is being verified. Try again when that is finished."))
    try:
        with archive.opened(backup.path) as opened:
            opened.verify(_settings().own_backups)
        failure = None
    except (CommandError, OSError) as error:
        failure = Refused(f"{backup.path.name} is not usable: {error}")
    finally:
        _verifying.release()
    audit.record_alone(
        browser_session.actor(), Action.BACKUP_VERIFIED, backup.path.name, outcome="failed" if failure else "valid"
    )
    return _page(failure, "" if failure else backup.path.name)


def download_backup(name: str) -> Response:
    """Send a backup as a file, in parts, and record it in the audit."""
    request_authentication.require_own_origin()  # otherwise another site could make its visitor download it
    backup = _find(name)
    list_paging.take_place()
    audit.record_alone(browser_session.actor(), Action.BACKUP_DOWNLOADED, name)
    answer = send_file(backup.path, "application/octet-stream", as_attachment=True, conditional=False, etag=False)
    return list_paging.release_at_end(answer)


def _find(name: str) -> Backup:
    """Return the backup with this file name, as the list has it; 404 for another name."""
    return next((one for one in copies.list_copies(_settings()) if one.path.name == name), None) or abort(404)


def _page(refused: Refused | None = None, verified: str = "") -> Response:
    settings = _settings()
    zone = schedules.zone_of(settings.time_zone)
    jobs = backup_health.outcomes()
    return with_refusal(
        "backups.html",
        refused,
        verified=verified,
        is_started=request.args.get("started") == "yes",
        jobs=jobs.values(),
        titles=job_titles.TITLES,
        next_runs={
            name: [_wall_time(one.next_at, of) for of in (zone, UTC)] for name, one in jobs.items() if one.next_at
        },
        backups=copies.list_copies(settings),
        folder=settings.backups,
        kinds=KINDS,
    )


def _wall_time(moment: str, zone: tzinfo | None) -> str:
    """Return a moment in wire form as the wall time of a zone: `2026-01-31 02:30 CET`."""
    return datetime.fromisoformat(moment).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def _settings() -> Settings:
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    return settings
