"""This module renders errors of the console as a page with one sentence."""

import logging
from typing import Any

from flask import make_response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from app import bounds
from app.administration.errors import Refused, Slowed, Withdrawn
from app.administration.permissions import Permission
from app.console_roles import Role
from app.scim.errors import RETRY_AFTER_S, ScimError
from app.web.console.shared.list_paging import TooManyExports
from app.web.request_log import record_draft
from app.web.security.request_authentication import NotPermitted, NotSetUp

NEW_SETUP_LINK = "recnice-scim setup-link --data DIR (DIR is the data folder that the server prints at its start)"
NOT_SET_UP = (
    "Recnice SCIM is not set up yet. Open the setup link that the server printed, or create a new one with: "
    + NEW_SETUP_LINK
)
TOO_MANY_EXPORTS = "Several exports are running. Wait until one of them is finished, then export again."
SENTENCES = {
    400: "This form has expired or was not sent from this console. Go back, reload the page and repeat the action.",
    401: "You are not signed in, or your session has ended. Sign in and repeat the action.",
    403: "This request was not sent from a page of this console, so nothing was changed.",
    404: "There is no such page. Its subject may be deleted.",
    405: "This URL does not accept that HTTP method.",
    413: "The form is larger than the limit of {form_kib:,} KiB.",
    503: "The server cannot answer now. Try again in a moment; the log has the cause.",
}
TITLES = {400: "Not accepted", 401: "Not signed in", 403: "Refused", 404: "Not found", 503: "Not available"}

log = logging.getLogger(__name__)


def refuse(error: Exception) -> Response:
    """Return the page for any failure of a request to the console."""
    if isinstance(error, NotSetUp):
        return sentence(403, "Not set up yet", NOT_SET_UP)
    if isinstance(error, NotPermitted):
        return sentence(403, "Not permitted", _not_permitted(error.permission))
    if isinstance(error, Withdrawn):
        return sentence(403, "Not permitted", "You no longer have the permission, so nothing was changed.")
    if isinstance(error, TooManyExports):
        answer = sentence(503, "Not available", TOO_MANY_EXPORTS)
        answer.headers["Retry-After"] = str(bounds.EXPORT_RETRY_S)
        return answer
    status = _status(error)
    if status < 500 or status == 503:
        form_kib = (request.max_content_length or bounds.FORM_BYTES) // 1024
        text = SENTENCES.get(status, "This request is not possible.").format(form_kib=form_kib)
        if isinstance(error, ScimError) and status == 400:  # about a search, never about a form
            text = f"This search is not possible ({error.detail})."
        answer = sentence(status, TITLES.get(status, "Not possible"), text)
        if status == 503:
            answer.headers["Retry-After"] = str(RETRY_AFTER_S)
        if isinstance(error, HTTPException):
            answer.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
        return answer
    number = record_draft.current().number
    log.error("request failed, number %s", number, exc_info=error)
    return sentence(500, "Internal error", f"The request failed. The log has the cause under request ID {number}.")


def with_refusal(template: str, refused: Refused | None, status: int = 400, **shown: Any) -> Response:
    """Return a page that may display a refusal: then with `status`, or with 429 and Retry-After for Slowed."""
    response = make_response(render_template(template, refused=refused, **shown), status if refused else 200)
    if isinstance(refused, Slowed):
        response.status_code = 429
        response.headers["Retry-After"] = str(refused.retry_after_s)
    return response


def sentence(status: int, title: str, text: str) -> Response:
    """Return a page with one sentence."""
    return make_response(render_template("sentence.html", title=title, sentence=text, status=status), status)


def _not_permitted(permission: Permission | None) -> str:
    """Return the sentence that says which role and permission the page needs, and so which administrator to ask."""
    if permission is None or permission.value.least is None:
        return "This is not permitted to any account."
    terms = permission.value
    whom = "an administrator account" if terms.is_local else "an account"
    role = f"{terms.least}".capitalize() + (" or higher" if terms.least is not Role.OWNER else "")
    return f"This page needs {whom} with the role {role}. Permission: {terms.title}."


def _status(error: Exception) -> int:
    if isinstance(error, ScimError):
        return error.status
    return error.code or 500 if isinstance(error, HTTPException) else 500
