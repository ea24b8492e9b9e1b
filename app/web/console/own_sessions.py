"""The operator's own sessions on the Account page: ending one of them.

Not here: the list itself, which is a part of the Account page.
"""

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app import administration
from app.web import security
from app.web.console.blueprint import console


@console.post("/account/sessions")
def end_session() -> Response:
    """End the session that the form names, if it is the operator's own."""
    administration.end_session(security.operator().operator_id, request.form.get("session", ""))
    return redirect(url_for("console.account"), 303)
