"""This module stores when each job of the background thread ran last, and how it ended.

The words have a row of their own kind (word_index.py), which is written with them.
"""

from typing import Literal

from sqlalchemy import bindparam, select, update

from app import clock
from app.store.database.connection import Connection
from app.store.directory.tables import job

Job = Literal["checkpoint", "pruning", "words"]

_END = update(job).where(job.c.name == bindparam("job"))
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
