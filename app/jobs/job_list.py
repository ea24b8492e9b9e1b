"""This module declares the scheduled jobs: the one place to add one.

A job imports what it needs when it runs, since a start must not wait for it.
"""

from app.jobs.scheduler import Job, JobRun
from app.schedules import Every


def _wal(run: JobRun) -> None:
    from app.jobs import large_wal

    large_wal.look(run.settings.database, run.settings.requests_database)


JOBS: tuple[Job, ...] = (
    # Every minute, of what only grows in minutes.
    Job("wal", lambda _settings: Every(1), _wal),
)
