"""This module says in two words whether all is well, and what an administrator has to do, the most urgent first.

See also: app/observation/problems/severity.py (of problems), templates/status.html (the sentence of each state).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from app import bounds, clock
from app.administration.directory_totals import Overview
from app.administration.single_sign_on.provider_client import Outage
from app.backup import job_titles
from app.jobs.backup_health import BackupHealth
from app.observation.cycles.detection import seconds_between
from app.observation.cycles.sync_health import SyncHealth
from app.observation.problem_kinds.access_kinds import KINDS_OF_STRANGERS
from app.observation.problems.problem_list import Cause
from app.observation.problems.refused_removals import Standing
from app.observation.problems.severity import Severity
from app.quantities import counted
from app.web.console.shared.formats import ago, lasting


class ServiceState(Enum):
    """The states; the first that fits is shown. `title` are its words, `look` is the class of its colors."""

    NOT_SET_UP = ("Waiting for Entra", "")
    STILL_ACTIVE = ("Still active", "wrong")
    SYNC_STOPPED = ("Sync stopped", "wrong")
    LATE = ("Entra is late", "late")
    NEEDS_ATTENTION = ("Needs attention", "late")
    ALL_WELL = ("All well", "well")

    def __init__(self, title: str, look: str) -> None:
        self.title = title
        self.look = look


@dataclass(frozen=True, slots=True)
class Task:
    """One line of To do: what, its consequence, and the page where it is done, by endpoint and query."""

    title: str
    consequence: str
    look: str
    button: str
    endpoint: str
    query: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the state depends on. `stopping` are the open causes whose kind stops the sync.

    `standing`, `severities` and `stopping` are empty while the request log cannot be read. `has_other_notice`: whether
    the page has another notice that asks for something.
    """

    health: SyncHealth
    overview: Overview
    standing: Standing
    severities: Counter[Severity]
    stopping: Sequence[Cause]
    backups: BackupHealth
    is_damaged: bool
    is_disk_low: bool
    outage: Outage | None
    has_other_notice: bool

    @property
    def is_stopped(self) -> bool:
        """Whether the last answer to Entra was a refusal of everything.

        Every client can send an invalid key, so such a refusal counts if no valid key follows for a while.
        """
        now = clock.to_wire(clock.utc_now())
        for cause in self.stopping:
            is_of_stranger = cause.kind.name in KINDS_OF_STRANGERS
            is_lasting = not cause.kind.is_of_key or seconds_between(cause.first, now) >= bounds.KEY_REFUSED_S
            if cause.last >= self.health.last_request and is_lasting and not is_of_stranger:
                return True
        return False


def state_of(facts: Facts) -> ServiceState:
    """Return the first state that fits."""
    health = facts.health.state
    if facts.standing.total:
        return ServiceState.STILL_ACTIVE
    if facts.is_damaged:
        return ServiceState.SYNC_STOPPED
    if health == "waiting":
        return ServiceState.NOT_SET_UP
    if not facts.overview.has_key or health == "quarantine" or facts.is_stopped:
        return ServiceState.SYNC_STOPPED
    if health in ("late", "silent"):
        return ServiceState.LATE
    is_well = facts.overview.users and not facts.severities and not facts.has_other_notice
    return ServiceState.ALL_WELL if is_well and not any(tasks(facts)) else ServiceState.NEEDS_ATTENTION


def to_do(facts: Facts, most: int) -> list[Task]:
    """Return the most urgent tasks."""
    return list(islice(tasks(facts), most))


def tasks(facts: Facts) -> Iterator[Task]:
    """Yield what an administrator has to do, the most urgent first. What the sentence of the state says is left out."""
    for cause in facts.stopping:
        yield _of_problems(cause.kind.title, cause.kind.fix[0], "wrong", cause.problems[0].id)
    if facts.outage:
        consequence = f"{facts.outage.because} It began {ago(facts.outage.since)}."
        yield Task("Single sign-on fails", consequence, "wrong", "Open Single sign-on", "console.single_sign_on")
    if number := facts.severities[Severity.NOT_SYNCED]:
        title = f"{counted(number, 'user or group is', 'users or groups are')} not synced"
        yield _of_problems(title, "They are not here until the cause is fixed.", "late")
    if facts.backups.is_late or facts.backups.failures:
        yield _of_backups(facts.backups)
    if facts.is_disk_low:
        consequence = "Free space on the disk of the data folder: when it is full, Entra's changes are refused."
        yield Task("Little space is free", consequence, "late", "Open Backups", "console.backups")
    if number := facts.severities[Severity.PARTLY_SYNCED]:
        title = f"{counted(number, 'user or group is', 'users or groups are')} partly synced"
        yield _of_problems(title, "They are here, without the refused change.", "")


def _of_problems(title: str, consequence: str, look: str, problem_id: int | None = None) -> Task:
    query: dict[str, str | int] = {} if problem_id is None else {"open": problem_id, "_anchor": f"p{problem_id}"}
    return Task(title, consequence, look, "Open Problems", "console.problems", query)


def _of_backups(backups: BackupHealth) -> Task:
    newest = f"The newest one was made {ago(backups.newest)}." if backups.newest else "There is none."
    failures = "".join(f" {job_titles.TITLES[job.name]}: {job.failure}." for job in backups.failures)
    title = f"No backup for {lasting(bounds.BACKUP_AGE_S)}" if backups.is_late else "A backup job failed"
    return Task(title, newest + failures, "late", "Open Backups", "console.backups")
