"""This module reads the system time and formats it.

For durations use `time.monotonic` or `app.throttle`: the system time can be set back.
"""

from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_written: tuple[tuple[int, int], str] = ((0, 0), "1970-01-01T00:00:00")
"""The second that was written last, as days and seconds, and its text. Threads replace the pair as a whole."""


def utc_now() -> datetime:
    """Return the current time in UTC, timezone-aware."""
    return datetime.now(UTC)


def to_wire(moment: datetime) -> str:
    """Return a time in wire form, of fixed width: `2026-01-31T08:00:00.000Z`, UTC, milliseconds (RFC 7643 §2.3.5)."""
    global _written
    since = moment - _EPOCH
    second = since.days, since.seconds
    written, text = _written
    if written != second:
        text = moment.astimezone(UTC).isoformat(timespec="seconds")[: -len("+00:00")]
        _written = second, text
    return f"{text}.{since.microseconds // 1_000:03}Z"
