"""This module declares the scheduled jobs: the one place to add one.

A job imports what it needs when it runs, since a start must not wait for it.
"""

from app.jobs.scheduler import Job

JOBS: tuple[Job, ...] = ()
