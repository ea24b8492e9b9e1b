"""The Audit page: every administrative act and every sign-in, filtered, exported, with the hash that seals them.

Not here: how entries are found (app/administration/audit_list.py), and how they are chained (app/store/audit.py).
"""

from collections.abc import Mapping
from operator import attrgetter

from flask import abort, render_template
from werkzeug.wrappers import Response

from app.administration import Action, audit_list
from app.administration.audit_list import Asked, Entry, View
from app.web import security
from app.web.console import listing
from app.web.console.blueprint import console
from app.web.console.filter_form import FilterForm, before
from app.web.console.listing import Column

VIEWS: Mapping[View, str] = {"": "All", "sign-ins": "Sign-ins", "acts": "Acts", "refused": "Refused"}

COLUMNS: tuple[Column[Entry], ...] = (
    Column("id", "Entry", attrgetter("id")),
    Column("at", "Time", attrgetter("at")),
    Column("actor", "Who", attrgetter("actor")),
    Column("address", "From", attrgetter("address")),
    Column("action", "Action", attrgetter("action")),
    Column("what", "What", attrgetter("sentence")),
    Column("target", "Target", attrgetter("target")),
    Column("detail", "Detail", attrgetter("detail")),
    Column("hash", "Hash", attrgetter("hash")),
)
"""With JSON of it the chain can be computed anew elsewhere; docs/security.md says how."""

_PARAMETERS = ("view", "action", "who", "target", "from", "to")


@console.get("/audit")
def audit() -> str | Response:
    """Entries, newest first; or all that fit as a file, which is an act itself."""
    form = FilterForm(_PARAMETERS)
    asked = _asked(form)
    if file := listing.export_wanted():
        security.require_own_origin()  # else any site could make the audit say that its reader exported it
        return listing.exported("audit", COLUMNS, audit_list.export(asked, security.actor(), file))
    return render_template(
        "audit.html",
        form=form,
        asked=asked,
        views=VIEWS,
        actions=sorted(audit_list.VIEWS[asked.view], key=lambda action: action.title),
        found=audit_list.find(asked, before()),
        head=audit_list.head(),
    )


def _asked(form: FilterForm) -> Asked:
    """What the form asks for. 404 for what no form of ours sends."""
    given = form.given
    view = next((view for view in VIEWS if view == given["view"]), None)
    action = next((action for action in Action if action.key == given["action"]), None)
    if view is None or (given["action"] and action is None):
        abort(404)
    who, target = form.text("who"), form.text("target")
    since, until = form.span()
    return Asked(view, action, who, target, since, until)
