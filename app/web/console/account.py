"""The Account page: what Entra needs (*Tenant URL*, *SCIM Key*), and where to paste it.

Not here: what a key is (app/administration/keys.py).
"""

from flask import abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import administration, bounds
from app.administration import NewKey, Refused
from app.settings import Settings
from app.web import security
from app.web.console.blueprint import console
from app.web.console.refusals import with_refusal


@console.get("/account")
def account() -> Response:
    """The page as it is without anything just made or refused."""
    return _page()


@console.post("/account/keys")
def make_key() -> Response:
    """Make a key and show it, this once, in the answer itself: so it is in no address, cookie or history."""
    try:
        new_key = administration.create_key("", security.actor(), is_beside="beside" in request.form)
        return _page(new_key=new_key)
    except Refused as refused:
        return _page(refused=refused)


@console.get("/account/keys/<key_id>/stop")
def confirm_stop(key_id: str) -> str:
    """Say what stopping a key does, before it is done."""
    active = administration.active_keys()
    one = next((one for one in active if one.key.id == key_id), None)
    if one is None:
        abort(404)
    others = [other.key for other in active if other is not one]
    return render_template("stop_key.html", one=one, key=one.key, others=others)


@console.post("/account/keys/<key_id>/stop")
def stop_key(key_id: str) -> Response:
    """Stop the key at once."""
    try:
        administration.stop_key(key_id, security.actor())
    except Refused as refused:
        return _page(refused=refused)
    return redirect(url_for("console.account"), 303)


def _page(new_key: NewKey | None = None, refused: Refused | None = None) -> Response:
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    keys = administration.list_keys()
    active = administration.active_keys(keys)
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
