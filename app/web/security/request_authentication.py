"""This module decides before any view who may send a request: a bearer token, or a session with the permission.

A request is denied unless a rule allows it, by the endpoint that routing matched and never by the text of the path
(app/web/service_routing.py). Flask-Login would duplicate this decision to save twenty lines.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, g, redirect, request, url_for
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response

from app import bounds, data_folder
from app.administration.accounts import first_administrator, sessions
from app.administration.credentials import bearer_token_check, scim_access
from app.administration.credentials.scim_access import Access
from app.administration.ip_allow_list import enforcement
from app.administration.permissions import Permission
from app.connection_test import probe_token
from app.request_record import KeyFault
from app.scim.errors import Code, ScimError
from app.settings import Settings
from app.web import service_routing
from app.web.request_log import middleware, record_draft
from app.web.request_log.record_draft import Draft
from app.web.security import cookies, ip_allow_list_check, page_permissions, response_headers
from app.web.security.browser_session import session_token, who
from app.web.security.failed_request_counts import AddressFailures
from app.web.service_routing import Service, is_scim

LIVE_HEADER = "X-Recnice-Live"
"""A page that refreshes automatically sends this header (static/console.js). Such a request is not a user's action, so
the session still ends when idle: an unattended window must not stay signed in. No other site can send the header,
and it grants nothing."""

FAILURE = "recnice.failure"
"""The key in the WSGI environment of an error that app/web/hot_routes.py met, which leaves the response to Flask."""

LARGER_FORMS: Mapping[str, int] = {"console.review": bounds.SCHEMA_EXPORT_FORM_BYTES}
"""The forms that upload a file, by endpoint, with their limits in bytes."""

_TWICE_BEARER = re.compile(r"\s*bearer\s+bearer\b", re.IGNORECASE)
_BEGUN_KEY = re.compile(r"\s*bearer\b.*rcn_", re.IGNORECASE)  # such as one in quotes, or with a space in it
_BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/-]+=*)", re.ASCII)


class NotSetUp(Exception):  # noqa: N818
    """The error that no administrator exists yet, so the console has no page to display."""


class NotPermitted(Exception):  # noqa: N818
    """The error that the account lacks a permission; `permission` is the required one, None if no account has it."""

    def __init__(self, permission: Permission | None) -> None:
        super().__init__()
        self.permission = permission


def init_app(app: Flask) -> None:
    """Guard every request of the application; create the data folder's secret for form tokens if there is none."""
    settings: Settings = app.config["RECNICE_SETTINGS"]
    app.config.update(
        SECRET_KEY=data_folder.secret(settings.data),
        SESSION_COOKIE_NAME=cookies.full_name(settings, "recnice_form"),
        SESSION_COOKIE_PATH=settings.base_path or "/",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_https,
        # `guard` does it, where the order of the checks is visible.
        WTF_CSRF_CHECK_DEFAULT=False,
        # A token lasts as long as its cookie, so a form that was left open overnight still works.
        WTF_CSRF_TIME_LIMIT=None,
        # It requires a Referer, which our Referrer-Policy removes; `require_own_origin` does its work.
        WTF_CSRF_SSL_STRICT=False,
    )
    page_permissions.init_app(app)
    ip_allow_list_check.init_app(app)
    app.add_template_global(lambda endpoint: page_permissions.may(who(), endpoint), "may")
    form_tokens = CSRFProtect(app)
    failures = AddressFailures()
    response_headers.init_app(app, settings)

    @app.before_request
    def guard() -> Response | None:
        service = service_routing.current()
        if service is Service.SCIM:
            _require_access(failures)
            if failure := request.environ.get(FAILURE):
                raise failure
            return None
        if service is Service.TOKEN:
            g.source_policy = enforcement.current_policy()
            ip_allow_list_check.require_allowed(g.source_policy, request.remote_addr or "")
            return None  # for programs: no cookie is used, so no form token either (app/web/oauth/token_endpoint.py)
        request.max_content_length = LARGER_FORMS.get(request.endpoint or "", bounds.FORM_BYTES)
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            require_own_origin()
        if request.endpoint is None:
            return None  # no route matches, so Flask refuses the request next
        is_open = request.endpoint in page_permissions.OPEN_ENDPOINTS
        if not is_open and (elsewhere := _require_session()):
            return elsewhere
        if request.method == "GET" and not is_open:
            middleware.recorder().settle()  # so that a page displays everything that happened before it
        form_tokens.protect()
        return None if is_open else _require_permission(request.endpoint)


