"""First run: the page behind the setup link, where the first operator is made. Afterwards there is no such page.

Not here: the code's life (app/administration/setup.py).
"""

from flask import abort, current_app, redirect, request, session, url_for
from werkzeug.wrappers import Response

from app import administration, folder
from app.administration import Refused
from app.administration.setup import USED_UP
from app.web import security
from app.web.console.blueprint import console
from app.web.console.refusals import NEW_SETUP_LINK, sentence, with_refusal


@console.route("/setup", methods=["GET", "POST"])
def setup() -> Response:
    """Ask for a name and a password, make the operator, and go on signed in."""
    if administration.is_set_up():
        abort(404)
    code = request.values.get("code", "")
    if not code:
        raise security.NotSetUp
    if not administration.is_setup_code_open(code):
        return sentence(403, "Link not valid", f"{USED_UP} Make a new one with: {NEW_SETUP_LINK}")
    if request.method != "POST":
        return _page(code)
    user_name, password = request.form.get("user_name", ""), request.form.get("password", "")
    try:
        if password != request.form.get("repeated", ""):
            raise Refused("The two passwords are not the same.")
        token = administration.claim_setup(code, user_name, password, security.browser())
    except Refused as refused:
        return _page(code, user_name, refused)
    folder.remove_setup_links(current_app.config["RECNICE_SETTINGS"].data)
    session.clear()
    answer = redirect(url_for("console.account"), 303)
    security.remember(answer, token)
    return answer


def _page(code: str, user_name: str = "", refused: Refused | None = None) -> Response:
    return with_refusal("setup.html", refused, code=code, user_name=user_name)
