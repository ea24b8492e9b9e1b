"""This module serves the redirect to the identity provider and the return from it.

Only links lead to the provider; no form has a target on another host. HEAD does nothing, since a link scanner must not
use up a sign-in.
"""

import logging
from urllib.parse import urlencode

from flask import Flask, current_app, g, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response

from app import bounds
from app.administration.accounts import first_administrator, sessions
from app.administration.accounts.sessions import SignedIn
from app.administration.encryption import Sealer
from app.administration.errors import Ended, Refused, Slowed
from app.administration.permissions import Permission
from app.administration.single_sign_on import provider_settings
from app.administration.single_sign_on import provider_sign_in as sso
from app.administration.single_sign_on.errors import Lost, NoPlace, SignInRefused, Unreachable
from app.administration.single_sign_on.pending_sign_in import PendingSignIn, ProviderReturn, Purpose
from app.administration.single_sign_on.provider_client import ProviderClient
from app.administration.single_sign_on.provider_sign_in import SignInTest
from app.ip_addresses import site_of
from app.openid.errors import ProviderError
from app.settings import Settings
from app.web.console.access import reauthentication, sign_in
from app.web.public_url import CALLBACK
from app.web.request_log import record_draft
from app.web.security import browser_session, cookies, request_authentication
from app.web.security.failed_request_counts import AddressFailures

log = logging.getLogger(__name__)

AFTER_SIGNING_OUT = "/login"
"""The path below the public URL to which a provider redirects after it ended its session, if it is registered there."""

FAILED = "addresses that failed"
"""The one caller under which all IP addresses with a failed return from the provider within the last minute are
counted."""

_COOKIE = "recnice_journey"
_SEALED = "journey to the provider"
_EXTENSION = "recnice_provider_client"
_FAILURES = "recnice_return_failures"
_STATUSES: dict[type[Refused], int] = {Lost: 400, SignInRefused: 403, Slowed: 429, Unreachable: 503, NoPlace: 503}


def init_app(app: Flask) -> None:
    """Create the provider client, and the counter of failed returns from the provider."""
    settings: Settings = app.config["RECNICE_SETTINGS"]
    sealer = Sealer(app.config["SECRET_KEY"], "client secret")
    app.extensions[_EXTENSION] = ProviderClient(settings.ca_file, sealer, settings.public_url + CALLBACK)
    app.extensions[_FAILURES] = AddressFailures(lambda: bounds.ARRIVAL_FAILURES)


def provider_client() -> ProviderClient:
    """Return the current application's provider client."""
    client: ProviderClient = current_app.extensions[_EXTENSION]
    return client


def _failures() -> AddressFailures:
    failures: AddressFailures = current_app.extensions[_FAILURES]
    return failures


def _client_of_caller() -> ProviderClient:
    """Return the provider client for the current request.

    Each site may wait for the provider once at a time; all IP addresses that failed count as one site.
    """
    address = request.remote_addr or ""
    return provider_client().for_caller(FAILED if _failures().has_failed(address) else site_of(address))


def auth_start() -> Response:
    """Redirect to the provider to sign in.

    A link of another site, such as a portal, leads a signed-in user to the requested page instead: the provider may ask
    nothing, so any site could replace an administrator's session by another.
    """
    _require_get_after_setup()
    next_path = request.args.get("next", "")
    if not request_authentication.is_from_here() and sessions.session(browser_session.session_token()):
        return redirect(browser_session.own_path(next_path), 303)
    return redirect_to_provider("sign-in", next_path)


def auth_proof() -> Response:
    """Redirect to the provider for re-authentication."""
    _require_get_after_setup()
    if browser_session.who().is_local:
        return reauthentication.page(request.args.get("next", ""))
    return redirect_to_provider("proof", request.args.get("next", ""), browser_session.who())


def redirect_to_provider(purpose: Purpose, next_path: str, who: SignedIn | None = None) -> Response:
    """Return a redirect to the provider with a cookie for the return, or a page that says why not."""
    try:
        address, pending = sso.begin(_client_of_caller(), purpose, next_path, who.session_id if who else "")
    except ProviderError as error:
        number = record_draft.current().number
        log.warning("single sign-on, request %s: %s", number, error)
        return _refused(purpose, next_path, Unreachable(str(error) if purpose == "test" else sso.unreachable(number)))
    except Refused as refused:
        return _refused(purpose, next_path, refused)
    answer = redirect(address, 303)
    cookies.give(answer, _COOKIE, browser_session.sealer(_SEALED).seal(pending.to_text()), bounds.PENDING_SIGN_IN_S)
    return answer


