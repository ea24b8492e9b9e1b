"""This module serves the Status page."""

from collections import Counter
from contextlib import suppress
from typing import Any

from flask import current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import bounds, clock, file_swap
from app.administration import directory_totals, disk_usage, ignored_problems, readiness, removed_schemas
from app.administration.accounts import sign_in_limits
from app.administration.credentials import key_status, oauth_clients
from app.administration.disk_usage import Storage
from app.administration.ip_allow_list import allow_list
from app.administration.roles import granted_roles, users_to_confirm
from app.administration.single_sign_on import provider_settings
from app.jobs import backup_health
from app.observation import setup_steps
from app.observation.cycles import day_totals, sync_health
from app.observation.directory import history_reader
from app.observation.directory.history_reader import Event
from app.observation.problems import problem_list, refused_removals
from app.observation.problems.refused_removals import Standing
from app.request_record import KeyFault
from app.scim.errors import ScimError
from app.settings import Settings
from app.version import VERSION
from app.web.console.access import provider_sign_in
from app.web.console.monitoring import day_chart, guard, service_state
from app.web.console.monitoring.event_lines import label
from app.web.console.monitoring.event_sentences import KEY_FAULTS
from app.web.console.monitoring.service_state import Facts
from app.web.public_url import IGNORED
from app.web.security import browser_session

FAULTS_OF_ONE_KIND: tuple[KeyFault, ...] = ("no-bearer", "unknown", "client-secret", "foreign", "client", "assertion")
"""The key faults that the title of their kind of problem does not name."""


def status() -> str:
    """Show the state in two words and a sentence, what to do, a chart, cards, and the checklist."""
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    overview = directory_totals.overview()
    contact = overview.last_contact
    log = _log(contact.at if contact else "")
    event = history_reader.newest_event()
    storage, backups = _storage(settings), backup_health.read(settings)
    unconfirmed, missing_schemas = users_to_confirm.list_unconfirmed(), removed_schemas.missing_schemas()
    outage = provider_sign_in.provider_client().outage if provider_settings.configured() else None
    facts = Facts(
        health=log["health"],
        overview=overview,
        standing=log["standing"] or Standing((), 0),
        severities=log["severities"] or Counter(),
        stopping=log["stopping"] or (),
        backups=backups,
        is_damaged=bool(readiness.damaged_since()),
        is_disk_low=bool(storage and storage.is_low),
        outage=outage,
        has_other_notice=bool(unconfirmed.total or missing_schemas or log["problems"] is None or guard.open_alarm()),
    )
    return render_template(
        "status.html",
        state=service_state.state_of(facts),
        to_do=service_state.to_do(facts, bounds.TASKS_SHOWN),
        overview=overview,
        **log,
        now=clock.to_wire(clock.utc_now()),
        damaged_since=readiness.damaged_since(),
        chart=day_chart,
        keys=key_status.active_keys(),
        clients=[client for client in oauth_clients.list_clients() if client.credentials],
        event=event,
        role_news=granted_roles.news(),
        unconfirmed=unconfirmed,
        missing_schemas=missing_schemas,
        changed=_changed(event) if event else "",
        storage=storage,
        time_limit_s=bounds.STATEMENT_S,
        replaced=file_swap.replaced_folders(settings.data),
        backups=backups,
        version=VERSION,
        faults={fault: KEY_FAULTS[fault] for fault in FAULTS_OF_ONE_KIND},
        sources=allow_list.source_list(),
        ignored_proxies={one: sign_in_limits.failed_sign_ins(one) for one in request.environ.get(IGNORED, ())},
    )


def close_exposure() -> Response:
    """Close the notice about the request in the form."""
    ignored_problems.close_exposure(request.form.get("number", ""), browser_session.actor())
    return redirect(url_for("console.status"), 303)


def confirm_removal() -> Response:
    """Confirm that the schema in the form was removed on purpose, as far as the form displayed it."""
    type_name, urn, since = (request.form.get(name, "") for name in ("type", "urn", "since"))
    removed_schemas.confirm_removal(type_name, urn, since, browser_session.actor())
    return redirect(url_for("console.status"), 303)


def _log(contact: str) -> dict[str, Any]:
    """Return the values from the request log; while it cannot be read, only that a key was used at `contact`."""
    try:
        health, _ = sync_health.current(contact)
        days = day_totals.last_days(day_chart.WIDE.days, health.gap_s)
        synced_days = [day for day in days if day.syncs]
        sizes = (day_chart.WIDE, day_chart.PHONE) if len(synced_days) >= bounds.CHART_SYNCED_DAYS else ()
        checklist = setup_steps.checklist()
        is_missed = health.state in ("waiting", "late", "silent", "quarantine") or not checklist.have_users_arrived
        return {
            "health": health,
            "days": days,
            "synced_days": synced_days,
            "charts": [day_chart.chart(days, size) for size in sizes],
            "checklist": checklist,
            "seen": setup_steps.last_seen() if is_missed else None,
            "problems": problem_list.counts(),
            "keyless": problem_list.count_keyless(),
            "standing": refused_removals.standing(),
            "severities": problem_list.count_open()[0],
            "stopping": problem_list.stopping_causes(),
        }
    except ScimError:  # the page says so (base.html)
        health = sync_health.read((), clock.utc_now(), contact=contact)
        names = ("checklist", "seen", "problems", "keyless", "standing", "severities", "stopping")
        unknown = dict.fromkeys(names)
        return {"health": health, "synced_days": (), **unknown}


def _changed(event: Event) -> str:
    """Return what an event changed, in one or two words."""
    if event.verb != "change":
        return {"create": "created", "delete": "deleted", "put back": "put back"}[event.verb]
    if event.changes:
        return label(event.changes[0].attribute)
    return "members" if event.joined or event.departed else "no visible attribute"


def _storage(settings: Settings) -> Storage | None:
    """Return the used storage; None if the system does not report it, since the rest of the page matters more."""
    with suppress(OSError):
        return disk_usage.storage(settings.database, settings.requests_database)
    return None