def _require_access(failures: AddressFailures) -> None:
    """Require an allowed IP address, and a key or access token in exactly one Authorization header (RFC 6750 §2.1).

    Raises 403, 401, or 429 after too many failures. A client whose token has ended is not delayed: the token was valid
    once.
    """
    header, address = request.headers.get("Authorization", ""), request.remote_addr or ""
    policy, bearer, _ = access = scim_access.judge(bearer_token(header), address)
    ip_allow_list_check.require_allowed(policy, address)
    draft = record_draft.current()
    draft.key_id = bearer.id
    if not bearer.is_valid:
        draft.key_fault = _fault_of_header(header) or bearer.fault
        wait_s = 0 if bearer.has_expired else failures.count(address)
        if wait_s:
            retry = {"Retry-After": str(wait_s)}
            raise ScimError(Code.TOO_OFTEN, sentence="Too many refused requests from this address", headers=retry)
        raise ScimError(Code.UNAUTHORIZED, "Authorization", "'Bearer' and a valid SCIM Key")
    g.scim_author = bearer.author
    note_access(access, address, draft)


def note_access(access: Access, address: str, draft: Draft) -> None:
    """Record the use of a valid bearer token. Never raises, and never waits for other writers."""
    draft.key_id = access.bearer.id
    bearer_token_check.note_use(access.bearer, address, is_simulated=draft.is_marked)
    ip_allow_list_check.note(access.policy, address)


def bearer_token(header: str) -> str:
    """Return the token in the value of an Authorization header, "" if there is none (RFC 6750 §2.1)."""
    match = _BEARER.fullmatch(header)
    return match[1] if match else ""


def body_bytes(app: Flask) -> Callable[[str, str], int]:
    """Return a function that says how many bytes of a body are read, by its path and Authorization header.

    SCIM requests without a token are refused with any body. Uploads are read up to the server's own limit, so that a
    browser that sends too much still displays the error page.
    """
    larger = {rule.rule for rule in app.url_map.iter_rules() if rule.endpoint in LARGER_FORMS}

    secret: bytes = app.config["SECRET_KEY"]

    def most(path: str, authorization: str) -> int:
        if probe_token.PATH in path and probe_token.read(secret, path):
            return bounds.PROBE_BODY_BYTES
        if is_scim(path):
            return bounds.WIRE_BODY_BYTES if bearer_token(authorization) else 0
        if path.rstrip("/") in larger:
            return bounds.WIRE_BODY_BYTES
        return max(bounds.FORM_BYTES, bounds.TOKEN_REQUEST_BYTES)

    return most


def _fault_of_header(header: str) -> KeyFault:
    """Return what is wrong with a header that contains no key; "" if it contains a well-formed token."""
    if not header.strip():
        return "missing"
    if _TWICE_BEARER.match(header):
        return "twice-bearer"
    if bearer_token(header):
        return ""
    return "cut" if _BEGUN_KEY.match(header) else "no-bearer"


def _require_session() -> Response | None:
    """Set `g.who` to the signed-in account; otherwise redirect a GET to the sign-in page, and raise 401 for the rest.

    Raises NotSetUp if no administrator exists yet.
    """
    token = session_token()
    g.who = sessions.session(token, is_used=LIVE_HEADER not in request.headers) if token else None
    if g.who is not None:
        return None
    if not first_administrator.is_set_up():
        raise NotSetUp
    if request.method not in ("GET", "HEAD"):
        abort(401)
    return redirect(url_for("console.sign_in", next=_requested_page()), 303)


def _require_permission(endpoint: str) -> Response | None:
    """Raise NotPermitted unless the account has the endpoint's permission; redirect if re-authentication is required.

    Returns None if the request may proceed.
    """
    permission = page_permissions.permission_for(endpoint)
    if permission is None or not permission.is_given_to(who().role, who().is_local):
        if endpoint == "console.status" and who().role is None:
            return redirect(url_for("console.profile"), 303)
        raise NotPermitted(permission)
    if permission.value.wants_proof and not who().is_proved():
        # The server cannot send a form again: its page is displayed, and the user sends it again.
        page = _requested_page() if request.method in ("GET", "HEAD") else request.form.get("back", "/account")
        return redirect(url_for("console.confirm", next=page), 303)
    return None


def _requested_page() -> str | None:
    """Return the requested page, to redirect back to it; None for the first one."""
    query = request.query_string.decode("ascii", "replace")
    page = request.path + (f"?{query}" if query else "")
    return None if page == "/" else page


def require_own_origin() -> None:
    """Raise 403 for what another site sent: a form, with any token, or a link to a page that the audit records.

    Pages with `Referrer-Policy: no-referrer` send `Origin: null`; then Sec-Fetch-Site says where the form was. A
    browser without that header (on plain HTTP) is left to the form token.
    """
    settings: Settings = current_app.config["RECNICE_SETTINGS"]
    origin = request.headers.get("Origin", "null")
    own = {urlsplit(settings.public_url)._replace(path="").geturl(), f"{request.scheme}://{request.host}"}
    if not is_from_here() or (origin != "null" and origin not in own):
        abort(403)


def is_from_here() -> bool:
    """Return whether the console's own page or the user sent it, as far as the browser says (not on plain HTTP)."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
