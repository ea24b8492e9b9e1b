"""This module serves the page of deleted users and groups, and puts them back."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import bounds, clock
from app.administration.errors import Refused
from app.observation.cycles import detection
from app.observation.directory import deletion_list
from app.observation.directory.deletion_list import DeletedResource, SameValue
from app.provisioning import deleted_resources
from app.quantities import counted
from app.scim.resource_types import USER, ResourceType
from app.settings import Settings
from app.web.console.shared import filter_form, list_paging
from app.web.console.shared.error_pages import sentence
from app.web.console.shared.list_paging import Column
from app.web.security import browser_session

COLUMNS: Sequence[Column[DeletedResource]] = (
    Column("at", "Deleted (UTC)", lambda one: one.deletion.at),
    Column("type", "Type", lambda one: one.deletion.resource_type),
    Column("id", "ID", lambda one: one.deletion.resource_id),
    Column("name", "Name", lambda one: one.deletion.name),
    Column("request", "Request", lambda one: one.deletion.request),
    Column("actor", "By", lambda one: one.deletion.actor),
    Column("sync", "Sync", lambda one: one.cycle_id),
    Column("memberships", "Memberships ended", lambda one: one.deletion.departed),
    Column("purge", "Purge (UTC)", lambda one: purge_time(one.deletion.at)),
    Column(
        "sameValues", "Here with the same values", lambda one: " ".join(same.resource_id for same in one.same_values)
    ),
)
AS_BEFORE = "as-before"
"""The value of `state` in a form: a user is as active as before. Otherwise it is disabled."""


def deleted() -> str | Response:
    """Show deleted users and groups, newest first, and the syncs that deleted some."""
    sought = request.args.get("q", "").strip()[: bounds.SEARCH_TEXT_LENGTH]
    if list_paging.export_format():
        return list_paging.export("deleted", COLUMNS, deletion_list.every(_types(), sought))
    at_once = bounds.CONSOLE_PAGE_SIZE
    found = deletion_list.find(_types(), sought, filter_form.before(), at_once + 1)
    return render_template(
        "deleted.html",
        found=found[:at_once],
        following=found[at_once - 1].deletion.event_id if len(found) > at_once else None,
        sought=sought,
        cycles=deletion_list.cycles(),
        kept_days=_kept_days(),
        purge_time=purge_time,
    )


def confirm_put_back(resource_id: str) -> str | Response:
    """Show what is put back: groups, members, and who has the same values by now."""
    try:
        preview = deleted_resources.preview(_types(), resource_id)
    except Refused as refused:
        return sentence(404, "Cannot be put back", str(refused))
    return render_template("put_back.html", preview=preview, deletion=preview.deletion, is_user=_is_user(preview))


def put_back(resource_id: str) -> Response:
    """Put one deleted user or group back."""
    form = request.form
    try:
        name = deleted_resources.put_back(
            _types(),
            resource_id,
            browser_session.actor(),
            becomes_active=form.get("state") == AS_BEFORE,
            has_same_external_id=form.get("same_external_id") == "yes",
        )
    except Refused as refused:
        return sentence(409, "Nothing was put back", str(refused))
    flash(f"{name} is put back.")
    return redirect(url_for("console.search", q=resource_id), 303)  # which leads to the page of the id


def confirm_put_cycle_back(cycle_id: int) -> str | Response:
    """Show what is put back of a sync."""
    deletions = deletion_list.of_cycle(cycle_id, bounds.PUT_BACK_AT_ONCE + 1)
    if not deletions:
        return sentence(404, "Nothing to put back", "This sync deleted nothing that can be put back.")
    return render_template(
        "put_sync_back.html",
        cycle_id=cycle_id,
        cycle=detection.find(cycle_id),
        deletions=deletions,
        has_users=any(one.resource_type == USER.name for one in deletions),
    )


def put_cycle_back(cycle_id: int) -> Response:
    """Put back what a sync deleted, up to a limit; show what was refused."""
    ids = [one.resource_id for one in deletion_list.of_cycle(cycle_id, bounds.PUT_BACK_AT_ONCE)]
    becomes_active = request.form.get("state") == AS_BEFORE
    outcome = deleted_resources.put_all_back(_types(), ids, browser_session.actor(), becomes_active=becomes_active)
    if outcome.done:
        flash(f"{counted(outcome.done, 'deleted user or group is', 'deleted users and groups are')} put back.")
    for name, reason in outcome.refused[: bounds.PUT_BACK_SHOWN]:
        flash(f"{name} is not put back: {reason}", "wrong")
    if (more := len(outcome.refused) - bounds.PUT_BACK_SHOWN) > 0:
        flash(f"{counted(more, 'other is', 'others are')} not put back either.", "wrong")
    return redirect(url_for("console.deleted"), 303)


def purge_time(deleted_at: str) -> str:
    """Return when a deletion is purged (wire form); "" if none is."""
    days = _kept_days()
    return clock.to_wire(datetime.fromisoformat(deleted_at) + timedelta(days=days)) if days else ""


def _ids(same_values: Sequence[SameValue]) -> str:
    return " ".join(same.resource_id for same in same_values)


def _is_user(preview: deleted_resources.PutBackPreview) -> bool:
    return preview.deletion.resource_type == USER.name


def _kept_days() -> int:
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    return settings.keep_deleted_days


def _types() -> tuple[ResourceType, ...]:
    types: tuple[ResourceType, ...] = current_app.config["RECNICE_RESOURCE_TYPES"]
    return types
