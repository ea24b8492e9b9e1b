"""This module tells the time and formats it.

It holds no timers and measures no durations; those use `time.monotonic`.
"""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def to_wire(moment: datetime) -> str:
    """A moment as SCIM writes it (RFC 7643 §2.3.5): `2026-01-31T08:00:00.000Z`, UTC, milliseconds, fixed width."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
