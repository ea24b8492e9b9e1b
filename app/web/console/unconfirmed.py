"""This module lets an owner decide about a user that may be another person than before, on the page of the user.

See also: templates/unconfirmed.html (the notice), app/administration/unconfirmed.py (the rule).
"""

from collections.abc import Callable

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app import administration, provisioning
from app.administration import Actor, Refused
from app.observation import due_removals
from app.web import security
from app.web.console.blueprint import console
from app.web.console.refusals import sentence


@console.post("/users/<resource_id>/confirm")
def confirm_user(resource_id: str) -> Response:
    """Confirm the user that the form showed, by its externalId."""
    external_id = request.form.get("external_id", "")
    return _done(resource_id, lambda by: administration.confirm_user(resource_id, external_id, by))


@console.post("/users/<resource_id>/leave-groups")
def leave_groups(resource_id: str) -> Response:
    """Remove the user from every group here."""

    def leave(by: Actor) -> None:
        provisioning.leave_groups(resource_id, by)
        due_removals.settle_now()

    return _done(resource_id, leave)


def _done(resource_id: str, act: Callable[[Actor], None]) -> Response:
    """Return to the page of the user after an act, or say why nothing was changed."""
    try:
        act(security.actor())
    except Refused as refused:
        return sentence(409, "Nothing was changed", str(refused))
    return redirect(url_for("console.user", resource_id=resource_id), 303)
