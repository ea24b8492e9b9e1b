"""This module counts what Entra did on each of the last days (UTC), and how regularly it synced."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from app import clock
from app.observation.cycles.sync_health import FIRST_GUESS_S, LATE_AT
from app.store.request_log import cycle_rows, log_database

Regularity = Literal["on time", "with pauses", "none"]
"""Whether the syncs of a day followed each other as usual.

A pause is no fault: Entra sends nothing while nothing changes.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The totals of one day, `date` in UTC. `refused` counts requests, the others users and groups."""

    date: date
    syncs: int = 0
    created: int = 0
    changed: int = 0
    disabled: int = 0
    deleted: int = 0
    refused: int = 0
    longest_pause_s: float = 0.0
    usual_gap_s: float = FIRST_GUESS_S

    @property
    def changes(self) -> int:
        return self.created + self.changed + self.disabled + self.deleted

    @property
    def regularity(self) -> Regularity:
        if not self.syncs:
            return "none"
        return "on time" if self.longest_pause_s < LATE_AT * self.usual_gap_s else "with pauses"


def last_days(count: int, usual_gap_s: float = FIRST_GUESS_S) -> list[Day]:
    """Return the last days up to today, oldest first, with each day without a sync too."""
    today = clock.utc_now().date()
    since = today - timedelta(days=count - 1)
    with log_database.reading() as connection:
        rows = cycle_rows.of_days(connection, since.isoformat())
    return days_of(rows, since, count, usual_gap_s)


def days_of(rows: Iterable[Any], since: date, count: int, usual_gap_s: float) -> list[Day]:
    """Return `count` days from the rows of those that had a sync."""
    by_date = {row.day: row._asdict() for row in rows}
    days = []
    for number in range(count):
        day = since + timedelta(days=number)
        totals = by_date.get(day.isoformat(), {})
        totals.pop("day", None)
        days.append(Day(date=day, usual_gap_s=usual_gap_s, **totals))
    return days
