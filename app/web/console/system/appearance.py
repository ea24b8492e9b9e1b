"""This module keeps the colors that a browser displays the console in: light, dark, or as its system does."""

from flask import redirect, request
from werkzeug.wrappers import Response

from app import bounds
from app.web.security import browser_session, cookies

THEMES = ("light", "dark")
_COOKIE = "recnice_theme"


def theme() -> str:
    """Return the theme that this browser chose, "" for that of its system."""
    chosen = cookies.sent(_COOKIE)
    return chosen if chosen in THEMES else ""


def set_theme() -> Response:
    """Keep the choice in a cookie, and return to the page."""
    answer = redirect(browser_session.own_path(request.form.get("back", "")), 303)
    chosen = request.form.get("theme", "")
    if chosen in THEMES:
        cookies.give(answer, _COOKIE, chosen, bounds.THEME_S)
    else:
        cookies.take(answer, _COOKIE)
    return answer
