"""The first page: is all well, does Entra still come, how many are there, what is to be done.

Not here: how it is counted (app/administration/overview.py), and what the pulse is made of (app/observation/pulse.py).
"""

from contextlib import suppress
from typing import Any

from flask import current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import administration, bounds, clock
from app.administration import Storage, single_sign_on
from app.observation import due_removals, milestones, past, problem_list, pulse, strip
from app.observation.past import Event
from app.observation.request import KeyFault
from app.scim.errors import ScimError
from app.settings import Settings
from app.version import VERSION
from app.web import security
from app.web.console import auth
from app.web.console.blueprint import console
from app.web.console.lines import label
from app.web.console.sentences import KEY_FAULTS
from app.web.proxy import IGNORED

FAULTS_OF_ONE_KIND: tuple[KeyFault, ...] = ("no-bearer", "unknown", "client-secret", "foreign", "client", "assertion")
"""What may be wrong with a key and is not told by the title of the problem's kind."""


@console.get("/")
def status() -> str:
    """One sentence with its colour, the pulse, a card for each thing that can go wrong, and the checklist."""
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    overview = administration.overview()
    contact = overview.last_contact
    log = _log(contact.at if contact else "")
    event = past.newest_event()
    return render_template(
        "status.html",
        overview=overview,
        **log,
        now=clock.to_wire(clock.utc_now()),
        strip=strip,
        keys=administration.active_keys(),
        clients=[client for client in administration.list_clients() if client.credentials],
        event=event,
        role_news=administration.role_news(),
        outage=auth.line().outage if single_sign_on.configured() else None,
        unconfirmed=administration.list_unconfirmed(),
        missing_schemas=administration.missing_schemas(),
        changed=_changed(event) if event else "",
        storage=_storage(settings),
        version=VERSION,
        faults={fault: KEY_FAULTS[fault] for fault in FAULTS_OF_ONE_KIND},
        sources=administration.source_list(),
        ignored_proxies={one: administration.failed_sign_ins(one) for one in request.environ.get(IGNORED, ())},
    )


@console.post("/exposure/close")
def close_exposure() -> Response:
    """Close the notice about the request that the form shows."""
    administration.close_exposure(request.form.get("number", ""), security.actor())
    return redirect(url_for("console.status"), 303)


@console.post("/schemas/confirm-removal")
def confirm_removal() -> Response:
    """Confirm that the schema of the form was removed on purpose, as far as the form shows it."""
    type_name, urn, since = (request.form.get(name, "") for name in ("type", "urn", "since"))
    administration.confirm_removal(type_name, urn, since, security.actor())
    return redirect(url_for("console.status"), 303)


def _log(contact: str) -> dict[str, Any]:
    """What the request log tells; while it cannot be read, no more than that a key was used at `contact`."""
    try:
        found, cycles = pulse.pulse(contact)
        checklist = milestones.checklist()
        is_missed = found.state in ("waiting", "late", "silent", "quarantine") or not checklist.have_users_arrived
        return {
            "pulse": found,
            "bars": list(strip.bars(cycles, bounds.PULSE_CYCLES)),
            "checklist": checklist,
            "seen": milestones.last_seen() if is_missed else None,
            "problems": problem_list.counts(),
            "keyless": problem_list.count_keyless(),
            "standing": due_removals.standing(),
        }
    except ScimError:  # the page says so (base.html)
        found = pulse.read((), clock.utc_now(), contact=contact)
        unknown = dict.fromkeys(("checklist", "seen", "problems", "keyless", "standing"))
        return {"pulse": found, "bars": (), **unknown}


def _changed(event: Event) -> str:
    """What was done, in a word or two."""
    if event.verb != "change":
        return {"create": "created", "delete": "deleted"}[event.verb]
    if event.changes:
        return label(event.changes[0].attribute)
    return "members" if event.joined or event.departed else "nothing that shows"


def _storage(settings: Settings) -> Storage | None:
    """None where the system does not tell: the page is worth more than this card."""
    with suppress(OSError):
        return administration.storage(settings.database, settings.requests_database)
    return None
