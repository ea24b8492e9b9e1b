"""This module keeps a console session in a browser: its account, its cookie, and where the browser goes after sign-in.

The session is a database row behind a random token (app/administration/accounts/sessions.py). Flask's signed cookie
carries only the form token, since the server cannot end it.
"""

import re

from flask import abort, current_app, g, redirect, request, session, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from app.administration.accounts import sessions
from app.administration.accounts.sessions import Browser, SignedIn
from app.administration.audit import Actor
from app.administration.encryption import Sealer
from app.web.security import cookies, page_permissions

_COOKIE = "recnice_session"


def who() -> SignedIn:
    """Return the signed-in account; only for views that are not in page_permissions.OPEN_ENDPOINTS."""
    signed_in: SignedIn = g.who
    return signed_in


def actor() -> Actor:
    """Return the signed-in account for the audit.

    The page's permission is checked again in the transaction of the action (audit.record).
    """
    return who().actor(request.remote_addr or "", page_permissions.permission_for(request.endpoint or ""))


def browser() -> Browser:
    """Return the IP address and User-Agent of the request."""
    return Browser(request.remote_addr or "", request.headers.get("User-Agent", ""))


def sealer(purpose: str) -> Sealer:
    """Return the encryption with the data folder's secret, for one purpose."""
    return Sealer(current_app.config["SECRET_KEY"], purpose)


def session_token() -> str:
    """Return the session token that the browser sent, or ""."""
    return cookies.sent(_COOKIE)


def set_cookie(response: Response, token: str) -> None:
    """Set the cookie with a session's token. It lasts until the browser is closed or the session ends."""
    cookies.give(response, _COOKIE, token)


def replace_token(token: str) -> None:
    """Continue the present session with this token; the response has to `set_cookie` it."""
    g.who = sessions.session(token) or abort(401)


def redirect_to_sign_in(next_path: str) -> Response:
    """Return the redirect to the sign-in page after a session has ended; from there it leads to `next_path`."""
    response = redirect(url_for("console.sign_in", next=next_path or None), 303)
    delete_cookie(response)
    return response


def delete_cookie(response: Response) -> None:
    """Delete the cookie with the session's token."""
    cookies.take(response, _COOKIE)


def begin(token: str, next_path: str) -> Response:
    """Return the redirect that begins a session in this browser and leads to the requested page.

    It leads to the profile instead if the account may not open that page, such as a user without a role.
    """
    if earlier := session_token():
        sessions.sign_out(earlier, request.remote_addr or "")
    session.clear()
    account, path = sessions.session(token), own_path(next_path)
    endpoint = _endpoint_at(path.removeprefix(request.script_root).partition("?")[0])
    is_closed = account is not None and endpoint != "" and not page_permissions.may(account, endpoint)
    answer = redirect(url_for("console.profile") if is_closed else path, 303)
    set_cookie(answer, token)
    return answer


def _endpoint_at(path: str) -> str:
    try:
        return str(current_app.url_map.bind("").match(path)[0])
    except HTTPException:
        return ""


def own_path(next_path: str) -> str:
    """Return the path after a sign-in: `next_path` if it is a path of this server, else the Status page.

    A path begins with one slash and has no backslash, which browsers treat as a slash.
    """
    is_path = re.fullmatch(r"/(?![/\\])[^\\\x00-\x20\x7f]*", next_path) is not None
    return request.script_root + (next_path if is_path else "/")
