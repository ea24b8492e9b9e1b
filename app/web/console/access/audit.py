"""This module serves the Audit page."""

from collections.abc import Mapping
from operator import attrgetter

from flask import abort, render_template
from werkzeug.wrappers import Response

from app.administration import audit_reading
from app.administration.audit import Action
from app.administration.audit_reading import AuditEntry, AuditQuery, View
from app.web.console.shared import list_paging
from app.web.console.shared.filter_form import FilterForm, before
from app.web.console.shared.list_paging import Column
from app.web.security import browser_session, request_authentication

VIEWS: Mapping[View, str] = {"": "All", "sign-ins": "Sign-ins", "acts": "Actions", "refused": "Refused"}

COLUMNS: tuple[Column[AuditEntry], ...] = (
    Column("id", "AuditEntry", attrgetter("id")),
    Column("at", "Time", attrgetter("at")),
    Column("actor", "Who", attrgetter("actor")),
    Column("address", "From", attrgetter("address")),
    Column("action", "Action", attrgetter("action")),
    Column("what", "What", attrgetter("sentence")),
    Column("target", "Target", attrgetter("target")),
    Column("detail", "Detail", attrgetter("detail")),
    Column("hash", "Hash", attrgetter("hash")),
    Column("commitment", "Commitment", attrgetter("commitment")),
    Column("salt", "Salt", attrgetter("salt")),
    Column("erased", "Erased", attrgetter("erased")),
)
"""The columns of the page and of exports. The hash chain can be recomputed from a JSON export; docs/security.md says
how."""

_PARAMETERS = ("view", "action", "who", "target", "from", "to")


def audit() -> str | Response:
    """Show the entries, newest first, or export all that match, which is itself recorded in the audit."""
    form = FilterForm(_PARAMETERS)
    query = _query(form)
    if file := list_paging.export_format():
        request_authentication.require_own_origin()  # otherwise another site could make its visitor export it
        return list_paging.export("audit", COLUMNS, audit_reading.export(query, browser_session.actor(), file))
    return render_template(
        "audit.html",
        form=form,
        query=query,
        views=VIEWS,
        actions=sorted(audit_reading.VIEWS[query.view], key=lambda action: action.title),
        page=audit_reading.find(query, before()),
        head=audit_reading.head(),
    )


def _query(form: FilterForm) -> AuditQuery:
    """Return the query in the form. Raises 404 for values that no form of the console sends."""
    values = form.values
    view = next((view for view in VIEWS if view == values["view"]), None)
    action = next((action for action in Action if action.key == values["action"]), None)
    if view is None or (values["action"] and action is None):
        abort(404)
    who, target = form.text("who"), form.text("target")
    since, until = form.span()
    return AuditQuery(view, action, who, target, since, until)
