"""This module serves My profile, the one page for users without a role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, redirect, request, url_for
from werkzeug.wrappers import Response

from app.administration.accounts import administrators, sessions, two_factor
from app.administration.errors import Ended, Refused
from app.provisioning import resource_queries
from app.provisioning.resource_queries import Resource
from app.scim.projection import EVERYTHING
from app.scim.resource_types import USER, ResourceType
from app.web.console.shared.attribute_rows import Row, rows
from app.web.console.shared.error_pages import with_refusal
from app.web.security import browser_session

WORDS: Mapping[str, str] = {
    "id": "Your identifier in Recnice SCIM",
    "externalId": "Your identifier in the directory",
    "userName": "Your sign-in name",
    "preferredLanguage": "Your preferred language",
    "locale": "The region whose formats of numbers, dates and currencies you use",
    "active": "Whether you may use Recnice",
}
"""The descriptions that a user reads instead of the schema's, by path."""


@dataclass(frozen=True, slots=True)
class OwnRecord:
    """The stored data of a provisioned user."""

    resource: Resource
    rows: Sequence[Row]
    groups: Sequence[Mapping[str, Any]]


def profile() -> Response:
    """Show the signed-in account's own page."""
    return _page()


def change_password() -> Response:
    """Change the administrator's own password, end the other sessions, and give this one a new token."""
    form, who = request.form, browser_session.who()
    try:
        if form.get("password", "") != form.get("repeated", ""):
            raise Refused("The two new passwords differ.")
        token = administrators.change_password(
            who,
            form.get("current", ""),
            form.get("code", ""),
            form.get("password", ""),
            browser_session.sealer(two_factor.SEAL),
            browser_session.actor(),
        )
    except Ended:
        return browser_session.redirect_to_sign_in("/me")
    except Refused as refused:
        return _page(refused=refused)
    browser_session.replace_token(token)
    answer = _page(is_password_changed=True)
    browser_session.set_cookie(answer, token)
    return answer


def end_session() -> Response:
    """End the session in the form, if it belongs to the signed-in account."""
    sessions.end_session(browser_session.who(), request.form.get("session", ""), request.remote_addr or "")
    return redirect(url_for("console.profile"), 303)


def _page(refused: Refused | None = None, is_password_changed: bool = False) -> Response:
    return with_refusal(
        "profile.html",
        refused,
        sessions=sessions.list_sessions(browser_session.who()),
        factor=two_factor.factor(browser_session.who().operator_id),
        person=None if browser_session.who().is_local else _own_record(browser_session.who().user_id),
        words=WORDS,
        this_session=browser_session.who().session_id,
        is_password_changed=is_password_changed,
    )


def _own_record(user_id: str) -> OwnRecord:
    """Return the stored data of a user. Raises 404 for one that was deleted just now."""
    types: Sequence[ResourceType] = current_app.config["RECNICE_RESOURCE_TYPES"]
    user = next(one for one in types if one.name == USER.name)
    resource = resource_queries.get(user, user_id, EVERYTHING)
    attributes = list(rows(user.attributes, resource.record.content))
    return OwnRecord(resource, attributes, resource.groups)
