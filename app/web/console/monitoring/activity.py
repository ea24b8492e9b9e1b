"""This module serves the Activity page and the page of one request."""

from functools import cache
from typing import Any

from flask import Flask, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.administration.credentials import oauth_clients, scim_keys
from app.observation import request_list as log
from app.observation.cycles import detection
from app.observation.request_list import ACTION_GROUPS
from app.request_record import is_id
from app.scim.resource_types import ResourceType
from app.web.console.monitoring import activity_filter, activity_rows, event_lines
from app.web.console.monitoring.activity_filter import ActivityFilter
from app.web.console.shared import filter_form, list_paging
from app.web.console.shared.error_pages import sentence
from app.web.console.shared.list_paging import Pages
from app.web.request_log.redacted_record import OPERATION
from app.web.resource_urls import Endpoints

LIVE_S = 3
UNKNOWN_NUMBER = "No request in the log has this ID. It may be mistyped, or older than the log."

VIEWS = ("", "cycles", "events", "requests")
RENAMED_VIEWS = {"lines": "events", "raw": "requests"}
"""The former and current values of `?view=`. Until 0.3."""


def activity() -> str | Response:
    """Show cycles, newest first; with a filter, the matching requests; with only a request ID, that request."""
    form, view = activity_filter.read(), _view()
    if form.filter.number and not list_paging.export_format() and not view:
        return _single(form.filter.number)
    if not form.is_filtered and view in ("", "cycles"):
        return _by_cycle(form)
    return _requests(form, view or "events", "activity")


def cycle(cycle_id: int) -> str | Response:
    """Show one cycle: what it changed and what was refused; lookups and probes only if the filter includes them."""
    cycle = detection.find(cycle_id) or abort(404)
    form = activity_filter.read().within(cycle_id)
    unshown = log.count_unchanging(cycle_id) if form.values["kind"] == "changes" else 0
    return _requests(form, _view() or "events", f"cycle-{cycle_id}", cycle=cycle, unshown=unshown)


def _by_cycle(form: ActivityFilter) -> str | Response:
    if list_paging.export_format():
        return list_paging.export("cycles", activity_rows.CYCLE_COLUMNS, detection.every())
    number = list_paging.page_number()
    page = detection.page(Pages(0, number).start)
    return _page(form, "cycles", runs=list(activity_rows.folded(page.cycles)), pages=Pages(page.total, number))


def _requests(form: ActivityFilter, view: str, name: str, **more: Any) -> str | Response:
    if list_paging.export_format():
        return list_paging.export(name, activity_rows.REQUEST_COLUMNS, log.every(form.filter, form.values["kind"]))
    page = log.find(form.filter, form.values["kind"], filter_form.before())
    return _page(
        form,
        view,
        entries=event_lines.describe(page.entries, form.about),
        before=page.before,
        columns=activity_rows.REQUEST_COLUMNS,
        **more,
    )


def _single(number: str) -> str | Response:
    """Show all that is known about one request, or a bulk request and its operations."""
    entries = log.of_number(number)
    if not entries:
        return sentence(404, "No such request", UNKNOWN_NUMBER)
    return render_template(
        "request.html",
        number=number,
        entries=event_lines.describe(entries),
        columns=activity_rows.REQUEST_COLUMNS,
        operation=OPERATION,
    )


def _page(form: ActivityFilter, view: str, **more: Any) -> str:
    return render_template(
        "activity.html",
        form=form,
        view=view,
        action_groups=ACTION_GROUPS,
        results=activity_filter.RESULTS,
        simulated=activity_filter.SIMULATED,
        hidden=log.count_simulated() if form.filter.is_simulated is False and form.filter.cycle_id is None else 0,
        keys=[*scim_keys.list_keys(), *oauth_clients.list_clients()],
        about=log.known(form.filter.about),
        live_s=LIVE_S,
        unwritten=log.unwritten(),
        in_words=activity_rows.in_words,
        **more,
    )


def _view() -> str:
    if renamed := RENAMED_VIEWS.get(request.args.get("view", "")):
        abort(redirect(list_paging.address_with(view=renamed), 308))
    return filter_form.choice("view", VIEWS)


def init_app(app: Flask) -> None:
    """Give templates what templates/event_lines.html needs: `address_of(type, id)`, and the filter `whole`."""
    types: tuple[ResourceType, ...] = app.config["RECNICE_RESOURCE_TYPES"]
    endpoints = {one.name: Endpoints.of(one).single for one in types}

    @cache
    def below(_script_root: str, endpoint: str) -> str:
        return url_for(endpoint, resource_id="0")[:-1]

    def address_of(type: str, id: str) -> str:
        if not id or type not in endpoints:
            return ""
        if is_id(id):  # nothing in it is to be quoted
            return below(request.script_root, endpoints[type]) + id
        return url_for(endpoints[type], resource_id=id)

    app.jinja_env.globals.update(address_of=address_of)
    app.jinja_env.filters.update(whole=event_lines.whole)
