"""Showing again who one is, on the way to a page that wants it.

Not here: which pages want it (app/administration/permissions.py), and how failures count (app/administration/proof.py).
"""

from flask import redirect, request
from werkzeug.wrappers import Response

from app import administration
from app.administration import Ended, Refused, second_factor, single_sign_on
from app.web import security
from app.web.console.blueprint import console
from app.web.console.refusals import with_refusal


@console.route("/confirm", methods=["GET", "POST"])
def confirm() -> Response:
    """Ask an operator for the password, and a code where they have a second factor; then back to what was wanted."""
    wanted, who, form = request.values.get("next", ""), security.who(), request.form
    if request.method != "POST":
        return page(wanted)
    sealer = security.sealer(second_factor.SEAL)
    try:
        administration.prove(who, form.get("password", ""), form.get("code", ""), sealer, request.remote_addr or "")
    except Ended:
        return security.signed_out(wanted)
    except Refused as refused:
        return page(wanted, refused)
    return redirect(security.own_path(wanted), 303)


def page(wanted: str, refused: Refused | None = None) -> Response:
    """The page that asks, with a sentence where something was refused."""
    who = security.who()
    provider = None if who.is_local else single_sign_on.configured()
    return with_refusal(
        "confirm.html",
        refused,
        wanted=wanted,
        wants_code=second_factor.factor(who.operator_id) is not None,
        provider=provider and provider.title,
    )
