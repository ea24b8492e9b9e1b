"""This module serves signing in and out."""

from flask import redirect, request, session, url_for
from werkzeug.wrappers import Response

from app import bounds
from app.administration.accounts import first_administrator, password_sign_in, sessions, two_factor
from app.administration.accounts.password_sign_in import CodeWanted
from app.administration.errors import Ended, Refused
from app.administration.single_sign_on import provider_settings
from app.administration.single_sign_on.errors import SignInRefused
from app.web.console.shared.error_pages import with_refusal
from app.web.security import browser_session, cookies, request_authentication

TICKET = "recnice_sign_in"
"""The name of the cookie, and the purpose of its encryption, that passes the account with the valid password to the
code page."""


def sign_in() -> Response:
    """Ask for name and password, then redirect to the requested page with a new session.

    The session's token is never one that the browser sent, which prevents session fixation.
    """
    if not first_administrator.is_set_up():
        raise request_authentication.NotSetUp
    next_path = request.values.get("next", "")
    if request.method != "POST":
        return page(next_path)
    user_name, password = request.form.get("user_name", ""), request.form.get("password", "")
    try:
        token = password_sign_in.sign_in(user_name, password, browser_session.browser())
    except CodeWanted as code:
        answer = redirect(url_for("console.sign_in_code", next=next_path or None), 303)
        cookies.give(answer, TICKET, browser_session.sealer(TICKET).seal(code.ticket), bounds.CODE_WAIT_S)
        return answer
    except Refused as refused:
        return page(next_path, user_name, refused)
    return _signed_in(token, next_path)


def sign_in_code() -> Response:
    """Ask for the code after a valid password, within `bounds.CODE_WAIT_S`."""
    next_path = request.values.get("next", "")
    sealer = browser_session.sealer(two_factor.SEAL)
    ticket = browser_session.sealer(TICKET).open(cookies.sent(TICKET), bounds.CODE_WAIT_S)
    if request.method != "POST":
        return _code_page(next_path) if ticket else redirect(url_for("console.sign_in", next=next_path or None), 303)
    try:
        code = request.form.get("code", "")
        token = password_sign_in.sign_in_by_code(ticket or "", code, sealer, browser_session.browser())
    except Ended as ended:
        answer = page(next_path, refused=ended)
        cookies.take(answer, TICKET)
        return answer
    except Refused as refused:
        return _code_page(next_path, refused)
    return _signed_in(token, next_path)


def _signed_in(token: str, next_path: str) -> Response:
    answer = browser_session.begin(token, next_path)
    cookies.take(answer, TICKET)
    return answer


def page(next_path: str, user_name: str = "", refused: Refused | None = None) -> Response:
    """Return the sign-in page, with single sign-on first if it is configured.

    A provider with a session does not ask for another account, so after a refused account the page links to its
    sign-out.
    """
    provider = provider_settings.configured()
    return with_refusal(
        "sign_in.html",
        refused,
        401,
        next_path=next_path,
        user_name=user_name,
        provider=provider and provider.title,
        may_be_another_account=isinstance(refused, SignInRefused),
    )


def _code_page(next_path: str, refused: Refused | None = None) -> Response:
    return with_refusal("sign_in_code.html", refused, 401, next_path=next_path)


def sign_out() -> Response:
    """End the session on the server, and delete its cookie."""
    sessions.sign_out(browser_session.session_token(), request.remote_addr or "")
    session.clear()
    answer = redirect(url_for("console.sign_in" if browser_session.who().is_local else "console.signed_out"), 303)
    browser_session.delete_cookie(answer)
    return answer
