"""This module lets an owner decide about a user record that may belong to another person than before.

See also: templates/user_to_confirm.html (the notice), app/administration/roles/users_to_confirm.py (the rule).
"""

from collections.abc import Callable

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.administration.audit import Actor
from app.administration.errors import Refused
from app.administration.roles import users_to_confirm
from app.observation.problems import refused_removals
from app.provisioning import resource_operations
from app.web.console.shared.error_pages import sentence
from app.web.security import browser_session


def confirm_user(resource_id: str) -> Response:
    """Confirm the user in the form, by the externalId that it displayed."""
    external_id = request.form.get("external_id", "")
    return _done(resource_id, lambda by: users_to_confirm.confirm_user(resource_id, external_id, by))


def leave_groups(resource_id: str) -> Response:
    """Remove the user from every group."""

    def leave(by: Actor) -> None:
        resource_operations.leave_groups(resource_id, by)
        refused_removals.settle_now()

    return _done(resource_id, leave)


def _done(resource_id: str, act: Callable[[Actor], None]) -> Response:
    """Run an action and redirect to the user's page, or return why nothing was changed."""
    try:
        act(browser_session.actor())
    except Refused as refused:
        return sentence(409, "Nothing was changed", str(refused))
    return redirect(url_for("console.user", resource_id=resource_id), 303)
