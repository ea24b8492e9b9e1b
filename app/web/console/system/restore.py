"""This module serves the page that restores a copy: choose it, read what changes, confirm."""

from flask import abort, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.administration.errors import Refused
from app.restoration import copy_file, preview_sentences, replaced_data
from app.restoration.console_restore import ConsoleRestore
from app.restoration.console_restore import current as current_restore
from app.settings import Settings
from app.web.console.shared.error_pages import with_refusal
from app.web.security import browser_session

LOOK_AGAIN_S = 2
BEGINS_AGAIN_S = 5


def restore() -> Response:
    """Show the copies, or what is being prepared, or what the restore of the prepared copy changes."""
    return _show()


def prepare_restore() -> Response:
    """Unpack and compare a copy."""
    try:
        current_restore().prepare(request.form.get("copy", ""))
    except Refused as refused:
        return _show(refused)
    return redirect(url_for("console.restore"), 303)


def discard_restore() -> Response:
    """Discard the prepared copy."""
    try:
        current_restore().discard()
    except Refused as refused:
        return _show(refused)
    return redirect(url_for("console.restore"), 303)


def begin_restore() -> Response:
    """Restore the prepared copy. The page is rendered before, since the database is refused from then on."""
    name = request.form.get("copy", "")
    page = make_response(render_template("restoring.html", name=name))
    page.headers["Refresh"] = f"{BEGINS_AGAIN_S}; url={url_for('console.restore')}"
    is_reactivating = request.form.get("reactivate") == "yes"
    try:
        current_restore().begin(name, browser_session.actor(), is_reactivating=is_reactivating)
    except Refused as refused:
        return _show(refused)
    return page


def delete_replaced() -> Response:
    """Delete the files that restores replaced."""
    replaced_data.delete(_settings().data, request.form.get("folder", ""), browser_session.actor())
    return redirect(url_for("console.restore"), 303)


def _show(refused: Refused | None = None) -> Response:
    restore: ConsoleRestore = current_restore()
    preview = restore.preview()
    copies = copy_file.copies(_settings())
    name = request.args.get("copy", "")
    if name:
        copies = [copy for copy in copies if copy.path.name == name] or abort(404)
    page = with_refusal(
        "restore.html",
        refused,
        copies=copies,
        is_preparing=restore.is_preparing,
        failure=restore.failure,
        restored=restore.restored,
        preview=preview,
        sentences=list(preview_sentences.sentences(preview)) if preview else [],
        replaced=replaced_data.folders(_settings().data),
    )
    if restore.is_preparing:
        page.headers["Refresh"] = str(LOOK_AGAIN_S)
    return page


def _settings() -> Settings:
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    return settings
