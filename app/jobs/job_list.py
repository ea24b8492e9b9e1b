"""This module declares the scheduled jobs: the one place to add one.

A job imports what it needs when it runs, since a start must not wait for it.
"""

from datetime import time

from app import bounds
from app.jobs.scheduler import Job, JobRun
from app.schedules import Daily, Every, Monthly, OnRequest, Schedule
from app.settings import Settings


def _wal(run: JobRun) -> None:
    from app.jobs import large_wal

    large_wal.look(run.settings.database, run.settings.requests_database)


def _erase(run: JobRun) -> None:
    from app import data_folder
    from app.provisioning import erasures

    settings = run.settings
    files = erasures.Files(settings.data, settings.database, settings.requests_database)
    erasures.finish_due(files, data_folder.secret(settings.data), run.leave_if_stopping)


def _apply_retention(run: JobRun) -> None:
    from app.administration import retention

    retention.apply(run.settings.history_days, run.settings.audit_days, run.leave_if_stopping)


def _retention_schedule(settings: Settings) -> Schedule | None:
    return Daily(time(3, 40)) if settings.history_days or settings.audit_days else None


def _purge(run: JobRun) -> None:
    from app.provisioning import deleted_resources

    deleted_resources.purge(run.settings.keep_deleted_days, run.leave_if_stopping)


def _manual_backup(run: JobRun) -> None:
    from app.jobs import backups

    backups.back_up(run, "manual")


def _nightly_backup(run: JobRun) -> None:
    from app.jobs import backups

    backups.back_up(run, "nightly")


def _recent_backup(run: JobRun) -> None:
    from app.jobs import backups

    backups.back_up_changes(run)


def _drill(run: JobRun) -> None:
    from app.jobs import backups

    backups.drill(run)


def _nightly(settings: Settings) -> Daily | None:
    return Daily(settings.backup_at) if settings.makes_nightly_backups else None


def _after_changes(settings: Settings) -> Every | None:
    return Every(bounds.RECENT_BACKUP_MINUTES) if settings.backup_recent_mb else None


def _monthly(settings: Settings) -> Monthly | None:
    return Monthly(1, settings.backup_at) if _nightly(settings) else None


JOBS: tuple[Job, ...] = (
    # Every minute, of what only grows in minutes.
    Job("wal", lambda _settings: Every(1), _wal),
    # What an owner erases is erased at once; this goes on with what was interrupted.
    Job("erasure", lambda _settings: Every(5), _erase, is_long=True, runs_at_start=True),
    Job("retention", _retention_schedule, _apply_retention, is_long=True),
    Job("purge", lambda settings: Daily(time(3, 20)) if settings.keep_deleted_days else None, _purge, is_long=True),
    Job("manual-backup", lambda _settings: OnRequest(), _manual_backup, is_long=True),
    Job("nightly-backup", _nightly, _nightly_backup, is_long=True),
    Job("recent-backup", _after_changes, _recent_backup, is_long=True),
    # At the same time as the nightly backup, so after it.
    Job("drill", _monthly, _drill, is_long=True),
)
