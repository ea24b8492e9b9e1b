"""How the console says numbers and times, for its templates.

Times leave the server in UTC; the script turns them into the reader's own. Not here: sentences (templates).
"""

from datetime import datetime

from flask import Flask
from markupsafe import Markup

from app import clock

_STEPS = (("minute", 60, 60), ("hour", 3600, 24), ("day", 86_400, 60), ("month", 30 * 86_400, 24))


def init_app(app: Flask) -> None:
    """Give templates the filters `ago`, `moment` and `counted`."""
    for word in (ago, moment, counted):
        app.add_template_filter(word)


def counted(number: int, one: str, many: str = "") -> str:
    """`1 user`, `2 users`, `12,345 users`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def ago(wire: str) -> str:
    """How long ago a moment in wire form was: `less than a minute ago`, `12 minutes ago`, `3 days ago`."""
    passed_s = (clock.utc_now() - datetime.fromisoformat(wire)).total_seconds()
    if passed_s < 60:
        return "less than a minute ago"
    for name, unit_s, limit in _STEPS:
        if passed_s < unit_s * limit:
            return f"{counted(int(passed_s // unit_s), name)} ago"
    return f"{counted(int(passed_s // (365 * 86_400)), 'year')} ago"


def moment(wire: str) -> Markup:
    """A moment in wire form as a `time` element: `2026-01-31 08:00 UTC`."""
    shown = datetime.fromisoformat(wire).strftime("%Y-%m-%d %H:%M UTC")
    return Markup('<time datetime="{}">{}</time>').format(wire, shown)
