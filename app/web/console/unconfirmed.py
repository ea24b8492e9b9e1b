"""This module lets an owner decide about a user that may be another person than before, on the page of the user.

See also: templates/unconfirmed.html (the notice), app/administration/unconfirmed.py (the rule).
"""

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app import administration
from app.administration import Refused
from app.web import security
from app.web.console.blueprint import console
from app.web.console.refusals import sentence


@console.post("/users/<resource_id>/confirm")
def confirm_user(resource_id: str) -> Response:
    """Confirm the user that the form showed, by its externalId."""
    try:
        administration.confirm_user(resource_id, request.form.get("external_id", ""), security.actor())
    except Refused as refused:
        return sentence(409, "Nothing was changed", str(refused))
    return redirect(url_for("console.user", resource_id=resource_id), 303)
