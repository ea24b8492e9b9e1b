"""This module declares how severe a problem is: by its harm, not by its cause.

See also: app/observation/problem_kinds/problem_kind.py (`stops_sync`), refused_removals.py (who is still active).
"""

from enum import IntEnum

from app.observation.problem_kinds.problem_kind import Kind


class Severity(IntEnum):
    """The severities, the worst first. `label` is the text of the console."""

    STILL_ACTIVE = 0
    SYNC_STOPPED = 1
    NOT_SYNCED = 2
    PARTLY_SYNCED = 3

    @property
    def label(self) -> str:
        return self.name.replace("_", " ").capitalize()

    @property
    def value_name(self) -> str:
        """The name in exports and metrics, such as still-active."""
        return self.name.replace("_", "-").lower()

    @property
    def is_urgent(self) -> bool:
        """Whether a user keeps access, or nothing is synced."""
        return self <= Severity.SYNC_STOPPED


def severity_of(kind: Kind, *, is_due: bool, is_of_change: bool) -> Severity:
    """Return the severity of a problem.

    `is_due`: a user still has access that its requests were meant to remove. `is_of_change`: they were to change
    what is here, so that only a part is missing. Entra's ids that are unknown here belong to a missing user or group.
    """
    if is_due:
        return Severity.STILL_ACTIVE
    if kind.stops_sync:
        return Severity.SYNC_STOPPED
    is_partial = (is_of_change and kind.retry != "lost") or kind.retry == "nobody"
    return Severity.PARTLY_SYNCED if is_partial else Severity.NOT_SYNCED
