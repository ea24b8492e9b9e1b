"""This module serves the actions of an owner on one user or group: undo a change, delete a stale user."""

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.administration.errors import Refused
from app.observation.directory import console_search
from app.provisioning import local_changes, resource_queries
from app.provisioning.local_changes import ChangeToUndo
from app.scim.resource_types import USER, ResourceType, is_active, name_of
from app.web.console.shared import filter_form
from app.web.console.shared.error_pages import sentence
from app.web.resource_urls import Endpoints
from app.web.security import browser_session


def confirm_undo_change(resource_id: str) -> str | Response:
    """Show the value that is written again, and the present one."""
    try:
        undone = _change(resource_id)
    except Refused as refused:
        return sentence(409, "Cannot be undone", str(refused))
    return render_template("undo_change.html", undone=undone, back=_page_of(undone.resource_type, resource_id))


def undo_change(resource_id: str) -> Response:
    """Write the former value of an attribute."""
    form = request.form
    version = filter_form.whole_number(form.get("version", ""))
    try:
        undone = _change(resource_id)
        local_changes.undo_change(undone, version or 0, browser_session.actor(), may_enable=form.get("enable") == "yes")
    except Refused as refused:
        return sentence(409, "Nothing was undone", str(refused))
    flash(f"{undone.change.attribute} has the former value again.")
    return redirect(_page_of(undone.resource_type, resource_id), 303)


def confirm_delete_user(resource_id: str) -> str:
    """Show what becomes of a user that Entra no longer manages, and when Entra asked about it last."""
    record = resource_queries.get(USER, resource_id).record
    return render_template(
        "delete_user.html",
        user=record,
        name=name_of(record.content),
        is_active=is_active(record.content),
        last_seen=console_search.knowledge_of([record])[record.id].confirmed,
    )


def delete_user(resource_id: str) -> Response:
    """Delete a disabled user."""
    try:
        name = local_changes.delete_user(resource_id, browser_session.actor())
    except Refused as refused:
        return sentence(409, "Nothing was deleted", str(refused))
    flash(f"{name} is deleted. The user name is free.")
    return redirect(url_for("console.deleted"), 303)


def _change(resource_id: str) -> ChangeToUndo:
    """Return the change that the URL or form names. Raises Refused, and 404."""
    event_id = filter_form.whole_number(request.values.get("event", ""))
    types: tuple[ResourceType, ...] = current_app.config["RECNICE_RESOURCE_TYPES"]
    path = request.values.get("attribute", "")
    return local_changes.find_change(types, resource_id, event_id or abort(404), path)


def _page_of(resource_type: ResourceType, resource_id: str) -> str:
    return url_for(Endpoints.of(resource_type).single, resource_id=resource_id, tab="history")
