"""Signing in and out.

Not here: how failures are counted (app/administration/attempts.py), the cookie (app/web/security.py).
"""

from flask import make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from app import administration
from app.administration import Refused, Slowed
from app.web import security
from app.web.console.blueprint import console


@console.route("/login", methods=["GET", "POST"])
def sign_in() -> Response:
    """Ask for name and password; then on to the page that was wanted, with a session that was never seen before."""
    if not administration.is_set_up():
        raise security.NotSetUp
    wanted = request.values.get("next", "")
    if request.method != "POST":
        return _page(wanted)
    user_name, password = request.form.get("user_name", ""), request.form.get("password", "")
    try:
        token = administration.sign_in(user_name, password, security.browser())
    except Refused as refused:
        return _page(wanted, user_name, refused)
    if earlier := security.session_token():
        administration.sign_out(earlier, request.remote_addr or "")
    session.clear()
    answer = redirect(security.own_path(wanted), 303)
    security.remember(answer, token)
    return answer


def _page(wanted: str, user_name: str = "", refused: Refused | None = None) -> Response:
    answer = make_response(render_template("sign_in.html", wanted=wanted, user_name=user_name, refused=refused))
    if isinstance(refused, Slowed):
        answer.status_code = 429
        answer.headers["Retry-After"] = str(refused.retry_after_s)
    elif refused:
        answer.status_code = 401
    return answer


@console.post("/logout")
def sign_out() -> Response:
    """End the session on the server, and take it from the browser."""
    administration.sign_out(security.session_token(), request.remote_addr or "")
    session.clear()
    answer = redirect(url_for("console.sign_in"), 303)
    security.forget(answer)
    return answer
