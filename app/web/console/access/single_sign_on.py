"""This module serves the Single sign-on page."""

from flask import current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.administration import single_sign_on as sso
from app.administration.errors import Refused
from app.administration.permissions import Permission
from app.administration.single_sign_on import Configured, Entered
from app.openid.errors import ProviderError
from app.settings import Settings
from app.web.console.access import provider_sign_in
from app.web.console.shared.blueprint import console
from app.web.console.shared.error_pages import with_refusal
from app.web.public_url import CALLBACK
from app.web.security import browser_session


@console.get("/single-sign-on")
def single_sign_on() -> Response:
    """Show the Single sign-on page."""
    return _page()


@console.post("/single-sign-on")
def save_single_sign_on() -> Response:
    """Save the form. The secret is never displayed again, not even here."""
    form = request.form
    names = ("kind", "cloud", "tenant", "address", "client_id", "secret")
    entered = Entered(**{name: form.get(name, "") for name in names})
    try:
        sso.save(entered, provider_sign_in.line(), browser_session.actor())
    except Refused as refused:
        return _page(entered, refused)
    return redirect(url_for("console.single_sign_on"), 303)


@console.get("/single-sign-on/test")
def test_single_sign_on() -> Response:
    """Redirect to the provider; the return leads to a page with its response."""
    return provider_sign_in.depart("test", "/single-sign-on", browser_session.who())


@console.get("/single-sign-on/remove")
def confirm_remove_single_sign_on() -> Response:
    """Ask for confirmation before single sign-on is turned off, and name the consequence."""
    found = sso.configured()
    if found is None:
        return redirect(url_for("console.single_sign_on"), 303)
    return make_response(render_template("remove_single_sign_on.html", provider=found))


@console.post("/single-sign-on/remove")
def remove_single_sign_on() -> Response:
    """Turn single sign-on off.

    Users who signed in with it are signed out, so for them the redirect leads to the sign-in page.
    """
    sso.remove(browser_session.actor())
    return redirect(url_for("console.single_sign_on"), 303)


def _page(entered: Entered | None = None, refused: Refused | None = None) -> Response:
    found = sso.configured()
    trouble, asked = _answer(found) if found else ("", "")
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    return with_refusal(
        "single_sign_on.html",
        refused,
        provider=found,
        entered=entered or _as_entered(found),
        trouble=trouble,
        asked=asked,
        outage=provider_sign_in.line().outage,
        clouds=sso.CLOUDS,
        redirect_uri=settings.public_url + CALLBACK,
        signed_out_uri=settings.public_url + provider_sign_in.AFTER_SIGNING_OUT,
    )


def _as_entered(found: Configured | None) -> Entered:
    """Return the configuration as values of the form, never with the secret."""
    if found is None:
        return Entered("entra", "global", "", "", "", "")
    if found.issuer.tenant:
        return Entered("entra", found.cloud, found.issuer.tenant, "", found.client_id, "")
    return Entered("openid", "global", "", found.issuer.address, found.client_id, "")


def _answer(found: Configured) -> tuple[str, str]:
    """Return what is wrong with the provider or the connection to it ("" for nothing), and when it was asked.

    For accounts that may change the configuration it is asked now; the others get the answer that is cached for an
    hour.
    """
    who, line = browser_session.who(), provider_sign_in.line()
    ask = line.renew if Permission.SINGLE_SIGN_ON.is_given_to(who.role, who.is_local) else line.find
    try:
        return "", ask(found.issuer).asked
    except (ProviderError, Refused) as error:
        return str(error), ""
