"""This module serves the Account page: Tenant URL and SCIM Keys."""

from flask import abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import bounds
from app.administration.credentials import key_status, scim_keys
from app.administration.credentials.scim_keys import NewKey
from app.administration.errors import Refused
from app.settings import Settings
from app.web.console.shared.error_pages import with_refusal
from app.web.security import browser_session


def account() -> Response:
    """Show the Account page."""
    return _page()


def create_key() -> Response:
    """Create a key and display it once, in the response itself, so that no URL, cookie or history contains it."""
    try:
        new_key = scim_keys.create_key("", browser_session.actor(), is_beside="beside" in request.form)
        return _page(new_key=new_key)
    except Refused as refused:
        return _page(refused=refused)


def confirm_revoke_key(key_id: str) -> str:
    """Ask for confirmation before a key is revoked, and name the consequence."""
    active = key_status.active_keys()
    one = next((one for one in active if one.key.id == key_id), None)
    if one is None:
        abort(404)
    others = [other.key for other in active if other is not one]
    return render_template("revoke_key.html", one=one, key=one.key, others=others)


def revoke_key(key_id: str) -> Response:
    """Revoke a key immediately."""
    try:
        scim_keys.stop_key(key_id, browser_session.actor())
    except Refused as refused:
        return _page(refused=refused)
    return redirect(url_for("console.account"), 303)


def _page(new_key: NewKey | None = None, refused: Refused | None = None) -> Response:
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    keys = scim_keys.list_keys()
    active = key_status.active_keys(keys)
    return with_refusal(
        "account.html",
        refused,
        tenant_url=settings.tenant_url,
        new_key=new_key,
        active=active,
        over=[key for key in keys if key.stopped],
        names={key.id: key.name for key in keys},
        may_make_key=len(active) < bounds.ACTIVE_SCIM_KEYS,
    )
