"""This module stores when each background job ran last, and how it ended.

The words have a row of their own kind (word_index.py), which is written with them.
See also: app/jobs/scheduler.py (runs the scheduled jobs), app/observation/request_recorder.py (runs the others).
"""

from typing import Literal

from sqlalchemy import bindparam, insert, select, update

from app import clock
from app.store.database.connection import Connection, Row
from app.store.directory.tables import job

Job = Literal["checkpoint", "guard", "pruning", "words"]

_END = update(job).where(job.c.name == bindparam("job"))
_ALL = select(job.c.name, job.c.done, job.c.ran, job.c.failure)
_WRITE = insert(job).prefix_with("OR REPLACE")
_FAILED = select(job.c.name, job.c.ran, job.c.failure).where(job.c.failure.is_not(None)).order_by(job.c.name)


def end(connection: Connection, name: Job, failure: str | None = None) -> None:
    """Record that a job has ended now; `failure` says why if it failed."""
    connection.execute(_END, {"job": name, "ran": clock.to_wire(clock.utc_now()), "failure": failure})


def failed(connection: Connection) -> list[str]:
    """Return a sentence for each job that failed when it ran last."""
    rows = connection.execute(_FAILED)
    return [
        f"background job {name}: failed at {ran} ({failure}); the server tries again" for name, ran, failure in rows
    ]


def scheduled(connection: Connection) -> dict[str, Row]:
    """Return `done`, `ran` and `failure` of each job by its name."""
    return {row.name: row for row in connection.execute(_ALL)}


def write(connection: Connection, name: str, done: int, ran: str, failure: str | None) -> None:
    """Write the row of a scheduled job; `done`: when the last run that succeeded began, in seconds since 1970."""
    connection.execute(_WRITE, {"name": name, "done": done, "ran": ran, "failure": failure})
