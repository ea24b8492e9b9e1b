"""This module says when a scheduled job is due: by wall times of a time zone, or every few minutes.

See also: app/jobs/scheduler.py (runs the jobs).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from app import bounds, bundled_files


@dataclass(frozen=True, slots=True)
class Every:
    """Every few minutes after the begin of the last run, also over a pause of the server."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Daily:
    """Once a day at a wall time."""

    at: time

    def has(self, _day: date) -> bool:
        """Return whether the job runs on this day."""
        return True


@dataclass(frozen=True, slots=True)
class Monthly:
    """Once a month at a wall time; `day` is from 1 to 28, since each month has these."""

    day: int
    at: time

    def has(self, day: date) -> bool:
        """Return whether the job runs on this day."""
        return day.day == self.day


@dataclass(frozen=True, slots=True)
class OnRequest:
    """When an administrator asks for it, and at no other time."""


Schedule = OnRequest | Every | Daily | Monthly
_LONGEST_DAYS = 33  # from a day before a run of `Monthly` to the day after the next one


def next_run(schedule: Schedule, last: datetime, zone: tzinfo | None) -> datetime:
    """Return when the first run after `last` is due, in UTC. Both times are timezone-aware.

    `zone` None is that of the system. A wall time that a day does not have, because clocks go forward, is due as long
    after midnight as on the day before. One that a day has twice is due at its first time only.
    """
    if isinstance(schedule, OnRequest):
        return datetime.max.replace(tzinfo=UTC)
    if isinstance(schedule, Every):
        return last + timedelta(minutes=schedule.minutes)
    first = last.astimezone(zone).date() - timedelta(days=1)
    days = (first + timedelta(days=number) for number in range(_LONGEST_DAYS + 1))
    return next(moment for moment in _moments(schedule, days, zone) if moment > last)


def _moments(schedule: Daily | Monthly, days: Iterator[date], zone: tzinfo | None) -> Iterator[datetime]:
    for day in days:
        if schedule.has(day):
            # With the offset of the first of two equal wall times, or of the time before a gap (PEP 495, fold=0).
            # `astimezone` would take the offset after the gap in the zone of the system.
            yield datetime.fromtimestamp(datetime.combine(day, schedule.at, zone).timestamp(), UTC)


def last_run(last: datetime, now: datetime) -> datetime:
    """Return the time of the last run as `next_run` needs it: a later one than now is of a clock that was ahead.

    A clock that was set back by less than a minute is the same clock: the run that it would repeat was made.
    """
    return now if last - now > timedelta(seconds=bounds.CLOCK_SLACK_S) else last


def zone_of(name: str) -> tzinfo | None:
    """Return the time zone with a name of the IANA list; None, the system's, for "". Raises ValueError.

    The executable has a list of its own, for systems without one.
    """
    if not name:
        return None
    import zipfile  # both only where a zone is named: most start without
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    try:
        with zipfile.ZipFile(bundled_files.TIME_ZONES) as zones, zones.open(name) as file:
            return zoneinfo.ZoneInfo.from_file(file, name)
    except (KeyError, ValueError, OSError):
        raise ValueError("the name of a time zone, such as Europe/Berlin") from None
