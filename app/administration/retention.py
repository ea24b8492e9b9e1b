"""This module deletes what is older than the days for which history and audit are kept."""

from collections.abc import Callable
from datetime import timedelta

from app import clock
from app.administration import audit
from app.administration.audit import ITSELF
from app.store.access import audit_rows
from app.store.database import directory_database
from app.store.directory import history_pruning
from app.store.directory.history_pruning import Place


def apply(history_days: int, audit_days: int, leave_if_stopping: Callable[[], None]) -> None:
    """Delete history and entries of the audit in parts, each in a transaction of its own. 0 days keep everything."""
    if history_days:
        before, place = _days_ago(history_days), Place()
        following: Place | None = place
        while following is not None:
            leave_if_stopping()
            with directory_database.writing() as connection:
                following = history_pruning.prune(connection, before, following)
    if audit_days:
        before, is_more = _days_ago(audit_days), True
        while is_more:
            leave_if_stopping()
            with directory_database.writing() as connection:
                last, is_more = audit_rows.last_before(connection, before)
                if last:
                    audit.summarize(connection, ITSELF, last, "retention")


def history_is_complete_since() -> str:
    """Return the moment (wire form) before which history was deleted; "" if none was."""
    with directory_database.reading() as connection:
        return history_pruning.complete_since(connection)


def _days_ago(days: int) -> str:
    return clock.to_wire(clock.utc_now() - timedelta(days=days))
