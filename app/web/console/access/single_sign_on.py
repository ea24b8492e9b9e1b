"""This module serves the Single sign-on page."""

from flask import current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.administration.errors import Refused
from app.administration.permissions import Permission
from app.administration.single_sign_on import provider_settings
from app.administration.single_sign_on.provider_settings import CLOUDS, Configured, Entered
from app.openid.errors import ProviderError
from app.settings import Settings
from app.web.console.access import provider_sign_in
from app.web.console.shared.error_pages import with_refusal
from app.web.public_url import CALLBACK
from app.web.security import browser_session


def single_sign_on() -> Response:
    """Show the Single sign-on page."""
    return _page()


def save_single_sign_on() -> Response:
    """Save the form. The secret is never displayed again, not even here."""
    form = request.form
    names = ("kind", "cloud", "tenant", "address", "client_id", "secret")
    entered = Entered(**{name: form.get(name, "") for name in names})
    try:
        provider_settings.save(entered, provider_sign_in.provider_client(), browser_session.actor())
    except Refused as refused:
        return _page(entered, refused)
    return redirect(url_for("console.single_sign_on"), 303)


def test_single_sign_on() -> Response:
    """Redirect to the provider; the return leads to a page with its response."""
    return provider_sign_in.redirect_to_provider("test", "/single-sign-on", browser_session.who())


def confirm_remove_single_sign_on() -> Response:
    """Ask for confirmation before single sign-on is turned off, and name the consequence."""
    provider = provider_settings.configured()
    if provider is None:
        return redirect(url_for("console.single_sign_on"), 303)
    return make_response(render_template("remove_single_sign_on.html", provider=provider))


def remove_single_sign_on() -> Response:
    """Turn single sign-on off.

    Users who signed in with it are signed out, so for them the redirect leads to the sign-in page.
    """
    provider_settings.remove(browser_session.actor())
    return redirect(url_for("console.single_sign_on"), 303)


def _page(entered: Entered | None = None, refused: Refused | None = None) -> Response:
    provider = provider_settings.configured()
    trouble, fetched_at = _state(provider) if provider else ("", "")
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    return with_refusal(
        "single_sign_on.html",
        refused,
        provider=provider,
        entered=entered or _as_entered(provider),
        trouble=trouble,
        fetched_at=fetched_at,
        outage=provider_sign_in.provider_client().outage,
        clouds=CLOUDS,
        redirect_uri=settings.public_url + CALLBACK,
        signed_out_uri=settings.public_url + provider_sign_in.AFTER_SIGNING_OUT,
    )


def _as_entered(provider: Configured | None) -> Entered:
    """Return the configuration as values of the form, never with the secret."""
    if provider is None:
        return Entered("entra", "global", "", "", "", "")
    if provider.issuer.tenant:
        return Entered("entra", provider.cloud, provider.issuer.tenant, "", provider.client_id, "")
    return Entered("openid", "global", "", provider.issuer.address, provider.client_id, "")


def _state(provider: Configured) -> tuple[str, str]:
    """Return what is wrong with the provider or the connection to it ("" for nothing), and when it was fetched.

    For accounts that may change the configuration it is fetched now; the others get what is cached for an hour.
    """
    who, client = browser_session.who(), provider_sign_in.provider_client()
    read = client.renew if Permission.SINGLE_SIGN_ON.is_given_to(who.role, who.is_local) else client.find
    try:
        return "", read(provider.issuer).fetched_at
    except (ProviderError, Refused) as error:
        return str(error), ""
