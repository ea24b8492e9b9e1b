"""The first page: is all well, how many are there, when was Entra here last.

Not here: how it is counted (app/administration/overview.py).
"""

from datetime import datetime, timedelta

from flask import render_template, request

from app import administration, clock
from app.web.console.blueprint import console
from app.web.proxy import IGNORED

QUIET_AFTER = timedelta(hours=2)
"""Entra comes about every 40 minutes; after three rounds without it the page says what silence can mean."""


@console.get("/")
def overview() -> str:
    """One sentence, and the counts."""
    found = administration.overview()
    contact = found.last_contact
    is_quiet = contact is not None and clock.utc_now() - datetime.fromisoformat(contact.at) > QUIET_AFTER
    proxies = request.environ.get(IGNORED, ())
    return render_template("overview.html", overview=found, is_quiet=is_quiet, ignored_proxies=proxies)
