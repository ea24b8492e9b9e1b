"""The first page: is all well, how many are there, when was Entra here last.

Not here: how it is counted (app/administration/overview.py).
"""

from datetime import datetime, timedelta

from flask import render_template, request

from app import administration, clock
from app.web.console.blueprint import console
from app.web.proxy import IGNORED

LATE_AFTER = timedelta(hours=2)
"""Entra comes every 20 to 40 minutes; after three rounds without it something is worth a look."""


@console.get("/")
def overview() -> str:
    """One sentence, and the counts."""
    found = administration.overview()
    contact = found.last_contact
    is_late = contact is not None and clock.utc_now() - datetime.fromisoformat(contact.at) > LATE_AFTER
    return render_template("overview.html", overview=found, is_late=is_late, ignored_proxy=request.environ.get(IGNORED))
