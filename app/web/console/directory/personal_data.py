"""This module serves the page from which an owner exports everything about a user, and erases it permanently."""

from pathlib import Path

from flask import abort, current_app, redirect, request, stream_with_context, url_for
from werkzeug.wrappers import Response

from app import data_folder
from app.administration.errors import Refused
from app.backup import copies
from app.jobs import scheduler
from app.provisioning import erasures, user_export
from app.scim.resource_types import USER
from app.settings import Settings
from app.web.console.shared.error_pages import with_refusal
from app.web.security import browser_session


def personal_data(resource_id: str) -> Response:
    """Show what an export has, and what an erasure deletes and leaves."""
    return _page(resource_id)


def export_user(resource_id: str) -> Response:
    """Send everything about the user as one file."""
    types = current_app.config["RECNICE_RESOURCE_TYPES"]
    user_type = next(one for one in types if one.name == USER.name)
    try:
        texts = user_export.export(resource_id, browser_session.actor(), user_type)
    except Refused:
        abort(404)
    answer = Response(stream_with_context(texts), content_type="application/json")
    answer.headers.set("Content-Disposition", "attachment", filename=user_export.file_name())
    return answer


def erase_user(resource_id: str) -> Response:
    """Delete the user, and let the job erase what is left; the audit displays its result."""
    secret = data_folder.secret(_settings().data)
    try:
        number = erasures.begin(resource_id, request.form.get("name", ""), browser_session.actor(), secret)
    except Refused as refused:
        return _page(resource_id, refused)
    scheduler.current().request("erasure")
    return redirect(url_for("console.audit", target=erasures.stand_in(number)), 303)


def _page(resource_id: str, refused: Refused | None = None) -> Response:
    subject = erasures.subject(resource_id) or abort(404)
    settings = _settings()
    backups = [(copy, copies.kept_until(settings, copy)) for copy in copies.list_copies(settings)]
    listed = {copy.path.name for copy, _ in backups}
    others = [name for name in erasures.copies(settings.data) if Path(name).name not in listed]
    return with_refusal(
        "personal_data.html", refused, subject=subject, backups=backups, copies=others, entra=erasures.ENTRA
    )


def _settings() -> Settings:
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    return settings
