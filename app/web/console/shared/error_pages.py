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

NEW_SETUP_LINK = "recnice-scim setup-link --data DIR (DIR is the data folder that the program names when it starts)"
NOT_SET_UP = (
    "Recnice SCIM is not set up yet. Open the setup link that the program printed, or make a new one with: "
    + NEW_SETUP_LINK
)
TOO_MANY_EXPORTS = "Several exports are running. Wait until one of them ends, then export again."
SENTENCES = {
    400: "This form is too old or was not sent from here. Go back, load the page again and repeat what you did.",
    401: "You are not signed in, or your session is over. Sign in and repeat what you did.",
    403: "This request did not come from a page of this console, so nothing was done.",
    404: "There is no such page. What it showed may be gone.",
    405: "This address cannot be used that way.",
    413: "What was sent is larger than the {form_kib:,} KiB that this form may have.",
    503: "The database cannot be used just now. Try again in a moment; the log says why.",
}
TITLES = {400: "Not accepted", 401: "Not signed in", 403: "Refused", 404: "Not found", 503: "Not available"}

log = logging.getLogger(__name__)


def refuse(error: Exception) -> Response:
    """The page for any failure of a request that is not SCIM's."""
    if isinstance(error, NotSetUp):
        return sentence(403, "Not set up yet", NOT_SET_UP)
    if isinstance(error, NotPermitted):
        return sentence(403, "Not permitted", _not_permitted(error.permission))
    if isinstance(error, Withdrawn):
        return sentence(403, "Not permitted", "You may not do this any more, so nothing was changed.")
    if isinstance(error, TooManyExports):
        answer = sentence(503, "Not available", TOO_MANY_EXPORTS)
        answer.headers["Retry-After"] = str(bounds.EXPORT_RETRY_S)
        return answer
    status = _status(error)
    if status < 500 or status == 503:
        form_kib = (request.max_content_length or bounds.FORM_BYTES) // 1024
        text = SENTENCES.get(status, "That is not possible.").format(form_kib=form_kib)
        if isinstance(error, ScimError) and status == 400:  # about what was asked, never about a form
            text = f"This cannot be looked up ({error.detail})."
        answer = sentence(status, TITLES.get(status, "Not possible"), text)
        if status == 503:
            answer.headers["Retry-After"] = str(RETRY_AFTER_S)
        if isinstance(error, HTTPException):
            answer.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
        return answer
    number = record_draft.current().number
    log.error("request failed, number %s", number, exc_info=error)
    return sentence(500, "Something went wrong", f"This did not work. The log tells more under the number {number}.")


def with_refusal(template: str, refused: Refused | None, status: int = 400, **shown: Any) -> Response:
    """A page that may say what was `refused`: with `status` then, or with 429 and when to try again."""
    response = make_response(render_template(template, refused=refused, **shown), status if refused else 200)
    if isinstance(refused, Slowed):
        response.status_code = 429
        response.headers["Retry-After"] = str(refused.retry_after_s)
    return response


def sentence(status: int, title: str, text: str) -> Response:
    """A page that says one sentence."""
    return make_response(render_template("sentence.html", title=title, sentence=text, status=status), status)


def _not_permitted(permission: Permission | None) -> str:
    """What the page needs, and so whom to ask."""
    if permission is None or permission.value.least is None:
        return "Nobody may do this here."
    terms = permission.value
    whom = "an operator of this appliance" if terms.is_local else "somebody"
    or_greater = " or a greater one" if terms.least is not Role.OWNER else ""
    return f"This needs {whom} with the role {terms.least}{or_greater}. What it permits: {terms.title}."


def _status(error: Exception) -> int:
    if isinstance(error, ScimError):
        return error.status
    return error.code or 500 if isinstance(error, HTTPException) else 500