def auth_callback() -> Response:
    """Handle the return from the provider."""
    _require_get_after_setup()
    pending = _pending_sign_in()
    if pending is None:
        return _refused("sign-in", "", Lost())
    if pending.purpose != "sign-in":
        g.who = sessions.session(browser_session.session_token())
        if g.who is None:
            return _refused("sign-in", "", Lost())
    failures, address = _failures(), request.remote_addr or ""
    try:
        # Each code causes a request to the provider, and an unauthenticated client can begin any number of sign-ins.
        if wait_s := failures.wait_s(address):
            raise Slowed(wait_s)
        return _forget(_complete(pending))
    except Ended:
        return _forget(browser_session.redirect_to_sign_in(pending.next_path))
    except Refused as refused:
        if not isinstance(refused, NoPlace | Slowed):
            failures.count(address)
        answer = _refused(pending.purpose, pending.next_path, refused)
        return answer if isinstance(refused, Unreachable) else _forget(answer)


def _complete(pending: PendingSignIn) -> Response:
    """Complete the sign-in, re-authentication or test, by purpose. Raises Refused, and NotPermitted for a test."""
    parameters = request.args.to_dict(flat=False)
    if any(len(values) > 1 for values in parameters.values()):
        raise Lost
    once = {name: values[0] for name, values in parameters.items()}
    answer = ProviderReturn(pending, once, browser_session.browser(), record_draft.current().number)
    if pending.purpose == "sign-in":
        return browser_session.begin(sso.sign_in(_client_of_caller(), answer), pending.next_path)
    if pending.purpose == "proof":
        sso.prove(_client_of_caller(), answer, browser_session.who())
        return redirect(browser_session.own_path(pending.next_path), 303)
    who = browser_session.who()
    if not Permission.SINGLE_SIGN_ON.is_given_to(who.role, who.is_local):
        raise request_authentication.NotPermitted(Permission.SINGLE_SIGN_ON)
    return _test_page(sso.run_test(_client_of_caller(), answer, who))


def _test_page(result: SignInTest) -> Response:
    return make_response(render_template("single_sign_on_test.html", result=result))


def signed_out() -> Response:
    """Show the page after a session that the provider began.

    The provider may still have its own session, so that the next sign-in needs no password; the page links to its
    sign-out.
    """
    provider = provider_settings.configured()
    if provider is None:
        return redirect(url_for("console.sign_in"), 303)
    try:
        end = _client_of_caller().find(provider.issuer).end_session_endpoint
    except (ProviderError, Unreachable):
        end = ""
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    back = {"client_id": provider.client_id, "post_logout_redirect_uri": settings.public_url + AFTER_SIGNING_OUT}
    address = f"{end}{'&' if '?' in end else '?'}{urlencode(back)}" if end else ""
    return make_response(render_template("signed_out.html", provider=provider.title, address=address))


def _refused(purpose: Purpose, next_path: str, refused: Refused) -> Response:
    """Return the page from which the sign-in began, with the reason of the refusal."""
    if purpose == "test":
        answer = _test_page(SignInTest(refused=str(refused)))
    elif purpose == "proof":
        answer = reauthentication.page(next_path, refused)
    else:
        answer = sign_in.page(next_path, refused=refused)
    answer.status_code = _STATUSES.get(type(refused), 400)
    if answer.status_code == 503:
        answer.headers["Retry-After"] = str(bounds.PROVIDER_BUSY_S)
    return answer


def _pending_sign_in() -> PendingSignIn | None:
    """Return the pending sign-in of this browser, from its cookie; None if there is none."""
    text = browser_session.sealer(_SEALED).open(cookies.sent(_COOKIE), bounds.PENDING_SIGN_IN_S)
    try:
        return PendingSignIn.of(text) if text else None
    except ValueError:
        return None


def _forget(answer: Response) -> Response:
    cookies.take(answer, _COOKIE)
    return answer


def _require_get_after_setup() -> None:
    """Raise NotSetUp before the setup, and 405 for any method but GET."""
    if not first_administrator.is_set_up():
        raise request_authentication.NotSetUp
    if request.method != "GET":
        raise MethodNotAllowed(["GET"])
