"""Showing again who one is, on the way to a page that wants it.

Not here: which pages want it (app/administration/permissions.py), and how failures count (app/administration/proof.py).
"""

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import administration, bounds
from app.administration import Refused, Slowed
from app.web import security
from app.web.console.blueprint import console


@console.route("/confirm", methods=["GET", "POST"])
def confirm() -> Response:
    """Ask for the password; then back to what was wanted."""
    wanted, who = request.values.get("next", ""), security.who()
    if request.method != "POST":
        return _page(wanted)
    try:
        administration.prove(who, request.form.get("password", ""), request.remote_addr or "")
    except Refused as refused:
        return _page(wanted, refused)
    return redirect(security.own_path(wanted), 303)


def _page(wanted: str, refused: Refused | None = None) -> Response:
    if refused and administration.session(security.session_token()) is None:
        answer = redirect(url_for("console.sign_in", next=wanted), 303)
        security.forget(answer)
        return answer
    answer = make_response(render_template("confirm.html", wanted=wanted, refused=refused, bounds=bounds))
    if isinstance(refused, Slowed):
        answer.status_code = 429
        answer.headers["Retry-After"] = str(refused.retry_after_s)
    elif refused:
        answer.status_code = 400
    return answer
