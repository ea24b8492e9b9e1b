"""This module reads the system time and formats it.

For durations use `time.monotonic` or `app.throttle`: the system time can be set back.
"""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time in UTC, timezone-aware."""
    return datetime.now(UTC)


def to_wire(moment: datetime) -> str:
    """Return a time in wire form, of fixed width: `2026-01-31T08:00:00.000Z`, UTC, milliseconds (RFC 7643 §2.3.5)."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"
