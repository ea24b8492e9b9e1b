"""This module judges whether Entra still syncs as often as before.

It uses only the times of requests. Entra: a cycle about every 40 minutes; no request while nothing changes; in
quarantine, retries of a failed job after 6, 12 and 24 hours, then daily. So a pause alone is never called a fault.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_low
from typing import Literal

from app import bounds, clock
from app.observation.cycles import detection
from app.observation.cycles.detection import PAUSE_S, Cycle, seconds_between
from app.request_record import KeyFault
from app.store.request_log import log_database, request_rows
from app.store.request_log.request_rows import RequestFilter

State = Literal["waiting", "working", "healthy", "late", "silent", "quarantine"]
"""The sync health.

waiting: no request with a valid key yet. working: a cycle is in progress. late, silent: the next cycle is overdue.
quarantine: the gaps are those of a job that Entra has put into quarantine.
"""

FIRST_GUESS_S = 40 * 60
GAPS = 10
GAPS_BELIEVED = 3
"""The number of gaps that are trusted. With fewer, the first guess replaces the missing ones: one long weekend is not a
pattern.
"""
LATE_AT = 2
SILENT_AT = 6
RETRY_GAPS_S = (6 * 3600, 12 * 3600, 24 * 3600)
"""Entra: the gaps between the retries of a job in quarantine, in seconds."""
RETRY_SLACK = 0.1
RETRY_GAPS = 3
FAULTS_OF_ENTRA: frozenset[KeyFault] = frozenset(
    ("stopped", "cut", "unknown", "entra-token", "twice-bearer", "foreign")
)
"""The faults of a key that was pasted incorrectly or is no longer valid.

Entra always sends a key, so a request without one is from an unauthenticated client.
"""
IN_NO_CYCLE = RequestFilter(cycle_id=0)


@dataclass(frozen=True, slots=True)
class SyncHealth:
    """The sync health at one moment.

    `last_request`: the last one with a valid key. `expected`: the start of the next cycle, if Entra has any change.
    Both are in wire form, "" while waiting. `gap_s` is the usual time between the starts of two cycles.
    """

    state: State
    last_request: str = ""
    gap_s: float = FIRST_GUESS_S
    expected: str = ""


def current(contact: str = "") -> tuple[SyncHealth, list[Cycle]]:
    """Return the sync health now, and the last cycles, oldest first.

    `contact`: when a key was last used, in case the log was lost.
    """
    with log_database.reading() as connection:
        requests = request_rows.page(connection, IN_NO_CYCLE, limit=bounds.LOG_PAGE_SIZE)
    refused = [one.at for one in requests if one.status == 401 and one.key_fault in FAULTS_OF_ENTRA]
    last = detection.latest(bounds.CHART_CYCLES)[::-1]
    return read(last, clock.utc_now(), sorted(refused), contact), last


def read(last: Sequence[Cycle], now: datetime, refused: Sequence[str] = (), contact: str = "") -> SyncHealth:
    """Return the sync health from the last cycles and the times of requests with a refused key, both oldest first."""
    last_request = last[-1].ended if last else contact
    if not last_request:
        return SyncHealth("waiting")
    moment = clock.to_wire(now)
    contacts = contacts_of([cycle.started for cycle in last], refused)
    has_failed = bool(refused) or any(cycle.failed for cycle in last)
    daily_s = RETRY_GAPS_S[-1]
    if has_failed and is_retry_schedule(contacts) and seconds_between(contacts[-1], moment) < LATE_AT * daily_s:
        return SyncHealth("quarantine", last_request, daily_s, _later(contacts[-1], daily_s))
    gap_s = usual_gap_s([cycle.started for cycle in last])
    began = last[-1].started if last else last_request
    expected = max(_later(began, gap_s), last_request)
    return SyncHealth(_state(seconds_between(last_request, moment), gap_s), last_request, gap_s, expected)


def usual_gap_s(starts: Sequence[str]) -> float:
    """Return the median of the last gaps between the starts of cycles.

    Gaps of less than ten minutes are left out: they come from tests or from Provision on demand.
    """
    gaps = [gap for gap in gaps_of(starts) if gap >= PAUSE_S][-GAPS:]
    return median_low([FIRST_GUESS_S] * max(0, GAPS_BELIEVED - len(gaps)) + gaps)


def gaps_of(moments: Sequence[str]) -> list[float]:
    """Return the seconds between each moment and the next."""
    return [seconds_between(one, other) for one, other in zip(moments, moments[1:], strict=False)]


def contacts_of(starts: Sequence[str], refused: Sequence[str]) -> list[str]:
    """Return the times of contact with a valid or invalid key; times within ten minutes count as one."""
    contacts: list[str] = []
    for moment in sorted([*starts, *refused]):
        if not contacts or seconds_between(contacts[-1], moment) >= PAUSE_S:
            contacts.append(moment)
    return contacts


def is_retry_schedule(contacts: Sequence[str]) -> bool:
    """Return whether the last gaps are a quarantined job's: each about 6, 12 or 24 hours, and never decreasing."""
    gaps = gaps_of(contacts)[-RETRY_GAPS:]
    steps = [next((step for step in RETRY_GAPS_S if abs(gap - step) <= RETRY_SLACK * step), 0) for gap in gaps]
    return len(gaps) == RETRY_GAPS and all(steps) and steps == sorted(steps)


def _state(quiet_s: float, gap_s: float) -> State:
    if quiet_s < PAUSE_S:
        return "working"
    if quiet_s < LATE_AT * gap_s:
        return "healthy"
    return "late" if quiet_s < SILENT_AT * gap_s else "silent"


def _later(moment: str, seconds: float) -> str:
    return clock.to_wire(datetime.fromisoformat(moment) + timedelta(seconds=seconds))
