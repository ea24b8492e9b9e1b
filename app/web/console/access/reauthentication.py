"""This module serves *Confirm your identity* before sensitive pages."""

from flask import redirect, request
from werkzeug.wrappers import Response

from app.administration.accounts import reauthentication, two_factor
from app.administration.errors import Ended, Refused
from app.administration.single_sign_on import provider_settings
from app.web.console.shared.error_pages import with_refusal
from app.web.security import browser_session


def confirm() -> Response:
    """Ask an administrator for the password, and with 2FA for a code; then redirect to the requested page."""
    next_path, who, form = request.values.get("next", ""), browser_session.who(), request.form
    if request.method != "POST":
        return page(next_path)
    sealer = browser_session.sealer(two_factor.SEAL)
    try:
        reauthentication.prove(who, form.get("password", ""), form.get("code", ""), sealer, request.remote_addr or "")
    except Ended:
        return browser_session.redirect_to_sign_in(next_path)
    except Refused as refused:
        return page(next_path, refused)
    return redirect(browser_session.own_path(next_path), 303)


def page(next_path: str, refused: Refused | None = None) -> Response:
    """Return the page that asks, with a sentence after a refusal."""
    who = browser_session.who()
    provider = None if who.is_local else provider_settings.configured()
    return with_refusal(
        "confirm.html",
        refused,
        next_path=next_path,
        wants_code=two_factor.factor(who.operator_id) is not None,
        provider=provider and provider.title,
    )
