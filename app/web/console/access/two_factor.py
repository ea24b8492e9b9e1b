"""This module serves the pages of an administrator's own two-factor authentication."""

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.administration.accounts import two_factor as factors
from app.administration.encryption import Sealer
from app.administration.errors import Refused
from app.web.console.shared.error_pages import with_refusal
from app.web.security import browser_session

GROUP_LENGTH = 4
"""The number of characters in each group of the displayed secret, which makes it easier to type."""


def second_factor() -> Response:
    """Show the page, with the QR code of a setup that is not confirmed yet."""
    return _page()


def begin_second_factor() -> Response:
    """Create a secret for an authenticator app."""
    try:
        factors.begin(browser_session.who(), _sealer())
    except Refused as refused:
        return _page(refused)
    return redirect(url_for("console.second_factor"), 303)


def confirm_second_factor() -> Response:
    """Turn 2FA on with a valid code, and display the recovery codes once, in the response itself."""
    try:
        codes = factors.confirm(browser_session.who(), request.form.get("code", ""), _sealer(), browser_session.actor())
    except Refused as refused:
        return _page(refused)
    return make_response(render_template("recovery_codes.html", codes=codes, is_new=True))


def renew_recovery_codes() -> Response:
    """Create new recovery codes and display them once; the old ones become invalid."""
    try:
        codes = factors.renew_codes(browser_session.who(), browser_session.actor())
    except Refused as refused:
        return _page(refused)
    return make_response(render_template("recovery_codes.html", codes=codes, is_new=False))


def turn_off_second_factor() -> Response:
    """Turn 2FA off."""
    try:
        factors.turn_off(browser_session.who(), browser_session.actor())
    except Refused as refused:
        return _page(refused)
    return redirect(url_for("console.profile"), 303)


def _page(refused: Refused | None = None) -> Response:
    who = browser_session.who()
    pairing = factors.pairing(who, _sealer())
    secret = pairing.secret if pairing else ""
    return with_refusal(
        "second_factor.html",
        refused,
        factor=factors.factor(who.operator_id),
        picture=_qr_code(pairing.uri) if pairing else "",
        secret=" ".join(secret[n : n + GROUP_LENGTH] for n in range(0, len(secret), GROUP_LENGTH)),
    )


def _qr_code(text: str) -> str:
    """Return a QR code as a data: URL of an SVG, dark on light in any color scheme, as cameras need it."""
    import segno

    return segno.make(text, error="m", micro=False).svg_data_uri(scale=5, dark="#000", light="#fff")


def _sealer() -> Sealer:
    return browser_session.sealer(factors.SEAL)
