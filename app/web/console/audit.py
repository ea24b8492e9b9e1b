"""The Audit page: every administrative act and every sign-in, filtered, exported, with the hash that seals them.

Not here: how entries are found (app/administration/audit_list.py), and how they are chained (app/store/audit.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from flask import abort, render_template, request
from werkzeug.wrappers import Response

from app import bounds
from app.administration import Action, audit_list
from app.administration.audit_list import Asked, Entry, View
from app.web import security
from app.web.console import listing
from app.web.console.activity_filter import before, in_a_field, moment_of
from app.web.console.blueprint import console
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


@dataclass(frozen=True, slots=True)
class Form:
    """The filter as it was filled in: `given` by parameter, as it was understood, and what could not be."""

    given: Mapping[str, str]
    asked: Asked
    complaints: Sequence[str]

    @property
    def is_filtered(self) -> bool:
        """Whether anything was chosen."""
        return any(self.given.values())


@console.get("/audit")
def audit() -> str | Response:
    """Entries, newest first; or all that fit as a file, which is an act itself."""
    form = _read()
    if file := listing.export_wanted():
        return listing.exported("audit", COLUMNS, audit_list.export(form.asked, security.actor(), file))
    return render_template(
        "audit.html",
        form=form,
        views=VIEWS,
        actions=sorted(audit_list.VIEWS[form.asked.view], key=lambda action: action.title),
        found=audit_list.find(form.asked, before()),
        head=audit_list.head(),
    )


def _read() -> Form:
    """The filter of the present address. 404 for what no form of ours sends."""
    given = {name: request.args.get(name, "").strip() for name in _PARAMETERS}
    complaints = []
    view = next((view for view in VIEWS if view == given["view"]), None)
    action = next((action for action in Action if action.key == given["action"]), None)
    if view is None or (given["action"] and action is None):
        abort(404)
    texts = {}
    for name in ("who", "target"):
        is_too_long = len(given[name]) > bounds.SEARCH_TEXT_LENGTH
        texts[name] = "" if is_too_long else given[name]
        if is_too_long:
            complaints.append(f"A search may have at most {bounds.SEARCH_TEXT_LENGTH} characters, so all are shown.")
    moments = {name: moment_of(given[name], is_end=name == "to") for name in ("from", "to")}
    for name, moment in moments.items():
        if moment is None:
            complaints.append(f"“{given[name]}” is no time. Write it like 2026-01-31T08:00.")
        elif moment:
            given[name] = in_a_field(moment, is_end=name == "to")
    asked = Asked(view, action, texts["who"], texts["target"], moments["from"] or "", moments["to"] or "")
    return Form(given, asked, complaints)
