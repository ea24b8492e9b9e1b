"""This module says how old the newest backup is, and which job of backups failed, for Status and for watchers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app import bounds, clock
from app.backup import copies, job_titles
from app.jobs import scheduler
from app.jobs.scheduler import JobOutcome
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class BackupHealth:
    """The state of the backups. `newest`: when the newest one was made (wire form), "" if there is none.

    `failures`: the scheduled jobs that failed when they ran last. `drill`: when it last succeeded, "" before that.
    `next_at`: the next nightly backup, "" if there is no schedule.
    """

    newest: str
    failures: Sequence[JobOutcome]
    drill: str
    next_at: str

    @property
    def is_late(self) -> bool:
        """Whether the newest backup is too old; a new data folder may have none yet."""
        if not self.newest:
            return False
        age = clock.utc_now() - datetime.fromisoformat(self.newest)
        return age.total_seconds() > bounds.BACKUP_AGE_S


def outcomes() -> dict[str, JobOutcome]:
    """Return how each of these jobs ended last, by its name; one that is off is left out."""
    known = {one.name: one for one in scheduler.current().outcomes()}
    return {name: known[name] for name in job_titles.TITLES if name in known}


def read(settings: Settings) -> BackupHealth:
    """Return the state now. Requires an application context."""
    newest = copies.newest(settings)
    jobs = outcomes()
    drill, nightly = jobs.get("drill"), jobs.get(job_titles.NIGHTLY)
    return BackupHealth(
        newest.made if newest else "",
        [one for one in jobs.values() if one.failure and one.next_at],
        drill.ran if drill and not drill.failure else "",
        nightly.next_at if nightly else "",
    )
