"""This module formats numbers and times for templates.

Times leave the server in UTC; the script converts them to the reader's time zone.
"""

from datetime import datetime

from flask import Flask
from markupsafe import Markup, escape

from app import clock
from app.quantities import counted

_SIZES = ("kB", "MB", "GB", "TB")
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
"""The marks in a User-Agent with their browsers, in this order: a browser may also send the marks below its own."""
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_STEPS = (("minute", 60, 60), ("hour", 3600, 24), ("day", 86_400, 60), ("month", 30 * 86_400, 24))


def init_app(app: Flask) -> None:
    """Give templates the filters `ago`, `browser`, `moment`, `counted`, `in_bytes` and `lasting`."""
    app.jinja_env.filters.update({word.__name__: word for word in (ago, browser, moment, counted, in_bytes, lasting)})


def ago(wire: str) -> str:
    """Return how long ago a moment in wire form was: `less than a minute ago`, `12 minutes ago`, `3 days ago`."""
    passed_s = (clock.utc_now() - datetime.fromisoformat(wire)).total_seconds()
    if passed_s < 60:
        return "less than a minute ago"
    for name, unit_s, limit in _STEPS:
        if passed_s < unit_s * limit:
            return f"{counted(int(passed_s // unit_s), name)} ago"
    return f"{counted(int(passed_s // (365 * 86_400)), 'year')} ago"


def browser(user_agent: str) -> str:
    """Return the browser and system of a User-Agent: `Edge on Windows`; the text itself if neither is known."""
    name = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{name} on {system}" if name and system else name or user_agent or "unknown"


def moment(wire: str) -> Markup:
    """Return a moment in wire form as a `time` element: `2026-01-31 08:00 UTC`."""
    text = str(escape(wire))
    return Markup(f'<time datetime="{text}">{text[:10]} {text[11:16]} UTC</time>')


def in_bytes(size: int) -> str:
    """Return a size of files: `512 bytes`, `3.4 MB`, `12 GB`; a kB has 1,000 bytes, as on the labels of disks."""
    if size < 1000:
        return counted(size, "byte")
    steps = next((steps for steps in range(1, len(_SIZES)) if size / 1000**steps < 999.5), len(_SIZES))
    amount = size / 1000**steps
    return f"{amount:,.0f} {_SIZES[steps - 1]}" if amount >= 9.95 else f"{amount:.1f} {_SIZES[steps - 1]}"


def lasting(seconds: float) -> str:
    """Return an approximate duration: `40 seconds`, `40 minutes`, `6 hours`, `3 days`."""
    for unit_s, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * unit_s or (seconds >= unit_s and seconds % unit_s < unit_s / 10):
            return counted(round(seconds / unit_s), name)
    return counted(round(seconds), "second")
